"""Alpha floor: faint alpha becomes nothing and near-opaque alpha full, without a step in soft edges."""

from __future__ import annotations

import cv2
import numpy as np

from layerize.refine.arrays import F32, f32

FAINT = 8.0 / 255.0
FAINT_EDGE = (
    2.5 / 255.0
)  # at edges alpha comes from the picture and small values are meant: they clean the outline behind


def floor_alpha(alpha: F32, faint: float = FAINT) -> F32:
    """Levels: 0 below ``faint``, 1 above ``1 - faint``, a smooth ramp that meets the given alpha in between.

    Args:
        alpha: 0..1, any shape.
        faint: Below this nothing is left.

    Returns:
        0..1. Equal to ``alpha`` from ``3 * faint`` to ``1 - 3 * faint``, continuous everywhere.
    """
    return lift(1 - lift(1 - np.clip(alpha, 0, 1), faint), faint)


def lift(alpha: F32, faint: float) -> F32:
    """0 up to ``faint``, then a straight ramp to ``3 * faint``, unchanged above."""
    return f32(np.where(alpha < 3 * faint, np.maximum(alpha - faint, 0) * 1.5, alpha))


def sharpen_hidden(alpha_hw: F32, cell: float) -> F32:
    """Predicted alpha behind other layers, where no picture edge can guide it: a crisp, antialiased edge at one half.

    Args:
        alpha_hw: 0..1 at work size.
        cell: Side of a coarse pixel in work pixels: the prediction's edge is about two of them wide.

    Returns:
        0..1 with the edge about 2 work pixels wide; islands below half a coarse pixel's area are gone.
    """
    crisp = np.clip((alpha_hw - 0.5) * max(1.0, cell) + 0.5, 0, 1)
    present = (crisp > 0.5).astype(np.uint8)
    count, label, stats, _ = cv2.connectedComponentsWithStats(present, connectivity=8)
    if count > 1:
        small = stats[:, cv2.CC_STAT_AREA] < max(4.0, 0.5 * cell * cell)
        small[0] = False
        crisp[small[label]] = 0
    return f32(crisp)
