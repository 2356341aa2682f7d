"""Pen: drawing in the unit square of one element, with fills, smooth curves and an optional cartoon outline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from layerize.synth.colour import Colour
from layerize.synth.skia_module import skia

Point: TypeAlias = tuple[float, float]
Points: TypeAlias = Sequence[Point]


def skia_colour(colour: Colour, alpha: float = 1.0) -> int:
    """Skia's packed colour; alpha 0..1."""
    return int(skia.ColorSetARGB(round(alpha * 255), *colour))


def polygon(points: Points, *, closed: bool = True) -> Any:
    """A path through points with straight edges."""
    return skia.Path.Polygon([skia.Point(x, y) for x, y in points], closed)


def smooth(points: Points, *, closed: bool = True, tension: float = 0.5) -> Any:
    """A path through points as a Catmull-Rom spline (cubic Bezier form)."""
    path = skia.Path()
    count = len(points)
    path.moveTo(*points[0])
    for i in range(count if closed else count - 1):
        p0 = points[(i - 1) % count] if closed or i > 0 else points[i]
        p1, p2 = points[i], points[(i + 1) % count]
        p3 = points[(i + 2) % count] if closed or i + 2 < count else p2
        k = tension / 3 * 2
        path.cubicTo(
            p1[0] + (p2[0] - p0[0]) * k / 2, p1[1] + (p2[1] - p0[1]) * k / 2,
            p2[0] - (p3[0] - p1[0]) * k / 2, p2[1] - (p3[1] - p1[1]) * k / 2, *p2,
        )  # fmt: skip
    if closed:
        path.close()
    return path


def ring(count: int, radius: float = 0.5, *, centre: Point = (0.5, 0.5), turn: float = -math.pi / 2) -> list[Point]:
    """``count`` points on a circle, clockwise, the first at the top."""
    step = 2 * math.pi / count
    return [
        (centre[0] + radius * math.cos(turn + i * step), centre[1] + radius * math.sin(turn + i * step))
        for i in range(count)
    ]


class Pen:
    """Fills and strokes in unit coordinates (x right, y down, 0..1) on a canvas that is already transformed.

    Args:
        canvas: skia canvas.
        outline: Colour and width (in unit coordinates) of a line around every part, or None.
    """

    def __init__(self, canvas: Any, outline: tuple[Colour, float] | None = None) -> None:
        self.canvas = canvas
        self.outline = outline
        self._paint = skia.Paint(AntiAlias=True)
        self._stroke = skia.Paint(
            AntiAlias=True,
            Style=skia.Paint.kStroke_Style,
            StrokeCap=skia.Paint.kRound_Cap,
            StrokeJoin=skia.Paint.kRound_Join,
        )

    def fill(self, path: Any, colour: Colour, alpha: float = 1.0, *, plain: bool = False) -> None:
        """Fill a path; ``plain`` parts get no outline."""
        self._paint.setColor(skia_colour(colour, alpha))
        self.canvas.drawPath(path, self._paint)
        if self.outline is not None and not plain:
            self._stroke.setColor(skia_colour(self.outline[0]))
            self._stroke.setStrokeWidth(self.outline[1])
            self.canvas.drawPath(path, self._stroke)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, alpha: float = 1.0, *, plain: bool = False
    ) -> None:
        """An ellipse around (x, y)."""
        self.fill(skia.Path.Oval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry)), colour, alpha, plain=plain)

    def rect(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        colour: Colour,
        radius: float = 0.0,
        *,
        alpha: float = 1.0,
        plain: bool = False,
    ) -> None:
        """A rectangle with rounded corners."""
        self.fill(skia.Path.RRect(skia.Rect.MakeXYWH(x, y, w, h), radius, radius), colour, alpha, plain=plain)

    def shape(self, points: Points, colour: Colour, *, plain: bool = False) -> None:
        """A polygon."""
        self.fill(polygon(points), colour, plain=plain)

    def blob(self, points: Points, colour: Colour, *, plain: bool = False) -> None:
        """A smooth closed curve through the points."""
        self.fill(smooth(points, tension=0.5 * 1.5), colour, plain=plain)

    def line(self, points: Points, width: float, colour: Colour, *, curved: bool = False, plain: bool = True) -> None:
        """A line with round ends; limbs are lines with ``plain=False``."""
        path = smooth(points, closed=False, tension=0.75) if curved else polygon(points, closed=False)
        if self.outline is not None and not plain:
            self._stroke.setColor(skia_colour(self.outline[0]))
            self._stroke.setStrokeWidth(width + self.outline[1] * 2)
            self.canvas.drawPath(path, self._stroke)
        self._stroke.setColor(skia_colour(colour))
        self._stroke.setStrokeWidth(width)
        self.canvas.drawPath(path, self._stroke)
