"""Measures of predicted layers against true ones, at equal size and with the true layer count.

Layers are straight RGBA in 0..1, bottom to top, float (K, H, W, 4); layer 0 is the background.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

F32: TypeAlias = npt.NDArray[np.float32]


def soft_iou(a: F32, b: F32) -> float:
    """``sum min(a, b) / sum max(a, b)``; 0 when both are empty."""
    union = float(np.maximum(a, b).sum(dtype=np.float64))
    return float(np.minimum(a, b).sum(dtype=np.float64)) / union if union else 0.0


def foreground_iou(predicted_KHW4: F32, true_KHW4: F32) -> float:
    """Mean soft IoU of the alphas of all layers but the background, in strict order; missing layers count 0."""
    scores = [
        soft_iou(predicted_KHW4[k, ..., 3], true_KHW4[k, ..., 3]) if k < len(predicted_KHW4) else 0.0
        for k in range(1, len(true_KHW4))
    ]
    return float(np.mean(scores)) if scores else 1.0


def union_alpha(layers_KHW4: F32) -> F32:
    """Alpha of everything but the background together, (H, W)."""
    return np.asarray(1 - np.prod(1 - layers_KHW4[1:, ..., 3], axis=0), np.float32)


def union_iou(predicted_KHW4: F32, true_KHW4: F32) -> float:
    """Soft IoU of everything but the background."""
    return soft_iou(union_alpha(predicted_KHW4), union_alpha(true_KHW4))


def composite(layers_KHW4: F32) -> F32:
    """The stack flattened with "over" (paper, Eq. 1), RGB (H, W, 3)."""
    out = np.zeros((*layers_KHW4.shape[1:3], 3), np.float32)
    for layer in layers_KHW4:
        out = layer[..., 3:] * layer[..., :3] + (1 - layer[..., 3:]) * out
    return out


def psnr(a: F32, b: F32) -> float:
    """Peak signal-to-noise ratio of pictures in 0..1, in dB, at most 100."""
    error = float(np.mean(np.square(a - b), dtype=np.float64))
    return min(100.0, -10 * float(np.log10(max(error, 1e-10))))


def hidden_background_l1(predicted_KHW4: F32, true_KHW4: F32) -> float | None:
    """Mean absolute colour error of the background where other layers cover it (alpha > 0.5); None if nowhere."""
    covered = union_alpha(true_KHW4) > 0.5
    if not covered.any():
        return None
    return float(np.abs(predicted_KHW4[0, ..., :3] - true_KHW4[0, ..., :3])[covered].mean())


@dataclass(frozen=True, kw_only=True)
class LayerScores:
    """One picture's scores; see the functions of the same names."""

    foreground_iou: float
    union_iou: float
    recomposition_psnr: float
    hidden_background_l1: float | None


def score(predicted_KHW4: F32, true_KHW4: F32, picture_HW3: F32) -> LayerScores:
    """All measures of one picture."""
    return LayerScores(
        foreground_iou=foreground_iou(predicted_KHW4, true_KHW4),
        union_iou=union_iou(predicted_KHW4, true_KHW4),
        recomposition_psnr=psnr(composite(predicted_KHW4), picture_HW3),
        hidden_background_l1=hidden_background_l1(predicted_KHW4, true_KHW4),
    )
