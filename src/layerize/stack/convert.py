"""Between ``u8`` 0..255 and float 0..1, and between straight and premultiplied alpha.

``to_u8`` is the one place in the project where a picture is rounded to eight bits.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from layerize.stack.layer import U8

F32: TypeAlias = npt.NDArray[np.float32]


def to_u8(values: npt.NDArray[Any]) -> U8:
    """Float 0..1 to ``u8`` 0..255: rounded to the nearest level, values outside 0..1 clipped.

    Args:
        values: Any shape, any float dtype.
    """
    levels = np.asarray(np.multiply(values, 255.0, dtype=np.result_type(values, np.float32)))
    np.rint(levels, out=levels)
    np.clip(levels, 0.0, 255.0, out=levels)
    result: U8 = levels.astype(np.uint8)
    return result


def to_float(pixels: U8) -> F32:
    """``u8`` 0..255 to float32 0..1; ``to_u8(to_float(x)) == x``."""
    return np.multiply(pixels, np.float32(1 / 255), dtype=np.float32)


def premultiply(rgba: F32) -> F32:
    """Straight (H, W, 4) in 0..1 to premultiplied."""
    result = rgba.copy()
    result[..., :3] *= rgba[..., 3:]
    return result


def unpremultiply(rgba: F32) -> F32:
    """Premultiplied (H, W, 4) in 0..1 to straight; colour is 0 where alpha is 0."""
    result = np.zeros_like(rgba)
    alpha = rgba[..., 3:]
    np.divide(rgba[..., :3], alpha, out=result[..., :3], where=alpha > 0)
    result[..., 3:] = alpha
    return result
