"""What is known of a layer's text, kept true while the layer moves, turns, grows or changes colour.

The description is a free-form JSON object; of its keys, at any depth, these are places and measures on the canvas:
``polygon`` (points), ``baseline`` (a point), ``box`` and ``ink`` (x0, y0, x1, y1), ``angle`` (degrees, clockwise),
``size``, ``line_spacing``, ``letter_spacing``, ``outline_width`` and ``advance`` (pixels); ``colours`` are "#rrggbb".
``shape`` (a hash of the upright shape) is lost by turning, ``font`` by stretching. Anything else stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from layerize.stack.colour import Rgb, parse_colour

Matrix: TypeAlias = npt.NDArray[np.float64]
"""(2, 3): canvas point (x, y, 1) → new canvas point."""

LENGTHS = ("size", "line_spacing", "letter_spacing", "outline_width", "advance")
STRETCH = 0.04
"""Sides whose factors differ by more than this distort letters: they are no longer those of their typeface."""


def scaling(factors: tuple[float, float], shift: tuple[float, float]) -> Matrix:
    """x → factor x + shift, per axis."""
    return np.array([[factors[0], 0, shift[0]], [0, factors[1], shift[1]]], float)


def turning(degrees: float, point: tuple[float, float]) -> Matrix:
    """Clockwise about a point."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.hstack([turn, (np.array(point) - turn @ np.array(point))[:, None]])


def placed_text(text: dict[str, Any] | None, matrix: Matrix) -> dict[str, Any] | None:
    """The description after the canvas plane has been mapped; turns and scales, no mirroring."""
    if text is None:
        return None
    angle = math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
    height = float(np.hypot(matrix[0, 1], matrix[1, 1]))
    moves = not np.allclose(matrix[:, :2], np.eye(2))
    turns = abs(angle) > 0.01
    stretches = abs(float(np.hypot(matrix[0, 0], matrix[1, 0])) / max(height, 1e-9) - 1) > STRETCH

    def placed(key: str, value: Any) -> Any:
        if key == "polygon" and _points(value):
            return [_rounded(matrix @ (x, y, 1)) for x, y in value]
        if key == "baseline" and _numbers(value, 2):
            return [round(float(part), 2) for part in matrix @ (*value, 1)]
        if (key == "shape" and turns) or (key == "font" and stretches and isinstance(value, dict)):
            return None
        if key in ("box", "ink") and _numbers(value, 4):
            x0, y0, x1, y1 = value
            corners = np.array([matrix @ (x, y, 1) for x in (x0, x1) for y in (y0, y1)])
            return [*_rounded(corners.min(0)), *_rounded(corners.max(0))]
        if moves and key == "angle" and _numbers([value], 1):
            return round((value + angle + 180) % 360 - 180, 2)
        if moves and key in LENGTHS and _numbers([value], 1):
            return round(value * height, 2)
        return value

    result: dict[str, Any] = _mapped(text, placed)
    return result


def recoloured_text(text: dict[str, Any] | None, new: Callable[[Rgb], Rgb]) -> dict[str, Any] | None:
    """The description with its colours changed as the ink's were."""
    if text is None:
        return None

    def recoloured(key: str, value: Any) -> Any:
        if key != "colours" or not isinstance(value, list) or not all(_is_colour(item) for item in value):
            return value
        return ["#{:02x}{:02x}{:02x}".format(*new(parse_colour(item))) for item in value]

    result: dict[str, Any] = _mapped(text, recoloured)
    return result


def _mapped(value: Any, how: Callable[[str, Any], Any], key: str = "") -> Any:
    """Every member of nested objects and lists sent through ``how`` (key, value)."""
    changed = how(key, value)
    if changed is not value:
        return changed
    if isinstance(value, dict):
        return {name: _mapped(member, how, name) for name, member in value.items()}
    if isinstance(value, list):
        return [_mapped(member, how) for member in value]
    return value


def _rounded(point: npt.NDArray[np.float64]) -> list[float]:
    return [round(float(value), 1) for value in point]


def _points(value: Any) -> bool:
    return isinstance(value, list) and all(_numbers(point, 2) for point in value)


def _numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == count
        and all(isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item) for item in value)
    )


def _is_colour(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) == 7
        and value.startswith("#")
        and all(c in "0123456789abcdefABCDEF" for c in value[1:])
    )
