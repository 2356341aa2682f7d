"""Edits of where ink lies: move, resize, rotate, flip. Groups change as one thing, about one point."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace as changed
from typing import Literal, TypeAlias

import numpy as np

from layerize.errors import EditError
from layerize.stack.anchor import About, point_of, to_pixel
from layerize.stack.composite import Box, ink_box
from layerize.stack.layer import Group, Layer, LayerStack
from layerize.stack.resample import resize_pixels, turn_pixels
from layerize.stack.text_facts import placed_text, scaling, turning
from layerize.stack.tree import Ref, change_leaves, find, ink_of, shifted

Axis: TypeAlias = Literal["horizontal", "vertical"]


def move(stack: LayerStack, ref: Ref, *, dx: int = 0, dy: int = 0) -> LayerStack:
    """Shift a layer or group by whole pixels; x grows to the right, y downwards.

    Raises:
        EditError: Not whole pixels.
    """
    if any(int(shift) != shift for shift in (dx, dy)):
        raise EditError(f"cannot move by {dx}, {dy}; layers lie on whole pixels.")
    dx, dy = int(dx), int(dy)
    return change_leaves(stack, ref, lambda layer: shifted(layer, dx, dy))


def resize(
    stack: LayerStack,
    ref: Ref,
    *,
    scale: float | None = None,
    size: tuple[int | None, int | None] | None = None,
    about: About = "center",
    keep_aspect: bool = False,
) -> LayerStack:
    """Resize a layer or group; a point of it stays where it is.

    Args:
        stack: The stack.
        ref: The layer or group.
        scale: Factor above 0 for both sides; or:
        size: (width, height) that the ink box gets, in pixels; a side that is None follows in proportion.
        about: The point that stays: (x, y) on the canvas, or a point of the ink box such as "bottom-left".
        keep_aspect: With both sides of ``size`` given: fit inside them in proportion.

    Raises:
        EditError: Neither or both of scale and size, not above 0, or an absurd result.
    """
    node = find(stack, ref)
    box = ink_of([node])
    if (scale is None) == (size is None):
        raise EditError("resize needs either a scale or a size.")
    if box is None:
        return stack
    factors = _factors(box, scale, size, keep_aspect)
    if not all(0 < factor < float("inf") for factor in factors):
        raise EditError(f"cannot resize by {factors[0]:g} x {factors[1]:g}; give a scale or a size above 0.")
    point, together = point_of(box, about), isinstance(node, Group)
    return change_leaves(stack, ref, lambda layer: _scaled(layer, point, factors, together))


def _factors(
    box: Box, scale: float | None, size: tuple[int | None, int | None] | None, keep_aspect: bool
) -> tuple[float, float]:
    if size is None:
        assert scale is not None
        return scale, scale
    sides = (box.x1 - box.x0, box.y1 - box.y0)
    given = [new / old for new, old in zip(size, sides, strict=True) if new is not None]
    if not given:
        raise EditError("resize needs a width or a height.")
    if len(given) == 1 or keep_aspect:
        return min(given), min(given)
    return given[0], given[1]


def rotate(stack: LayerStack, ref: Ref, degrees: float, *, about: About = "center") -> LayerStack:
    """Turn a layer or group clockwise. Quarter turns are exact; others are resampled once, premultiplied.

    Args:
        stack: The stack.
        ref: The layer or group.
        degrees: Clockwise; negative: anticlockwise.
        about: The point that stays: (x, y) on the canvas, or a point of the ink box such as "bottom-left".

    Raises:
        EditError: No finite angle, or an absurd result.
    """
    if not math.isfinite(degrees):
        raise EditError(f"cannot rotate by {degrees}; give degrees, clockwise.")
    box = ink_of([find(stack, ref)])
    turn = degrees % 360
    if box is None or turn == 0:
        return stack
    point = point_of(box, about)
    how: Callable[[Layer], Layer]
    if turn % 90 == 0:
        how = lambda layer: _quarter_turned(layer, point, int(turn) // 90)  # noqa: E731
    else:
        how = lambda layer: _turned(layer, point, turn)  # noqa: E731
    return change_leaves(stack, ref, how)


def flip(stack: LayerStack, ref: Ref, axis: Axis = "horizontal") -> LayerStack:
    """Mirror a layer or group in its place, without resampling. Mirrored text is no live text any more.

    Args:
        stack: The stack.
        ref: The layer or group.
        axis: "horizontal" swaps left and right, "vertical" top and bottom.

    Raises:
        EditError: Another axis.
    """
    if axis not in ("horizontal", "vertical"):
        raise EditError(f"cannot flip {axis!r}; use horizontal or vertical.")
    box = ink_of([find(stack, ref)])
    if box is None:
        return stack
    return change_leaves(stack, ref, lambda layer: _mirrored(layer, box, axis))


def _scaled(layer: Layer, point: tuple[float, float], factors: tuple[float, float], together: bool) -> Layer:
    """Scale the layer's inked box about a point; members of a group round their edges, so that they keep touching."""
    box = ink_box(layer)
    if box is None:
        return layer
    x0, x1 = (point[0] + (x - point[0]) * factors[0] for x in (box.x0, box.x1))
    y0, y1 = (point[1] + (y - point[1]) * factors[1] for y in (box.y0, box.y1))
    if together:
        x0, x1, y0, y1 = (to_pixel(value) for value in (x0, x1, y0, y1))
    width, height = max(1, round(x1 - x0)), max(1, round(y1 - y0))
    pixels = resize_pixels(layer.pixels[box.slices(*layer.offset)], width, height)
    x, y = to_pixel((x0 + x1 - width) / 2), to_pixel((y0 + y1 - height) / 2)
    across, down = width / (box.x1 - box.x0), height / (box.y1 - box.y0)
    text = placed_text(layer.text, scaling((across, down), (x - across * box.x0, y - down * box.y0)))
    return changed(layer, pixels=pixels, offset=(x, y), text=text)


def _quarter_turned(layer: Layer, point: tuple[float, float], quarters: int) -> Layer:
    box = ink_box(layer)
    if box is None:
        return layer
    pixels = np.ascontiguousarray(np.rot90(layer.pixels[box.slices(*layer.offset)], -quarters))
    x, y = (box.x0 + box.x1) / 2 - point[0], (box.y0 + box.y1) / 2 - point[1]
    x, y = {1: (-y, x), 2: (-x, -y), 3: (y, -x)}[quarters]
    height, width = pixels.shape[:2]
    offset = (to_pixel(point[0] + x - width / 2), to_pixel(point[1] + y - height / 2))
    return changed(layer, pixels=pixels, offset=offset, text=placed_text(layer.text, turning(90 * quarters, point)))


def _turned(layer: Layer, point: tuple[float, float], degrees: float) -> Layer:
    box = ink_box(layer)
    if box is None:
        return layer
    pixels, offset = turn_pixels(layer.pixels[box.slices(*layer.offset)], (box.x0, box.y0), point, degrees)
    return changed(layer, pixels=pixels, offset=offset, text=placed_text(layer.text, turning(degrees, point)))


def _mirrored(layer: Layer, around: Box, axis: Axis) -> Layer:
    (x, y), (width, height) = layer.offset, layer.size
    if axis == "horizontal":
        pixels, x = layer.pixels[:, ::-1], around.x0 + around.x1 - x - width
    else:
        pixels, y = layer.pixels[::-1], around.y0 + around.y1 - y - height
    return changed(layer, pixels=np.ascontiguousarray(pixels), offset=(x, y), text=None)
