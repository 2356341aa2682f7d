"""What a line's matte tells of its type: direction, font size, base line, where it begins and ends."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from layerize.text.block import RGB, TextLine
from layerize.text.ground import F32, Bools
from layerize.text.region import Region

TALL = 1.5  # RapidOCR turns polygons this much taller than wide by 90 degrees before it reads them
# Heights over the font size, means over the bundled and DejaVu typefaces.
CAPITAL, SMALL, DESCENT, IDEOGRAM = 0.72, 0.53, 0.21, 0.9
ASCENDERS = set("bdfhijklt!?'\"()[]{}/|&%$#@")
DESCENDERS = set("gjpqyQ,;()[]{}|/@")
LEAST_PIXELS = 4
SLIGHT = 5.0  # degrees
CLEARLY = 0.93  # of the rows that letters span when they are taken to stand straight
SPARSE = 0.05  # of the fullest row's pixels
BEYOND = 0.12  # line heights around the polygon in which letters end; what reaches farther is tied to them


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One line and its type.

    Attributes:
        line: As it was read.
        fill: Colour of the letters.
        outline: Colour of their rim, or None.
        angle: Of the base line in degrees, clockwise positive.
        size: Font size in pixels.
        start: Where the line begins along its direction, in pixels from the canvas's origin.
        end: Where it ends.
        base: Where its base line lies across that direction; grows from line to line.
    """

    line: TextLine
    fill: RGB
    outline: RGB | None
    angle: float
    size: float
    start: float
    end: float
    base: float


def measure(line: TextLine, solid_HW: Bools, region: Region, fill: F32, outline: F32 | None) -> Measured:
    """Measure one line on its matte.

    Args:
        line: As it was read.
        solid_HW: Its letters in the region's window, without shadow.
        region: Where the window lies.
        fill: Levels 0..255.
        outline: The same, or None.
    """
    ys, xs = np.nonzero(solid_HW & (region.depth_HW > -BEYOND * region.height))
    points_N2 = np.stack([xs + region.x + 0.5, ys + region.y + 0.5], axis=1)
    if len(points_N2) < LEAST_PIXELS:
        points_N2 = np.array(line.polygon)
    angle = _upright(angle_of(line), points_N2, line.vertical)
    along, across = _axes(angle, line.vertical)
    forward, down = points_N2 @ along, points_N2 @ across
    start, end = (float(value) for value in np.quantile(forward, (0.001, 0.999)))
    top, bottom = _filled_span(down)
    rise, fall = _share(line.content, vertical=line.vertical)
    size = max((bottom - top + 1) / (rise + fall), 1.0)
    return Measured(
        line=line,
        fill=_rgb(fill),
        outline=None if outline is None else _rgb(outline),
        angle=angle,
        size=size,
        start=start,
        end=end,
        base=bottom - fall * size,
    )


def _filled_span(values_N: npt.NDArray[np.float64]) -> tuple[float, float]:
    """First and last pixel row that holds more than a thin stroke's worth of the fullest row."""
    low = float(values_N.min())
    rows = np.bincount((values_N - low).astype(np.intp))
    filled = np.flatnonzero(rows > SPARSE * rows.max())
    return low + float(filled[0]), low + float(filled[-1])


def angle_of(line: TextLine) -> float:
    """Direction of a line's polygon in degrees, clockwise positive, -90..90; 0 for a column of characters."""
    corners = np.array(line.polygon[:4], np.float64)
    if line.vertical or len(corners) < 4:
        return 0.0
    top = corners[1] - corners[0] + corners[2] - corners[3]
    side = corners[3] - corners[0] + corners[2] - corners[1]
    if math.hypot(*side) >= TALL * math.hypot(*top):
        top = side
    angle = math.degrees(math.atan2(top[1], top[0]))
    return 0.0 if abs(angle) < 0.6 else angle


def _upright(angle: float, points_N2: npt.NDArray[np.float64], vertical: bool) -> float:
    """The angle, or 0 for a polygon tilted a little around straight letters, which then span fewer rows."""
    if vertical or not 0 < abs(angle) <= SLIGHT:
        return angle
    straight, tilted = (np.ptp(_filled_span(points_N2 @ _axes(turn, False)[1])) for turn in (0.0, angle))
    return angle if tilted < CLEARLY * straight else 0.0


def _axes(angle: float, vertical: bool) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...]:
    """Unit vectors along a line, and from its top to its base line; a column's lines follow each other leftwards."""
    if vertical:
        return np.array([0.0, 1.0]), np.array([-1.0, 0.0])
    turn = math.radians(angle)
    return np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])


def _share(content: str, *, vertical: bool) -> tuple[float, float]:
    """How far the content's letters reach above and below the base line, over the font size."""
    letters = [character for character in content if not character.isspace()]
    if vertical or sum(map(is_ideogram, letters)) > len(letters) / 2:
        return IDEOGRAM, 0.0
    tall = any(letter.isupper() or letter.isdigit() or letter in ASCENDERS or ord(letter) > 0x250 for letter in letters)
    accented = any(len(unicodedata.normalize("NFD", letter)) > 1 for letter in letters)
    rise = CAPITAL if tall or accented else SMALL
    return rise, DESCENT if any(letter in DESCENDERS for letter in letters) else 0.0


def is_ideogram(character: str) -> bool:
    """Chinese, Japanese or Korean."""
    code = ord(character)
    return 0x2E80 <= code <= 0x9FFF or 0xAC00 <= code <= 0xD7AF or 0xF900 <= code <= 0xFAFF or code >= 0x20000


def _rgb(colour: F32) -> RGB:
    r, g, b = (int(value) for value in np.clip(np.rint(colour), 0, 255))
    return r, g, b
