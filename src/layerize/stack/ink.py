"""Change the colours of a layer's ink by a function of colour alone: each distinct colour is worked out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from layerize.stack.colour import Rgb
from layerize.stack.convert import F32, to_float, to_u8
from layerize.stack.layer import U8, Layer
from layerize.stack.text_facts import recoloured_text

Codes: TypeAlias = npt.NDArray[np.uint32]
"""Colours as whole numbers, red + 256 green + 65536 blue, so that each pixel is one item."""

# From here a table of all 2^24 colours is faster than sorting.
TABLE_FROM = 2**15
ALPHA = np.uint32(0xFF000000)
NO_INK = np.uint32(2**24)


def map_ink(layer: Layer, how: Callable[[F32, F32], F32]) -> Layer:
    """The layer with new colours; alpha, and colours under zero alpha, stay.

    Args:
        layer: Any layer.
        how: Distinct ink colours, sRGB (N, 3) in 0..1, and their weights (N,), the sum of alpha in 0..1, to new
            colours (N, 3).
    """
    alpha = layer.pixels[..., 3].ravel()
    old = np.ascontiguousarray(layer.pixels).view("<u4").ravel()
    codes = np.where(alpha > 0, old & ~ALPHA, NO_INK)
    found, place = distinct(codes)
    count = len(found) - int(found[-1] == NO_INK)
    if count == 0:
        return layer
    colours = as_colours(found[:count])
    weights = np.bincount(place, weights=alpha, minlength=count)[:count].astype(np.float32) / np.float32(255)
    table = to_u8(how(to_float(colours), weights))
    # Pixels without ink point behind the table's end, to a colour that is not used.
    new = np.append(as_codes(table), np.uint32(0))[place] | (old & ALPHA)
    pixels = np.where(alpha > 0, new, old).astype("<u4").view(np.uint8).reshape(layer.pixels.shape)

    def became(colour: Rgb) -> Rgb:
        """What became of the ink that was nearest to a colour."""
        nearest = ((colours.astype(int) - colour) ** 2).sum(1).argmin()
        red, green, blue = (int(value) for value in table[nearest])
        return red, green, blue

    return replace(layer, pixels=pixels, text=recoloured_text(layer.text, became))


def distinct(codes: Codes) -> tuple[Codes, npt.NDArray[np.intp]]:
    """The distinct codes, 0..2^24, ascending, and the place of every pixel's among them."""
    if len(codes) < TABLE_FROM:
        few, places = np.unique(codes, return_inverse=True)
        return few, places.ravel()
    there = np.zeros(2**24 + 1, np.bool_)
    there[codes] = True
    found = np.flatnonzero(there).astype(np.uint32)
    table = np.empty(2**24 + 1, np.int32)
    table[found] = np.arange(len(found), dtype=np.int32)
    return found, table[codes].astype(np.intp)


def as_codes(rgb: U8) -> Codes:
    """``u8`` (N, 3) → (N,)."""
    parts = rgb.astype(np.uint32)
    return np.asarray(parts[:, 0] | parts[:, 1] << np.uint32(8) | parts[:, 2] << np.uint32(16), np.uint32)


def as_colours(codes: Codes) -> U8:
    """(N,) → ``u8`` (N, 3)."""
    return np.stack([codes & 255, codes >> 8 & 255, codes >> 16 & 255], axis=1).astype(np.uint8)
