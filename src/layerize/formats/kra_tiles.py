"""The pixel data of a Krita layer: LZF-packed tiles of 64 x 64 pixels, each byte of a pixel in a plane of its own.

The format is described by Krita's own ``KisTiledDataManager::write`` and ``KisTileCompressor2``.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from layerize.errors import InputError
from layerize.formats import lzf
from layerize.formats.budget import PixelBudget
from layerize.stack.composite import Box

MAX_TILE_SIDE = 1024
_HEADER = re.compile(rb"VERSION 2\nTILEWIDTH (\d{1,9})\nTILEHEIGHT (\d{1,9})\nPIXELSIZE (\d{1,4})\nDATA (\d{1,9})\n")
_TILE = re.compile(rb"(-?\d{1,9}),(-?\d{1,9}),LZF,(\d{1,9})\n")


class Tiles(NamedTuple):
    """Raw pixels, (H, W, bytes per pixel), and the box that they cover, in the layer's own coordinates."""

    pixels: npt.NDArray[np.uint8]
    box: Box


class _Tile(NamedTuple):
    x: int
    y: int
    data: bytes


def read_tiles(data: bytes, default: bytes, canvas: Box, budget: PixelBudget, label: str) -> Tiles:
    """Unpack a layer.

    Args:
        data: The file ``layers/layerN``.
        default: One pixel that fills everything outside the tiles; its length is the pixel size.
        canvas: The canvas in the layer's coordinates: what a visible default fills, and what is kept of a layer whose
            tiles lie too far apart.
        budget: Counts the pixels before they are allocated.
        label: For messages.

    Raises:
        InputError: Damaged; LimitError if it is too large.
    """
    header = _HEADER.match(data)
    if header is None:
        raise InputError(f"{label}: no Krita layer data (version 2 tiles); save it again with Krita 2.5 or later.")
    width, height, size, count = (int(value) for value in header.groups())
    if not (1 <= width <= MAX_TILE_SIDE and 1 <= height <= MAX_TILE_SIDE and size == len(default)):
        raise InputError(f"{label}: tiles of {width}x{height} pixels of {size} bytes do not fit the document.")
    tiles = _split(data, header.end(), count, label)
    box = _extent(tiles, width, height, canvas, any(default[-1:]), budget.max_pixels)
    budget.spend(box.x1 - box.x0, box.y1 - box.y0)
    pixels = np.empty((box.y1 - box.y0, box.x1 - box.x0, size), np.uint8)
    pixels[...] = np.frombuffer(default, np.uint8)
    unpacked: dict[bytes, npt.NDArray[np.uint8]] = {}  # flat tiles are all the same
    for tile in tiles:
        place = Box(tile.x, tile.y, tile.x + width, tile.y + height)
        common = place.meet(box)
        if common is None:
            continue
        if tile.data not in unpacked:
            if len(unpacked) > 64:
                unpacked.clear()
            unpacked[tile.data] = _unpack(tile.data, width, height, size, label)
        pixels[common.slices(box.x0, box.y0)] = unpacked[tile.data][common.slices(tile.x, tile.y)]
    return Tiles(pixels, box)


def _split(data: bytes, position: int, count: int, label: str) -> list[_Tile]:
    tiles: list[_Tile] = []
    for _ in range(count):
        match = _TILE.match(data, position)
        if match is None or match.end() + int(match[3]) > len(data):
            raise InputError(f"{label}: {len(tiles)} of {count} tiles are there, then it is cut off; save it again.")
        end = match.end() + int(match[3])
        tiles.append(_Tile(int(match[1]), int(match[2]), data[match.end() : end]))
        position = end
    return tiles


def _extent(tiles: list[_Tile], width: int, height: int, canvas: Box, filled: bool, max_pixels: int) -> Box:
    """The box around all tiles, and the canvas where the default shows; only the canvas if that is too much."""
    corners = [(tile.x, tile.y, tile.x + width, tile.y + height) for tile in tiles]
    if filled or not corners:
        corners.append((canvas.x0, canvas.y0, canvas.x1, canvas.y1))
    left, top, right, bottom = zip(*corners, strict=True)
    x0, y0, x1, y1 = min(left), min(top), max(right), max(bottom)
    around = Box(x0, y0, x1, y1)
    return around if (x1 - x0) * (y1 - y0) <= max_pixels else (around.meet(canvas) or canvas)


def _unpack(data: bytes, width: int, height: int, size: int, label: str) -> npt.NDArray[np.uint8]:
    """One tile as (H, W, size); the first byte says whether it is compressed."""
    expected = width * height * size
    try:
        raw = lzf.decompress(data[1:], expected) if data[:1] == b"\x01" else data[1:]
    except ValueError as error:
        raise InputError(f"{label}: a tile is damaged ({error}); save it again.") from error
    if len(raw) != expected:
        raise InputError(f"{label}: a tile holds {len(raw)} bytes instead of {expected}; save it again.")
    planes: Any = np.frombuffer(raw, np.uint8).reshape(size, height, width)
    if data[:1] != b"\x01":  # stored tiles are not split into planes
        planes = np.frombuffer(raw, np.uint8).reshape(height, width, size).transpose(2, 0, 1)
    return np.asarray(planes.transpose(1, 2, 0))
