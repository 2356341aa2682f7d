"""The published pipeline as a whole: import, text encoding, denoising loop, export, against diffusers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

import tiny_published

from layerize import predictors
from layerize.errors import CheckpointError, LayerizeWarning
from layerize.flow import layered
from layerize.flow.layered import EncodedPrompt, LayeredPredictor
from layerize.models import layer_model, rgba_vae
from layerize.models.checkpoint import export_diffusers, import_diffusers, load_model, save_model
from layerize.models.layer_model import LayerModel
from layerize.models.published import PublishedConfig, PublishedModel
from layerize.models.qwen_text import QwenTextEncoder
from layerize.models.rgba_vae import RGBAVAE
from layerize.splitter import Splitter

HEIGHT, WIDTH = 48, 80


@pytest.fixture(scope="module")
def pipe() -> Any:
    return tiny_published.pipeline()


@pytest.fixture(scope="module")
def folder(pipe: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("published") / "pipeline"
    pipe.save_pretrained(target)
    return target


@pytest.fixture(scope="module")
def model(folder: Path) -> PublishedModel:
    loaded = import_diffusers(folder)
    assert isinstance(loaded, PublishedModel)
    return loaded


def picture() -> Image.Image:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    return Image.fromarray(pixels)


def as_tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[:3].float() / 255


def their_layers(pipe: Any, monkeypatch: pytest.MonkeyPatch, **options: Any) -> torch.Tensor:
    """(N, h, w, 4), 0..1, of the pipeline at the test's size (it only knows 640 and 1024)."""
    module = "diffusers.pipelines.qwenimage.pipeline_qwenimage_layered.calculate_dimensions"
    monkeypatch.setattr(module, lambda _area, _ratio: (WIDTH, HEIGHT))
    result = pipe(image=picture(), generator=torch.Generator().manual_seed(7), output_type="np", **options)
    return torch.from_numpy(np.asarray(result.images[0]))


@pytest.fixture
def same_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layered, "working_size", lambda *_args: (HEIGHT, WIDTH))


@pytest.mark.usefixtures("same_size")
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("normalize", [False, True], ids=["cfg", "cfg-normalize"])
def test_the_whole_loop_agrees(
    pipe: Any, model: PublishedModel, monkeypatch: pytest.MonkeyPatch, layers: int, normalize: bool
) -> None:
    expected = their_layers(
        pipe,
        monkeypatch,
        prompt="a red disc on blue",
        negative_prompt=" ",
        true_cfg_scale=4.0,
        cfg_normalize=normalize,
        layers=layers,
        num_inference_steps=3,
    )
    seen: list[tuple[int, int]] = []
    got = LayeredPredictor(model).predict(
        as_tensor(picture()),
        layers=layers,
        steps=3,
        seed=7,
        prompt="a red disc on blue",
        keep_norm=normalize,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert got.shape == expected.shape == (layers, HEIGHT, WIDTH, 4)
    difference = (got - expected).abs()
    assert expected.std() > 0.01, "the oracle's layers must not be flat"
    assert difference.max() <= 1e-4, f"max {difference.max():.2e}, mean {difference.mean():.2e}"
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.usefixtures("same_size")
def test_the_loop_agrees_with_encoded_masked_prompts_and_a_dynamic_schedule(
    model: PublishedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamic = tiny_published.pipeline(use_dynamic_shifting=True, shift_terminal=0.02)
    schedule = replace(model.config.schedule, dynamic=True, terminal=0.02)
    shifted = PublishedModel(replace(model.config, schedule=schedule)).eval()
    shifted.load_state_dict(model.state_dict())
    embeddings = [torch.randn(1, length, tiny_published.TEXT_DIM) for length in (9, 4)]
    mask = torch.tensor([[1, 1, 1, 0, 1, 1, 0, 0, 0]])
    expected = their_layers(
        dynamic,
        monkeypatch,
        prompt="must be given, else the pipeline writes a caption",
        prompt_embeds=embeddings[0],
        prompt_embeds_mask=mask,
        negative_prompt_embeds=embeddings[1],
        true_cfg_scale=2.0,
        layers=2,
        num_inference_steps=4,
    )
    got = LayeredPredictor(shifted).predict(
        as_tensor(picture()),
        layers=2,
        steps=4,
        seed=7,
        prompt=EncodedPrompt(embeddings=embeddings[0], mask=mask.bool()),
        negative_prompt=EncodedPrompt(embeddings=embeddings[1]),
        guidance=2.0,
    )
    difference = (got - expected).abs()
    assert difference.max() <= 1e-4, f"max {difference.max():.2e}, mean {difference.mean():.2e}"


def test_any_picture_size_works_in_bfloat16_and_the_seed_decides(folder: Path) -> None:
    predictor = LayeredPredictor(import_diffusers(folder, dtype=torch.bfloat16))
    picture = torch.rand(3, 100, 150)
    options = {"layers": 2, "steps": 2, "guidance": 1.0, "area_side": 64}
    first, again, other = (predictor.predict(picture, seed=seed, **options) for seed in (1, 1, 2))
    assert first.shape == (2, 64, 64, 4)
    assert (first.min() >= 0, first.max() <= 1) == (True, True)
    assert torch.equal(first, again)
    assert (first - other).abs().max() > 0.1


def test_prompts_are_encoded_as_the_pipeline_does(pipe: Any, folder: Path) -> None:
    prompts = ["a cat", "two dogs beside a large red house"]
    expected, mask = pipe.encode_prompt(prompts)
    embeddings, ours = QwenTextEncoder.open(str(folder), dtype=torch.float32).encode(prompts)
    assert torch.equal(ours, mask.bool())
    assert (embeddings - expected).abs().max() <= 1e-5
    alone, none = QwenTextEncoder(pipe.text_encoder, pipe.tokenizer).encode(prompts[:1])
    assert bool(none.all())
    assert (alone - expected[:1, : alone.shape[1]]).abs().max() <= 1e-5


def test_export_gives_a_pipeline_that_diffusers_opens_and_that_makes_the_same_layers(
    pipe: Any, model: PublishedModel, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import diffusers

    target = export_diffusers(model, tmp_path / "exported", shard_bytes=40_000)
    assert len(list((target / "transformer").glob("*.safetensors"))) > 1
    again = diffusers.QwenImageLayeredPipeline.from_pretrained(target, processor=None)
    again.set_progress_bar_config(disable=True)
    original = pipe.transformer.state_dict()
    assert all(torch.equal(tensor, original[key]) for key, tensor in again.transformer.state_dict().items())
    options = {"prompt": "a red disc", "negative_prompt": " ", "layers": 2, "num_inference_steps": 2}
    before, after = (their_layers(p, monkeypatch, **options) for p in (pipe, again))
    assert (before - after).abs().max() <= 1e-5


def test_an_imported_model_is_a_checkpoint_like_any_other(model: PublishedModel, folder: Path, tmp_path: Path) -> None:
    loaded = load_model(save_model(model, tmp_path / "ours"))
    assert isinstance(loaded, PublishedModel)
    assert loaded.config == model.config
    assert Path(loaded.config.text_encoder) == folder.resolve()
    assert all(torch.equal(tensor, loaded.state_dict()[key]) for key, tensor in model.state_dict().items())
    with pytest.raises(CheckpointError, match="layerize model import"):
        load_model(folder)


def test_imported_weights_split_a_picture(
    model: PublishedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictors, "PUBLISHED_AREA_SIDE", 64)
    monkeypatch.setattr(predictors, "PUBLISHED_STEPS", 2)
    pixels = np.asarray(picture().convert("RGB"))
    stack = Splitter.load(str(save_model(model, tmp_path / "qwen")), device="cpu").split(pixels)
    assert stack.size == (WIDTH, HEIGHT)
    assert 1 <= len(stack) <= predictors.PUBLISHED_LAYERS
    composite = np.asarray(stack.composite())[..., :3].astype(int)
    assert np.abs(composite - pixels).max() <= 1
    assert (stack.metadata["model"]["name"], stack.metadata["model"]["steps"]) == ("qwen", 2)


def test_components_can_be_imported_and_exported_alone(folder: Path, tmp_path: Path) -> None:
    vae = import_diffusers(folder / "vae", dtype=torch.bfloat16)
    assert isinstance(vae, RGBAVAE)
    assert vae.quant_conv.weight.dtype == torch.bfloat16
    back = import_diffusers(export_diffusers(vae, tmp_path / "vae"))
    assert all(torch.equal(tensor, back.state_dict()[key]) for key, tensor in vae.state_dict().items())


def test_options_without_counterpart_are_refused_on_export(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"norm: none against rms; patch_size: 2 against 1"):
        export_diffusers(RGBAVAE(rgba_vae.small()), tmp_path / "vae")
    with pytest.raises(CheckpointError, match="LayerModel has no counterpart in diffusers"):
        export_diffusers(LayerModel(layer_model.tiny()), tmp_path / "model")
    transformer = LayerModel(layer_model.tiny()).transformer
    with pytest.raises(CheckpointError, match="prefix_attention: True against False"):
        export_diffusers(transformer, tmp_path / "transformer")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("transformer/config.json", {"use_layer3d_rope": False}, "use_layer3d_rope is False; only True"),
        ("transformer/config.json", {"out_channels": 3}, "32 channels going in and 12 coming out"),
        ("transformer/config.json", {"num_layers": 3}, "missing"),
        ("vae/config.json", {"base_dim": 16}, "misshapen"),
        ("scheduler/scheduler_config.json", {"use_karras_sigmas": True}, "use_karras_sigmas is True; only False"),
        ("model_index.json", {"_class_name": "FluxPipeline"}, "holds a FluxPipeline"),
    ],
)
def test_foreign_folders_that_do_not_fit_are_refused(
    pipe: Any, tmp_path: Path, part: str, change: dict[str, Any], message: str
) -> None:
    pipe.save_pretrained(tmp_path / "p")
    path = tmp_path / "p" / part
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=message):
        import_diffusers(tmp_path / "p")


def test_unknown_foreign_fields_are_named_in_a_warning(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "vae"
    target.mkdir()
    for file in (folder / "vae").iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    path = target / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "wavelets": 3}))
    with pytest.warns(LayerizeWarning, match="ignored unknown fields wavelets"):
        import_diffusers(target)


def test_names_that_are_neither_folder_nor_hub_id_are_refused() -> None:
    with pytest.raises(CheckpointError, match="is no folder, and no hub id"):
        import_diffusers("./nowhere")


def test_a_model_without_text_encoder_asks_for_encoded_prompts() -> None:
    with pytest.raises(CheckpointError, match="names no text encoder"):
        QwenTextEncoder.open("")
    with pytest.raises(ValueError, match=r"latent_channels 16 and vae.z_dim 8 differ"):
        PublishedConfig(vae=rgba_vae.tiny())


@pytest.mark.parametrize("side", [640, 1024])
@pytest.mark.parametrize("size", [(1328, 1328), (4000, 1000), (333, 1777)])
def test_working_size_is_the_published_one(size: tuple[int, int], side: int) -> None:
    from diffusers.pipelines.qwenimage.pipeline_qwenimage_layered import calculate_dimensions

    wide, high = calculate_dimensions(side * side, size[1] / size[0])
    assert layered.working_size(*size, side, 16) == (high, wide)
    assert math.isclose(wide * high, side * side, rel_tol=0.1)
