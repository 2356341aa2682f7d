"""Reading pictures of any size in bounded time and memory: one look at the whole, strips for what is small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from layerize.stack.layer import U8
from layerize.text.block import Polygon, TextLine
from layerize.text.measure import is_ideogram
from layerize.text.ocr import read_column, read_lines
from layerize.text.region import thickness

LOOK_PIXELS = 1_850_000  # read at once: a 1328 x 1328 poster, a full-HD screen; about 500 MB and 2 s on two cores
FINE_PIXELS = 9_000_000  # larger pictures are read in strips at most at this size
OVERLAP = 0.15  # of a strip's height; letters up to this size are whole in one strip
LEAST_READ = 736  # px that the shorter side is enlarged to, as the models were trained on
ENLARGED_PIXELS, MOST_ENLARGED = 900_000, 3.0
FRAMED = 96  # px; shorter sides get a frame
LEAST_SIDE = 10  # px; nothing smaller than this holds words
MOST_LINES = 900
VERTICAL = 1.8  # a polygon this much taller than wide may be a column of characters
SURE_COLUMN = 0.97  # of a column of anything but ideograms, which are what is usually set like this
SURE = 0.9  # confidence from which a second reading is not tried


def scan(rgb_HW3: U8) -> list[TextLine]:
    """All lines that can be read, whatever their confidence.

    Args:
        rgb_HW3: ``u8``, any size.

    Returns:
        At most ``MOST_LINES`` lines, polygons in pixels of the picture.

    Raises:
        MissingExtraError: The extra ``text`` is not installed.
    """
    height, width = rgb_HW3.shape[:2]
    if min(height, width) < LEAST_SIDE:
        return []
    large = height * width > 1.3 * LOOK_PIXELS
    look = _read_scaled(rgb_HW3, LOOK_PIXELS // 2 if large else LOOK_PIXELS)
    lines = [_columns_read(rgb_HW3, line) for line in look]
    if large:
        lines = _merged(lines, list(_read_strips(rgb_HW3)))
    lines.sort(key=lambda line: thickness(line.polygon), reverse=True)
    return sorted(lines[:MOST_LINES], key=lambda line: (line.box[1], line.box[0]))


def _read_scaled(rgb_HW3: U8, most: int) -> list[TextLine]:
    """Read at a size that suits the models: large pictures reduced, small ones enlarged, narrow ones framed."""
    height, width = rgb_HW3.shape[:2]
    grown = min(LEAST_READ / min(height, width), (ENLARGED_PIXELS / (height * width)) ** 0.5, MOST_ENLARGED)
    scale = min(max(grown, 1.0), (most / (height * width)) ** 0.5)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = rgb_HW3 if scale == 1 else np.asarray(cv2.resize(rgb_HW3, size, interpolation=way), np.uint8)
    down, across = (max(0, (FRAMED - side) // 2) for side in scaled.shape[:2])
    if down or across:
        scaled = np.asarray(cv2.copyMakeBorder(scaled, down, down, across, across, cv2.BORDER_REPLICATE), np.uint8)
    lines = read_lines(np.ascontiguousarray(scaled))
    return [_placed(line, (width, height), width / size[0], height / size[1], (across, down)) for line in lines]


def _read_strips(rgb_HW3: U8) -> Iterator[TextLine]:
    """Lines of strips as wide as the picture, so that no line of small text is cut across."""
    scale = min(1.0, (FINE_PIXELS / (rgb_HW3.shape[0] * rgb_HW3.shape[1])) ** 0.5)
    fine = rgb_HW3 if scale == 1.0 else cv2.resize(rgb_HW3, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = fine.shape[:2]
    tall = min(height, max(96, LOOK_PIXELS // width))
    step = max(1, round(tall * (1 - OVERLAP)))
    for top in range(0, max(1, height - round(tall * OVERLAP)), step):
        strip = np.ascontiguousarray(fine[top : top + tall])
        if min(strip.shape[:2]) < LEAST_SIDE or float(strip[::4, ::4].std(axis=(0, 1)).max()) < 1:
            continue
        for line in read_lines(strip):
            cut_above = top > 0 and line.box[1] <= 2
            cut_below = top + tall < height and line.box[3] >= strip.shape[0] - 3
            if not (cut_above or cut_below):
                canvas = (rgb_HW3.shape[1], rgb_HW3.shape[0])
                yield _placed(line, canvas, canvas[0] / width, canvas[1] / height, (0, -top))


def _merged(coarse: list[TextLine], fine: list[TextLine]) -> list[TextLine]:
    """Both readings without doubles: of two lines in one place the surer one stays; strips overlap among themselves."""
    kept: list[TextLine] = []
    for line in sorted([*coarse, *fine], key=lambda line: (round(line.confidence, 2), _area(line)), reverse=True):
        if not any(_same_place(line, other) for other in kept):
            kept.append(line)
    return kept


def _same_place(a: TextLine, b: TextLine) -> bool:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.box, b.box
    common = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    return common > 0.5 * min(_area(a), _area(b))


def _area(line: TextLine) -> float:
    x0, y0, x1, y1 = line.box
    return max((x1 - x0) * (y1 - y0), 1.0)


def _placed(
    line: TextLine, canvas: tuple[int, int], across: float, down: float, origin: tuple[float, float]
) -> TextLine:
    """A line of a scaled part, in pixels of the picture: what is left of ``origin`` comes off, then it is scaled."""

    def place(polygon: Polygon) -> Polygon:
        points = (((x - origin[0]) * across, (y - origin[1]) * down) for x, y in polygon)
        return tuple((min(max(x, 0.0), float(canvas[0])), min(max(y, 0.0), float(canvas[1]))) for x, y in points)

    words = tuple(replace(word, polygon=place(word.polygon)) for word in line.words)
    return replace(line, polygon=place(line.polygon), words=words)


def _columns_read(rgb_HW3: U8, line: TextLine) -> TextLine:
    """A tall line that was read badly as a turned one, read again as characters below one another."""
    x0, y0, x1, y1 = (round(value) for value in line.box)
    if line.confidence >= SURE or (y1 - y0) < VERTICAL * (x1 - x0) or min(x1 - x0, y1 - y0) < LEAST_SIDE:
        return line
    content, confidence = read_column(np.ascontiguousarray(rgb_HW3[y0:y1, x0:x1]))
    vertical = len(content) > 1 and all(is_ideogram(character) for character in content if not character.isspace())
    if confidence <= max(line.confidence, 0.5) or not (vertical or confidence > SURE_COLUMN):
        return line
    return replace(line, content=content, confidence=confidence, words=(), vertical=True)
