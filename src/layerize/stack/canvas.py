"""Edits of the canvas itself: crop and extend. Layers keep their pixels; only their offsets change."""

from __future__ import annotations

from dataclasses import replace as changed

import cv2
import numpy as np

from layerize.errors import EditError
from layerize.stack.colour import Colour, parse_colour
from layerize.stack.composite import Box, box_of, ink_box
from layerize.stack.layer import Layer, LayerStack, Node
from layerize.stack.resample import MAX_RESIZED_PIXELS
from layerize.stack.tree import leafwise, shifted

EDGE = "edge"
"""The fill that continues the background's outermost pixels."""


def crop(stack: LayerStack, x: int, y: int, width: int, height: int, *, trim: bool = False) -> LayerStack:
    """Keep a box of the canvas. What lies outside stays in its layers, off the canvas, unless it is trimmed.

    Args:
        stack: The stack.
        x: Left side of the box.
        y: Top side of the box.
        width: In pixels, at least 1.
        height: In pixels, at least 1.
        trim: Cut off the pixels outside; layers that lie wholly outside become one transparent pixel.

    Raises:
        EditError: The box is empty or reaches beyond the canvas.
    """
    old = Box(0, 0, *stack.size)
    box = Box(x, y, x + width, y + height)
    if width < 1 or height < 1 or box.meet(old) != box:
        raise EditError(
            f"cannot crop to {width}x{height} at {x},{y}; the box must lie on the canvas of {old.x1}x{old.y1}."
        )
    cropped = _moved_canvas(stack, (width, height), -x, -y)
    if not trim:
        return cropped
    canvas = Box(0, 0, width, height)
    return cropped.with_layers([leafwise(node, lambda layer: _trimmed(layer, canvas)) for node in cropped.layers])


def extend(
    stack: LayerStack,
    *,
    left: int = 0,
    top: int = 0,
    right: int = 0,
    bottom: int = 0,
    fill: Colour | None = None,
) -> LayerStack:
    """Add room around the canvas.

    Args:
        stack: The stack.
        left: Pixels to add at the left, 0 or more; likewise:
        top: ...
        right: ...
        bottom: ...
        fill: How a bottom layer that covers the canvas goes on in the new room: a colour, or "edge", which repeats its
            outermost pixels. None leaves the room empty.

    Raises:
        EditError: A negative amount, nothing to add, or an absurd size.
    """
    sides = (left, top, right, bottom)
    if min(sides) < 0 or max(sides) == 0:
        raise EditError(
            f"cannot extend by {', '.join(map(str, sides))}; give pixels of 0 or more, one of them above 0."
        )
    width, height = stack.size[0] + left + right, stack.size[1] + top + bottom
    if width * height > MAX_RESIZED_PIXELS:
        raise EditError(f"cannot extend to {width}x{height}; {MAX_RESIZED_PIXELS // 10**6} megapixels are allowed.")
    extended = _moved_canvas(stack, (width, height), left, top)
    ground = covering_background(stack)
    if fill is None or ground is None:
        return extended
    return extended.with_layers((_filled(stack, ground, sides, fill), *extended.layers[1:]))


def covering_background(stack: LayerStack) -> Layer | None:
    """The bottom layer, if it leaves no pixel of the canvas transparent."""
    bottom = stack.layers[0] if stack.layers else None
    return bottom if isinstance(bottom, Layer) and covers(bottom, stack.size) else None


def covers(layer: Layer, size: tuple[int, int]) -> bool:
    """Whether the layer has ink at every pixel of a canvas of this size."""
    canvas = Box(0, 0, *size)
    if box_of(layer).meet(canvas) != canvas:
        return False
    return bool(layer.pixels[canvas.slices(*layer.offset)][..., 3].min() > 0)


def _moved_canvas(stack: LayerStack, size: tuple[int, int], dx: int, dy: int) -> LayerStack:
    layers: tuple[Node, ...] = stack.layers
    if dx or dy:
        layers = tuple(leafwise(node, lambda layer: shifted(layer, dx, dy)) for node in layers)
    return changed(stack, size=size, layers=layers)


def _filled(stack: LayerStack, ground: Layer, sides: tuple[int, int, int, int], fill: Colour) -> Layer:
    left, top, right, bottom = sides
    pixels = np.ascontiguousarray(ground.pixels[Box(0, 0, *stack.size).slices(*ground.offset)])
    if fill == EDGE:
        filled = cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_REPLICATE)
    else:
        colour = (*parse_colour(fill), 255)
        filled = cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_CONSTANT, value=colour)
    return changed(ground, pixels=np.asarray(filled, np.uint8), offset=(0, 0))


def _trimmed(layer: Layer, canvas: Box) -> Layer:
    box = ink_box(layer)
    if box is None or box.meet(canvas) == box:
        return layer
    common = box.meet(canvas)
    if common is None:
        return changed(layer, pixels=np.zeros((1, 1, 4), np.uint8), offset=(0, 0))
    return changed(layer, pixels=layer.pixels[common.slices(*layer.offset)].copy(), offset=(common.x0, common.y0))
