"""Synthetic pictures and what an attribute makes of them, to learn the attribute's direction in latents.

Every attribute is a one-parameter group on straight RGBA: amounts add up, 0 changes nothing.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from layerize.stack.convert import F32

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def drawn(rng: np.random.Generator, side: int, *, opaque: bool) -> F32:
    """A picture (side, side, 4) in 0..1: shapes of flat colours and gradients with fine texture; alpha of its own."""
    colours = rng.uniform(0.02, 0.98, (5, 3)).astype(np.float32)
    picture = _smooth(rng, side, 2, 3) * 0.5 + colours[0] * 0.5
    for colour in colours[1:]:
        cover = np.clip((_smooth(rng, side, int(rng.integers(2, 9)), 1) - rng.uniform(0.35, 0.75)) * 30, 0, 1)
        picture = picture + cover * (colour - picture)
    picture = picture + rng.normal(0, rng.uniform(0, 0.06), (side, side, 1))
    alpha = np.ones((side, side, 1), np.float32)
    if not opaque:
        alpha = np.clip((_smooth(rng, side, 4, 1) - 0.4) * rng.choice([2, 40]), 0, 1) * rng.uniform(0.3, 1)
    result: F32 = np.concatenate([np.clip(picture, 0, 1), alpha], axis=2).astype(np.float32)
    return result


def brightness(rgba: F32, amount: float) -> F32:
    """Added to all three colours, -1 (black) to 1 (white)."""
    return _with_rgb(rgba, (rgba[..., :3] + amount).astype(np.float32))


def saturation(rgba: F32, amount: float) -> F32:
    """The distance from grey, times e to the ``amount``."""
    grey: F32 = (rgba[..., :3] @ LUMA)[..., None]
    return _with_rgb(rgba, (grey + math.exp(amount) * (rgba[..., :3] - grey)).astype(np.float32))


def hue(rgba: F32, amount: float) -> F32:
    """Colours turned about the axis of greys by ``amount`` turns (Rodrigues' formula)."""
    angle = 2 * math.pi * amount
    axis = np.full(3, 1 / math.sqrt(3))
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turn = np.eye(3) * math.cos(angle) + math.sin(angle) * cross + (1 - math.cos(angle)) * np.outer(axis, axis)
    turned: F32 = rgba[..., :3] @ turn.T.astype(np.float32)
    return _with_rgb(rgba, turned)


def opacity(rgba: F32, amount: float) -> F32:
    """Alpha times e to the ``amount``."""
    alpha = np.clip(rgba[..., 3:] * np.float32(math.exp(amount)), 0, 1)
    return np.concatenate([rgba[..., :3], alpha], axis=2)


def _with_rgb(rgba: F32, rgb: F32) -> F32:
    return np.concatenate([np.clip(rgb, 0, 1), rgba[..., 3:]], axis=2).astype(np.float32)


def _smooth(rng: np.random.Generator, side: int, cells: int, channels: int) -> F32:
    """Smooth noise in 0..1 with features of ``side / cells`` pixels, (side, side, channels)."""
    coarse = rng.uniform(0, 1, (cells + 1, cells + 1, channels)).astype(np.float32)
    fine = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine, np.float32).reshape(side, side, channels)
