"""Batches of procedural designs, deterministic in (seed, step, process), so that a run can resume anywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from layerize.synth.design import Design, DesignConfig, draw_design
from layerize.training.recipe import DataConfig


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Pictures (B, 3, H, W) in 0..1, and their layers in groups of one layer count.

    Attributes:
        picture_B3HW: Flat pictures.
        groups: For each layer count: places of its pictures in the batch (n,); layers (n, K, 4, H, W), straight 0..1.
        count_B: Layer counts.
        captions: Texts, or empty strings.
    """

    picture_B3HW: Tensor
    groups: tuple[tuple[Tensor, Tensor], ...]
    count_B: Tensor
    captions: tuple[str, ...]


@cache
def _design_config(layers: int) -> DesignConfig:
    return replace(DesignConfig(), min_levels=layers, max_levels=layers)


def draw_batch(config: DataConfig, step: int, process: int, processes: int) -> Batch:
    """The batch of one process at one step: ``groups`` layer counts, ``group_size`` designs of each."""
    rng = np.random.default_rng([config.seed, step, process])
    weights = np.array(config.size_weights) / sum(config.size_weights)
    size = config.sizes[rng.choice(len(config.sizes), p=weights)]
    easy = step < config.easy_steps
    chances = np.array([1.0] * len(config.easy_counts) if easy else config.count_weights)
    counts = rng.choice(
        config.easy_counts if easy else config.layer_counts, config.groups, replace=False, p=chances / chances.sum()
    )
    per_step = processes * config.groups * config.group_size
    first = config.seed + step * per_step + process * config.groups * config.group_size
    designs: list[Design] = []
    groups = []
    for layers in counts:
        start = len(designs)
        for _ in range(config.group_size):
            designs.append(draw_design(first + len(designs), size, _design_config(int(layers))))
        stacked = np.stack([design.layers_u8_KHW4 for design in designs[start:]])
        groups.append((torch.arange(start, len(designs)), _to_float(stacked)))
    captioned = rng.random() < config.caption_rate
    return Batch(
        picture_B3HW=_to_float(np.stack([design.image_u8_HW3 for design in designs])),
        groups=tuple(groups),
        count_B=torch.tensor(np.repeat(counts, config.group_size)),
        captions=tuple(design.caption if captioned and rng.random() < 0.8 else "" for design in designs),
    )


def _to_float(channels_last: np.ndarray) -> Tensor:
    """``u8`` (..., H, W, C) to float (..., C, H, W) in 0..1."""
    return torch.from_numpy(channels_last).movedim(-1, -3).float() / 255
