"""Refine: the plan at work size, then the native tiles on a few threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from layerize.errors import InputError, LimitError
from layerize.refine.arrays import F32, U8
from layerize.refine.config import Progress, RefineConfig
from layerize.refine.native import Box, refine_tile
from layerize.refine.plan import make_plan

DEFAULT = RefineConfig()


def refine(
    image_HW4: U8, coarse_Khw4: F32, *, config: RefineConfig = DEFAULT, progress: Progress | None = None
) -> list[U8]:
    """Bring predicted layers to the picture's own size and make their composite the picture.

    Args:
        image_HW4: The picture, ``u8`` straight RGBA.
        coarse_Khw4: Predicted layers bottom to top, 0..1 straight, at any size up to the picture's; any content.
        config: Settings.
        progress: Called with the share that is done, 0..1.

    Returns:
        K layers, ``u8`` straight RGBA of the picture's size, zero where transparent. Their "over" composite differs
        from the picture by at most 1/255 at every pixel. A layer that owns nothing comes back empty.

    Raises:
        InputError: A shape or type does not fit.
        LimitError: The picture has more than ``config.max_pixels`` pixels.
    """
    check(image_HW4, coarse_Khw4, config)
    report = progress or (lambda share: None)
    coarse = np.clip(np.nan_to_num(np.asarray(coarse_Khw4, np.float32), nan=0.0), 0, 1)
    plan = make_plan(image_HW4, coarse, config)
    report(0.3)
    out = [np.zeros(image_HW4.shape, np.uint8) for _ in coarse]
    boxes = list(tiles(image_HW4.shape[0], image_HW4.shape[1], config.tile))
    with ThreadPoolExecutor(config.workers) as pool:
        jobs = pool.map(lambda box: refine_tile(image_HW4, plan, box, out), boxes)
        for done, _ in enumerate(jobs, 1):
            report(0.3 + 0.7 * done / len(boxes))
    return out


def tiles(height: int, width: int, side: int) -> Iterator[Box]:
    """Boxes (top, left, bottom, right) that cover the picture, row by row."""
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield top, left, min(height, top + side), min(width, left + side)


def check(image_HW4: U8, coarse_Khw4: F32, config: RefineConfig) -> None:
    """Refuse what cannot be refined, in one sentence."""
    if image_HW4.dtype != np.uint8 or image_HW4.ndim != 3 or image_HW4.shape[2] != 4 or not image_HW4.size:
        raise InputError(f"the picture must be uint8 (H, W, 4), got {image_HW4.dtype} {image_HW4.shape}.")
    if coarse_Khw4.ndim != 4 or coarse_Khw4.shape[3] != 4 or not coarse_Khw4.size:
        raise InputError(
            f"predicted layers must be (K, h, w, 4) with K, h and w of at least 1, got {coarse_Khw4.shape}."
        )
    height, width = image_HW4.shape[:2]
    if coarse_Khw4.shape[1] > height or coarse_Khw4.shape[2] > width:
        raise InputError(
            f"predicted layers are {coarse_Khw4.shape[2]}x{coarse_Khw4.shape[1]}, larger than the picture "
            f"({width}x{height}); give them at its size or smaller."
        )
    if height * width > config.max_pixels:
        raise LimitError(
            f"the picture has {height * width / 1e6:.1f} megapixels; the limit is {config.max_pixels / 1e6:.1f}. "
            f"Resize it or raise --max-pixels."
        )
