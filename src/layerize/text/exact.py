"""Text over what is under it: the alpha and the colours with which both composite to the picture again.

Every pixel is solved by itself, like ``layerize.refine.exact``, which it leaves with a picture without the text.
Shape letter: ``N`` pixels.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from layerize.stack.layer import U8

Floats: TypeAlias = npt.NDArray[Any]

FAINT = 0.1  # alpha


def solve_over(picture_N4: U8, cover_N: U8, under_N4: U8) -> tuple[U8, U8]:
    """The text's pixels, and those under it, whose "over" composite is the picture.

    Args:
        picture_N4: The picture, straight RGBA.
        cover_N: How much the text covers, 0..255; a wish.
        under_N4: What should lie under it, straight RGBA.

    Returns:
        ``text_N4`` and ``under_N4``. Where the wished alpha cannot make the picture, it rises, or, where the text is
        faint, what is under it moves towards the picture; where neither can (the picture is more transparent than
        that), the text takes the whole pixel. Where the text's alpha is 0, what is under it is the picture. The
        composite is within half a level of the picture in colour (weighted by alpha) and in alpha, before rounding.
    """
    text, under = np.zeros_like(picture_N4), under_N4.copy()
    opaque = (picture_N4[:, 3] == 255) & (under_N4[:, 3] == 255)
    under[opaque] = _within_reach(picture_N4[opaque], cover_N[opaque], under_N4[opaque])
    text[opaque] = _opaque(picture_N4[opaque], cover_N[opaque], under[opaque])
    rest = ~opaque
    if rest.any():
        text[rest], under[rest] = _translucent(picture_N4[rest], cover_N[rest], under_N4[rest])
    bare = text[:, 3] == 0
    text[bare], under[bare] = 0, picture_N4[bare]
    return text, under


def _within_reach(picture_N4: U8, cover_N: U8, under_N4: U8) -> U8:
    """What is under faint text, no farther from the picture than it can make up: ``0 <= I - (1-a) P <= 255 a``."""
    alpha = cover_N.astype(np.float32)[:, None] / 255
    image = picture_N4[:, :3].astype(np.float32)
    low = np.ceil((image - 255 * alpha) / np.maximum(1 - alpha, 1e-3))
    high = np.floor(image / np.maximum(1 - alpha, 1e-3))
    moved = np.clip(under_N4[:, :3], np.minimum(low, high), np.maximum(low, high))
    faint = (alpha < FAINT) & (cover_N > 0)[:, None]
    colour = np.where(faint, np.clip(moved, 0, 255), under_N4[:, :3])
    return np.concatenate([colour, under_N4[:, 3:]], axis=1).astype(np.uint8)


def _opaque(picture_N4: U8, cover_N: U8, under_N4: U8) -> U8:
    """Alpha at least so large that the text's colour is one: ``C = P + (I - P) / a``."""
    image, ground = picture_N4[:, :3].astype(np.float32), under_N4[:, :3].astype(np.float32)
    away = image - ground
    room = np.where(away > 0, 255 - ground, ground)
    least = (np.abs(away) / np.maximum(room, 1e-3)).max(1)
    alpha = np.maximum(cover_N.astype(np.float32), np.ceil(np.minimum(least, 1) * 255))
    alpha[cover_N == 0] = 0
    colour = ground + away * (255 / np.maximum(alpha, 1))[:, None]
    return _pixels(colour, alpha)


def _translucent(picture_N4: U8, cover_N: U8, under_N4: U8) -> tuple[U8, U8]:
    """The picture's own alpha decides: ``A = a + (1 - a) A_under``; whole pixels where that has no solution."""
    total, below = picture_N4[:, 3].astype(np.float32) / 255, under_N4[:, 3].astype(np.float32) / 255
    alpha = np.rint(255 * np.clip((total - below) / np.maximum(1 - below, 1e-6), 0, 1)) / 255
    same = below >= 1
    alpha = np.where(same, cover_N / np.float32(255), alpha)
    image, ground = picture_N4[:, :3].astype(np.float32), under_N4[:, :3].astype(np.float32)
    light = total[:, None] * image - ((1 - alpha) * below)[:, None] * ground
    colour = light / np.maximum(alpha, 1e-6)[:, None]
    reached = alpha + (1 - alpha) * below
    fits = (np.abs(reached - total) <= 0.5 / 255) & (colour > -0.5).all(1) & (colour < 255.5).all(1) & (alpha > 0)
    text = np.where(fits[:, None], _pixels(colour, 255 * alpha), picture_N4)
    text[cover_N == 0] = 0
    under = np.where(fits[:, None], under_N4, 0)
    return text.astype(np.uint8), under.astype(np.uint8)


def _pixels(colour_N3: Floats, alpha_N: Floats) -> U8:
    colour = np.clip(np.rint(colour_N3), 0, 255)
    return np.concatenate([colour, np.rint(alpha_N)[:, None]], axis=1).astype(np.uint8)
