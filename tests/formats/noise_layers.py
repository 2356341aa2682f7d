"""Layers of random pixels, and saving without the warnings about what a format cannot hold."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from layerize.errors import LayerizeWarning
from layerize.stack import Layer, LayerStack


def noise(seed: int, width: int = 9, height: int = 7, **fields: object) -> Layer:
    pixels = np.random.default_rng(seed).integers(1, 256, (height, width, 4), np.uint8)
    return Layer(pixels=pixels, **fields)  # type: ignore[arg-type]


def quiet_save(stack: LayerStack, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerizeWarning)
        stack.save(path)
