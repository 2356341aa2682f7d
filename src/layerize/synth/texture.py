"""Pixel textures made of noise: photo-like grounds, surfaces of objects."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from layerize.synth.colour import Colour
from layerize.synth.dice import Dice

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]


def octaves(dice: Dice, size: tuple[int, int], *, coarsest: int = 2, count: int = 4, decay: float = 0.55) -> F32:
    """Smooth noise, 0..1, of shape (H, W): random grids of growing fineness, enlarged and added."""
    w, h = size
    rng = dice.generator()
    total = np.zeros((h, w), np.float32)
    weight = 1.0
    for i in range(count):
        cells = coarsest * 2**i
        grid = rng.random((min(cells + 1, h), min(max(round(cells * w / h), 1) + 1, w)), np.float32)
        total += weight * cv2.resize(grid, (w, h), interpolation=cv2.INTER_CUBIC)
        weight *= decay
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / max(high - low, 1e-6), np.float32)


def ramp(values: F32, colours: list[Colour]) -> U8:
    """Map 0..1 through evenly spaced colours to RGB ``u8`` of shape (H, W, 3)."""
    stops = np.linspace(0, 255, len(colours))
    index = np.arange(256)
    table = np.stack([np.interp(index, stops, [c[i] for c in colours]) for i in range(3)], -1)
    return np.asarray(np.rint(table).astype(np.uint8)[(np.clip(values, 0, 1) * 255).astype(np.uint8)])


def mesh(dice: Dice, size: tuple[int, int], colours: list[Colour]) -> U8:
    """A gradient mesh: few random colours, smoothly blended, RGB ``u8``."""
    rows, columns = dice.integer(2, 4), dice.integer(2, 4)
    grid = np.array([[dice.pick(colours) for _ in range(columns)] for _ in range(rows)], np.float32)
    return np.asarray(np.clip(np.rint(cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)), 0, 255).astype(np.uint8))


def grain(dice: Dice, pixels: U8, strength: float) -> U8:
    """Add the same fine noise to all channels; ``strength`` is its standard deviation in 8-bit steps."""
    noise = dice.generator().standard_normal(pixels.shape[:2], np.float32) * strength
    return np.asarray(np.clip(pixels + np.rint(noise)[..., None], 0, 255).astype(np.uint8))
