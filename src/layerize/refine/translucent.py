"""Translucency: which partial alphas are meant (a shadow, a glow, a glass panel), and their alpha at work size.

Shape letters: ``K`` layers, ``h w`` work pixels.
"""

from __future__ import annotations

import cv2
import numpy as np

from layerize.refine.arrays import F32, U8, Mask, f32, u8
from layerize.refine.fill import pull_push

TAIL = 5.0  # coarse pixels that a shadow may fade beyond its core


def visible_light(alpha_Khw: F32) -> F32:
    """Transmittance of everything above each layer, 0..1."""
    light = np.ones_like(alpha_Khw)
    for k in range(len(alpha_Khw) - 2, -1, -1):
        light[k] = light[k + 1] * (1 - alpha_Khw[k + 1])
    return light


def soft_areas(rgb_hw3: F32, layers_Khw4: F32, cell: float) -> Mask:
    """Where each layer is truly translucent: partial alpha over an area, and the picture agrees.

    The picture must lie between the layer's colour and the colour below it, near the predicted alpha and away from
    both. Ambiguity looks different: there the layer, or what is below it, already has the picture's own colour.

    Args:
        rgb_hw3: The picture, 0..1.
        layers_Khw4: Predicted layers at work size, 0..1 straight.
        cell: Side of a coarse pixel in work pixels; narrower bands are edges, not areas.

    Returns:
        (K, h, w), with room for the tail of a shadow; never set for the bottom layer.
    """
    soft = np.zeros(layers_Khw4.shape[:3], bool)
    light = visible_light(layers_Khw4[..., 3])
    below = layers_Khw4[0, ..., :3]
    for k in range(1, len(layers_Khw4)):
        alpha = layers_Khw4[k, ..., 3]
        line = layers_Khw4[k, ..., :3] - below
        core = soft_core(rgb_hw3 - below, line, alpha, light[k], cell)
        if core.any():
            away = cv2.distanceTransform(1 - core, cv2.DIST_L2, 3) / cell
            soft[k] = (
                (away < TAIL) & (light[k] > 0.2) & ((cv2.blur(alpha, (2 * round(cell) + 1,) * 2) < 0.72) | (core > 0))
            )
        below = below + alpha[..., None] * line
    return soft


def soft_core(offset_hw3: F32, line_hw3: F32, alpha_hw: F32, light_hw: F32, cell: float) -> U8:
    """Areas wider than an edge where neither "opaque" nor "absent" explains the picture, but the predicted alpha does.

    Args:
        offset_hw3: Picture minus the colour below.
        line_hw3: Layer colour minus the colour below.
        alpha_hw: Predicted alpha.
        light_hw: Transmittance of everything above.
        cell: Side of a coarse pixel.

    Returns:
        ``u8`` 0 or 1.
    """
    size = (2 * round(cell) + 1,) * 2
    absent = cv2.blur(np.abs(offset_hw3).max(2), size)
    opaque = cv2.blur(np.abs(offset_hw3 - line_hw3).max(2), size)
    mixed = cv2.blur(np.abs(offset_hw3 - alpha_hw[..., None] * line_hw3).max(2), size)
    level = cv2.blur(alpha_hw, (4 * round(cell) + 1,) * 2)
    fits = (alpha_hw > 0.1) & (alpha_hw < 0.85) & (level < 0.72) & (light_hw > 0.5) & (opaque > 0.16) & (absent > 0.035)
    fits &= mixed < np.minimum(0.14, 0.6 * np.minimum(opaque, absent + 0.03))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(0.7 * cell) + 3,) * 2)
    return u8(cv2.morphologyEx(fits.astype(np.uint8), cv2.MORPH_OPEN, disc, borderValue=0))


def soft_colour(model_hw3: F32, alpha_hw: F32, soft_hw: Mask, cell: float) -> F32:
    """Colour of a translucent layer: the model's over its translucent area, smoothed, continued everywhere.

    Detail seen through it belongs to what is below, and a coarse prediction's colour is noisy where alpha is low.
    """
    weight = f32(soft_hw * np.clip(alpha_hw - 0.05, 0, 1))
    sigma = 2 * cell
    mass = cv2.GaussianBlur(weight, (0, 0), sigma)
    smooth = cv2.GaussianBlur(model_hw3 * weight[..., None], (0, 0), sigma) / np.maximum(mass, 1e-4)[..., None]
    return f32(np.clip(pull_push(smooth, f32(np.clip(mass * 10, 0, 1))), 0, 1))


def soft_alpha(offset_hw3: F32, line_hw3: F32, alpha_hw: F32, soft_hw: Mask, cell: float) -> F32:
    """Alpha of a translucent layer, freed of the prediction's noise and given the picture's edges.

    Locally linear in the alpha that the picture shows on the colour line (a guided filter, He et al. 2010, whose
    guide is the projection): a shadow's ramp and a glass panel's edge are, the texture below them is not.

    Args:
        offset_hw3: Picture minus the colour below.
        line_hw3: Layer colour minus the colour below.
        alpha_hw: Predicted alpha.
        soft_hw: Where the picture can be trusted as a guide.
        cell: Side of a coarse pixel.

    Returns:
        0..1; the smoothed prediction where there is no guide.
    """
    size = (2 * round(2 * cell) + 1,) * 2
    mass = cv2.blur(soft_hw.astype(np.float32), size) + np.float32(1e-6)

    def mean(map_hw: F32) -> F32:
        return f32(cv2.blur(map_hw * soft_hw, size) / mass)

    length = np.maximum((line_hw3 * line_hw3).sum(2), 1e-3)
    guide = f32(np.clip((offset_hw3 * line_hw3).sum(2) / length, 0, 1))
    mean_guide, mean_alpha = mean(guide), mean(alpha_hw)
    together = mean(guide * alpha_hw) - mean_guide * mean_alpha
    spread = mean(guide * guide) - mean_guide * mean_guide
    slope = f32(np.clip(together / (spread + 5e-4), 0, 1))
    guided = mean(slope) * guide + mean(mean_alpha - slope * mean_guide)
    plain = cv2.GaussianBlur(alpha_hw, (0, 0), cell)
    return f32(np.clip(np.where(soft_hw, guided, plain), 0, 1))
