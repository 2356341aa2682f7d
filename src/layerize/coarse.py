"""Coarse layers as a model predicts them: dropping what is empty or double, before refine makes them exact.

Arrays are float (K, h, w, 4), straight RGBA in 0..1, bottom to top. Knows nothing of models or files.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

F32: TypeAlias = npt.NDArray[np.float32]

MIN_COVER = 0.002
"""A predicted layer that owns less than this share of the picture is empty."""
DUPLICATE_IOU = 0.9


def not_larger(coarse_Khw4: F32, width: int, height: int) -> F32:
    """Predicted layers at most as large as the picture: those of a tiny picture are reduced to its size."""
    size = (min(width, coarse_Khw4.shape[2]), min(height, coarse_Khw4.shape[1]))
    if size == (coarse_Khw4.shape[2], coarse_Khw4.shape[1]):
        return coarse_Khw4
    return np.stack([cv2.resize(layer, size, interpolation=cv2.INTER_AREA) for layer in coarse_Khw4])


def visible_weights(alpha_Khw: F32) -> F32:
    """``w_k = a_k prod_(j>k) (1 - a_j)``."""
    above = np.cumprod(1 - alpha_Khw[::-1], axis=0)[::-1]
    weights: F32 = alpha_Khw * np.concatenate([above[1:], np.ones_like(above[:1])])
    return weights


def drop_empty(coarse_Khw4: F32) -> F32:
    """Without layers that own next to nothing of the picture; the background stays."""
    owned = visible_weights(coarse_Khw4[..., 3]).mean(axis=(1, 2))
    sure = coarse_Khw4[..., 3].max(axis=(1, 2)) > 0.5
    keep = [k == 0 or (owned[k] > MIN_COVER and bool(sure[k])) for k in range(len(coarse_Khw4))]
    return coarse_Khw4[keep]


def drop_duplicates(coarse_Khw4: F32) -> F32:
    """Without layers that lie under a layer of nearly the same shape: nothing of them can be seen."""
    alpha = coarse_Khw4[..., 3]
    keep = []
    for k in range(len(alpha)):
        hidden = k > 0 and any(_soft_iou(alpha[k], alpha[j]) > DUPLICATE_IOU for j in range(k + 1, len(alpha)))
        keep.append(not hidden)
    return coarse_Khw4[keep]


def _soft_iou(a: F32, b: F32) -> float:
    union = float(np.maximum(a, b).sum())
    return float(np.minimum(a, b).sum()) / union if union else 0.0
