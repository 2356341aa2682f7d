"""Words of a command line that become values: colours, pictures, pairs of numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from layerize.cli.inputs import PICTURES
from layerize.errors import UsageError

if TYPE_CHECKING:
    from layerize.stack.layer import U8

RGBA = tuple[int, int, int, int]


def colour(text: str) -> RGBA | None:
    """``#f60``, ``#ff660080``, ``rgb(255, 102, 0)`` or a CSS name → RGBA in 0..255; None if it is no colour."""
    from PIL import ImageColor

    try:
        red, green, blue, *alpha = ImageColor.getrgb(text)
    except ValueError:
        return None
    return red, green, blue, alpha[0] if alpha else 255


def must_be_colour(text: str, option: str) -> RGBA:
    """As :func:`colour`.

    Raises:
        UsageError: It is no colour.
    """
    value = colour(text)
    if value is None:
        raise UsageError(f"{option} {text!r} is no colour; write a name like orange, or #ff6600.")
    return value


def background(text: str, size: tuple[int, int], option: str = "--background") -> RGBA | U8:
    """A colour, or a picture scaled to cover the canvas and cut at the middle.

    Args:
        text: A picture's path or a colour; an existing file wins.
        size: (width, height) of the canvas.
        option: For the message.

    Returns:
        RGBA in 0..255, or ``u8`` (H, W, 4) of the canvas size.

    Raises:
        UsageError: Neither a colour nor an existing picture.
        InputError: The picture cannot be read.
    """
    path = Path(text)
    if not path.is_file():
        value = colour(text)
        if value is None:
            looks_like = "no such picture" if path.suffix.lower() in PICTURES else "no picture's path and no colour"
            raise UsageError(f"{option} {text}: {looks_like}; give a file, a name like orange, or #ff6600.")
        return value
    import numpy as np
    from PIL import Image, ImageOps

    from layerize.formats import read_image

    picture = Image.fromarray(read_image(path).pixels)
    return np.asarray(ImageOps.fit(picture, size, Image.Resampling.LANCZOS), np.uint8)


def pair(text: str, option: str) -> tuple[float, float]:
    """``40,-12`` → (40.0, -12.0).

    Raises:
        UsageError: Not two numbers.
    """
    match = re.fullmatch(r"\s*([^,x]+)[,x]([^,x]+)\s*", text)
    try:
        if match is None:
            raise ValueError(text)
        return float(match[1]), float(match[2])
    except ValueError:
        raise UsageError(f"{option} {text!r}: give two numbers with a comma between, like 40,-12.") from None


def number(text: str, option: str) -> float:
    """A finite number.

    Raises:
        UsageError: It is none.
    """
    try:
        value = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no number.") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise UsageError(f"{option} {text!r} is no finite number.")
    return value
