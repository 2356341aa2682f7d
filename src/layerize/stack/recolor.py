"""Another colour, the same shading."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from layerize.stack.colour import Rgb, from_oklab, to_oklab
from layerize.stack.convert import to_float, to_u8
from layerize.stack.layer import Layer

# Below this chroma (Oklab) a typical colour is grey: everything then gets the new hue in full.
GREY = 0.02


def recolored(layer: Layer, target: Rgb) -> Layer:
    """The layer with its typical colour (the weighted median of its ink by Oklab lightness) turned into the target.

    Lighter and darker pixels stay lighter and darker, less saturated ones stay less saturated; alpha is untouched.
    """
    ink = layer.pixels[..., 3] > 0
    if not ink.any():
        return layer
    colours, place = np.unique(layer.pixels[ink][:, :3], axis=0, return_inverse=True)
    weights = np.bincount(place.ravel(), weights=layer.pixels[ink][:, 3])
    lab = to_oklab(to_float(colours))
    goal = to_oklab(to_float(np.array(target, np.uint8)))
    order = np.argsort(lab[:, 0])
    middle = order[np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)]
    typical = lab[middle]
    new = np.empty_like(lab)
    # Lightness: the straight lines 0 -> 0, typical -> goal, 1 -> 1, so nothing is cut off at black or white.
    new[:, 0] = np.interp(lab[:, 0], [0.0, float(typical[0]), 1.0], [0.0, float(goal[0]), 1.0])
    if typical[0] <= GREY or typical[0] >= 1 - GREY:  # black or white ink takes the colour as a whole
        new[:, 0] = np.clip(goal[0] + lab[:, 0] - typical[0], 0, 1)
    chroma = float(np.hypot(typical[1], typical[2]))
    share = np.hypot(lab[:, 1], lab[:, 2]) / chroma if chroma > GREY else np.ones(len(lab))
    new[:, 1:] = goal[1:] * np.clip(share, 0, 1.5)[:, None]
    table = to_u8(from_oklab(new))
    table[middle] = target
    pixels = layer.pixels.copy()
    pixels[ink, :3] = table[place.ravel()]
    return replace(layer, pixels=pixels)
