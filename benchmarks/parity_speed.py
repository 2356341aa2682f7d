"""Our networks against diffusers: same random weights, same inputs, one process, fp32.

    python benchmarks/parity_speed.py [--repeats N] [--threads N] [--json]

Prints medians of interleaved repeats, the ratio and the largest difference between the two results. Weights are random,
so nothing is fetched; widths are large enough that arithmetic and not Python decides. Needs the ``test`` extra.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import numpy as np
import torch
from diffusers.pipelines.qwenimage import pipeline_qwenimage_layered
from PIL import Image
from torch import Tensor

from layerize.flow import layered
from layerize.flow.layered import EncodedPrompt, LayeredPredictor
from layerize.models.checkpoint import import_diffusers
from layerize.models.published import PublishedModel

SIDE, LAYERS, STEPS, TEXT_TOKENS, TEXT_DIM = 256, 4, 4, 48, 256
TARGETS = {"VAE encode + decode": 2.5, "transformer step": 1.0, "whole loop": 1.3}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison: median seconds of each side and the largest difference of their results."""

    what: str
    ours: float
    theirs: float
    difference: float

    @property
    def ratio(self) -> float:
        return self.theirs / self.ours


def components() -> dict[str, Any]:
    """Random diffusers components: real shapes at a fraction of the width."""
    torch.manual_seed(0)
    z = 16
    vae = diffusers.AutoencoderKLQwenImage(base_dim=48, z_dim=z, input_channels=4)
    transformer = diffusers.QwenImageTransformer2DModel(
        in_channels=4 * z,
        out_channels=z,
        num_layers=4,
        attention_head_dim=64,
        num_attention_heads=6,
        joint_attention_dim=TEXT_DIM,
        axes_dims_rope=(8, 28, 28),
        use_additional_t_cond=True,
        use_layer3d_rope=True,
    )
    return {
        "vae": vae.eval(),
        "transformer": transformer.eval(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    }


class _NoTextEncoder(torch.nn.Module):
    """Prompts come encoded; the pipeline only asks for type and place."""

    dtype = torch.float32
    device = torch.device("cpu")


def imported(parts: dict[str, Any]) -> PublishedModel:
    """The same weights in our classes, by way of a folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, component in parts.items():
            component.save_pretrained(folder / part)
        (folder / "model_index.json").write_text('{"_class_name": "QwenImageLayeredPipeline"}')
        model = import_diffusers(folder, dtype=torch.float32)
    assert isinstance(model, PublishedModel)
    return model


def compare(what: str, ours: Callable[[], Tensor], theirs: Callable[[], Tensor], repeats: int) -> Row:
    """Interleave the two, after one unmeasured call of each."""
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    difference = (ours() - theirs()).abs().max().item()
    for _ in range(repeats):
        for name, run in (("ours", ours), ("theirs", theirs)):
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return Row(what=what, difference=difference, **medians)


def vae_row(parts: dict[str, Any], model: PublishedModel, repeats: int) -> Row:
    """One picture in, one layer out."""
    picture = torch.rand(1, 4, SIDE, SIDE) * 2 - 1
    theirs, ours = parts["vae"], model.vae

    def run_theirs() -> Tensor:
        mean = theirs.encode(picture[:, :, None]).latent_dist.mean
        return theirs.decode(mean).sample[:, :, 0]

    def run_ours() -> Tensor:
        return ours.decode(ours.encode(picture)[0]).clamp(-1, 1)

    return compare("VAE encode + decode", run_ours, run_theirs, repeats)


def transformer_row(parts: dict[str, Any], model: PublishedModel, repeats: int) -> Row:
    """One call: composite, four layers and the condition image."""
    grid = (SIDE // 16, SIDE // 16)
    cells, frames = grid[0] * grid[1], LAYERS + 1
    tokens, condition = torch.randn(1, frames, cells, 64), torch.randn(1, cells, 64)
    text, t, flag = torch.randn(1, TEXT_TOKENS, TEXT_DIM), torch.tensor([0.7]), torch.zeros(1, dtype=torch.long)
    sequence = torch.cat([tokens.flatten(1, 2), condition], dim=1)

    def run_theirs() -> Tensor:
        out = parts["transformer"](
            hidden_states=sequence,
            encoder_hidden_states=text,
            timestep=t,
            img_shapes=[[(1, *grid)] * (frames + 1)],
            additional_t_cond=flag,
            return_dict=False,
        )[0]
        return out[:, : frames * cells]

    def run_ours() -> Tensor:
        return model.transformer(tokens, condition, text, t, grid=grid).flatten(1, 2)

    return compare("transformer step", run_ours, run_theirs, repeats)


def loop_row(parts: dict[str, Any], model: PublishedModel, repeats: int) -> Row:
    """Picture to four layers with guidance, text already encoded."""
    pipe = diffusers.QwenImageLayeredPipeline(**parts, text_encoder=_NoTextEncoder(), tokenizer=None, processor=None)
    pipe.set_progress_bar_config(disable=True)
    pipeline_qwenimage_layered.calculate_dimensions = lambda _area, _ratio: (SIDE, SIDE)
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    picture = torch.from_numpy(pixels[..., :3].copy()).permute(2, 0, 1).float() / 255
    texts = [torch.randn(1, TEXT_TOKENS, TEXT_DIM) for _ in range(2)]
    predictor = LayeredPredictor(model)
    assert layered.working_size(SIDE, SIDE, SIDE, 16) == (SIDE, SIDE)

    def run_theirs() -> Tensor:
        images = pipe(
            image=Image.fromarray(pixels),
            prompt="given, so that no caption is written",
            prompt_embeds=texts[0],
            negative_prompt_embeds=texts[1],
            true_cfg_scale=4.0,
            cfg_normalize=True,
            layers=LAYERS,
            num_inference_steps=STEPS,
            generator=torch.Generator().manual_seed(0),
            output_type="np",
        ).images[0]
        return torch.from_numpy(np.asarray(images))

    def run_ours() -> Tensor:
        prompts = [EncodedPrompt(embeddings=text) for text in texts]
        return predictor.predict(
            picture,
            layers=LAYERS,
            steps=STEPS,
            seed=0,
            prompt=prompts[0],
            negative_prompt=prompts[1],
            keep_norm=True,
            area_side=SIDE,
        )

    return compare("whole loop", run_ours, run_theirs, repeats)


def hardware() -> str:
    """Processor, threads, versions, load: what a reader needs to judge the figures."""
    names = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    processor = names[0] if names else platform.processor()
    return (
        f"{processor}, {torch.get_num_threads()} threads of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"torch {torch.__version__}, diffusers {diffusers.__version__}, fp32, {SIDE} px, {LAYERS} layers, {STEPS} steps"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    diffusers.utils.logging.set_verbosity_error()
    parts = components()
    model = imported(parts)
    with torch.no_grad():
        rows = [row(parts, model, args.repeats) for row in (vae_row, transformer_row, loop_row)]
    if args.json:
        facts = [{**row.__dict__, "ratio": row.ratio, "target": TARGETS[row.what]} for row in rows]
        print(json.dumps({"hardware": hardware(), "rows": facts}, indent=2))
        return
    print(hardware())
    print(f"\n| what | ours, s | diffusers, s | faster | target | max difference |\n|{' --- |' * 6}")
    for row in rows:
        print(
            f"| {row.what} | {row.ours:.3f} | {row.theirs:.3f} | {row.ratio:.2f}x | {TARGETS[row.what]}x "
            f"| {row.difference:.1e} |"
        )


if __name__ == "__main__":
    main()
