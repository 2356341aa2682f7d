"""XCF pixels: precisions and colour types to straight 8-bit sRGB."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from layerize.stack.convert import to_u8
from layerize.stack.layer import U8


class Precision(NamedTuple):
    """How one number of a pixel is stored."""

    dtype: str
    linear: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return np.dtype(self.dtype).itemsize


EIGHT = Precision("u1", False)
_VERSION_4 = {0: EIGHT, 1: Precision("u2", False), 2: Precision("u4", True), 3: Precision("f2", True)}
_VERSION_4[4] = Precision("f4", True)
_FLOATS_5 = {400: "f2", 500: "f4"}
_FLOATS_7 = {500: "f2", 600: "f4", 700: "f8"}
_WHOLE = {100: "u1", 200: "u2", 300: "u4"}


def precision_of(version: int, code: int) -> Precision | None:
    """The precision that the header names, None if it is unknown."""
    if version < 4:
        return EIGHT
    if version == 4:
        return _VERSION_4.get(code)
    names = {**_WHOLE, **(_FLOATS_5 if version < 7 else _FLOATS_7)}
    dtype = names.get(code // 100 * 100)
    return None if dtype is None or code % 100 not in (0, 50, 75) else Precision(dtype, code % 100 == 0)


def numbers(raw: npt.NDArray[np.uint8], precision: Precision, version: int) -> npt.NDArray[Any]:
    """Raw pixels (H, W, bytes) as numbers (H, W, channels); before version 12 in the order of the machine, a PC."""
    dtype = np.dtype(precision.dtype)
    dtype = dtype.newbyteorder("<") if version < 12 else dtype.newbyteorder(">")
    return np.ascontiguousarray(raw).view(dtype)


def to_levels(values: npt.NDArray[Any], *, linear: bool) -> U8:
    """Stored numbers as ``u8``; linear light is given sRGB's curve."""
    if values.dtype == np.uint8 and not linear:
        return np.asarray(values, np.uint8)
    if values.dtype.kind == "u":
        scaled = values.astype(np.float64) / np.iinfo(values.dtype).max
    else:
        scaled = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    scaled = np.clip(scaled, 0, 1)
    if linear:
        scaled = np.where(scaled <= 0.0031308, scaled * 12.92, 1.055 * scaled ** (1 / 2.4) - 0.055)
    return to_u8(scaled.astype(np.float32))


def to_rgba(values: npt.NDArray[Any], kind: int, precision: Precision, palette: U8) -> U8:
    """A layer's numbers as straight ``u8`` (H, W, 4).

    Args:
        values: (H, W, channels).
        kind: The layer's type: 0 RGB, 2 grey, 4 indexed; odd numbers have alpha as well.
        precision: Of the numbers.
        palette: (256, 3) for indexed layers.
    """
    colour = values[..., :-1] if kind % 2 else values
    if kind in (4, 5):
        rgb = palette[np.asarray(colour[..., 0], np.uint8)]
    else:
        levels = to_levels(colour, linear=precision.linear)
        rgb = levels if kind in (0, 1) else np.repeat(levels, 3, axis=2)
    if kind % 2:
        alpha = to_levels(values[..., -1:], linear=False)
    else:
        alpha = np.full((*rgb.shape[:2], 1), 255, np.uint8)
    return np.concatenate([rgb, alpha], axis=2)
