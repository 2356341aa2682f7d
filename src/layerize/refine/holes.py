"""Holes: what is seen of a layer through a gap in a layer in front of it has that layer's colour.

A small piece of one owner, enclosed by a layer in front, is either such a hole or a mistake: a cheek of the figure that
the zones gave to the ground behind it. A mistake stains the lower layer, since its colour is continued behind the
object. The lower layer's own continuation tells the two apart.
"""

from __future__ import annotations

import cv2
import numpy as np

from layerize.refine.arrays import F32, I32, Mask
from layerize.refine.fill import pull_push, support

SMALL = 20.0  # coarse pixels: pieces of at most the area of a square of this side are looked at
ENCLOSED = 0.85  # share of a piece's surroundings that one layer in front must own
UNLIKE = 0.15  # mean colour error against the layer's continuation, 0..1, from which a piece is no hole
RING = np.ones((3, 3), np.uint8)


def close_false_holes(rgb_hw3: F32, owner_hw: I32, veiled_hw: Mask, cell: float) -> I32:
    """Give small enclosed pieces that do not look like the layer they were given to, to the layer around them.

    Args:
        rgb_hw3: The picture, 0..1.
        owner_hw: Layer index per pixel.
        veiled_hw: Where something translucent lies over the owner, as a shadow: its colour says nothing there.
        cell: Side of a coarse pixel in work pixels.

    Returns:
        Owners; pieces that touch the picture's rim stay.
    """
    result = owner_hw.copy()
    for k in range(int(owner_hw.max())):
        owned = owner_hw == k
        pieces = _enclosed(owner_hw, owned, k, (SMALL * cell) ** 2)
        if not pieces:
            continue
        rest = owned.copy()
        for rows, columns, mask, _ in pieces:
            rest[rows, columns] &= ~mask
        if not rest.any():
            continue
        expected = pull_push(rgb_hw3, support(rest))
        for rows, columns, mask, around in pieces:
            plain = mask & ~veiled_hw[rows, columns]
            if plain.any() and np.abs(rgb_hw3[rows, columns] - expected[rows, columns])[plain].mean() > UNLIKE:
                result[rows, columns][mask] = around
    return result


def _enclosed(owner_hw: I32, owned_hw: Mask, k: int, most: float) -> list[tuple[slice, slice, Mask, int]]:
    """The small pieces of layer ``k`` that one layer in front of it surrounds: place, mask there, the other's index."""
    height, width = owned_hw.shape
    count, label, stats, _ = cv2.connectedComponentsWithStats(owned_hw.astype(np.uint8), connectivity=4)
    found = []
    for index in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[index])
        if area > most or x == 0 or y == 0 or x + w == width or y + h == height:
            continue
        rows, columns = slice(y - 1, y + h + 1), slice(x - 1, x + w + 1)
        mask = label[rows, columns] == index
        ring = (cv2.dilate(mask.astype(np.uint8), RING) > 0) & ~mask
        others = np.bincount(owner_hw[rows, columns][ring])
        around = int(others.argmax())
        if around > k and others[around] >= ENCLOSED * ring.sum():
            found.append((rows, columns, mask, around))
    return found
