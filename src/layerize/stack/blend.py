"""The sixteen blend modes of W3C Compositing and Blending Level 1, sections 9.1 and 9.2; PSD has the same.

Every function takes backdrop ``b`` and source ``s``, float32 of shape (3, H, W) in 0..1, straight colours, and returns
the blended colour of the same shape. Alpha is not their business: see ``composite.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from layerize.stack.convert import F32
from layerize.stack.layer import BlendMode

Blend: TypeAlias = Callable[[F32, F32], F32]

# Far below half a level (1/510): what is nearer to a limit is on it, so that float noise cannot flip a discontinuity.
NOISE = np.float32(1e-5)


def normal(b: F32, s: F32) -> F32:
    return s


def multiply(b: F32, s: F32) -> F32:
    return b * s


def screen(b: F32, s: F32) -> F32:
    return b + s - b * s


def overlay(b: F32, s: F32) -> F32:
    return hard_light(s, b)


def darken(b: F32, s: F32) -> F32:
    return np.minimum(b, s)


def lighten(b: F32, s: F32) -> F32:
    return np.maximum(b, s)


def color_dodge(b: F32, s: F32) -> F32:
    dodged = np.minimum(1, b / np.maximum(1 - s, NOISE))
    return np.where(b <= NOISE, np.float32(0), dodged)


def color_burn(b: F32, s: F32) -> F32:
    burnt = 1 - np.minimum(1, (1 - b) / np.maximum(s, NOISE))
    return np.where(b >= 1 - NOISE, np.float32(1), burnt)


def hard_light(b: F32, s: F32) -> F32:
    return np.where(s <= 0.5, multiply(b, 2 * s), screen(b, 2 * s - 1))


def soft_light(b: F32, s: F32) -> F32:
    curve = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(b))
    blended: F32 = np.where(s <= 0.5, b - (1 - 2 * s) * b * (1 - b), b + (2 * s - 1) * (curve - b))
    return blended


def difference(b: F32, s: F32) -> F32:
    distance: F32 = np.abs(b - s)
    return distance


def exclusion(b: F32, s: F32) -> F32:
    return b + s - 2 * b * s


def hue(b: F32, s: F32) -> F32:
    return _set_lum(_set_sat(s, _sat(b)), _lum(b))


def saturation(b: F32, s: F32) -> F32:
    return _set_lum(_set_sat(b, _sat(s)), _lum(b))


def color(b: F32, s: F32) -> F32:
    return _set_lum(s, _lum(b))


def luminosity(b: F32, s: F32) -> F32:
    return _set_lum(b, _lum(s))


def _lum(c: F32) -> F32:
    lum: F32 = np.float32(0.3) * c[0] + np.float32(0.59) * c[1] + np.float32(0.11) * c[2]
    return lum


def _sat(c: F32) -> F32:
    spread: F32 = c.max(axis=0) - c.min(axis=0)
    return spread


def _set_sat(c: F32, sat: F32) -> F32:
    """``SetSat``: the middle channel keeps its relative place, which is one linear map; greys become black."""
    low = c.min(axis=0)
    spread = c.max(axis=0) - low
    scale = np.where(spread > NOISE, sat / np.maximum(spread, NOISE), np.float32(0))
    rescaled: F32 = (c - low) * scale
    return rescaled


def _set_lum(c: F32, lum: F32) -> F32:
    """``SetLum`` followed by ``ClipColor``: shift to the luminosity, then pull out-of-range colours towards it."""
    c = c + (lum - _lum(c))
    low, high = c.min(axis=0), c.max(axis=0)
    c = np.where(low < 0, lum + (c - lum) * (lum / np.maximum(lum - low, NOISE)), c)
    c = np.where(high > 1, lum + (c - lum) * ((1 - lum) / np.maximum(high - lum, NOISE)), c)
    return np.clip(c, 0, 1)


BLEND: dict[BlendMode, Blend] = {
    "normal": normal,
    "multiply": multiply,
    "screen": screen,
    "overlay": overlay,
    "darken": darken,
    "lighten": lighten,
    "color-dodge": color_dodge,
    "color-burn": color_burn,
    "hard-light": hard_light,
    "soft-light": soft_light,
    "difference": difference,
    "exclusion": exclusion,
    "hue": hue,
    "saturation": saturation,
    "color": color,
    "luminosity": luminosity,
}
