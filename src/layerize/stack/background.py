"""Change a stack's background: a colour, a gradient or a picture, with the old one's soft shadows if wanted."""

from __future__ import annotations

import warnings
from dataclasses import replace as changed

import numpy as np

from layerize.errors import EditError, LayerizeWarning
from layerize.stack.canvas import covers
from layerize.stack.carried_shadows import carried_shadows
from layerize.stack.colour import Colour, parse_colour
from layerize.stack.composite import Box
from layerize.stack.gradient import Gradient, draw_gradient, is_gradient, parse_gradient
from layerize.stack.layer import U8, Group, Layer, LayerStack
from layerize.stack.resample import Fit, fit_pixels
from layerize.stack.tree import shape_of

NAME = "Background"


def background(
    stack: LayerStack, value: Colour | Gradient | U8, *, fit: Fit = "cover", shadows: bool = False
) -> LayerStack:
    """Give the stack another background.

    The bottom layer or group is replaced if it covers the whole canvas or is named "Background"; otherwise a layer is
    put below.

    Args:
        stack: The stack.
        value: A colour, a gradient (also in CSS's words), or a picture, ``u8`` (H, W, 4), straight alpha.
        fit: Of a picture: "cover" (cut to fill), "stretch", or "contain" and "none", where the room around it gets the
            picture's own border colour.
        shadows: Carry the soft shadows that objects throw on the old background over, as a layer "Shadows" that
            multiplies. See ``carried_shadows`` for what this can do; where it cannot, a ``LayerizeWarning`` says why.

    Raises:
        EditError: Unknown fit.
        UsageError: Not a colour or gradient.
    """
    ground = _paint(value, stack.size, fit)
    bottom = _old_ground(stack)
    if bottom is None:
        if shadows:
            warnings.warn("there is no old background that could carry shadows.", LayerizeWarning, 2)
        return stack.with_layers((Layer(pixels=ground, name=NAME), *stack.layers))
    new = changed(bottom, pixels=ground, offset=(0, 0), visible=True, text=None)
    carried: tuple[Layer, ...] = ()
    if shadows:
        try:
            carried = (carried_shadows(stack.with_layers((bottom, *stack.layers[1:]))),)
        except EditError as error:
            warnings.warn(f"no shadows were carried over: {str(error).rstrip('.')}.", LayerizeWarning, 2)
    return stack.with_layers((new, *carried, *stack.layers[1:]))


def _old_ground(stack: LayerStack) -> Layer | None:
    """The bottom node if it is a background; a group as one layer."""
    node = stack.layers[0] if stack.layers else None
    layer = shape_of(node) if isinstance(node, Group) else node
    if layer is None or not (layer.name == NAME or covers(layer, stack.size)):
        return None
    return layer


def _paint(value: Colour | Gradient | U8, size: tuple[int, int], fit: Fit) -> U8:
    width, height = size
    if isinstance(value, str) and is_gradient(value):
        value = parse_gradient(value)
    if isinstance(value, Gradient):
        return draw_gradient(value, size)
    if not isinstance(value, np.ndarray):
        return np.broadcast_to(np.array([*parse_colour(value), 255], np.uint8), (height, width, 4))
    placed, (x, y) = fit_pixels(value, Box(0, 0, width, height), fit)
    if placed.shape[:2] == (height, width):
        return placed
    ground = np.empty((height, width, 4), np.uint8)
    ground[...] = _border_colour(value)
    there, common = Box(x, y, x + placed.shape[1], y + placed.shape[0]), Box(0, 0, width, height)
    seen = there.meet(common)
    if seen is not None:
        ground[seen.slices(0, 0)] = placed[seen.slices(x, y)]
    return ground


def _border_colour(pixels: U8) -> U8:
    """The median of the outermost pixels, as RGBA."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return np.asarray(np.median(border, axis=0), np.uint8)
