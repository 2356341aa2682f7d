"""Points that edits hold on to: a place on the canvas, or a named point of a box such as "bottom-left"."""

from __future__ import annotations

import math
from typing import TypeAlias

from layerize.errors import EditError
from layerize.stack.composite import Box

About: TypeAlias = str | tuple[float, float]
"""(x, y) on the canvas in pixels, or one of ``ANCHORS``, a point of the edited thing's own box."""

ANCHORS: dict[str, tuple[float, float]] = {
    "top-left": (0.0, 0.0),
    "top": (0.5, 0.0),
    "top-right": (1.0, 0.0),
    "left": (0.0, 0.5),
    "center": (0.5, 0.5),
    "right": (1.0, 0.5),
    "bottom-left": (0.0, 1.0),
    "bottom": (0.5, 1.0),
    "bottom-right": (1.0, 1.0),
}
"""Name → share of the width and height."""


def anchor_shares(name: str) -> tuple[float, float]:
    """``"top-right"`` → (1.0, 0.0).

    Raises:
        EditError: No such anchor.
    """
    if name not in ANCHORS:
        raise EditError(f"{name!r} is no anchor; use one of {', '.join(ANCHORS)}.")
    return ANCHORS[name]


def point_of(box: Box, about: About) -> tuple[float, float]:
    """The point on the canvas that ``about`` means for a thing with this box.

    Raises:
        EditError: No such anchor, or no finite numbers.
    """
    if isinstance(about, str):
        across, down = anchor_shares(about)
        return box.x0 + across * (box.x1 - box.x0), box.y0 + down * (box.y1 - box.y0)
    x, y = about
    if not (math.isfinite(x) and math.isfinite(y)):
        raise EditError(f"cannot turn or scale about {x}, {y}; give a point on the canvas.")
    return float(x), float(y)


def to_pixel(value: float) -> int:
    """The nearest whole pixel; halves always go up, so that things which touch keep touching."""
    return math.floor(value + 0.5)
