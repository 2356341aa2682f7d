"""Resize straight RGBA pixels without dark or coloured fringes."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np

from layerize.errors import UsageError
from layerize.stack.composite import Box
from layerize.stack.convert import premultiply, to_float, to_u8, unpremultiply
from layerize.stack.layer import U8

Fit: TypeAlias = Literal["contain", "cover", "stretch", "none"]

# 16,384 x 16,384: enlarging beyond this is a slip of the finger, not a wish.
MAX_RESIZED_PIXELS = 2**28


def resize_pixels(pixels: U8, width: int, height: int) -> U8:
    """Resample in premultiplied float: area average when shrinking, cubic when enlarging.

    Args:
        pixels: ``u8`` (H, W, 4), straight alpha.
        width: New width in pixels, at least 1.
        height: New height in pixels, at least 1.

    Raises:
        UsageError: A side below 1, or more than ``MAX_RESIZED_PIXELS``.
    """
    if width < 1 or height < 1 or width * height > MAX_RESIZED_PIXELS:
        limit = MAX_RESIZED_PIXELS // 10**6
        raise UsageError(
            f"cannot resize to {width}x{height} pixels; both sides must be at least 1, {limit} megapixels in all."
        )
    if (pixels.shape[1], pixels.shape[0]) == (width, height):
        return pixels
    shrinks = width <= pixels.shape[1] and height <= pixels.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(premultiply(to_float(pixels)), (width, height), interpolation=method), np.float32)
    resized[..., 3] = np.clip(resized[..., 3], 0, 1)
    resized[..., :3] = np.clip(resized[..., :3], 0, resized[..., 3:])
    return to_u8(unpremultiply(resized))


def fit_pixels(pixels: U8, box: Box, fit: Fit) -> tuple[U8, tuple[int, int]]:
    """The picture scaled into the box, and its offset on the canvas."""
    width, height = box.x1 - box.x0, box.y1 - box.y0
    ratios = (width / pixels.shape[1], height / pixels.shape[0])
    if fit == "stretch":
        return resize_pixels(pixels, width, height), (box.x0, box.y0)
    scale = {"contain": min(ratios), "cover": max(ratios), "none": 1.0}[fit]
    new = resize_pixels(pixels, max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    x, y = (width - new.shape[1]) // 2, (height - new.shape[0]) // 2
    if fit == "cover":
        new, x, y = new[-min(y, 0) :, -min(x, 0) :][:height, :width], 0, 0
    return new, (box.x0 + x, box.y0 + y)
