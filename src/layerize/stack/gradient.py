"""Gradients as CSS writes them: ``linear-gradient(45deg, #102040, teal 60%)``, ``radial-gradient(white, navy)``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from layerize.errors import EditError, UsageError
from layerize.stack.colour import Rgb, parse_colour
from layerize.stack.convert import to_u8
from layerize.stack.layer import U8

# So many that no 8-bit level is missed by rounding to one of them.
STEPS = 2**18
_DIRECTIONS = {
    "to top": 0.0,
    "to top right": 45.0,
    "to right": 90.0,
    "to bottom right": 135.0,
    "to bottom": 180.0,
    "to bottom left": 225.0,
    "to left": 270.0,
    "to top left": 315.0,
}
_FORM = re.compile(r"(linear|radial)(?:-gradient)?\s*\((.*)\)", re.DOTALL | re.IGNORECASE)
_HELP = "write linear-gradient(45deg, #102040, teal) or radial-gradient(white, navy 80%)"


@dataclass(frozen=True, kw_only=True)
class Gradient:
    """Colours along a line or outwards from the middle.

    Attributes:
        kind: "linear" or "radial" (from the middle to the corners, an ellipse of the canvas's shape).
        stops: (place in 0..1, colour), places ascending; at least two.
        angle: Of a linear gradient, in degrees: 0 upwards, 90 to the right (as in CSS).
    """

    kind: Literal["linear", "radial"]
    stops: tuple[tuple[float, Rgb], ...]
    angle: float = 180.0

    def __post_init__(self) -> None:
        places = [place for place, _ in self.stops]
        if len(places) < 2 or places != sorted(places) or not all(0 <= place <= 1 for place in places):
            raise EditError(f"a gradient needs two or more colours at ascending places in 0..1; {places} was given.")
        if not math.isfinite(self.angle):
            raise EditError(f"a gradient cannot have the angle {self.angle}; give degrees.")


def is_gradient(text: str) -> bool:
    """Whether a text is meant as a gradient."""
    return _FORM.fullmatch(text.strip()) is not None


def parse_gradient(text: str) -> Gradient:
    """A gradient in CSS's words; stops without a place are spread evenly.

    Raises:
        UsageError: It cannot be read as one.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no gradient; {_HELP}.")
    parts = split_outside_brackets(match[2])
    angle = _angle(parts[0]) if match[1].lower() == "linear" and parts else None
    colours = parts if angle is None else parts[1:]
    if len(colours) < 2:
        raise UsageError(f"{text!r} has fewer than two colours; {_HELP}.")
    stops = [_stop(part, text) for part in colours]
    places = _spread([place for place, _ in stops])
    return Gradient(
        kind="linear" if match[1].lower() == "linear" else "radial",
        stops=tuple((place, colour) for place, (_, colour) in zip(places, stops, strict=True)),
        angle=180.0 if angle is None else angle,
    )


def draw_gradient(gradient: Gradient, size: tuple[int, int]) -> U8:
    """An opaque picture of ``size`` = (width, height): ``u8`` (H, W, 4); colours mix in sRGB, as in CSS."""
    width, height = size
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2)[None, :]
    y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2)[:, None]
    if gradient.kind == "radial":
        along = np.hypot(x / (width / 2), y / (height / 2)) / np.float32(math.sqrt(2))
    else:
        right, down = math.sin(math.radians(gradient.angle)), -math.cos(math.radians(gradient.angle))
        length = abs(width * right) + abs(height * down)  # corner to corner (CSS Images Level 3, section 3.1)
        along = (x * np.float32(right) + y * np.float32(down)) / np.float32(length) + np.float32(0.5)
    places = [place for place, _ in gradient.stops]
    steps = np.linspace(0, 1, STEPS)
    columns = [np.interp(steps, places, [colour[k] / 255 for _, colour in gradient.stops]) for k in range(3)]
    table = to_u8(np.stack([*columns, np.ones(STEPS)], axis=1))
    picture: U8 = table[np.rint(np.clip(along, 0, 1) * np.float32(STEPS - 1)).astype(np.int32)]
    return picture


def split_outside_brackets(text: str, separator: str = ",") -> list[str]:
    """``"red, rgb(1, 2, 3)"`` → ["red", "rgb(1, 2, 3)"]; empty parts are left out."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def _angle(word: str) -> float | None:
    word = " ".join(word.lower().split())
    if word in _DIRECTIONS:
        return _DIRECTIONS[word]
    match = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)(?:deg)?", word)
    return float(match[1]) if match else None


def _stop(part: str, text: str) -> tuple[float | None, Rgb]:
    match = re.fullmatch(r"(.*?)\s+(\d+(?:\.\d+)?)%", part)
    try:
        if match is None:
            return None, parse_colour(part)
        place = float(match[2]) / 100
        if place > 1:
            raise UsageError(f"the place {match[2]}% is beyond 100%")
        return place, parse_colour(match[1])
    except UsageError as error:
        raise UsageError(f"{text!r}: {str(error).rstrip('.')}; {_HELP}.") from error


def _spread(places: list[float | None]) -> list[float]:
    """Unknown places put evenly between the known ones; a place before an earlier one moves up to it (CSS)."""
    places = [0.0 if places[0] is None else places[0], *places[1:]]
    places[-1] = 1.0 if places[-1] is None else places[-1]
    known = [i for i, place in enumerate(places) if place is not None]
    spread = np.interp(np.arange(len(places)), known, [places[i] or 0.0 for i in known])
    return [float(place) for place in np.maximum.accumulate(spread)]
