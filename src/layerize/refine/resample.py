"""Resampling between the three sizes of refine: coarse (the model's), work (ownership is decided there) and native."""

from __future__ import annotations

import cv2
import numpy as np

from layerize.refine.arrays import F32, U8, f32, u8

MARGIN = 2  # work pixels around a native tile's crop: bilinear needs one


def work_size(height: int, width: int, pixels: int) -> tuple[int, int]:
    """(height, width) of the same aspect with at most ``pixels`` pixels; never larger than the picture, at least 1."""
    scale = min(1.0, (pixels / (height * width)) ** 0.5)
    if scale == 1.0:
        return height, width
    rows, columns = max(1, int(height * scale)), max(1, int(width * scale))
    return min(rows, max(1, pixels // columns)), min(columns, max(1, pixels // rows))


def shrink(image_HW4: U8, size: tuple[int, int]) -> U8:
    """Area average of a straight RGBA picture (premultiplied while averaging), ``u8`` straight."""
    if image_HW4.shape[:2] == size:
        return image_HW4
    if image_HW4[..., 3].min() == 255:
        return u8(cv2.resize(image_HW4, size[::-1], interpolation=cv2.INTER_AREA))
    small = np.empty((*size, 4), np.float32)
    alpha = cv2.resize(image_HW4[..., 3], size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    for channel in range(3):
        product = cv2.multiply(image_HW4[..., channel], image_HW4[..., 3], scale=1 / 255)
        small[..., channel] = cv2.resize(product, size[::-1], interpolation=cv2.INTER_AREA)
    small[..., :3] *= 255 / np.maximum(alpha, 1)[..., None]
    small[..., 3] = alpha
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)


def enlarge(coarse_hw4: F32, size: tuple[int, int]) -> F32:
    """Bicubic resampling of a straight RGBA layer, premultiplied on the way, so that no colour bleeds in from alpha 0.

    Args:
        coarse_hw4: 0..1 straight.
        size: (height, width) wanted.

    Returns:
        0..1 straight, shape (*size, 4). Where alpha is zero the colour is the plainly resampled one.
    """
    if coarse_hw4.shape[:2] == size:
        return coarse_hw4.astype(np.float32)
    down = size[0] < coarse_hw4.shape[0] or size[1] < coarse_hw4.shape[1]
    mode = cv2.INTER_AREA if down else cv2.INTER_CUBIC
    premultiplied = coarse_hw4.copy()
    premultiplied[..., :3] *= coarse_hw4[..., 3:]
    large = np.clip(cv2.resize(premultiplied, size[::-1], interpolation=mode), 0, 1)
    plain = np.clip(cv2.resize(coarse_hw4[..., :3], size[::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
    alpha = large[..., 3:]
    trust = np.clip(alpha * 8, 0, 1)
    straight = np.clip(large[..., :3] / np.maximum(alpha, 1e-3), 0, 1)
    large[..., :3] = plain + trust * (straight - plain)
    return f32(large)


class TileView:
    """Bilinear window of work-size maps at one native tile, seamless with its neighbours.

    Args:
        work: (height, width) of the maps.
        native: (height, width) of the picture.
        box: (top, left, bottom, right) of the tile in native pixels.
    """

    def __init__(self, work: tuple[int, int], native: tuple[int, int], box: tuple[int, int, int, int]) -> None:
        top, left, bottom, right = box
        self.same = work == native
        self.size = (bottom - top, right - left)
        scale_y, scale_x = work[0] / native[0], work[1] / native[1]
        first_y, last_y = (top + 0.5) * scale_y - 0.5, (bottom - 0.5) * scale_y - 0.5
        first_x, last_x = (left + 0.5) * scale_x - 0.5, (right - 0.5) * scale_x - 0.5
        if self.same:
            self.rows, self.columns = slice(top, bottom), slice(left, right)
            return
        self.rows = slice(max(0, int(first_y) - MARGIN), min(work[0], int(last_y) + MARGIN + 2))
        self.columns = slice(max(0, int(first_x) - MARGIN), min(work[1], int(last_x) + MARGIN + 2))
        self.matrix = np.array(
            [[scale_x, 0, first_x - self.columns.start], [0, scale_y, first_y - self.rows.start]], np.float64
        )

    def crop(self, map_hw: U8) -> U8:
        """The work pixels that the window is made of, not resampled."""
        return map_hw[self.rows, self.columns]

    def read(self, map_hw: U8) -> F32:
        """The window of a ``u8`` map as float 0..255, shape ``size`` (+ channels)."""
        crop = self.crop(map_hw).astype(np.float32)
        if self.same:
            return crop
        mode = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return f32(cv2.warpAffine(crop, self.matrix, self.size[::-1], flags=mode, borderMode=cv2.BORDER_REPLICATE))
