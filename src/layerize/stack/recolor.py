"""Other colours, the same shading: to a colour, by a hue angle, tint, duotone. All in Oklab; alpha stays.

On a group each layer changes by itself, so that every part of a group reaches the colour.
"""

from __future__ import annotations

import math

import numpy as np

from layerize.errors import EditError
from layerize.stack.colour import Colour, Rgb, fit_gamut, from_oklab, parse_colour, to_oklab
from layerize.stack.convert import F32, to_float
from layerize.stack.ink import map_ink
from layerize.stack.layer import Layer, LayerStack
from layerize.stack.tree import Ref, change_leaves

# Below this chroma (Oklab) a typical colour is grey: everything then gets the new hue in full.
GREY = 0.02


def recolor(stack: LayerStack, ref: Ref, colour: Colour) -> LayerStack:
    """Give a layer or group another colour and keep its shading.

    The typical colour (the median of the ink in Oklab) becomes ``colour``; lighter and darker pixels stay lighter and
    darker, less saturated ones stay less saturated.
    """
    target = parse_colour(colour)
    return change_leaves(stack, ref, lambda layer: recolored(layer, target))


def hue(stack: LayerStack, ref: Ref, degrees: float) -> LayerStack:
    """Turn all hues of a layer or group by an angle; lightness stays, greys stay grey.

    Raises:
        EditError: No finite angle.
    """
    if not math.isfinite(degrees):
        raise EditError(f"cannot shift the hue by {degrees}; give degrees.")
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.array([[cosine, sine], [-sine, cosine]], np.float32)

    def turned(rgb: F32, _: F32) -> F32:
        lab = to_oklab(rgb)
        lab[:, 1:] = lab[:, 1:] @ turn
        return from_oklab(fit_gamut(lab))

    return change_leaves(stack, ref, lambda layer: map_ink(layer, turned))


def tint(stack: LayerStack, ref: Ref, colour: Colour, *, amount: float = 0.5) -> LayerStack:
    """Pull the hue and saturation of a layer or group towards a colour; lightness, black and white stay.

    Args:
        stack: The stack.
        ref: The layer or group.
        colour: The colour.
        amount: 0 (nothing) .. 1 (only this hue is left).

    Raises:
        EditError: ``amount`` outside 0..1.
    """
    if not 0 <= amount <= 1:
        raise EditError(f"a tint of {amount:g} is out of range; give 0 (nothing) to 1 (only this hue).")
    goal = _lab(parse_colour(colour))

    def tinted(rgb: F32, _: F32) -> F32:
        lab = to_oklab(rgb)
        # Towards black and white a colour has ever less room for chroma.
        room = np.minimum(lab[:, :1] / max(goal[0], GREY), (1 - lab[:, :1]) / max(1 - goal[0], GREY))
        lab[:, 1:] += np.float32(amount) * (goal[1:] * np.clip(room, 0, 1) - lab[:, 1:])
        return from_oklab(fit_gamut(lab))

    return change_leaves(stack, ref, lambda layer: map_ink(layer, tinted))


def duotone(stack: LayerStack, ref: Ref, dark: Colour, light: Colour) -> LayerStack:
    """Replace a layer's or group's colours by those between two: black becomes ``dark``, white becomes ``light``."""
    low, high = _lab(parse_colour(dark)), _lab(parse_colour(light))

    def toned(rgb: F32, _: F32) -> F32:
        lightness = np.clip(to_oklab(rgb)[:, :1], 0, 1)
        return from_oklab(fit_gamut(low + lightness * (high - low)))

    return change_leaves(stack, ref, lambda layer: map_ink(layer, toned))


def recolored(layer: Layer, target: Rgb) -> Layer:
    """The layer with its typical colour (the weighted median of its ink by Oklab lightness) turned into the target.

    Lighter and darker pixels stay lighter and darker, less saturated ones stay less saturated; alpha is untouched.
    """
    goal = _lab(target)

    def changed(rgb: F32, weights: F32) -> F32:
        lab = to_oklab(rgb)
        order = np.argsort(lab[:, 0], kind="stable")
        total = np.cumsum(weights[order], dtype=np.float64)
        middle = order[np.searchsorted(total, total[-1] / 2)]
        new = from_oklab(_towards(lab, lab[middle], goal))
        new[middle] = to_float(np.array(target, np.uint8))
        return new

    return map_ink(layer, changed)


def _towards(lab: F32, typical: F32, goal: F32) -> F32:
    new = np.empty_like(lab)
    # Lightness: the straight lines 0 -> 0, typical -> goal, 1 -> 1, so nothing is cut off at black or white.
    new[:, 0] = np.interp(lab[:, 0], [0.0, float(typical[0]), 1.0], [0.0, float(goal[0]), 1.0])
    if typical[0] <= GREY or typical[0] >= 1 - GREY:  # black or white ink takes the colour as a whole
        new[:, 0] = np.clip(goal[0] + lab[:, 0] - typical[0], 0, 1)
    chroma = float(np.hypot(typical[1], typical[2]))
    share = np.hypot(lab[:, 1], lab[:, 2]) / chroma if chroma > GREY else np.ones(len(lab))
    new[:, 1:] = goal[1:] * np.clip(share, 0, 1.5)[:, None]
    return new


def _lab(colour: Rgb) -> F32:
    return to_oklab(to_float(np.array(colour, np.uint8)))
