"""Change the colours of a layer's ink by a function of colour alone: each distinct colour is worked out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from layerize.stack.colour import Rgb
from layerize.stack.convert import F32, to_float, to_u8
from layerize.stack.layer import U8, Layer
from layerize.stack.text_facts import recoloured_text

# From here a table of all 2^24 colours is faster than sorting.
TABLE_FROM = 2**17


def map_ink(layer: Layer, how: Callable[[F32, F32], F32]) -> Layer:
    """The layer with new colours; alpha, and colours under zero alpha, stay.

    Args:
        layer: Any layer.
        how: Distinct ink colours, sRGB (N, 3) in 0..1, and their weights (N,), the sum of alpha in 0..1, to new
            colours (N, 3).
    """
    ink = layer.pixels[..., 3] > 0
    if not ink.any():
        return layer
    rgba = layer.pixels[ink]
    colours, place = distinct(rgba[:, :3])
    weights = np.bincount(place, weights=rgba[:, 3], minlength=len(colours)).astype(np.float32) / np.float32(255)
    pixels = layer.pixels.copy()
    table = to_u8(how(to_float(colours), weights))
    rgba[:, :3] = table[place]
    pixels[ink] = rgba

    def new(colour: Rgb) -> Rgb:
        """What became of the ink that was nearest to a colour."""
        nearest = ((colours.astype(int) - colour) ** 2).sum(1).argmin()
        red, green, blue = (int(value) for value in table[nearest])
        return red, green, blue

    return replace(layer, pixels=pixels, text=recoloured_text(layer.text, new))


def distinct(rgb: U8) -> tuple[U8, npt.NDArray[np.intp]]:
    """The distinct colours of ``u8`` (N, 3), sorted, and the place of every pixel among them."""
    codes = (rgb[:, 0].astype(np.uint32) << 16) | (rgb[:, 1].astype(np.uint32) << 8) | rgb[:, 2]
    if len(codes) < TABLE_FROM:
        found, place = np.unique(codes, return_inverse=True)
    else:
        there = np.zeros(2**24, np.bool_)
        there[codes] = True
        found = np.flatnonzero(there).astype(np.uint32)
        table = np.empty(2**24, np.int32)
        table[found] = np.arange(len(found), dtype=np.int32)
        place = table[codes]
    colours = np.stack([found >> 16, (found >> 8) & 255, found & 255], axis=1).astype(np.uint8)
    return colours, place.ravel().astype(np.intp)
