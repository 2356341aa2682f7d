"""Colours: parsing, and Oklab (Björn Ottosson, "A perceptual color space for image processing", 2020)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from layerize.errors import UsageError
from layerize.stack.convert import F32

Rgb: TypeAlias = tuple[int, int, int]
Colour: TypeAlias = str | Rgb
"""``"#d0332b"``, ``"rgb(208, 51, 43)"``, ``"hsl(...)"``, a CSS name, or (r, g, b) in 0..255."""

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_FROM_LAB, _FROM_LMS = np.linalg.inv(_TO_LAB), np.linalg.inv(_TO_LMS)

# In linear light; below what one 8-bit level is at the dark end (1 / 12.92 / 255).
_GAMUT_SLACK = 2e-4


def parse_colour(value: Colour) -> Rgb:
    """An RGB colour in 0..255.

    Raises:
        UsageError: Not a colour.
    """
    try:
        colour = ImageColor.getrgb(value) if isinstance(value, str) else tuple(value)
        if len(colour) not in (3, 4) or any(int(part) != part or not 0 <= part <= 255 for part in colour):
            raise ValueError
    except (ValueError, TypeError) as error:
        raise UsageError(f"{value!r} is not a colour; write #rrggbb, a CSS name like 'teal', or r,g,b.") from error
    return int(colour[0]), int(colour[1]), int(colour[2])


def to_oklab(rgb: F32) -> F32:
    """sRGB (..., 3) in 0..1 to Oklab: lightness 0..1, a, b."""
    rgb = np.asarray(rgb, np.float32)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T, np.float32)


def from_oklab(lab: F32) -> F32:
    """Oklab (..., 3) to sRGB 0..1, clipped to the gamut."""
    linear = np.clip(_linear(lab), 0, 1)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(rgb, np.float32)


def fit_gamut(lab: F32) -> F32:
    """Oklab colours (..., 3) with those that sRGB cannot show made less saturated, at the same lightness and hue."""
    fitted = np.array(lab, np.float32)
    fitted[..., 0] = np.clip(lab[..., 0], 0, 1)
    outside = ~_in_gamut(fitted)
    wild = fitted[outside]
    low, high = np.zeros(len(wild), np.float32), np.ones(len(wild), np.float32)
    for _ in range(10 if len(wild) else 0):  # to a thousandth of the chroma
        middle = (low + high) / 2
        good = _in_gamut(wild * np.stack([np.ones_like(middle), middle, middle], axis=1))
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    wild[:, 1:] *= low[:, None]
    fitted[outside] = wild
    return fitted


def _linear(lab: F32) -> F32:
    """Oklab to linear sRGB, which lies outside 0..1 for colours beyond the gamut."""
    roots = np.asarray(lab, np.float32) @ _FROM_LAB.T
    return np.asarray((roots * roots * roots) @ _FROM_LMS.T, np.float32)


def _in_gamut(lab: F32) -> npt.NDArray[np.bool_]:
    linear = _linear(lab)
    inside = (linear > -_GAMUT_SLACK) & (linear < 1 + _GAMUT_SLACK)
    return np.asarray(inside.all(axis=-1), np.bool_)
