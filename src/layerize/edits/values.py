"""Words that become values: numbers, sizes, places, colours, pictures, layers."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from layerize.errors import InputError, UsageError

if TYPE_CHECKING:
    from layerize.stack import LayerStack
    from layerize.stack.gradient import Gradient
    from layerize.stack.layer import U8
    from layerize.stack.tree import Ref

RGB = tuple[int, int, int]


def number(text: str) -> float:
    """``1.5`` or ``150%`` → 1.5; ``45deg`` → 45, ``3px`` → 3.

    Raises:
        UsageError: It is no finite number.
    """
    word = text.strip()
    try:
        value = float(re.sub(r"(%|deg|°|px)$", "", word)) / (100.0 if word.endswith("%") else 1.0)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{text!r} is no number; write one like 0.5 or 50%.")
    return value


def whole(text: str) -> int:
    """A whole number.

    Raises:
        UsageError: It is none.
    """
    if not re.fullmatch(r"[+-]?\d{1,9}", text.strip()):
        raise UsageError(f"{text!r} is no whole number.")
    return int(text)


def whole_pair(text: str) -> tuple[int, int]:
    """``40,-12`` → (40, -12).

    Raises:
        UsageError: Not two whole numbers.
    """
    match = re.fullmatch(r"([+-]?\d{1,9})\s*,\s*([+-]?\d{1,9})", text.strip())
    if match is None:
        raise UsageError(f"{text!r} should be two whole numbers with a comma between, like 40,-12.")
    return int(match[1]), int(match[2])


def four_sides(text: str) -> tuple[int, int, int, int]:
    """``10,0,10,40`` → (10, 0, 10, 40); one number stands for all four, two for (left and right, top and bottom).

    Raises:
        UsageError: Not one, two or four whole numbers.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in (1, 2, 4) or not all(re.fullmatch(r"[+-]?\d{1,9}", part) for part in parts):
        raise UsageError(f"{text!r} should be LEFT,TOP,RIGHT,BOTTOM in pixels, or one number for all sides.")
    left, top, right, bottom = (parts * 4)[:4]
    return int(left), int(top), int(right), int(bottom)


def size(text: str) -> tuple[int, int]:
    """``400x300`` → (400, 300).

    Raises:
        UsageError: No size.
    """
    match = re.fullmatch(r"(\d{1,6})\s*[xX×]\s*(\d{1,6})", text.strip())
    if match is None:
        raise UsageError(f"{text!r} should be a width and a height in pixels, like 400x300.")
    return int(match[1]), int(match[2])


def open_size(text: str) -> tuple[int | None, int | None]:
    """``400x300`` → (400, 300), ``400x`` → (400, None), ``x300`` → (None, 300).

    Raises:
        UsageError: No size.
    """
    match = re.fullmatch(r"(\d{1,6})?[xX](\d{1,6})?", text.strip())
    if match is None or (match[1] is None and match[2] is None):
        raise UsageError(f"{text!r} should be a width and a height in pixels, like 400x300, 400x or x300.")
    return int(match[1]) if match[1] else None, int(match[2]) if match[2] else None


def about(text: str) -> str | tuple[float, float]:
    """``120,80`` → a point on the canvas; any other word is taken for an anchor's name, such as ``top-left``."""
    match = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)\s*,\s*([+-]?\d+(?:\.\d+)?)", text.strip())
    return (float(match[1]), float(match[2])) if match else text.strip()


def yes(text: str) -> bool:
    """``yes``, ``true``, ``on``, ``1``, ``x``, ``keep`` → True; ``no``, ``false``, ``off``, ``0``, nothing → False.

    Raises:
        UsageError: Neither.
    """
    word = text.strip().lower()
    if word in ("yes", "true", "on", "1", "x", "keep"):
        return True
    if word in ("no", "false", "off", "0", ""):
        return False
    raise UsageError(f"{text!r} is neither yes nor no.")


def picture(text: str) -> U8:
    """The pixels of a picture file, ``u8`` (H, W, 4).

    Raises:
        InputError: It is missing or cannot be read.
    """
    from layerize.formats import read_image

    return read_image(text).pixels


def colour_or_picture(text: str) -> RGB | U8:
    """A colour (0..255) or a picture's pixels, ``u8`` (H, W, 4); an existing file wins.

    Raises:
        UsageError: Neither a colour nor the name of a picture.
        InputError: The picture is missing or cannot be read.
    """
    from layerize.formats.image_write import IMAGE_EXTENSIONS
    from layerize.stack.colour import parse_colour

    path = Path(text)
    if path.is_file():
        return picture(text)
    if path.suffix.lower() in (*IMAGE_EXTENSIONS, ".gif"):
        raise InputError(f"{text}: there is no such picture; check the name.")
    return parse_colour(text)


def paint(text: str) -> RGB | Gradient | U8:
    """A colour, a gradient in CSS's words, or a picture's pixels.

    Raises:
        UsageError: None of these.
        InputError: The picture is missing or cannot be read.
    """
    from layerize.stack.gradient import is_gradient, parse_gradient

    return parse_gradient(text) if is_gradient(text) else colour_or_picture(text)


def colours(text: str) -> dict[str, str] | list[str]:
    """``red:teal,white:#ffe`` → {"red": "teal", ...}; ``navy,teal,white`` → a list.

    Raises:
        UsageError: Some are pairs and some are not.
    """
    from layerize.stack.gradient import split_outside_brackets

    parts = [split_outside_brackets(part, ":") for part in split_outside_brackets(text)]
    if all(len(part) == 1 for part in parts):
        return [part[0] for part in parts]
    if any(len(part) != 2 for part in parts):
        raise UsageError(f"{text!r} should be pairs like red:teal,white:#ffe, or a list like navy,teal,white.")
    return {part[0]: part[1] for part in parts}


def curve_points(text: str) -> list[tuple[float, float]]:
    """``0:0,128:160,255:255`` → points.

    Raises:
        UsageError: Not such a list.
    """
    pattern = re.compile(r"\s*(\d+(?:\.\d+)?)\s*:\s*(\d+(?:\.\d+)?)\s*")
    matches = [pattern.fullmatch(part) for part in text.split(",")]
    points = [(float(match[1]), float(match[2])) for match in matches if match is not None]
    if len(points) < len(matches):
        raise UsageError(f"{text!r} should be OLD:NEW pairs of tones in 0..255, like 0:0,128:160,255:255.")
    return points


def layers(stack: LayerStack, text: str) -> list[Ref]:
    """``Text+Logo`` → both; ``2..5`` → all siblings from 2 to 5. A name that holds a "+" or ".." may stand alone.

    Raises:
        EditError: One does not exist, or a range's ends lie in different groups.
    """
    from layerize.errors import EditError
    from layerize.stack.tree import siblings_of_all

    try:
        return [stack.find(text).id]
    except EditError:
        if "+" not in text and ".." not in text:
            raise
    found: list[Ref] = []
    for part in (part.strip() for part in text.split("+")):
        first, dots, last = part.partition("..")
        if not dots:
            found.append(stack.find(part).id)
            continue
        ends = list(dict.fromkeys([stack.find(first).id, stack.find(last).id]))
        members, places = siblings_of_all(stack, ends)
        found += [member.id for member in members[places[0] : places[-1] + 1]]
    return found
