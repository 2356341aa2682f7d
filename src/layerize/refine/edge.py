"""Alpha of edge pixels from the picture: projection on the line between the colours on both sides.

``a = ((I - B) . (F - B)) / |F - B|^2``: F is the layer's own colour continued from inside, B whatever is below it,
continued from outside, so both are free of each other. Measured on true layers: alpha IoU .9665 before, .9763 after;
a guided filter with the same picture makes it worse (.92), because it follows texture as well as edges.
"""

from __future__ import annotations

import cv2
import numpy as np

from layerize.refine.arrays import F32, U8, Mask, f32

NEAR = 2  # work pixels on both sides of an ownership border that are always edge
REACH = 6  # work pixels that a blurred edge may extend on both sides


def project(rgb: F32, front: F32, back: F32) -> tuple[F32, F32]:
    """Alpha by projection and how far it can be trusted.

    Args:
        rgb: The picture, 0..1, last axis colour.
        front: F, same shape.
        back: B, same shape.

    Returns:
        Alpha 0..1 and trust 0..1, both without the colour axis. Trust falls where F and B are alike (within about .1)
        and where the picture is far from the line between them.
    """
    line, offset = front - back, rgb - back
    length = (line * line).sum(-1)
    alpha = np.clip((offset * line).sum(-1) / np.maximum(length, 1e-5), 0, 1)
    off = offset - alpha[..., None] * line
    miss = (off * off).sum(-1)
    trust = np.clip(length / 0.02 - 0.3, 0, 1) * np.exp(-miss / (0.004 + 0.06 * length))
    return f32(alpha), f32(trust)


def accept(alpha_hw: F32, rgb_hw3: F32, front_hw3: F32, back_hw3: F32, free_hw: Mask) -> U8:
    """Where the projection may replace a layer's alpha at native size.

    Always within ``NEAR`` pixels of the layer's border. Farther out, up to ``REACH``, only along an unbroken transition
    (projected alpha strictly between 0 and 1 on the colour line): a blurred edge is one, a stripe of the other side's
    colour inside the object is not.

    Args:
        alpha_hw: The layer's alpha at work size, 0..1.
        rgb_hw3: The picture at work size.
        front_hw3: F.
        back_hw3: B.
        free_hw: Where the layer's edge can be seen (nothing opaque above).

    Returns:
        0 or 255 per work pixel.
    """
    kernel = np.ones((3, 3), np.uint8)
    inside = (alpha_hw > 0.5).astype(np.uint8)
    border = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, kernel)
    if not border.any():
        return np.zeros(alpha_hw.shape, np.uint8)
    shown, trust = project(rgb_hw3, front_hw3, back_hw3)
    band = cv2.dilate(border, kernel, iterations=NEAR - 1)
    passable = ((shown > 0.04) & (shown < 0.96) & (trust > 0.5)).astype(np.uint8)
    for _ in range(REACH - NEAR):
        band |= cv2.dilate(band, kernel) & passable
    return np.where(free_hw, cv2.dilate(band, kernel) * np.uint8(255), 0).astype(np.uint8)
