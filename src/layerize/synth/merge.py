"""From placed elements to layers: one straight RGBA layer per level, and the picture that they make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from layerize.synth.scene import Placed

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]


def merge_levels(background: U8, placed: Sequence[Placed], count: int) -> U8:
    """One layer per level; elements of one level do not overlap.

    Args:
        background: RGB ``u8`` (H, W, 3).
        placed: Elements with levels 1..count - 1.
        count: Number of layers K, background included.

    Returns:
        Straight RGBA ``u8`` (K, H, W, 4), bottom to top; RGB is 0 where alpha is 0.
    """
    height, width = background.shape[:2]
    layers = np.zeros((count, height, width, 4), np.uint8)
    layers[0, ..., :3] = background
    layers[0, ..., 3] = 255
    for element in placed:
        target = layers[element.level][element.cutout.slices]
        np.maximum(target, straight(element.cutout.pixels), out=target)
    return layers


def straight(premultiplied: U8) -> U8:
    """Premultiplied to straight RGBA ``u8``, rounded once; RGB is 0 where alpha is 0."""
    alpha = premultiplied[..., 3:]
    scale = np.float32(255) / np.maximum(alpha, 1).astype(np.float32)
    colour = np.minimum(np.rint(premultiplied[..., :3] * scale), 255).astype(np.uint8)
    return np.concatenate([colour, alpha], -1)


def composite_over(layers: U8) -> U8:
    """Flatten with "over" (DESIGN.md, ``C_i = a_i RGB_i + (1 - a_i) C_(i-1)``) in doubles, rounded once at the end.

    Args:
        layers: Straight RGBA ``u8`` (K, H, W, 4), bottom to top; the lowest is opaque.

    Returns:
        RGB ``u8`` (H, W, 3).
    """
    result: F64 = layers[0, ..., :3].astype(np.float64)
    for layer in layers[1:]:
        rows = np.flatnonzero(layer[..., 3].any(1))
        if not len(rows):
            continue
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        alpha = layer[part, :, 3:] / np.float64(255)
        result[part] = alpha * layer[part, :, :3] + (1 - alpha) * result[part]
    return np.rint(result).astype(np.uint8)
