"""The source of batches that a recipe asks for."""

from __future__ import annotations

from layerize.training.batches import DesignSource, Source
from layerize.training.recipe import DataConfig


def open_source(config: DataConfig) -> Source:
    """Procedural designs, a dataset folder, or both."""
    return DesignSource(config)
