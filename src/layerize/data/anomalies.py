"""Two heuristics on pictures that were tampered with before they became a design: watermarks, blurred patches.

Both are guesses and say so: a watermark rejects (``--skip watermark`` lets it pass), a blurred patch is a flag only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2
import numpy as np

from layerize.stack.composite import Box, box_of
from layerize.stack.layer import U8, Layer

WATERMARK_WORDS = re.compile(
    r"watermark|water mark|shutterstock|istock|getty ?images|depositphotos|dreamstime|alamy|123rf|adobe ?stock|"
    r"do not copy|preview only|for review only|sample only|wasserzeichen",
    re.IGNORECASE,
)
FAINT = (10, 110)
"""Alpha of a watermark's pixels, 0..255."""
WIDE = 0.5
"""Share of the canvas that a watermark's box covers."""
REPEATS = 0.55
"""Correlation of the layer's alpha with itself, shifted, from which it counts as repeated."""
GRID = 24
"""A picture is cut into as many tiles a side to look for blurred ones."""
BLUR_SIDE = 960


def watermark(layers: Sequence[Layer], size: tuple[int, int]) -> str:
    """Why the stack looks watermarked, or "".

    A layer's name or text says so; or the topmost layer is a faint, repeated drawing over half of the canvas.
    """
    for layer in layers:
        text = str((layer.text or {}).get("content", ""))
        if match := WATERMARK_WORDS.search(f"{layer.name}\n{text}"):
            return f"the layer {layer.name!r} says {match[0]!r}"
    if len(layers) < 2:
        return ""
    top = layers[-1]
    box = box_of(top)
    if (box.x1 - box.x0) * (box.y1 - box.y0) < WIDE * size[0] * size[1]:
        return ""
    alpha = top.pixels[..., 3]
    inked = alpha[alpha > 0]
    if float(((inked >= FAINT[0]) & (inked <= FAINT[1])).mean()) < 0.9 or float((alpha > 0).mean()) > 0.6:
        return ""
    return f"the topmost layer {top.name!r} is faint and repeats itself" if _repeats(alpha) > REPEATS else ""


def _repeats(alpha: U8) -> float:
    """The highest correlation of a mask with itself at a shift of at least an eighth and at most half of its side."""
    side = 128
    mask = cv2.resize(np.ascontiguousarray(alpha), (side, side), interpolation=cv2.INTER_AREA).astype(np.float64)
    mask -= mask.mean()
    power = np.abs(np.fft.fft2(mask)) ** 2
    shifted = np.fft.ifft2(power).real
    shifted /= max(shifted[0, 0], 1e-9)
    distance = np.minimum(np.arange(side), side - np.arange(side))
    far = np.maximum(distance[:, None], distance[None]) >= side // 8
    return float(shifted[far].max())


def blurred_patch(composite: U8) -> Box | None:
    """A small blurred region inside a sharp picture (a face made unrecognisable, a plate): its box, or None.

    Tiles count as blurred where brightness varies but has no fine detail, though the tiles around have; a patch is 1 to
    12 percent of the picture, compact, and touches no edge (what is out of focus usually does).
    """
    scale = min(1.0, BLUR_SIDE / max(composite.shape[:2]))
    size = (max(1, round(composite.shape[1] * scale)), max(1, round(composite.shape[0] * scale)))
    if min(size) < 4 * GRID:
        return None
    grey = cv2.cvtColor(cv2.resize(composite, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGBA2GRAY)
    fine = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    coarse = grey.astype(np.float32)
    detail = cv2.resize(fine, (GRID, GRID), interpolation=cv2.INTER_AREA)
    mean = cv2.resize(coarse, (GRID, GRID), interpolation=cv2.INTER_AREA)
    spread = np.sqrt(np.maximum(cv2.resize(coarse**2, (GRID, GRID), interpolation=cv2.INTER_AREA) - mean**2, 0))
    if float((detail > 4).mean()) < 0.6:  # not a photo: drawings have flat parts everywhere
        return None
    blurred = ((detail < 1.2) & (spread > 1)).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(blurred, connectivity=4)
    for x, y, width, height, area in stats[1:]:
        inside = x > 0 and y > 0 and x + width < GRID and y + height < GRID
        if inside and 0.01 <= area / GRID**2 <= 0.12 and area > 0.6 * width * height:
            across, down = composite.shape[1] / GRID, composite.shape[0] / GRID
            return Box(int(x * across), int(y * down), int((x + width) * across), int((y + height) * down))
    return None
