"""A Photoshop adjustment layer applied to the layers below it, one by one.

Exact where the layers' alpha is 0 or 1; on soft edges it differs from adjusting their composite, as the curve of a mean
is not the mean of a curve. The preview tells by how much.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from psd_tools.composite.adjustments import ADJUSTMENT_FUNC
from psd_tools.constants import BlendMode, ColorMode

from layerize.stack.composite import Box, iter_nodes
from layerize.stack.convert import F32, to_float, to_u8
from layerize.stack.layer import U8, Group, Layer, Node

# The functions hold several float pictures of a layer at once.
MAX_PIXELS = 16_000_000


def can_adjust(member: Any, below: list[Node]) -> bool:
    """Whether the adjustment is a function of the pixel alone that is known, and nothing below blends."""
    known = member.kind in ADJUSTMENT_FUNC and member._psd.color_mode == ColorMode.RGB and member._psd.depth != 32
    plain = all(node.blend in ("normal", "pass-through") for node in iter_nodes(below))
    small = all(node.pixels.size <= 4 * MAX_PIXELS for node in iter_nodes(below) if isinstance(node, Layer))
    return bool(known and plain and small and member.blend_mode == BlendMode.NORMAL and member._data is not None)


def adjusted(node: Node, member: Any, cover: U8 | None, canvas: Box) -> Node:
    """The node with every leaf's colours adjusted.

    Args:
        node: A layer or group below the adjustment.
        member: psd-tools' adjustment layer.
        cover: Its mask over the canvas; None: everywhere.
        canvas: The canvas.
    """
    if isinstance(node, Group):
        return replace(node, layers=tuple(adjusted(inner, member, cover, canvas) for inner in node.layers))
    colour = to_float(np.ascontiguousarray(node.pixels[..., :3]))
    new: F32 = np.asarray(ADJUSTMENT_FUNC[member.kind](colour, ColorMode.RGB, member), np.float32)
    mixed = colour + _weight(node, member, cover, canvas) * (new - colour)
    return replace(node, pixels=np.dstack([to_u8(mixed), node.pixels[..., 3]]))


def _weight(layer: Layer, member: Any, cover: U8 | None, canvas: Box) -> F32:
    """How much of the adjustment each pixel gets, (H, W, 1) or (1, 1, 1), 0..1."""
    strength = np.float32(member.opacity / 255 * member.fill_opacity / 255)
    if cover is None:
        return np.full((1, 1, 1), strength, np.float32)
    (x, y), (width, height) = layer.offset, layer.size
    weight = np.ones((height, width), np.float32)
    common = Box(x, y, x + width, y + height).meet(canvas)
    if common is not None:
        weight[common.slices(x, y)] = to_float(cover[common.slices(0, 0)])
    return weight[..., None] * strength
