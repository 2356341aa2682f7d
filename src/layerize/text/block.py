"""A block of text: lines that belong together, as data. Knows nothing of pixels, of files or of how it was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Point: TypeAlias = tuple[float, float]
Polygon: TypeAlias = tuple[Point, ...]
RGB: TypeAlias = tuple[int, int, int]
Alignment: TypeAlias = Literal["left", "center", "right"]


@dataclass(frozen=True, kw_only=True)
class TextWord:
    """One word of a line; in a script without spaces a run of characters.

    Attributes:
        content: What it says.
        polygon: Corners on the canvas in pixels, clockwise from where the word's top begins.
    """

    content: str
    polygon: Polygon


@dataclass(frozen=True, kw_only=True)
class TextLine:
    """One line as it was read.

    Attributes:
        content: What it says.
        polygon: Corners on the canvas in pixels, clockwise from where the line's top begins.
        confidence: 0..1, the reader's mean over the line's characters.
        words: In reading order.
        vertical: Whether its characters stand below one another.
    """

    content: str
    polygon: Polygon
    confidence: float
    words: tuple[TextWord, ...] = ()
    vertical: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1), upright, around the polygon."""
        xs, ys = zip(*self.polygon, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True, kw_only=True)
class TextBlock:
    """Lines of one size, colour and alignment.

    Attributes:
        lines: In reading order, at least one.
        angle: Of the base line in degrees, clockwise positive.
        size: Font size in pixels, estimated from the height of the letters.
        colours: The fill, then the outline where there is one.
        alignment: Of the lines to each other; ``left`` for a single line.
        line_spacing: Between base lines in pixels; 1.2 sizes for a single line.
        vertical: Characters stand below one another.
    """

    lines: tuple[TextLine, ...]
    angle: float
    size: float
    colours: tuple[RGB, ...]
    alignment: Alignment
    line_spacing: float
    vertical: bool = False

    @property
    def content(self) -> str:
        """The lines, joined by line breaks."""
        return "\n".join(line.content for line in self.lines)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1), upright, around all lines."""
        boxes = [line.box for line in self.lines]
        x0, y0, x1, y1 = zip(*boxes, strict=True)
        return min(x0), min(y0), max(x1), max(y1)

    def to_dict(self) -> dict[str, Any]:
        """What a manifest says of it; ``docs/text.md`` explains the keys. The typeface is not known here: null."""
        return {
            "content": self.content,
            "lines": [
                {
                    "content": line.content,
                    "polygon": [[round(x, 1), round(y, 1)] for x, y in line.polygon],
                    "box": [round(value, 1) for value in line.box],
                }
                for line in self.lines
            ],
            "angle": round(self.angle, 2),
            "size": round(self.size, 1),
            "colours": ["#{:02x}{:02x}{:02x}".format(*colour) for colour in self.colours],
            "alignment": self.alignment,
            "line_spacing": round(self.line_spacing, 1),
            "vertical": self.vertical,
            "weight": None,
            "italic": None,
            "serif": None,
            "font": None,
        }
