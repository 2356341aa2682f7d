"""Decompositions that need no weights, to measure models against. RGB ``u8`` in, straight RGBA float layers out."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

F32: TypeAlias = npt.NDArray[np.float32]
U8: TypeAlias = npt.NDArray[np.uint8]

BORDER = 0.06  # share of the shorter side that counts as border


def one_layer(picture_HW3: U8, layers: int) -> F32:
    """The picture as the background, and ``layers - 1`` empty layers above it."""
    height, width = picture_HW3.shape[:2]
    out = np.zeros((layers, height, width, 4), np.float32)
    out[0, ..., :3] = picture_HW3 / np.float32(255)
    out[0, ..., 3] = 1
    return out


def background_difference(picture_HW3: U8, layers: int) -> F32:
    """Background fitted to the border, difference matte, inpainting; all foreground is one layer (index 1).

    A quadratic surface in x and y is fitted to the border's colours, robustly; what differs from it is foreground; the
    background is the picture with the foreground inpainted (Telea). Layers above the first foreground stay empty.
    """
    out = one_layer(picture_HW3, layers)
    if layers < 2:
        return out
    fitted = _border_surface(picture_HW3)
    lab = cv2.cvtColor(picture_HW3, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab_fitted = cv2.cvtColor(fitted, cv2.COLOR_RGB2LAB).astype(np.float32)
    distance = np.linalg.norm(lab - lab_fitted, axis=-1)
    alpha = np.clip((distance - 12) / 16, 0, 1).astype(np.float32)
    mask = cv2.morphologyEx((alpha > 0.5).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    alpha = np.maximum(alpha, mask.astype(np.float32))
    grown = cv2.dilate(mask, np.ones((5, 5), np.uint8))
    background = cv2.inpaint(picture_HW3, grown, 3, cv2.INPAINT_TELEA) if grown.any() else picture_HW3
    out[0, ..., :3] = background / np.float32(255)
    out[1, ..., :3] = picture_HW3 / np.float32(255)
    out[1, ..., 3] = alpha
    return out


def _border_surface(picture_HW3: U8) -> U8:
    height, width = picture_HW3.shape[:2]
    rim = max(2, round(BORDER * min(height, width)))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    border = np.ones((height, width), bool)
    border[rim:-rim, rim:-rim] = False
    a, b = basis[border], picture_HW3[border].astype(np.float32)
    weight = np.ones(len(a), np.float32)
    for _ in range(8):  # iteratively reweighted least squares
        solution, *_ = np.linalg.lstsq(a * weight[:, None], b * weight[:, None], rcond=None)
        error = np.linalg.norm(a @ solution - b, axis=-1)
        weight = 1 / (1 + (error / 8) ** 2)
    surface: U8 = np.clip(np.rint(basis @ solution), 0, 255).astype(np.uint8)
    return surface
