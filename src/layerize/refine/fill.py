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
    trust = np.ones_like(weight)
    if hidden == "blend":
        ghost = ghost_share(rgb_hw3, model_hw3, seen_hw, cell)
        front = cv2.GaussianBlur(rgb_hw3, (0, 0), 0.7 * cell)
        clean = (model_hw3 - ghost[..., None] * front) / np.maximum(1 - ghost, 0.25)[..., None]
        clean = f32(np.clip(clean, 0, 1))
        # subtracting what was no ghost leaves the object's complement: only what moves towards the surroundings counts
        nearer = np.abs(clean - smooth).sum(2) < np.abs(model_hw3 - smooth).sum(2)
        model_hw3 = np.where((nearer & ~seen_hw)[..., None], clean, model_hw3)
        trust = f32(np.clip((0.8 - ghost) / 0.4, 0, 1))
    joined = model_hw3 + pull_push(rgb_hw3 - model_hw3, weight)
    if hidden == "blend":
        trust *= structure(rgb_hw3, f32(joined - smooth), seen_hw, cell)
    return f32(np.clip(smooth + trust[..., None] * (joined - smooth), 0, 1))


def structure(rgb_hw3: F32, added_hw3: F32, seen_hw: Mask, cell: float) -> F32:
    """Whether a hidden part may differ from the plain continuation, 0..1.

    Yes where what is seen of the layer around it is not flat, or where the model adds something strong; weak
    additions to a flat colour are what is left of a ghost.
    """
    reach = (2 * round(5 * cell) + 1,) * 2
    mass = cv2.blur(f32(seen_hw), reach)[..., None] + 1e-3
    mean = cv2.blur(rgb_hw3 * seen_hw[..., None], reach) / mass
    square = cv2.blur(np.square(rgb_hw3) * seen_hw[..., None], reach) / mass
    rough = np.sqrt(np.maximum(square - mean * mean, 0).max(2)) * np.clip(mass[..., 0] * 50, 0, 1)
    strong = cv2.blur(np.abs(added_hw3).max(2), (2 * round(cell) + 1,) * 2)
    return f32(np.maximum(np.clip((rough - 0.03) / 0.05, 0, 1), np.clip((strong - 0.08) / 0.1, 0, 1)))


def ghost_share(rgb_hw3: F32, model_hw3: F32, seen_hw: Mask, cell: float) -> F32:
    """How much of the object in front the model has left in its colours behind it, 0..1.

    A ghost repeats the object's edges, what is really there does not: the share is the regression of the prediction's
    gradient on the picture's (at the model's sharpness) behind the object and on its outline, around each pixel,
    leaning on the mean of the whole picture where there are few edges.
    """
    kernel = np.ones((2 * round(cell) + 1,) * 2, np.uint8)
    behind = f32(cv2.dilate(f32(~seen_hw), kernel))
    front = cv2.GaussianBlur(rgb_hw3, (0, 0), 0.7 * cell)
    common, power = np.zeros_like(behind), np.zeros_like(behind)
    for axis in ((1, 0), (0, 1)):
        object_edge = cv2.Sobel(front, cv2.CV_32F, *axis)
        model_edge = cv2.Sobel(model_hw3, cv2.CV_32F, *axis)
        common += behind * (object_edge * model_edge).sum(2)
        power += behind * (object_edge * object_edge).sum(2)
    reach = (2 * round(6 * cell) + 1,) * 2
    lean = max(float(power.mean()), 1e-6)
    overall = float(np.clip(common.mean() / lean, 0, 1))
    return f32(np.clip((cv2.blur(common, reach) + lean * overall) / (cv2.blur(power, reach) + lean), 0, 1))
