"""Resize and turn straight RGBA pixels without dark or coloured fringes: all resampling is premultiplied."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias, get_args

import cv2
import numpy as np
import numpy.typing as npt

from layerize.errors import EditError
from layerize.stack.composite import Box
from layerize.stack.convert import F32, to_float, to_u8
from layerize.stack.layer import U8

Fit: TypeAlias = Literal["contain", "cover", "stretch", "none"]

# 16,384 x 16,384: enlarging beyond this is a slip of the finger, not a wish.
MAX_RESIZED_PIXELS = 2**28


def resize_pixels(pixels: U8, width: int, height: int) -> U8:
    """Resample in premultiplied float: area average along a side that shrinks, cubic along one that grows.

    Args:
        pixels: ``u8`` (H, W, 4), straight alpha.
        width: New width in pixels, at least 1.
        height: New height in pixels, at least 1.

    Raises:
        EditError: A side below 1, or more than ``MAX_RESIZED_PIXELS``.
    """
    _check_size(width, height)
    old_height, old_width = pixels.shape[:2]
    if (old_width, old_height) == (width, height):
        return pixels
    if bool(pixels[..., 3].min() == 255):
        return np.asarray(_resized(np.ascontiguousarray(pixels), width, height), np.uint8)
    return _straight_u8([_resized(plane, width, height) for plane in _premultiplied(pixels)])


def _resized(picture: npt.NDArray[Any], width: int, height: int) -> npt.NDArray[Any]:
    small = (min(width, picture.shape[1]), min(height, picture.shape[0]))
    if small != (picture.shape[1], picture.shape[0]):
        picture = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA))
    if small != (width, height):
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC))
    return picture


def turn_pixels(
    pixels: U8, offset: tuple[int, int], point: tuple[float, float], degrees: float
) -> tuple[U8, tuple[int, int]]:
    """Turn a raster about a point of the canvas, to a fraction of a pixel; Lanczos without its ringing.

    Args:
        pixels: ``u8`` (H, W, 4), straight alpha.
        offset: Where it lies on the canvas.
        point: (x, y) on the canvas that stays.
        degrees: Clockwise.

    Returns:
        The turned pixels with room for all corners, and their offset.

    Raises:
        EditError: More than ``MAX_RESIZED_PIXELS``.
    """
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    height, width = pixels.shape[:2]
    turn = np.array([[cosine, -sine], [sine, cosine]])
    centre, start = np.array(point), np.array(offset)
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) + start - centre
    low, high = (np.array(edge) for edge in ((corners @ turn.T).min(0), (corners @ turn.T).max(0)))
    first = np.floor(low + centre).astype(int) - 1
    size = np.ceil(high + centre).astype(int) + 1 - first
    _check_size(int(size[0]), int(size[1]))
    # Pixel centres lie at +1/2: q = T (p + 1/2 + offset - point) + point - first - 1/2.
    shift = turn @ (start + 0.5 - centre) + centre - first - 0.5
    matrix = np.hstack([turn, shift[:, None]])
    turned = [_warped(plane, matrix, (int(size[0]), int(size[1]))) for plane in _premultiplied(pixels)]
    return _straight_u8(turned), (int(first[0]), int(first[1]))


def _warped(plane: F32, matrix: npt.NDArray[np.float64], size: tuple[int, int]) -> F32:
    """Lanczos, each pixel kept within the range of the source around it, so that hard edges get no echoes.

    36 turns of 10 degrees of a drawing: 32 dB; OpenCV's cubic filter 27 dB (17 degrees there and back: 44 and 42 dB).
    """
    margin = 2
    plane = np.pad(plane, margin)
    matrix = matrix.copy()
    matrix[:, 2] -= matrix[:, :2] @ (margin, margin)
    around = np.ones((3, 3), np.uint8)
    turned = cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LANCZOS4)
    low = cv2.warpAffine(cv2.erode(plane, around), matrix, size, flags=cv2.INTER_NEAREST)
    high = cv2.warpAffine(cv2.dilate(plane, around), matrix, size, flags=cv2.INTER_NEAREST)
    return np.asarray(np.clip(turned, low, high), np.float32)


def fit_pixels(pixels: U8, box: Box, fit: Fit) -> tuple[U8, tuple[int, int]]:
    """The picture scaled into the box, and its offset on the canvas.

    Raises:
        EditError: Unknown ``fit``, or an absurd size.
    """
    if fit not in get_args(Fit):
        raise EditError(f"cannot fit as {fit!r}; use one of {', '.join(get_args(Fit))}.")
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


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1 or width * height > MAX_RESIZED_PIXELS:
        limit = MAX_RESIZED_PIXELS // 10**6
        raise EditError(
            f"cannot resize to {width}x{height} pixels; both sides must be at least 1, {limit} megapixels in all."
        )


def _premultiplied(pixels: U8) -> list[F32]:
    """Four planes, (H, W) in 0..1: single planes are several times faster to work on than interleaved pixels."""
    *colours, alpha = (to_float(plane) for plane in cv2.split(np.ascontiguousarray(pixels)))
    return [colour * alpha for colour in colours] + [alpha]


def _straight_u8(planes: list[F32]) -> U8:
    """Filters overshoot: premultiplied planes back into what they can be, then straight ``u8`` (H, W, 4)."""
    *colours, alpha = planes
    alpha = np.clip(alpha, 0, 1)
    share = 1 / np.maximum(alpha, np.float32(1e-6))
    straight = [to_u8(np.clip(colour, 0, alpha) * share) for colour in colours]
    return np.asarray(cv2.merge([*straight, to_u8(alpha)]), np.uint8)
