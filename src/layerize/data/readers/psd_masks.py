"""How much of a Photoshop layer its masks let through: user masks with density and feather, vector masks.

Which of the stored masks counts follows what files show, as the specification is silent: a layer that has a "real"
mask has its vector mask in it already; a shape layer's stored pixels are cut to its path already.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from psd_tools.composite import vector
from psd_tools.composite.utils import has_fill

from layerize.data.readers.notes import Notes
from layerize.data.readers.psd_pixels import Channels
from layerize.stack.composite import Box
from layerize.stack.convert import to_u8
from layerize.stack.layer import U8

# Photoshop feathers with a Gaussian; the number in its dialog is about the standard deviation.
FEATHER_SIGMA = 1.0
# Wider feathers than Photoshop's own limit of 1,000 pixels are lies.
MAX_FEATHER = 1000.0


def is_masked(layer: Any) -> bool:
    """Whether a mask of the layer is switched on (it may still let everything through)."""
    return _user_mask_on(layer) or _vector_mask_counts(layer)


def coverage(channels: Channels, layer: Any, box: Box, alpha: U8 | None, notes: Notes) -> U8 | None:
    """The product of the layer's masks over a box of the canvas.

    Args:
        channels: Reads the stored masks.
        layer: Any layer or group.
        box: Canvas box, in pixels.
        alpha: The layer's own alpha over that box, to tell a mask that only repeats it; None for groups.
        notes: Gets "mask" and "vector-mask".

    Returns:
        ``u8`` (H, W), or None where nothing is masked.
    """
    found: U8 | None = None
    if _user_mask_on(layer):
        found = _user_mask(channels, layer, box)
        if found is not None and alpha is not None and has_fill(layer) and np.array_equal(found, alpha):
            found = None  # a shape whose mask is its own outline once more
        if found is not None:
            notes.add("mask", layer.name, _parameters_text(layer))
    if _vector_mask_counts(layer):
        drawn = _vector_mask(layer, box)
        notes.add("vector-mask", layer.name)
        found = drawn if found is None else cv2.multiply(found, drawn, scale=1 / 255)
    if found is None or bool((found == 255).all()):
        return None
    return np.asarray(found, np.uint8)


def _user_mask_on(layer: Any) -> bool:
    return layer.mask is not None and not layer.mask.disabled


def _vector_mask_counts(layer: Any) -> bool:
    """Whether the path still has to be applied: not where stored pixels or masks have it in them."""
    if not layer.has_vector_mask() or layer.vector_mask.disabled:
        return False
    mask = layer.mask
    if mask is not None and (mask.has_real() or mask.flags.user_mask_from_render) and not mask.disabled:
        return False
    return not (layer.has_pixels() and has_fill(layer))


def _user_mask(channels: Channels, layer: Any, box: Box) -> U8 | None:
    mask = layer.mask
    stored = channels.mask(layer, real=mask.has_real())
    background = np.uint8(mask.background_color)
    cover = np.full((box.y1 - box.y0, box.x1 - box.x0), background, np.uint8)
    if stored is not None:
        values, place = stored
        common = place.meet(box)
        if common is not None:
            cover[common.slices(box.x0, box.y0)] = values[common.slices(place.x0, place.y0)]
    elif background == 255:
        return None
    density, feather = _parameters(mask)
    if feather and not mask.has_real():
        cover = cv2.GaussianBlur(cover, (0, 0), feather * FEATHER_SIGMA, borderType=cv2.BORDER_REPLICATE)
    if density < 255:
        cover = to_u8(1 - (1 - cover / np.float32(255)) * (density / 255))
    return cover


def _vector_mask(layer: Any, box: Box) -> U8:
    drawn = to_u8(vector.draw_vector_mask(layer, tuple(box))[..., 0])
    parameters = layer.mask.parameters if layer.mask is not None else None
    if parameters is not None:
        feather = min(float(parameters.vector_mask_feather or 0.0), MAX_FEATHER)
        if feather > 0:
            drawn = cv2.GaussianBlur(drawn, (0, 0), feather * FEATHER_SIGMA, borderType=cv2.BORDER_REPLICATE)
        if parameters.vector_mask_density is not None and parameters.vector_mask_density < 255:
            drawn = to_u8(1 - (1 - drawn / np.float32(255)) * (parameters.vector_mask_density / 255))
    return np.asarray(drawn, np.uint8)


def _parameters(mask: Any) -> tuple[int, float]:
    """(density 0..255, feather in pixels) of a user mask."""
    parameters = mask.parameters
    if parameters is None:
        return 255, 0.0
    density = 255 if parameters.user_mask_density is None else int(parameters.user_mask_density)
    feather = float(parameters.user_mask_feather or 0.0)
    return density, min(max(feather, 0.0), MAX_FEATHER) if np.isfinite(feather) else 0.0


def _parameters_text(layer: Any) -> str:
    density, feather = _parameters(layer.mask)
    words = [f"density {density / 255:.0%}"] if density < 255 else []
    return ", ".join([*words, f"feather {feather:g} px"] if feather else words)
