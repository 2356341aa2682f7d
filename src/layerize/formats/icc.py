"""Embedded colour profiles to sRGB."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

# A profile that moves no colour of the test grid by more than this is sRGB by another name: leave the pixels exact.
_SAME_LEVELS = 2
_BROKEN = "Its colour profile is damaged and was ignored."


def to_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, list[str]]:
    """Convert by the embedded profile.

    Args:
        image: Mode L, LA, RGB, RGBA or CMYK.
        profile: The ICC profile's bytes.

    Returns:
        The picture as RGBA in sRGB, and notes for the user.
    """
    alpha = image.getchannel("A") if "A" in image.getbands() else None
    colour = image.convert(image.mode[:-1]) if alpha is not None and image.mode in ("LA", "RGBA") else image
    notes: list[str] = []
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            colour.mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if colour.mode != "RGB" or not is_srgb(transform):
            converted = ImageCms.applyTransform(colour, transform)
            assert converted is not None
            colour = converted
    except (ImageCms.PyCMSError, OSError, ValueError):
        notes.append(_BROKEN)
    result = colour.convert("RGB").convert("RGBA")
    if alpha is not None:
        result.putalpha(alpha)
    return result, notes


def is_srgb(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a transform from RGB to sRGB leaves all colours where they are."""
    steps = np.linspace(0, 255, 6).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    mapped = ImageCms.applyTransform(Image.fromarray(grid), transform)
    assert mapped is not None
    return int(np.abs(np.asarray(mapped).astype(int) - grid).max()) <= _SAME_LEVELS
