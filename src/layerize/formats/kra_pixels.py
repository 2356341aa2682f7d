"""Krita's colour spaces: raw tile pixels to straight 8-bit sRGB."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from layerize.formats.icc import to_srgb
from layerize.formats.loss import report
from layerize.stack.convert import to_u8
from layerize.stack.layer import U8


class Space(NamedTuple):
    """How a pixel is stored: its numbers, which of them are the colours in order, and what the colours are."""

    dtype: str
    order: tuple[int, ...]
    model: str  # "RGB", "L", "CMYK", "LAB"

    @property
    def bytes_per_pixel(self) -> int:
        """Colours and alpha."""
        return (len(self.order) + 1) * np.dtype(self.dtype).itemsize


SPACES: dict[str, Space] = {
    "RGBA": Space("u1", (2, 1, 0), "RGB"),
    "RGBA16": Space("<u2", (2, 1, 0), "RGB"),
    "RGBAF16": Space("<f2", (0, 1, 2), "RGB"),
    "RGBAF32": Space("<f4", (0, 1, 2), "RGB"),
    "GRAYA": Space("u1", (0,), "L"),
    "GRAYA16": Space("<u2", (0,), "L"),
    "GRAYAU16": Space("<u2", (0,), "L"),
    "GRAYAF16": Space("<f2", (0,), "L"),
    "GRAYAF32": Space("<f4", (0,), "L"),
    "CMYK": Space("u1", (0, 1, 2, 3), "CMYK"),
    "CMYKA16": Space("<u2", (0, 1, 2, 3), "CMYK"),
    "CMYKAU16": Space("<u2", (0, 1, 2, 3), "CMYK"),
    "LABA": Space("<u2", (0, 1, 2), "LAB"),
}


def to_rgba(raw: npt.NDArray[np.uint8], space: Space, profile: bytes | None, label: str, layer: str) -> U8:
    """Raw pixels (H, W, bytes per pixel) as ``u8`` (H, W, 4).

    Args:
        raw: As the tiles hold them.
        space: Their colour space.
        profile: The layer's ICC profile; floats are taken for linear light instead.
        label: The file's name, for messages.
        layer: The layer's name, for messages.
    """
    values: npt.NDArray[Any] = np.ascontiguousarray(raw).view(space.dtype)
    alpha = _u8(values[..., -1], linear=False)
    linear = space.dtype in ("<f2", "<f4")
    if space.dtype != "u1":
        report(label, "16-bit" if "2" in space.dtype else "32-bit", layer, "its pixels were rounded to 8 bits")
    planes = [_u8(values[..., index], linear=linear) for index in space.order]
    if space.model == "RGB" and (profile is None or linear):
        return np.dstack([*planes, alpha])
    if space.model == "LAB":
        return np.dstack([_from_lab(planes), alpha])
    if space.model == "CMYK" or profile is None or linear:
        picture = _merged(space.model, planes)
    else:
        picture = Image.fromarray(np.dstack(planes) if len(planes) > 1 else planes[0])
    if profile is not None and not linear:
        converted, notes = to_srgb(picture, profile)
        if notes:
            report(label, "colour-profile", layer, notes[0].rstrip("."))
    else:
        converted = picture.convert("RGB")
    if space.model == "CMYK":
        report(label, "cmyk", layer, "its inks were converted to sRGB")
    return np.dstack([np.asarray(converted)[..., :3], alpha])


def _u8(values: npt.NDArray[Any], *, linear: bool) -> U8:
    if values.dtype == np.uint8:
        return np.asarray(values, np.uint8)
    if values.dtype.kind == "u":
        return np.asarray((values.astype(np.uint32) + 128) // 257, np.uint8)
    clipped = np.clip(np.nan_to_num(values.astype(np.float32)), 0, 1)
    if linear:
        clipped = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return to_u8(clipped)


def _merged(mode: str, planes: list[U8]) -> Image.Image:
    return Image.merge(mode, [Image.fromarray(np.ascontiguousarray(plane)) for plane in planes])


def _from_lab(planes: list[U8]) -> U8:
    from PIL import ImageCms

    rgb = ImageCms.profileToProfile(
        _merged("LAB", planes), ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert rgb is not None
    return np.asarray(rgb)
