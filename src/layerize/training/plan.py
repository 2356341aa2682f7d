"""What a recipe costs before anyone pays for it: parameters, tokens, arithmetic, memory, time.

Nothing is estimated by formula: the recipe's own stage runs forward and backward on torch's meta device, which computes
shapes only (``counting.py``).
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from layerize.errors import LimitError
from layerize.models.layer_model import LayerModel
from layerize.models.published import PublishedConfig, PublishedModel
from layerize.predictors import shipped_models
from layerize.training.batches import Batch
from layerize.training.counting import activations_of, flops_of
from layerize.training.perceptual import Networks
from layerize.training.recipe import OWN_SIZE, Recipe
from layerize.training.stages import Stage, assemble
from layerize.training.starting import build_model, model_config
from layerize.training.tasks import vae_of

CAPTION_BYTES = 96
"""Of a caption, for models that read bytes."""

QWEN_TEXT_BYTES = 16.6e9
"""Qwen2.5-VL 7B in bf16, resident on every GPU while captions are read."""

HALF_SHARE = 0.62
"""Activation memory under bf16 autocast over that in float32: norms, residual sums and losses stay float32. Measured
on the shipped size (see tests/training/test_plan.py)."""

_GENEROUS_BYTES = 24e3
"""Activations per pixel of a layer; the base size's auto-encoder, the hungriest here, keeps 13 kB."""

RESERVE = 1.10
"""Allocator and workspace on top of what is counted."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes on one device.

    Attributes:
        weights: All parameters in float32, or this device's slice of them.
        gradients: Of what learns.
        optimiser: AdamW's two moments.
        ema: The averaged weights.
        gathered: Copies of weights for computing: in bf16, and whole where they are sharded.
        activations: Kept between forward and backward.
        text_encoder: Frozen, in bf16.
    """

    weights: float
    gradients: float
    optimiser: float
    ema: float
    gathered: float
    activations: float
    text_encoder: float

    @property
    def total(self) -> float:
        """With a tenth in reserve."""
        return RESERVE * float(sum(vars(self).values()))

    def describe(self) -> str:
        """Every part in GiB."""
        parts = [f"{name.replace('_', ' ')} {value / 2**30:.2f}" for name, value in vars(self).items() if value]
        return ", ".join([*parts, f"reserve {self.total * (1 - 1 / RESERVE) / 2**30:.2f}"])


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe in numbers.

    Attributes:
        parts: Parameters by part of the model.
        trainable: Parameters that learn.
        devices: Processes, each on a device of its own.
        batch: Samples per step of all devices.
        tokens: Tokens per sample in the transformer, frames and condition, mean over layer counts; 0 for an RGBA-VAE.
        flops: Floating-point operations per sample, forward and backward, recomputation included; mean over tasks,
            and layer counts, at the largest canvas.
        memory: On each device, at the largest canvas and layer counts.
        samples: Budget of the recipe; 0 for none.
    """

    parts: dict[str, int]
    trainable: int
    devices: int
    batch: int
    tokens: float
    flops: float
    memory: Memory
    samples: int

    @property
    def parameters(self) -> int:
        """All of them."""
        return sum(self.parts.values())

    def samples_per_second(self, flops_per_second: float, utilisation: float) -> float:
        """Of all devices, if each does ``utilisation`` (0..1) of ``flops_per_second``."""
        return self.devices * flops_per_second * utilisation / self.flops


def make_plan(recipe: Recipe, devices: int = 0, networks: Networks | None = None) -> Plan:
    """Plan a recipe.

    Args:
        recipe: What to train.
        devices: Processes, each on its own device; 0 for the recipe's.
        networks: Perceptual networks beside the built-in one.

    Raises:
        CheckpointError: ``start_from`` does not exist or does not fit.
        ConfigError: The recipe asks for what the model cannot do.
    """
    devices = devices or recipe.processes
    stage = _meta_stage(recipe, networks)
    chances = _count_chances(recipe)
    parameters = Counter[str]()
    for name, parameter in stage.model.named_parameters():
        parameters[name.split(".")[0]] += parameter.numel()
    trainable = sum(parameter.numel() for _, parameter in stage.trainable())
    return Plan(
        parts=dict(parameters),
        trainable=trainable,
        devices=devices,
        batch=devices * recipe.optimiser.accumulate * recipe.data.batch_size,
        tokens=sum(chance * _tokens(recipe, stage, count) for count, chance in chances.items()),
        flops=sum(share * _mean_flops(recipe, stage, task, chances) for task, share in recipe.shares().items()),
        memory=_memory(recipe, stage, devices, trainable, networks),
        samples=recipe.samples,
    )


def check_memory(recipe: Recipe, devices: int, networks: Networks | None = None) -> None:
    """Refuse a run that would not fit, before its first step.

    Raises:
        LimitError: The plan needs more memory on a device than there is.
    """
    there = available_memory(devices)
    if there is None or _surely_small(recipe, there):
        return
    stage = _meta_stage(recipe, networks)
    trainable = sum(parameter.numel() for _, parameter in stage.trainable())
    memory = _memory(recipe, stage, devices, trainable, networks)
    if memory.total > there:
        raise LimitError(
            f"recipe: {recipe.stage} of {recipe.model} needs {memory.total / 2**30:.1f} GiB for each of {devices} "
            f"processes ({memory.describe()}), there are {there / 2**30:.1f}. Lower data.groups or data.group_size and "
            "raise optimiser.accumulate, set gradient_checkpointing or sharding, or train adapters (lora.rank)."
        )


def available_memory(devices: int) -> float | None:
    """Bytes that one process of ``devices`` may use here; None where the system does not say."""
    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(line.split()[1] for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    return 1024.0 * int(free) / int(os.environ.get("LOCAL_WORLD_SIZE", devices))


def _surely_small(recipe: Recipe, there: float) -> bool:
    """Whether a generous bound fits, so that small runs need not wait for the exact figure."""
    config = model_config(recipe)
    with torch.device("meta"):
        parameters = sum(parameter.numel() for parameter in build_model(config).parameters())
    pixels = max(width * height for width, height in recipe.data.sizes)
    layers = recipe.data.batch_size * (max(recipe.data.layer_counts) + 1)
    return 20.0 * parameters + _GENEROUS_BYTES * pixels * layers < there


def _meta_stage(recipe: Recipe, networks: Networks | None) -> Stage:
    """The recipe's stage without memory; earlier stages and text encoders need not exist yet."""
    awaited = recipe.start_from and recipe.model != OWN_SIZE and not _exists(recipe.start_from)
    config = model_config(replace(recipe, start_from="") if awaited else recipe)
    if isinstance(config, PublishedConfig) and not config.text_encoder:
        config = replace(config, text_encoder="some day")
    with torch.device("meta"):
        return assemble(recipe, build_model(config), networks).to("meta")


def _exists(start_from: str) -> bool:
    return start_from in shipped_models() or Path(start_from).is_dir()


def _mean_flops(recipe: Recipe, stage: Stage, task: str, chances: dict[int, float]) -> float:
    """Per sample, mean over layer counts: a quadratic function of the count, so three counts tell all."""
    counts = sorted(chances)
    if task in ("vae", "text-to-image"):  # the same number of pictures whatever the count
        counts = counts[-1:]
    chosen = sorted({counts[0], counts[len(counts) // 2], counts[-1]})
    found = [flops_of(stage, task, _batch(recipe, [count], 1)) for count in chosen]
    curve = np.polynomial.Polynomial.fit(chosen, found, len(chosen) - 1)
    return float(sum(chance * curve(count) for count, chance in chances.items()))


def _count_chances(recipe: Recipe) -> dict[int, float]:
    data = recipe.data
    total = sum(data.count_weights)
    return {
        count: weight / total for count, weight in zip(data.layer_counts, data.count_weights, strict=True) if weight
    }


def _batch(recipe: Recipe, counts: list[int], group_size: int) -> Batch:
    """A batch without memory at the largest canvas: one group for each of ``counts``."""
    width, height = max(recipe.data.sizes, key=lambda size: size[0] * size[1])
    total = len(counts) * group_size
    places = torch.arange(total).split(group_size)
    groups = tuple(
        (index.to("meta"), torch.zeros(group_size, count, 4, height, width, device="meta"))
        for index, count in zip(places, counts, strict=True)
    )
    captions = ("x" * CAPTION_BYTES,) * total
    return Batch(
        picture_B3HW=torch.zeros(total, 3, height, width, device="meta"),
        groups=groups,
        count_B=torch.ones(total, dtype=torch.long, device="meta"),
        captions=captions,
        names=tuple(("x" * 16,) * count for count in counts for _ in range(group_size)),
        captioned=recipe.data.caption_rate > 0,
    )


def _tokens(recipe: Recipe, stage: Stage, count: int) -> float:
    """Frame and condition tokens of one sample."""
    model = stage.model
    if not isinstance(model, LayerModel | PublishedModel):
        return 0.0
    width, height = max(recipe.data.sizes, key=lambda size: size[0] * size[1])
    config = model.config.transformer
    pixels = vae_of(model).config.factor * config.patch_size
    frames = {"text-to-image": 1, "text-to-layers": count + config.composite_frame}
    every = [
        share * frames.get(task, count + config.composite_frame + 1)
        for task, share in recipe.shares().items()
        if task != "vae"
    ]
    return sum(every) * (width // pixels) * (height // pixels)


def _memory(recipe: Recipe, stage: Stage, devices: int, trainable: int, networks: Networks | None) -> Memory:
    shards = devices if recipe.sharding == "full" else 1
    parameters = sum(parameter.numel() for parameter in stage.model.parameters())
    plain = _meta_stage(replace(recipe, gradient_checkpointing=False), networks)
    counts = sorted(_count_chances(recipe), reverse=True)[: recipe.data.groups]
    counts += counts[-1:] * (recipe.data.groups - len(counts))
    batch = _batch(recipe, counts, recipe.data.group_size)
    kept = max(activations_of(plain, task, batch, recipe.gradient_checkpointing) for task in recipe.shares())
    gathered = 2.0 * trainable if recipe.precision == "bf16" else 0.0  # autocast keeps its casts for the backward pass
    if shards > 1:
        blocks = [sum(p.numel() for p in block.parameters()) for block in stage.blocks()]
        gathered = (2 * max(blocks) + parameters - sum(blocks)) * (2 if recipe.precision == "bf16" else 4)
    reads = isinstance(stage.model, PublishedModel) and stage.model.config.transformer.text_dim == 3584
    reads = reads and (recipe.data.caption_rate > 0 or recipe.stage != "image-to-layers")
    return Memory(
        weights=4.0 * parameters / shards,
        gradients=4.0 * trainable / shards,
        optimiser=8.0 * trainable / shards,
        ema=4.0 * trainable / shards,
        gathered=gathered,
        activations=kept * (HALF_SHARE if recipe.precision == "bf16" else 1.0),
        text_encoder=QWEN_TEXT_BYTES if reads else 0.0,
    )
