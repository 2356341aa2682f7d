"""Whole stacks made smaller by a whole number, layer by layer, for files whose layers would not fit in memory."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from layerize.stack.convert import premultiply, to_float, to_u8, unpremultiply
from layerize.stack.layer import U8, Group, Layer, Node

# Pixels that the layers of one file may hold together, 600 MB as RGBA: with a document's compressed channels, its
# preview and one layer's temporaries a worker stays below 2 GB.
MAX_HELD_PIXELS = 150_000_000
_STRIP_PIXELS = 4_000_000


def factor_for(pixels: int) -> int:
    """By how much to divide both sides so that so many pixels fit; 1 where they do."""
    return max(1, math.ceil(math.sqrt(pixels / MAX_HELD_PIXELS)))


def shrunk_picture(pixels: U8, factor: int) -> U8:
    """The mean of each block of ``factor`` x ``factor`` pixels; what is missing at the edges counts as transparent."""
    height, width = (-(-side // factor) for side in pixels.shape[:2])
    result = np.empty((height, width, 4), np.uint8)
    rows = max(1, _STRIP_PIXELS // (pixels.shape[1] * factor))
    for y in range(0, height, rows):
        part = pixels[y * factor : (y + rows) * factor]
        count = min(rows, height - y)
        padded = cv2.copyMakeBorder(
            premultiply(to_float(part)),
            0,
            count * factor - part.shape[0],
            0,
            width * factor - part.shape[1],
            cv2.BORDER_CONSTANT,
            value=(0, 0, 0, 0),
        )
        small = cv2.resize(padded, (width, count), interpolation=cv2.INTER_AREA)
        result[y : y + count] = to_u8(unpremultiply(np.asarray(small, np.float32)))
    return result


def shrunk(node: Node, factor: int) -> Node:
    """A node of a canvas that is ``factor`` times smaller; layers snap to its pixels without moving."""
    if isinstance(node, Group):
        return replace(node, layers=tuple(shrunk(member, factor) for member in node.layers))
    return _shrunk_layer(node, factor)


def _shrunk_layer(layer: Layer, factor: int) -> Layer:
    (x, y), (left, top) = layer.offset, (side % factor for side in layer.offset)
    pixels = layer.pixels
    if left or top:
        pixels = np.pad(pixels, ((top, 0), (left, 0), (0, 0)))
    return replace(layer, pixels=shrunk_picture(pixels, factor), offset=((x - left) // factor, (y - top) // factor))
