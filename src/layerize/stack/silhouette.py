"""Arithmetic on alpha alone: soften, grow and shrink it, and find colours for where there was none."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from layerize.stack.convert import F32
from layerize.stack.layer import U8

# Discs up to this radius in one pass; larger ones are put together from several.
STEP = 12
# Heights at which a disc's soft rim is followed.
RIM = tuple(n / 8 for n in range(1, 8))
# From this alpha a pixel's colour is taken to be its own and not a rounded mixture.
SOLID = 128


def soften(alpha: F32, radius: float) -> F32:
    """Gaussian blur whose visible reach is about ``radius`` pixels (sigma = radius / 2)."""
    if radius <= 0:
        return alpha
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), radius / 2, borderType=cv2.BORDER_CONSTANT), np.float32)


def grow_alpha(alpha: U8, pixels: float) -> U8:
    """Widen (above 0) or narrow (below 0) a silhouette by a disc; soft edges stay as soft as they were.

    Grey-scale dilation with an anti-aliased disc: the largest alpha within reach, each limited by the disc's rim.

    Args:
        alpha: ``u8`` (H, W), with enough empty margin to grow into.
        pixels: Radius of the disc; fractions count.
    """
    if pixels < 0:
        return np.asarray(255 - grow_alpha(np.asarray(255 - alpha, np.uint8), -pixels), np.uint8)
    left = pixels
    while left > STEP:
        alpha = _dilated(alpha, STEP, soft=False)
        left -= STEP
    return _dilated(alpha, left, soft=True) if left > 0 else alpha


def _dilated(alpha: U8, radius: float, *, soft: bool) -> U8:
    """One dilation; where the disc covers a pixel by a share, that share limits what comes through."""
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    # A solid pixel ends half a pixel from its centre; a pixel at distance d is covered from d - 1/2 to radius + 1/2.
    disc = np.clip(radius + 1 - np.hypot(x, y), 0, 1)
    result = np.asarray(cv2.dilate(alpha, (disc >= 1 - 1e-6).astype(np.uint8)), np.uint8)
    if not soft:
        return result
    for height in RIM:
        kernel = (disc >= height).astype(np.uint8)
        result = np.maximum(result, np.minimum(cv2.dilate(alpha, kernel), round(255 * height)))
    return np.asarray(result, np.uint8)


def spread_colours(rgb: U8, solid: npt.NDArray[np.bool_]) -> U8:
    """Colours (H, W, 3) in which every pixel that is not solid has the colour of the nearest solid one, smoothed.

    Args:
        rgb: ``u8`` (H, W, 3).
        solid: (H, W); at least one pixel is.
    """
    filled = rgb.reshape(-1, 3)[nearest_solid(solid)[0]]
    smooth = np.asarray(cv2.GaussianBlur(filled, (0, 0), 1.5), np.uint8)
    return np.where(solid[..., None], rgb, smooth)


def inside(solid: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Solid pixels without their outermost ring, whose colours are the least trustworthy; thin strokes stay whole."""
    cross = np.ones((3, 3), np.uint8)
    core = cv2.erode(solid.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    reached = cv2.dilate(core, cross, iterations=2)
    return np.asarray((core > 0) | (solid & (reached == 0)), np.bool_)


def nearest_solid(solid: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], F32]:
    """For every pixel the flat index of the nearest solid one, and the distance to it in pixels, both (H, W)."""
    distance, labels = cv2.distanceTransformWithLabels(
        (~solid).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.zeros(int(labels.max()) + 1, np.intp)
    flat = np.flatnonzero(solid)
    places[labels.ravel()[flat]] = flat
    return places[labels], np.asarray(distance, np.float32)
