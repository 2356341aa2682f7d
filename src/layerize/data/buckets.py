"""Buckets and the plan of batches: which samples, at which size, come together in which batch.

A plan is made from sizes and layer counts alone (``shard_index.SampleEntry``). It depends on the entries and options,
never on how many processes or workers read it, so that a run goes on exactly where it ended.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from layerize.data.shard_index import SampleEntry
from layerize.errors import UsageError

Size = tuple[int, int]

RATIOS = (1.0, 5 / 4, 4 / 3, 3 / 2, 16 / 9, 2.0)
CHUNK = 16
"""Samples that lie side by side in a shard and are read together."""
WINDOW = 32
"""Chunks whose samples are shuffled among each other."""


def aspect_sizes(area_side: int, *, ratios: Sequence[float] = RATIOS, multiple: int = 16) -> tuple[Size, ...]:
    """Sizes (width, height) of about ``area_side²`` pixels, upright and lying, sides multiples of ``multiple``.

    Raises:
        UsageError: ``area_side`` is smaller than ``multiple``.
    """
    if area_side < multiple:
        raise UsageError(f"the side {area_side} is too small; it must be at least {multiple} pixels.")

    def side(length: float) -> int:
        return max(1, round(length / multiple)) * multiple

    both = {ratio for r in ratios for ratio in (r, 1 / r)}
    sizes = {(side(area_side * math.sqrt(r)), side(area_side / math.sqrt(r))) for r in both}
    return tuple(sorted(sizes, key=lambda size: size[0] / size[1]))


def nearest_size(size: Size, sizes: Sequence[Size]) -> Size:
    """The one of ``sizes`` whose aspect ratio is nearest to that of ``size``, on a logarithmic scale."""
    ratio = math.log(size[0] / size[1])
    return min(sizes, key=lambda other: abs(math.log(other[0] / other[1]) - ratio))


@dataclass(frozen=True)
class Draw:
    """One sample in a batch.

    Attributes:
        entry: Which.
        count: Number of its layers in the batch.
        seed: Of its augmentation.
    """

    entry: SampleEntry
    count: int
    seed: str


@dataclass(frozen=True)
class BatchPlan:
    """One batch: groups of samples, all of one size, the samples of a group of one layer count."""

    size: Size
    groups: tuple[tuple[Draw, ...], ...]

    @property
    def draws(self) -> tuple[Draw, ...]:
        """All samples in their order."""
        return tuple(itertools.chain.from_iterable(self.groups))


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """How batches are made.

    Attributes:
        sizes: Canvas sizes (width, height); a sample gets the one whose aspect ratio is nearest.
        groups: Groups in a batch; each has one layer count.
        group_size: Samples of one group.
        layer_counts: (fewest, most) layers, an added background included; other samples are left out.
        drop: Chance that a layer is left out of a sample of three or more; readers take it from ``Augment``.
        seed: Order and augmentation.
    """

    sizes: tuple[Size, ...]
    groups: int = 2
    group_size: int = 4
    layer_counts: tuple[int, int] = (2, 48)
    drop: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        low, high = self.layer_counts
        if not self.sizes or self.groups < 1 or self.group_size < 1 or not 1 <= low <= high:
            raise UsageError(
                f"sizes {list(self.sizes)}, groups {self.groups}, group_size {self.group_size}, layer_counts "
                f"{self.layer_counts}: at least one size, one group, one sample, and counts from 1 upwards are needed."
            )


def plan(entries: Sequence[SampleEntry], options: PlanOptions, *, endless: bool = True) -> Iterator[BatchPlan]:
    """Batches over the entries in shuffled order.

    Args:
        entries: Of one split.
        options: See there.
        endless: Epoch after epoch without end; groups that are not full wait for the next epoch, so that rare layer
            counts are seen as often as common ones. Otherwise one epoch in which every sample comes exactly once and
            the last batches are smaller.

    Raises:
        UsageError: No entry has an allowed layer count.
    """
    fit = [entry for entry in entries if _allowed(entry, options)]
    if not fit:
        raise UsageError(
            f"none of {len(entries)} samples has {options.layer_counts[0]} to {options.layer_counts[1]} layers."
        )
    waiting: dict[tuple[Size, int], list[Draw]] = defaultdict(list)
    full: dict[Size, list[tuple[Draw, ...]]] = defaultdict(list)
    for epoch in itertools.count() if endless else range(1):
        for entry in _shuffled(fit, f"{options.seed} {epoch}"):
            drawn, size = draw(entry, options, epoch), nearest_size(entry.size, options.sizes)
            group = waiting[size, drawn.count]
            group.append(drawn)
            if len(group) == options.group_size:
                full[size].append(tuple(group))
                group.clear()
            if len(full[size]) == options.groups:
                yield BatchPlan(size, tuple(full.pop(size)))
    for (size, _), rest in sorted(waiting.items()):
        if rest:
            full[size].append(tuple(rest))
    for size, groups in sorted(full.items()):
        for start in range(0, len(groups), options.groups):
            yield BatchPlan(size, tuple(groups[start : start + options.groups]))


def own_count(entry: SampleEntry) -> int:
    """Layers of a sample in training: one more where it has no background."""
    return entry.layers + (0 if entry.opaque else 1)


def draw(entry: SampleEntry, options: PlanOptions, epoch: int) -> Draw:
    """How a sample comes in an epoch: with how many layers, and the seed of what else happens to it."""
    seed = f"{options.seed} {epoch} {entry.id}"
    count = own_count(entry)
    if options.drop and count > max(2, options.layer_counts[0]) and random.Random(seed).random() < options.drop:
        count -= 1
    return Draw(entry, count, seed)


def _allowed(entry: SampleEntry, options: PlanOptions) -> bool:
    return options.layer_counts[0] <= own_count(entry) <= options.layer_counts[1]


def _shuffled(entries: Sequence[SampleEntry], seed: str) -> Iterator[SampleEntry]:
    """Chunks in random order, and inside a window of chunks the samples: random enough, and shards are read in runs."""
    dice = random.Random(seed)
    chunks = [entries[start : start + CHUNK] for start in range(0, len(entries), CHUNK)]
    dice.shuffle(chunks)
    for start in range(0, len(chunks), WINDOW):
        window = list(itertools.chain.from_iterable(chunks[start : start + WINDOW]))
        dice.shuffle(window)
        yield from window
