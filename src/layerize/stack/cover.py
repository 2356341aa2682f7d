"""A node seen through a mask: coverage multiplied into the alpha of every leaf."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from layerize.stack.composite import Box, box_of
from layerize.stack.layer import U8, Group, Node


def through(node: Node, cover_HW: U8, offset: tuple[int, int] = (0, 0)) -> Node:
    """The node with a coverage multiplied into every leaf; what lies outside the coverage is cut off.

    Args:
        node: A layer or a group, to any depth.
        cover_HW: ``u8``, 255 lets everything through.
        offset: (x, y) of its left upper corner on the canvas.

    Returns:
        The same node with other pixels; a leaf of which nothing is left has one transparent pixel.
    """
    if isinstance(node, Group):
        return replace(node, layers=tuple(through(member, cover_HW, offset) for member in node.layers))
    x, y = offset
    common = box_of(node).meet(Box(x, y, x + cover_HW.shape[1], y + cover_HW.shape[0]))
    if common is None:
        return replace(node, pixels=np.zeros((1, 1, 4), np.uint8))
    pixels = node.pixels[common.slices(*node.offset)]
    return replace(node, pixels=masked(pixels, cover_HW[common.slices(x, y)]), offset=(common.x0, common.y0))


def masked(pixels_HW4: U8, cover_HW: U8) -> U8:
    """Straight RGBA pixels with their alpha times a coverage, rounded to the nearest level."""
    result = pixels_HW4.copy()
    result[..., 3] = cv2.multiply(result[..., 3].copy(), cover_HW.copy(), scale=1 / 255)
    return result
