"""Take the soft shadows that objects throw on a plain background off it, as a layer of their own.

A split leaves shadows where they were painted: in the background. If the background is a colour or a smooth gradient,
what it would be without shadows can be told from its unshaded part: a smooth surface is fitted there, and how much
darker the background is than that surface is the shadow. A textured background (a photo) hides its shadows among its
own darks; then nothing is carried over, and the caller is told.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from layerize.errors import EditError
from layerize.stack.canvas import covering_background
from layerize.stack.composite import Box
from layerize.stack.convert import F32, to_float, to_u8
from layerize.stack.layer import Layer, LayerStack
from layerize.stack.tree import render

# Side of the picture on which the surface is fitted, in pixels.
FIT_SIDE = 192
# Rounds of fitting and dropping what is darker than the surface.
ROUNDS = 12
# The unshaded background may deviate this much (0..1, median) from the smooth surface; more is texture.
MAX_TEXTURE = 0.012
# A shadow touches an object, or lies within this share of the canvas's longer side from it.
REACH = 0.03
# Darkening that no eye sees, and that noise has.
FAINT = 0.012

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def carried_shadows(stack: LayerStack) -> Layer:
    """The soft shadows on the bottom layer: black where it is darkened, alpha = how much, "multiply".

    What it can do: neutral shadows on a background of one colour or a smooth gradient. What it cannot: shadows on
    photos and textures, coloured light, hard shadows that touch no object, and what a shadow does under an object that
    is moved away later (there the split made it up).

    Args:
        stack: Its bottom layer covers the canvas; the visible layers above are the objects.

    Raises:
        EditError: No covering background, nothing above it, a textured background, or no shadow on it.
    """
    ground = covering_background(stack)
    canvas = Box(0, 0, *stack.size)
    if ground is None or len(stack.layers) < 2:
        raise EditError("there is no background with objects above it.")
    rgb = to_float(np.ascontiguousarray(ground.pixels[canvas.slices(*ground.offset)][..., :3]))
    objects = render(stack.layers[1:], canvas)[..., 3]
    if not objects.any():
        raise EditError("nothing above the background throws a shadow.")
    luma = np.asarray(rgb @ _LUMA, np.float32)
    surface = _unshaded(luma, objects)
    darker = 1 - luma / np.maximum(surface, 1e-3)
    darker = cv2.GaussianBlur(np.clip(darker, 0, 1), (0, 0), 1.0)
    alpha = np.clip(darker - FAINT, 0, 1) / (1 - FAINT) * _near_objects(darker, objects)
    if float(alpha.max()) * 255 < 2:
        raise EditError("the background carries no shadow.")
    pixels = np.zeros((*alpha.shape, 4), np.uint8)
    pixels[..., 3] = to_u8(alpha)
    return Layer(pixels=pixels, name="Shadows", blend="multiply")


def _unshaded(luma: F32, objects: npt.NDArray[np.uint8]) -> F32:
    """What the background would be without shadows: a quadratic surface through its lighter part, (H, W).

    Raises:
        EditError: The background is no smooth surface.
    """
    height, width = luma.shape
    scale = min(1.0, FIT_SIDE / max(height, width))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    values = np.asarray(cv2.resize(luma, small, interpolation=cv2.INTER_AREA), float).ravel()
    covered = np.asarray(cv2.resize(objects, small, interpolation=cv2.INTER_AREA), float).ravel() > 0
    terms = _terms(*small)
    use = ~covered if (~covered).sum() > 20 * terms.shape[1] else np.ones(len(values), bool)
    kept = use.copy()
    for _ in range(ROUNDS):
        factors, *_ = np.linalg.lstsq(terms[kept], values[kept], rcond=None)
        deviation = values - terms @ factors
        spread = max(0.002, 1.4826 * float(np.median(np.abs(deviation[kept]))))
        again = use & (deviation > -1.5 * spread) & (deviation < 4 * spread)
        if again.sum() < max(3 * terms.shape[1], 0.15 * use.sum()) or np.array_equal(again, kept):
            break
        kept = again
    texture = float(np.median(np.abs((values - terms @ factors)[kept])))
    if texture > MAX_TEXTURE or kept.sum() < 0.25 * use.sum():
        raise EditError("the background is textured, so that shadows cannot be told from its own darks.")
    planes = np.array([_terms(width, 1, row=y / max(height - 1, 1)) @ factors for y in range(height)])
    return np.asarray(np.clip(planes, 0, 1), np.float32)


def _terms(width: int, height: int, row: float | None = None) -> npt.NDArray[np.float64]:
    """1, x, y, x², xy, y² at every pixel, x and y in 0..1: (pixels, 6); ``row``: y of a single row."""
    x = np.linspace(0, 1, width)[None].repeat(height, 0)
    y = np.linspace(0, 1, height)[:, None].repeat(width, 1) if row is None else np.full((1, width), row)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)


def _near_objects(darker: F32, objects: npt.NDArray[np.uint8]) -> F32:
    """1 in dark patches that touch an object or nearly do, 0 in the others, with a soft border."""
    reach = max(2, round(REACH * max(darker.shape)))
    around = cv2.dilate((objects > 0).astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    count, labels = cv2.connectedComponents((darker > FAINT).astype(np.uint8))
    touching = np.zeros(count, np.float32)
    touching[np.unique(labels[around > 0])] = 1
    touching[0] = 0
    return np.asarray(cv2.GaussianBlur(touching[labels], (0, 0), 1.5), np.float32)
