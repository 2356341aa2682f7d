"""From a Photoshop document's channels to 8-bit sRGB: depths, colour modes, palettes, colour profiles.

Knows channels, not layers. Planes are ``u8`` (H, W) in the document's colour mode, as stored: CMYK with 255 for no ink,
Lab with 128 for a = 0.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms
from psd_tools import PSDImage
from psd_tools.constants import ColorMode, Resource

from layerize.data.readers.notes import Notes
from layerize.formats.icc import is_srgb
from layerize.stack.convert import F32, to_u8
from layerize.stack.layer import U8

_MODE_FLAGS = {
    ColorMode.BITMAP: "bitmap",
    ColorMode.GRAYSCALE: "grey",
    ColorMode.INDEXED: "indexed",
    ColorMode.CMYK: "cmyk",
    ColorMode.MULTICHANNEL: "multichannel",
    ColorMode.DUOTONE: "duotone",
    ColorMode.LAB: "lab",
}
_DEPTH_FLAGS = {16: "16-bit", 32: "32-bit"}
# What Pillow calls the colour part of a mode; for the others a profile means nothing.
_PROFILED = {ColorMode.RGB: "RGB", ColorMode.GRAYSCALE: "L", ColorMode.CMYK: "CMYK"}
_COLOURS = {ColorMode.RGB: 3, ColorMode.LAB: 3, ColorMode.CMYK: 4}


class Colours:
    """The colour conversion of one document."""

    def __init__(self, document: PSDImage, notes: Notes) -> None:
        self.mode, self.depth = document.color_mode, document.depth
        self.count = _COLOURS.get(self.mode, min(document.channels, 4) if self.mode == ColorMode.MULTICHANNEL else 1)
        for kind in (_MODE_FLAGS.get(self.mode), _DEPTH_FLAGS.get(self.depth)):
            if kind:
                notes.add(kind)
        self._palette = _palette(document) if self.mode == ColorMode.INDEXED else None
        self._transform = self._profile(document, notes)

    @property
    def converts(self) -> bool:
        """Whether a colour profile changes the colours."""
        return self._transform is not None

    def plane(self, data: bytes, width: int, height: int, *, colour: bool = True) -> U8:
        """One channel's bytes as a plane; short data is padded with zeros.

        Args:
            data: Decompressed, big-endian, rows padded to whole bytes.
            width: In pixels.
            height: In pixels.
            colour: Whether it is a colour (in 32 bit linear light), not a mask or an alpha.
        """
        row = (width * self.depth + 7) // 8
        if len(data) < row * height:
            data = data + bytes(row * height - len(data))
        raw = np.frombuffer(data, np.uint8, row * height)
        if self.depth == 8:
            return raw.reshape(height, width)
        if self.depth == 1:
            return np.asarray((1 - np.unpackbits(raw.reshape(height, row), axis=1, count=width)) * 255, np.uint8)
        if self.depth == 16:
            wide = raw.view(">u2").astype(np.uint32).reshape(height, width)
            return np.asarray((wide + 128) // 257, np.uint8)
        return self.rounded(raw.view(">f4").astype(np.float32).reshape(height, width), colour=colour)

    def rounded(self, values: F32, *, colour: bool = True) -> U8:
        """Float values 0..1 of the document to ``u8``; what is not finite becomes 0."""
        values = np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0)
        if self.depth == 32 and colour:
            linear = np.clip(values, 0, 1)
            values = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
        return to_u8(values)

    def rgba(self, planes: Sequence[U8], alpha: U8 | None) -> U8:
        """Colour planes and alpha (None: opaque) as straight sRGB ``u8`` (H, W, 4); missing planes are black."""
        count = 3 if self._palette is not None and len(planes) >= 3 else self.count  # drawn pictures have no indices
        missing = np.zeros(planes[0].shape, np.uint8)
        red, green, blue = self._rgb([*planes[:count], *[missing] * (count - len(planes))])
        opacity = np.full(red.shape, 255, np.uint8) if alpha is None else alpha
        return np.asarray(cv2.merge([red, green, blue, opacity]), np.uint8)

    def _rgb(self, planes: list[U8]) -> Sequence[U8]:
        if self._palette is not None and len(planes) == 1:
            return [self._palette[planes[0], channel] for channel in range(3)]
        if self.mode == ColorMode.LAB:
            return _from_lab(planes)
        if self._transform is not None:
            return self._by_profile(planes, self._transform)
        if len(planes) == 4:
            return [_times(plane, planes[3]) for plane in planes[:3]]
        return planes if len(planes) == 3 else [planes[0]] * 3

    def _by_profile(self, planes: list[U8], transform: ImageCms.ImageCmsTransform) -> Sequence[U8]:
        inked = [255 - plane for plane in planes] if self.mode == ColorMode.CMYK else planes
        picture = Image.fromarray(np.ascontiguousarray(cv2.merge(inked) if len(inked) > 1 else inked[0]))
        if self.mode == ColorMode.CMYK:
            picture = Image.frombytes("CMYK", picture.size, picture.tobytes())
        converted = ImageCms.applyTransform(picture, transform)
        assert converted is not None
        return cv2.split(np.asarray(converted))

    def _profile(self, document: PSDImage, notes: Notes) -> ImageCms.ImageCmsTransform | None:
        """The transform from the embedded profile; None where there is none, or it is sRGB, or 32-bit linear."""
        stored = document.image_resources.get_data(Resource.ICC_PROFILE)
        mode = _PROFILED.get(self.mode)
        if not stored or mode is None or self.depth == 32:
            return None
        try:
            transform = ImageCms.buildTransform(
                ImageCms.ImageCmsProfile(io.BytesIO(stored)),
                ImageCms.createProfile("sRGB"),
                mode,
                "RGB",
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            notes.add("colour-profile", detail="damaged, or not of this colour mode; ignored")
            return None
        if mode == "RGB" and is_srgb(transform):
            return None
        notes.add("colour-profile", detail="converted to sRGB")
        return transform


def _palette(document: PSDImage) -> U8:
    """(256, 3); the file stores 256 reds, 256 greens, 256 blues."""
    stored = bytes(document._record.color_mode_data.value)[:768]
    return np.frombuffer(stored.ljust(768, b"\0"), np.uint8).reshape(3, 256).T.copy()


def _from_lab(planes: list[U8]) -> Sequence[U8]:
    lab = Image.merge("LAB", [Image.fromarray(np.ascontiguousarray(plane)) for plane in planes])
    converted = ImageCms.profileToProfile(
        lab, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert converted is not None
    return cv2.split(np.asarray(converted))


def _times(one: U8, other: U8) -> U8:
    """Product of two planes, 255 as 1, rounded to the nearest level."""
    product: Any = cv2.multiply(one, other, scale=1 / 255)
    return np.asarray(product, np.uint8)
