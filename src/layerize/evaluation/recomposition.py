"""Does the stack give the picture back, and is every layer of it worth having? PSNR, largest error, blanks, duplicates.

Pictures are ``u8``; RGBA ones are compared over black and over white, so that wrong alpha is seen as wrong colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from layerize.evaluation.over import over
from layerize.evaluation.pairs import InkedLayer, Pairs
from layerize.stack.layer import U8

MOST_DB = 100.0
"""PSNR of equal pictures; otherwise a mean over samples would be infinite."""

BLANK = 1e-4
"""A layer whose alpha sums to less than this share of the canvas is blank."""

SAME_SHAPE, SAME_COLOUR = 0.95, 8 / 255
"""Two layers of at least this IoU and at most this mean colour difference are duplicates."""


def psnr_u8(a: U8, b: U8) -> float:
    """Peak signal-to-noise ratio of two ``u8`` pictures of one shape, in dB, at most 100."""
    error = cv2.norm(a, b, cv2.NORM_L2SQR) / (a.size * 255.0**2)
    return min(MOST_DB, -10 * float(np.log10(error))) if error > 0 else MOST_DB


def max_error(a: U8, b: U8) -> int:
    """Largest difference of any channel, 0..255."""
    return int(cv2.norm(a, b, cv2.NORM_INF))


def on_colour(rgba_HW4: U8, colour: tuple[int, int, int]) -> U8:
    """RGB of a picture over one colour."""
    if int(rgba_HW4[..., 3].min()) == 255:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(rgba_HW4), cv2.COLOR_RGBA2RGB))
    ground = np.empty_like(rgba_HW4)
    ground[...] = (*colour, 255)
    return np.asarray(cv2.cvtColor(over(rgba_HW4, ground), cv2.COLOR_RGBA2RGB))


def backed(rgba_HW4: U8) -> U8:
    """The picture over black and over white, one below the other: (2H, W, 3)."""
    return np.concatenate([on_colour(rgba_HW4, (0, 0, 0)), on_colour(rgba_HW4, (255, 255, 255))])


def blank_count(layers: Sequence[InkedLayer]) -> int:
    """Layers with next to nothing on them."""
    return sum(_blank(layer) for layer in layers)


def duplicate_count(layers: Sequence[InkedLayer], pairs: Pairs) -> int:
    """Layers that repeat one further down; blank ones do not count."""
    inked = [layer for layer in layers if not _blank(layer)]
    return sum(
        any(
            pairs.iou(layer, lower) >= SAME_SHAPE and pairs.l1(layer, lower) <= SAME_COLOUR
            for lower in inked[:position]
        )
        for position, layer in enumerate(inked)
    )


def _blank(layer: InkedLayer) -> bool:
    return layer.alpha_sum < BLANK * 255 * layer.alpha_HW.size
