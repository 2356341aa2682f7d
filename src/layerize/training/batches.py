"""Batches of designs, each a function of the recipe and a number, so that a run can resume anywhere.

A run numbers its batches: step, process and accumulation step give the number (``batch_number``), so that two
processes see what one process sees that accumulates two batches. Designs are procedural (``DesignSource``) or come
from a dataset folder (``folder_source.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from layerize.errors import ConfigError
from layerize.synth.config import MOST_LEVELS
from layerize.synth.design import TRAIN_SEED_START, draw_design
from layerize.synth.elements import ElementBank
from layerize.training.recipe import DataConfig

HOLD_OUT_BATCH = 1 << 40
"""Numbers from here on belong to no step."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One design at the model's size.

    Attributes:
        picture_HW3: Its composite, ``u8`` RGB.
        layers_KHW4: Straight RGBA ``u8``, bottom to top, the first opaque.
        caption: Of the whole; may be empty.
        names: One for each layer.
    """

    picture_HW3: npt.NDArray[np.uint8]
    layers_KHW4: npt.NDArray[np.uint8]
    caption: str
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Pictures (B, 3, H, W) in 0..1, and their layers in groups of one layer count.

    Attributes:
        picture_B3HW: Flat pictures.
        groups: For each layer count: places of its pictures in the batch (n,); layers (n, K, 4, H, W), straight 0..1.
        count_B: Layer counts.
        captions: Texts, or empty strings where there are none.
        names: Names of each picture's layers, bottom to top.
        captioned: Whether image-to-layers shows the captions to the model.
        bad: (id, reason) of samples that could not be read while this batch was made, and were replaced.
    """

    picture_B3HW: Tensor
    groups: tuple[tuple[Tensor, Tensor], ...]
    count_B: Tensor
    captions: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    captioned: bool = False
    bad: tuple[tuple[str, str], ...] = ()

    def to(self, device: torch.device) -> Batch:
        """The same with its tensors on a device (places in the batch stay where they index)."""
        if device.type == "cpu":
            return self
        return replace(
            self,
            picture_B3HW=self.picture_B3HW.to(device, non_blocking=True),
            groups=tuple((index.to(device), layers.to(device, non_blocking=True)) for index, layers in self.groups),
            count_B=self.count_B.to(device),
        )


@dataclass(frozen=True)
class Origin:
    """Where real samples or elements come from, for a model card: a repository or file, its licence, how many."""

    source: str
    licence: str
    count: int


class Source(Protocol):
    """Where batches come from.

    Attributes:
        origins: Of everything real in them; procedural designs have none.
    """

    @property
    def origins(self) -> tuple[Origin, ...]:
        """See the class."""
        ...

    def batch(self, number: int, easy: bool) -> Batch:
        """Batch ``number``; ``easy`` asks for the layer counts of the curriculum's first steps."""
        ...


def batch_number(step: int, process: int, processes: int, accumulate: int, part: int) -> int:
    """The number of one batch of a run; ``part`` counts the batches of one process in one step."""
    return (step * processes + process) * accumulate + part


def draw_size_and_counts(
    config: DataConfig, rng: np.random.Generator, easy: bool, allowed: tuple[int, ...] = ()
) -> tuple[tuple[int, int], list[int]]:
    """Size (width, height) and the groups' layer counts of a batch; ``allowed`` counts only, where given."""
    weights = np.array(config.size_weights) / sum(config.size_weights)
    size = config.sizes[rng.choice(len(config.sizes), p=weights)]
    chances = (
        dict.fromkeys(config.easy_counts, 1.0)
        if easy
        else dict(zip(config.layer_counts, config.count_weights, strict=True))
    )
    kept = {count: chance for count, chance in chances.items() if not allowed or count in allowed}
    kept = kept or dict.fromkeys(allowed, 1.0)
    p = np.array(list(kept.values())) / sum(kept.values())
    counts = rng.choice(list(kept), config.groups, replace=len(kept) < config.groups, p=p)
    return size, [int(count) for count in counts]


def collate(groups: list[list[Sample]], captioned: bool, bad: tuple[tuple[str, str], ...] = ()) -> Batch:
    """Samples, grouped by layer count, as tensors."""
    samples = [sample for group in groups for sample in group]
    places = torch.arange(len(samples)).split([len(group) for group in groups])
    stacked = [_to_float(np.stack([sample.layers_KHW4 for sample in group])) for group in groups]
    return Batch(
        picture_B3HW=_to_float(np.stack([sample.picture_HW3 for sample in samples])),
        groups=tuple(zip(places, stacked, strict=True)),
        count_B=torch.tensor([len(sample.layers_KHW4) for sample in samples]),
        captions=tuple(sample.caption for sample in samples),
        names=tuple(sample.names for sample in samples),
        captioned=captioned,
        bad=bad,
    )


def _to_float(channels_last: npt.NDArray[np.uint8]) -> Tensor:
    """``u8`` (..., H, W, C) to float (..., C, H, W) in 0..1."""
    return torch.from_numpy(channels_last).movedim(-1, -3).float() / 255


class DesignSource:
    """Procedural designs, drawn when they are asked for."""

    def __init__(self, config: DataConfig) -> None:
        drawable = range(2, MOST_LEVELS + 1)
        if any(count not in drawable for count in (*config.layer_counts, *config.easy_counts)):
            raise ConfigError(
                f"recipe: data.layer_counts {config.layer_counts} must lie in 2..{MOST_LEVELS} for procedural designs."
            )
        if config.seed < TRAIN_SEED_START:
            raise ConfigError(
                f"recipe: data.seed is {config.seed}; seeds below {TRAIN_SEED_START} are held out for evaluation."
            )
        self.config = config
        self._designs = {count: config.design_config(count) for count in {*config.layer_counts, *config.easy_counts}}
        self.elements = ElementBank.load(config.elements, licences=config.element_licences) if config.elements else None

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Of the real cut-outs."""
        sources = self.elements.sources if self.elements is not None else []
        return tuple(Origin(entry["source"], entry["licence"] or "", entry["elements"]) for entry in sources)

    def batch(self, number: int, easy: bool) -> Batch:
        config = self.config
        rng = np.random.default_rng([config.seed, number])
        size, counts = draw_size_and_counts(config, rng, easy)
        first = config.seed + number * config.batch_size
        seeds = iter(range(first, first + config.batch_size))
        groups = [[self._draw(next(seeds), size, count) for _ in range(config.group_size)] for count in counts]
        return collate(groups, captioned=bool(rng.random() < config.caption_rate))

    def _draw(self, seed: int, size: tuple[int, int], count: int) -> Sample:
        design = draw_design(seed, size, self._designs[count], elements=self.elements)
        return Sample(
            picture_HW3=design.image_u8_HW3,
            layers_KHW4=design.layers_u8_KHW4,
            caption=design.caption,
            names=design.names,
        )


class _Numbered(Dataset[Batch]):
    """A source as torch's loader wants it."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __getitem__(self, key: tuple[int, bool]) -> Batch:
        return self.source.batch(*key)


def batches(source: Source, keys: Iterator[tuple[int, bool]], workers: int) -> Iterator[Batch]:
    """The batches of ``keys`` (number, easy) in order, drawn ahead by worker processes if there are any."""
    if not workers:
        return (source.batch(*key) for key in keys)
    loader: DataLoader[Batch] = DataLoader(
        _Numbered(source),
        sampler=keys,
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="spawn",
        prefetch_factor=4,
    )
    return iter(loader)
