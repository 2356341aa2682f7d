"""A text layer turned upright: the coverage of its letters, line by line, as typefaces are compared with it.

Coordinates are continuous: a pixel's centre lies at .5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from layerize.stack.convert import F32, to_float
from layerize.stack.layer import Layer
from layerize.text.block import RGB, TextBlock, TextLine

LEAST_ANGLE = 0.25
"""Degrees below which text counts as level: over 200 pixels that is less than one."""
LARGEST_SIZE = 60.0
"""Letters are compared at this many pixels per em at most; larger ones are scaled down by a whole factor, which gives
the same coverage as drawing them smaller."""
FREEDOM = 1.5
"""Degrees by which the angle that the reader gave may be corrected."""
LEAST_LETTERS = 4
"""Lines of fewer letters do not show their angle."""
LEVEL_BONUS = 0.97
INK = 0.25
# Squared distance of colours in 0..1 within which a pixel counts fully, and beyond which not at all, as the fill.
_NEAR, _FAR = 0.1, 0.4

_PLATEAU = 0.4


@dataclass(frozen=True, kw_only=True, eq=False)
class UprightLine:
    """One line of letters.

    Attributes:
        content: What it says.
        alpha: Coverage 0..1, (H, W), of this line's letters alone.
        box: (x0, y0, x1, y1) of the ink, finer than pixels.
    """

    content: str
    alpha: F32
    box: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Upright:
    """A block's lines and the way back to the canvas.

    Attributes:
        angle: Of the base line in degrees, corrected.
        lines: Those with ink, in reading order.
        rows: For each of ``lines`` its number in the block.
        scale: Pixels here per pixel of the canvas.
        to_canvas: (2, 3), maps a place here to the canvas.
        offset: Of each line's ``alpha`` here: (x, y).
    """

    angle: float
    lines: tuple[UprightLine, ...]
    rows: tuple[int, ...]
    scale: float
    to_canvas: npt.NDArray[np.float64]
    offset: tuple[tuple[int, int], ...]

    def place(self, line: int, x: float, y: float) -> tuple[float, float]:
        """A place in a line's ``alpha`` on the canvas."""
        dx, dy = self.offset[line]
        found = self.to_canvas @ np.array([x + dx, y + dy, 1.0])
        return float(found[0]), float(found[1])


def upright(block: TextBlock, layer: Layer) -> Upright:
    """Turn the layer by the block's angle and give every letter to a line.

    Args:
        block: Lines, angle, size and colours.
        layer: Its picture; outlines and shadows of other colours than the fill are left out.
    """
    angle = block.angle if abs(block.angle) >= LEAST_ANGLE else 0.0
    shrink = max(1, math.ceil(block.size / LARGEST_SIZE))
    fill = _shrunk(_fill_alpha(layer, block.colours), shrink)
    angle = _levelled(fill, angle, block)
    alpha, matrix = _turned(fill, layer.offset, angle, shrink)
    inverse = cv2.invertAffineTransform(matrix)
    bands = [_mapped(line, matrix) for line in block.lines]
    lines, rows, offsets = [], [], []
    for row, own in enumerate(_shared_out(alpha, bands)):
        found = _cropped(own, block.lines[row].content)
        if found is not None:
            line, offset = found
            lines.append(line)
            rows.append(row)
            offsets.append(offset)
    return Upright(
        angle=angle,
        lines=tuple(lines),
        rows=tuple(rows),
        scale=1 / shrink,
        to_canvas=inverse,
        offset=tuple(offsets),
    )


def ink_box(alpha: F32) -> tuple[float, float, float, float] | None:
    """(x0, y0, x1, y1) of what is inked, with fractions from the coverage of the outermost rows and columns."""
    columns, rows = alpha.max(axis=0), alpha.max(axis=1)
    across, down = _extent(columns), _extent(rows)
    return None if across is None or down is None else (across[0], down[0], across[1], down[1])


def _extent(profile: F32) -> tuple[float, float] | None:
    inked = np.flatnonzero(profile > INK * profile.max()) if profile.max() > 0.05 else np.zeros(0, int)
    if not inked.size:
        return None
    first, last = int(inked[0]), int(inked[-1])
    return first + 1 - min(1.0, float(profile[first])), last + min(1.0, float(profile[last]))


def _fill_alpha(layer: Layer, colours: Sequence[RGB]) -> F32:
    """Alpha 0..1, (H, W), of what has the fill's colour rather than the outline's or a shadow's."""
    alpha = to_float(layer.pixels[..., 3])
    alpha = _unfaded(alpha)
    if not colours:
        return alpha
    rgb = to_float(layer.pixels[..., :3])
    fill = np.array(colours[0], np.float32) / 255
    if len(colours) > 1:
        away = np.array(colours[1], np.float32) / 255 - fill
        share = 1 - ((rgb - fill) @ away) / max(float(away @ away), 1e-4)
    else:
        share = (_FAR - ((rgb - fill) ** 2).sum(axis=-1)) / (_FAR - _NEAR)
    likely: F32 = alpha * np.clip(share, 0, 1).astype(np.float32)
    if len(colours) > 1:
        return likely
    # Gradients and pictures in the letters: their colours say nothing about what is fill.
    solid = alpha > 0.8
    return likely if (likely > 0.5)[solid].sum() >= 0.6 * solid.sum() else alpha


def _unfaded(alpha: F32) -> F32:
    """Alpha of translucent letters as if they were opaque: where many pixels share the highest alpha, it becomes 1."""
    inked = alpha[alpha > 0.05]
    if not inked.size:
        return alpha
    strong = float(np.percentile(inked, 98))
    if strong > 0.95 or (inked > 0.92 * strong).mean() < _PLATEAU:
        return alpha  # opaque, or strokes too thin to fill a pixel
    whole: F32 = np.minimum(alpha / strong, np.float32(1))
    return whole


def _shrunk(alpha: F32, shrink: int) -> F32:
    """Smaller by a whole factor."""
    if shrink == 1:
        return alpha
    rows, columns = (-size % shrink for size in alpha.shape)
    padded = np.pad(alpha, ((0, rows), (0, columns)))
    small: F32 = cv2.resize(
        padded, (padded.shape[1] // shrink, padded.shape[0] // shrink), interpolation=cv2.INTER_AREA
    )
    return small


def _levelled(alpha: F32, angle: float, block: TextBlock) -> float:
    """The angle, corrected by up to ``FREEDOM`` degrees to where rows of ink and rows without differ most.

    Half a degree is two pixels over a line of 200, which would cost the right typeface its overlap.
    """
    if max(len(line.content) for line in block.lines) < LEAST_LETTERS:
        return angle

    @cache
    def sharpness(degrees: float) -> float:
        rows = _turned(alpha, (0, 0), degrees, 1)[0].sum(axis=1)
        return float((np.diff(rows) ** 2).sum())

    best = angle
    for step in (FREEDOM / 2, FREEDOM / 4, FREEDOM / 8):
        tried = [best, best - step, best + step, *([best - 2 * step, best + 2 * step] if step == FREEDOM / 2 else [])]
        best = max(tried, key=sharpness)
    if abs(best) <= FREEDOM / 2 and sharpness(0.0) >= LEVEL_BONUS * sharpness(best):
        return 0.0
    return best if LEVEL_BONUS * sharpness(best) > sharpness(angle) else angle


def _turned(alpha: F32, offset: tuple[int, int], angle: float, shrink: int) -> tuple[F32, npt.NDArray[np.float64]]:
    """The shrunk picture turned by ``-angle``, and the matrix from the canvas to it."""
    to_small = np.array([[1, 0, -offset[0]], [0, 1, -offset[1]]]) / shrink
    if not angle:
        return alpha, to_small
    height, width = alpha.shape
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[cos, sin], [-sin, cos]])
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ turn.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = (int(np.ceil(high[0] - low[0])) + 1, int(np.ceil(high[1] - low[1])) + 1)
    matrix = np.hstack([turn, -low[:, None]])
    centred = matrix.copy()  # OpenCV counts from pixel centres
    centred[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    turned: F32 = np.clip(cv2.warpAffine(alpha, centred, size, flags=cv2.INTER_CUBIC), 0, 1)
    whole = np.vstack([matrix, [0, 0, 1]]) @ np.vstack([to_small, [0, 0, 1]])
    return turned, whole[:2]


def _mapped(line: TextLine, matrix: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The rows that a line's polygon spans once it is upright."""
    rows = (np.array(line.polygon) @ matrix[:, :2].T + matrix[:, 2])[:, 1]
    return float(rows.min()), float(rows.max())


def _shared_out(alpha: F32, bands: Sequence[tuple[float, float]]) -> list[F32]:
    """For each line the coverage of its letters: a connected piece belongs where most of it lies."""
    if len(bands) == 1:
        return [alpha]
    rows = np.arange(alpha.shape[0]) + 0.5
    nearest = np.argmin([np.abs(rows - (top + bottom) / 2) for top, bottom in bands], axis=0)
    count, labels = cv2.connectedComponents((alpha > INK).astype(np.uint8), connectivity=8)
    votes = np.bincount((labels * len(bands) + nearest[:, None]).ravel(), minlength=count * len(bands)).reshape(
        count, len(bands)
    )
    owner = votes.argmax(axis=1)[labels]
    owner[labels == 0] = np.broadcast_to(nearest[:, None], labels.shape)[labels == 0]
    grown = cv2.dilate(np.where(labels > 0, owner + 1, 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    owner = np.where((labels == 0) & (grown > 0), grown.astype(owner.dtype) - 1, owner)
    return [np.where(owner == row, alpha, np.float32(0)) for row in range(len(bands))]


def _cropped(alpha: F32, content: str) -> tuple[UprightLine, tuple[int, int]] | None:
    """The line cut to its ink with a margin of two pixels, and where it was cut."""
    box = ink_box(alpha)
    if box is None or box[2] - box[0] < 1 or box[3] - box[1] < 1:
        return None
    x, y = int(box[0]) - 2, int(box[1]) - 2
    x1, y1 = int(np.ceil(box[2])) + 2, int(np.ceil(box[3])) + 2
    height, width = alpha.shape
    cut = np.zeros((y1 - y, x1 - x), np.float32)
    inner = alpha[max(y, 0) : min(y1, height), max(x, 0) : min(x1, width)]
    cut[max(-y, 0) :, max(-x, 0) :][: inner.shape[0], : inner.shape[1]] = inner
    moved = (box[0] - x, box[1] - y, box[2] - x, box[3] - y)
    return UprightLine(content=content, alpha=cut, box=moved), (x, y)
