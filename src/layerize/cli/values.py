"""Words of a command line that become values: numbers, sizes, colours, pictures."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from layerize.cli.inputs import PICTURES
from layerize.errors import UsageError

if TYPE_CHECKING:
    from layerize.stack.layer import U8

RGB = tuple[int, int, int]


def colour_or_picture(text: str, option: str) -> RGB | U8:
    """A colour (0..255) or a picture's pixels, ``u8`` (H, W, 4); an existing file wins.

    Raises:
        UsageError: Neither a colour nor an existing file.
        InputError: The picture cannot be read.
    """
    from layerize.formats import read_image
    from layerize.stack.colour import parse_colour

    path = Path(text)
    if path.is_file():
        return read_image(path).pixels
    if path.suffix.lower() in PICTURES:
        raise UsageError(f"{option} {text}: there is no such picture; check the name.")
    return parse_colour(text)


def number(text: str, option: str) -> float:
    """``1.5`` or ``150%`` → 1.5.

    Raises:
        UsageError: It is no finite number.
    """
    try:
        value = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{option}: {text!r} is no number; write one like 0.5 or 50%.")
    return value


def whole(text: str, option: str) -> int:
    """A whole number.

    Raises:
        UsageError: It is none.
    """
    if not re.fullmatch(r"[+-]?\d{1,9}", text):
        raise UsageError(f"{option}: {text!r} is no whole number.")
    return int(text)


def whole_pair(text: str, option: str) -> tuple[int, int]:
    """``40,-12`` → (40, -12).

    Raises:
        UsageError: Not two whole numbers.
    """
    match = re.fullmatch(r"([+-]?\d{1,9}),([+-]?\d{1,9})", text)
    if match is None:
        raise UsageError(f"{option}: {text!r} should be two whole numbers with a comma between, like 40,-12.")
    return int(match[1]), int(match[2])


def size(text: str, option: str) -> tuple[int, int]:
    """``400x300`` → (400, 300), both above 0.

    Raises:
        UsageError: No size.
    """
    match = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", text)
    if match is None or not (int(match[1]) and int(match[2])):
        raise UsageError(f"{option}: {text!r} should be a width and a height in pixels, like 400x300.")
    return int(match[1]), int(match[2])
