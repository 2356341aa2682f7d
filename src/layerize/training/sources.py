"""The source of batches that a recipe asks for: procedural designs, a dataset, or both."""

from __future__ import annotations

import numpy as np

from layerize.training.batches import Batch, DesignSource, Origin, Source
from layerize.training.folder_source import FolderSource
from layerize.training.recipe import DataConfig


class MixedSource:
    """Some batches from one source, the rest from another."""

    def __init__(self, first: Source, second: Source, share: float, seed: int) -> None:
        """Take two sources and the share of batches from the first."""
        self.first, self.second, self.share, self.seed = first, second, share, seed

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Of both sources, without doubles."""
        return tuple(dict.fromkeys((*self.first.origins, *self.second.origins)))

    def batch(self, number: int, easy: bool) -> Batch:
        draw = np.random.default_rng([self.seed, number, 1]).random()
        return (self.first if draw < self.share else self.second).batch(number, easy)


def open_source(config: DataConfig) -> Source:
    """The recipe's source.

    Raises:
        ConfigError: The recipe asks for designs that cannot be drawn.
        InputError: The dataset does not exist or holds nothing usable.
    """
    if not config.dataset or config.dataset_share == 0:
        return DesignSource(config)
    if config.dataset_share == 1:
        return FolderSource(config)
    return MixedSource(FolderSource(config), DesignSource(config), config.dataset_share, config.seed)
