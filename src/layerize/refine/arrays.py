"""Names for the arrays of refine and casts that cost nothing when the type is right already."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

U8: TypeAlias = npt.NDArray[np.uint8]
F32: TypeAlias = npt.NDArray[np.float32]
I32: TypeAlias = npt.NDArray[np.int32]
Mask: TypeAlias = npt.NDArray[np.bool_]


def f32(array: npt.ArrayLike) -> F32:
    """As float32, copied only if it has another type."""
    return np.asarray(array, np.float32)


def i32(array: npt.ArrayLike) -> I32:
    """As int32, copied only if it has another type."""
    return np.asarray(array, np.int32)


def u8(array: npt.ArrayLike) -> U8:
    """As uint8, copied only if it has another type; values must be whole and 0..255."""
    return np.asarray(array, np.uint8)
