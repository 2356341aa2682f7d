"""Batches from a dataset folder (or shards): what ``layerize data`` has written, augmented, at the model's sizes.

Which samples a batch shows follows from its number. A sample that cannot be read is left out for good, named in the
batch, and another one of its layer count takes its place.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from layerize.data.augment import Augment, augmented
from layerize.data.buckets import own_count
from layerize.data.sample_store import open_store
from layerize.data.shard_index import SampleEntry
from layerize.errors import InputError
from layerize.training.batches import Batch, Origin, Sample, collate, draw_size_and_counts
from layerize.training.recipe import DataConfig

_TRIES = 8
"""Bad samples in a row before the dataset itself is called unusable."""


class FolderSource:
    """Samples of the dataset's ``train`` split, the recipe's layer counts as often as it says."""

    def __init__(self, config: DataConfig, *, split: str = "train", augment: bool = True) -> None:
        """Open the dataset.

        Raises:
            InputError: There is none, or no sample of it has a layer count of the recipe.
        """
        self.config = config
        self._augment = (
            Augment(drop=0.0) if augment else Augment(crop=0, flip=0, recolour=0, drop=0, swap=0, background=0)
        )
        self._store = open_store(config.dataset, split, config.dataset_licences)
        self._by_count: dict[int, list[SampleEntry]] = defaultdict(list)
        wanted = {*config.layer_counts, *(config.easy_counts if config.easy_steps else ())}
        for entry in self._store.entries:
            if own_count(entry) in wanted:
                self._by_count[own_count(entry)].append(entry)
        if not self._by_count:
            there = sorted({own_count(entry) for entry in self._store.entries})
            raise InputError(
                f"{config.dataset}: none of {len(self._store.entries)} samples has a layer count of the recipe "
                f"({', '.join(map(str, sorted(wanted)))}; with a background there are {', '.join(map(str, there))})."
            )
        self._bad: dict[str, str] = {}

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Of the split's samples."""
        return tuple(Origin(entry.repository, entry.licence, entry.samples) for entry in self._store.sources)

    def batch(self, number: int, easy: bool) -> Batch:
        config = self.config
        rng = np.random.default_rng([config.seed, number])
        size, counts = draw_size_and_counts(config, rng, easy, tuple(sorted(self._by_count)))
        bad: list[tuple[str, str]] = []
        groups = []
        for place, count in enumerate(counts):
            seeds = (f"{config.seed} {number} {place} {i}" for i in range(config.group_size))
            groups.append([self._draw(rng, count, size, seed, bad) for seed in seeds])
        return collate(groups, captioned=bool(rng.random() < config.caption_rate), bad=tuple(bad))

    def _draw(
        self, rng: np.random.Generator, count: int, size: tuple[int, int], seed: str, bad: list[tuple[str, str]]
    ) -> Sample:
        """One sample of ``count`` layers.

        Raises:
            InputError: Sample after sample cannot be read.
        """
        entries = self._by_count[count]
        for _ in range(_TRIES):
            entry = entries[int(rng.integers(len(entries)))]
            try:
                if entry.id in self._bad:
                    raise InputError(self._bad[entry.id])
                found = augmented(self._store.read(entry), size, count, entry.opaque, self._augment, seed)
            except InputError as error:
                self._bad[entry.id] = str(error)
                bad.append((entry.id, str(error)))
                continue
            return Sample(
                picture_HW3=np.ascontiguousarray(found.picture()[..., :3]),
                layers_KHW4=found.layers_u8_KHW4,
                caption=found.caption,
                names=found.names,
            )
        raise InputError(
            f"{self.config.dataset}: {_TRIES} samples of {count} layers in a row cannot be read (the last: "
            f"{bad[-1][1]}). Look at it with: layerize data validate."
        )
