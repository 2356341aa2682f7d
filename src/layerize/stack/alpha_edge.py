"""Edits of a layer's edge: feather, grow or shrink, and clean it of the old background's colour.

A group has one outer edge: its members fade or shrink together, and what a group grows lies in a layer of its own below
its members, so that the edges between them stay where they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace as changed

import numpy as np

from layerize.errors import EditError
from layerize.stack.composite import ink_box
from layerize.stack.convert import to_float, to_u8
from layerize.stack.layer import U8, Group, Layer, LayerStack, Node
from layerize.stack.silhouette import SOLID, grow_alpha, inside, nearest_solid, soften, spread_colours
from layerize.stack.tree import Ref, change, change_leaves, leafwise, shape_of

# Wider edges than this are another shape, and cost seconds.
MAX_RADIUS = 250.0
# A thin stroke has no inside; its colour then comes from this many times the edge's width away, or stays.
SEARCH = 3


def feather(stack: LayerStack, ref: Ref, radius: float) -> LayerStack:
    """Make the edge of a layer or group soft, half of it inside and half outside the old edge.

    Args:
        stack: The stack.
        ref: The layer or group.
        radius: How far the softness reaches to either side, in pixels; above 0, at most 250.

    Raises:
        EditError: Out of range.
    """
    _check("feather", radius)
    return _edged(stack, ref, math.ceil(1.5 * radius) + 1, lambda alpha: to_u8(soften(to_float(alpha), radius)))


def grow(stack: LayerStack, ref: Ref, pixels: float) -> LayerStack:
    """Widen a layer or group by some pixels all around, or narrow it (below 0). New ink continues the old colours.

    Args:
        stack: The stack.
        ref: The layer or group.
        pixels: -250..250, not 0; fractions count.

    Raises:
        EditError: Out of range.
    """
    _check("shrink" if pixels < 0 else "grow", abs(pixels))
    return _edged(stack, ref, max(0, math.ceil(pixels)) + 2, lambda alpha: grow_alpha(alpha, pixels))


def clean_edge(
    stack: LayerStack, ref: Ref, *, width: float = 2.0, strength: float = 1.0, shrink: float = 0.0, floor: float = 0.02
) -> LayerStack:
    """Take the old background's colour out of an edge: it gets the colours of the layer's own inside.

    Args:
        stack: The stack.
        ref: The layer or group; members of a group one by one.
        width: How deep the wrong colour reaches into the layer, in pixels; above 0, at most 250.
        strength: 0 (as it was) .. 1 (only colours of the inside).
        shrink: Also narrow the layer by this many pixels, 0 or more.
        floor: Alpha below this (0..1) is dropped as a remnant.

    Raises:
        EditError: Out of range.
    """
    _check("clean-edge width", width)
    if not 0 <= strength <= 1 or not 0 <= floor < 1:
        raise EditError(f"strength {strength:g} and floor {floor:g} must lie in 0..1.")
    if not 0 <= shrink <= MAX_RADIUS:
        raise EditError(f"shrink {shrink:g} is out of range; give 0 to {MAX_RADIUS:g} pixels.")
    return change_leaves(stack, ref, lambda layer: _cleaned(layer, width, strength, shrink, floor))


def _check(name: str, radius: float) -> None:
    if not 0 < radius <= MAX_RADIUS:
        raise EditError(f"{name} {radius:g} is out of range; give more than 0 and at most {MAX_RADIUS:g} pixels.")


def _edged(stack: LayerStack, ref: Ref, margin: int, how: Callable[[U8], U8]) -> LayerStack:
    """The stack with a node's outer silhouette changed by ``how``, a function of alpha with a margin around it."""

    def edged(node: Node) -> Node:
        if isinstance(node, Group):
            return _edged_group(node, margin, how)
        shape = shape_of(node)
        if shape is None:
            return node
        padded = _padded(shape.pixels, margin)
        pixels = _with_alpha(padded, how(np.ascontiguousarray(padded[..., 3])))
        return changed(node, pixels=pixels, offset=(shape.offset[0] - margin, shape.offset[1] - margin))

    return change(stack, ref, edged)


def _edged_group(group: Group, margin: int, how: Callable[[U8], U8]) -> Group:
    """Members fade by the ratio of new to old alpha; a layer below them holds what is new."""
    shape = shape_of(group)
    if shape is None:
        return group
    offset = (shape.offset[0] - margin, shape.offset[1] - margin)
    padded = _padded(shape.pixels, margin)
    old = to_float(padded[..., 3])
    new_u8 = how(np.ascontiguousarray(padded[..., 3]))
    new = to_float(new_u8)
    ratio = np.minimum(1, np.divide(new, old, out=np.ones_like(new), where=old > 0))
    kept = old * ratio

    def faded(layer: Layer) -> Layer:
        box = ink_box(layer)
        if box is None:
            return layer
        share = ratio[box.slices(*offset)]
        if float(share.min()) == 1:
            return layer
        pixels = layer.pixels[box.slices(*layer.offset)].copy()
        pixels[..., 3] = to_u8(to_float(pixels[..., 3]) * share)
        return changed(layer, pixels=pixels, offset=(box.x0, box.y0))

    members = tuple(leafwise(member, faded) for member in group.layers)
    below = np.divide(new - kept, 1 - kept, out=np.zeros_like(new), where=kept < 1)
    if float(below.max()) * 255 >= 1:
        ring = _with_alpha(padded, new_u8)
        ring[..., 3] = to_u8(below)
        members = (Layer(pixels=ring, name=f"{group.name} edge", offset=offset), *members)
    return changed(group, layers=members)


def _padded(pixels: U8, margin: int) -> U8:
    return np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)))


def _with_alpha(padded: U8, alpha: U8) -> U8:
    """The pixels with other alpha; where it rises, colours come from the nearest solid ink."""
    result = padded.copy()
    result[..., 3] = alpha
    old = padded[..., 3]
    if not (alpha > old).any():
        return result
    solid = old >= min(SOLID, int(old.max()))
    near = spread_colours(padded[..., :3], inside(solid))
    # Where much is new the old colour is a rest (of a shadow, of anti-aliasing) that the new ink covers: cubed.
    share = np.divide(to_float(old), to_float(alpha), out=np.ones(old.shape, np.float32), where=alpha > old) ** 3
    mixed = to_float(near) + share[..., None] * (to_float(padded[..., :3]) - to_float(near))
    result[..., :3] = to_u8(mixed)
    return result


def _cleaned(layer: Layer, width: float, strength: float, shrink: float, floor: float) -> Layer:
    box = ink_box(layer)
    if box is None:
        return layer
    margin = math.ceil(max(width, shrink)) + 2
    pixels = _padded(layer.pixels[box.slices(*layer.offset)], margin)
    colours = _from_inside(pixels, width)
    if colours is not None:
        mixed = to_float(pixels[..., :3]) * (1 - strength) + to_float(colours) * strength
        pixels[..., :3] = to_u8(mixed)
    if shrink:
        pixels[..., 3] = grow_alpha(np.ascontiguousarray(pixels[..., 3]), -shrink)
    pixels[..., 3][pixels[..., 3] < floor * 255] = 0
    pixels = np.ascontiguousarray(pixels[margin:-margin, margin:-margin])
    return changed(layer, pixels=pixels, offset=(box.x0, box.y0))


def _from_inside(pixels: U8, width: float) -> U8 | None:
    """Colours in which the edge has those of the opaque inside; None where there is no opaque inside at all."""
    opaque = pixels[..., 3] >= 250
    if not opaque.any():
        return None
    _, depth = nearest_solid(~opaque)
    core = depth > width
    if not core.any():
        core = depth >= float(depth.max())  # nothing is as deep: the middle of the strokes
    _, distance = nearest_solid(core)
    edge = ~core & (distance <= SEARCH * (width + 1))
    spread = spread_colours(pixels[..., :3], core)
    return np.where(edge[..., None], spread, pixels[..., :3])
