"""Colours where a layer is not seen: a smooth continuation of what is seen of it, or the model's guess joined to it."""

from __future__ import annotations

import cv2
import numpy as np

from layerize.refine.arrays import F32, Mask, f32
from layerize.refine.config import Hidden


def pull_push(value_hw3: F32, weight_hw: F32) -> F32:
    """Fill by a pyramid (Gortler et al. 1996, "The Lumigraph", pull-push): known values stay, gaps are filled smoothly.

    Args:
        value_hw3: Values, any range.
        weight_hw: Confidence 0..1; 0 is a gap.

    Returns:
        Filled values; zeros when there is no weight at all.
    """
    height, width = weight_hw.shape
    if max(height, width) <= 2:
        total = max(float(weight_hw.sum()), 1e-12)
        mean = (value_hw3 * weight_hw[..., None]).sum((0, 1)) / total
        return f32(mean + weight_hw[..., None] * (value_hw3 - mean))
    small = ((width + 1) // 2, (height + 1) // 2)
    mass = cv2.resize(weight_hw, small, interpolation=cv2.INTER_AREA)
    product = cv2.resize(value_hw3 * weight_hw[..., None], small, interpolation=cv2.INTER_AREA)
    pulled = product / np.maximum(mass, 1e-9)[..., None]
    coarse = pull_push(pulled, np.minimum(mass * 2.0, 1.0))
    spread = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return f32(spread + weight_hw[..., None] * (value_hw3 - spread))


def support(seen_hw: Mask) -> F32:
    """Confidence of a layer's visible pixels as samples of its own colour, 0..1.

    Pixels near the border of what is seen carry antialiasing and glow of the neighbour, so depth counts: full from 4
    pixels on. In strokes thinner than that the deepest pixels there are count fully.
    """
    depth = cv2.distanceTransform(seen_hw.astype(np.uint8), cv2.DIST_L2, 3)
    weight = np.float32(np.where(depth > 0, np.power(8.0, np.minimum(depth, 4.0) - 4.0), 0))
    return f32(weight / np.maximum(cv2.dilate(weight, np.ones((9, 9), np.uint8)), 1e-9))


def layer_colour(rgb_hw3: F32, model_hw3: F32, seen_hw: Mask, hidden: Hidden, cell: float) -> F32:
    """Colour of one layer everywhere: its own pixels where seen, continued where hidden.

    Args:
        rgb_hw3: The picture, 0..1.
        model_hw3: The model's colour for this layer, 0..1.
        seen_hw: Where the layer is what one sees, fully.
        hidden: See ``RefineConfig``.
        cell: Side of a coarse pixel in work pixels.

    Returns:
        0..1, shape (h, w, 3).
    """
    if not seen_hw.any():
        return model_hw3
    weight = support(seen_hw)
    smooth = pull_push(rgb_hw3, weight)
    if hidden == "diffuse":
        return f32(np.clip(smooth, 0, 1))
    offset = pull_push(rgb_hw3 - model_hw3, weight)
    joined = model_hw3 + offset
    if hidden == "model":
        return f32(np.clip(joined, 0, 1))
    return f32(np.clip(without_ghost(joined, smooth, rgb_hw3, cell), 0, 1))


def without_ghost(joined_hw3: F32, smooth_hw3: F32, rgb_hw3: F32, cell: float) -> F32:
    """Take the faint copy of the object in front out of the model's hidden colours.

    A ghost is what the model adds to the plain continuation *in proportion to* the object one sees there: the local
    regression of ``joined - smooth`` on ``rgb - smooth`` (at the model's sharpness), limited to 0..1, is removed, and
    the more of it there was the less the rest is believed. What the model knows independently of the object stays.
    """
    reach = (2 * round(3 * cell) + 1,) * 2
    added = joined_hw3 - smooth_hw3
    front = cv2.GaussianBlur(rgb_hw3, (0, 0), 0.7 * cell) - smooth_hw3
    common = cv2.blur((added * front).sum(2), reach)
    power = cv2.blur((front * front).sum(2), reach)
    share = cv2.blur(np.clip(common / (power + 1e-3), 0, 1), reach)[..., None]
    return f32(smooth_hw3 + np.square(1 - share) * (added - share * front))
