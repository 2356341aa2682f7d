"""Drop shadows and outlines: a new layer below the one that has them, or baked into it."""

from __future__ import annotations

import math
from dataclasses import replace as changed

import cv2
import numpy as np

from layerize.errors import EditError
from layerize.stack.alpha_edge import MAX_RADIUS
from layerize.stack.colour import Colour, Rgb, parse_colour
from layerize.stack.composite import Box, box_of
from layerize.stack.convert import to_float, to_u8
from layerize.stack.layer import U8, Layer, LayerStack, Node
from layerize.stack.silhouette import grow_alpha, soften
from layerize.stack.tree import Ref, find, put_below, render, shape_of, siblings, with_siblings


def shadow(
    stack: LayerStack,
    ref: Ref,
    *,
    dx: int = 6,
    dy: int = 8,
    blur: float = 12.0,
    spread: float = 0.0,
    colour: Colour = "black",
    opacity: float = 0.4,
    bake: bool = False,
) -> LayerStack:
    """Give a layer or group a drop shadow.

    Args:
        stack: The stack.
        ref: The layer or group; a group throws one shadow.
        dx: Where the shadow falls, in pixels to the right.
        dy: Likewise downwards.
        blur: How far its edge is soft, in pixels; 0 is a hard shadow.
        spread: Widen the shape by this many pixels first.
        colour: Of the shadow; a dark one multiplies with what lies below.
        opacity: 0..1.
        bake: Into the layer's own pixels (of a group: its lowest member) instead of a layer "NAME shadow" below it.

    Raises:
        EditError: A value out of range.
    """
    for name, value in (("blur", blur), ("spread", spread)):
        if not 0 <= value <= MAX_RADIUS:
            raise EditError(f"{name} {value:g} is out of range; give 0 to {MAX_RADIUS:g} pixels.")
    if not 0 <= opacity <= 1:
        raise EditError(f"opacity {opacity:g} is out of range; give a number from 0 (invisible) to 1 (opaque).")
    shape = shape_of(find(stack, ref))
    if shape is None:
        return stack
    rgb, margin = parse_colour(colour), math.ceil(1.5 * blur + spread) + 1
    alpha = np.pad(shape.pixels[..., 3], margin)
    alpha = to_u8(soften(to_float(grow_alpha(alpha, spread)), blur))
    where = (shape.offset[0] - margin + int(dx), shape.offset[1] - margin + int(dy))
    dark = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2] < 128
    below = _flat(rgb, alpha, where, f"{shape.name} shadow", opacity)
    return _put(stack, ref, changed(below, blend="multiply") if dark and not bake else below, bake)


def outline(
    stack: LayerStack,
    ref: Ref,
    *,
    width: float = 4.0,
    colour: Colour = "white",
    opacity: float = 1.0,
    bake: bool = False,
) -> LayerStack:
    """Give a layer or group an outline around its outer edge, as a sticker has; soft shadows in it are left out.

    Args:
        stack: The stack.
        ref: The layer or group; a group gets one outline.
        width: In pixels, above 0, at most 250; fractions count.
        colour: Of the outline.
        opacity: 0..1.
        bake: Into the layer's own pixels (of a group: its lowest member) instead of a layer "NAME outline" below it.

    Raises:
        EditError: A value out of range.
    """
    if not 0 < width <= MAX_RADIUS:
        raise EditError(f"an outline of {width:g} pixels is out of range; give more than 0 and at most {MAX_RADIUS:g}.")
    if not 0 <= opacity <= 1:
        raise EditError(f"opacity {opacity:g} is out of range; give a number from 0 (invisible) to 1 (opaque).")
    shape = shape_of(find(stack, ref))
    if shape is None:
        return stack
    margin = math.ceil(width) + 2
    inner = np.pad(shape.pixels[..., 3], margin)
    old, new = to_float(inner), to_float(grow_alpha(_firm(inner), width))
    # Only the ring: what layer over ring must have is the grown alpha, so 1 - new = (1 - old)(1 - ring).
    ring = np.clip(np.divide(new - old, 1 - old, out=np.zeros_like(new), where=old < 1), 0, 1)
    where = (shape.offset[0] - margin, shape.offset[1] - margin)
    return _put(stack, ref, _flat(parse_colour(colour), to_u8(ring), where, f"{shape.name} outline", opacity), bake)


def _firm(alpha: U8) -> U8:
    """The silhouette without what is fainter than half of its strongest alpha, except for the anti-aliased rim."""
    solid = (alpha >= max(1, int(alpha.max()) // 2)).astype(np.uint8)
    return np.where(cv2.dilate(solid, np.ones((3, 3), np.uint8)) > 0, alpha, np.uint8(0))


def _flat(rgb: Rgb, alpha: U8, offset: tuple[int, int], name: str, opacity: float) -> Layer:
    pixels = np.empty((*alpha.shape, 4), np.uint8)
    pixels[..., :3] = rgb
    pixels[..., 3] = alpha
    return Layer(pixels=pixels, name=name, offset=offset, opacity=opacity)


def _put(stack: LayerStack, ref: Ref, below: Layer, bake: bool) -> LayerStack:
    node = find(stack, ref)
    if not bake:
        return put_below(stack, node, changed(below, opacity=below.opacity * node.opacity, visible=node.visible))
    baked: Node
    if isinstance(node, Layer):
        one, other = box_of(node), box_of(below)
        box = Box(min(one.x0, other.x0), min(one.y0, other.y0), max(one.x1, other.x1), max(one.y1, other.y1))
        plain = changed(node, opacity=1.0, blend="normal", visible=True)
        baked = changed(node, pixels=render([below, plain], box), offset=(box.x0, box.y0), text=None)
    else:
        baked = changed(node, layers=(below, *node.layers))
    members = siblings(stack, node)
    return with_siblings(stack, members, [baked if member is node else member for member in members])
