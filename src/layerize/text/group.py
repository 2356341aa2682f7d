"""Lines to blocks: pieces of one line are joined, lines of one size, colour, direction and spacing belong together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median, pstdev

from layerize.text.block import RGB, Alignment, TextBlock, TextLine
from layerize.text.measure import Measured, is_ideogram

SAME_SIZE = 1.3  # ratio; sizes are estimated from the letters that happen to be there
SAME_COLOUR = 48.0  # largest channel difference in levels
SAME_ANGLE = 4.0  # degrees
NEXT_LINE = (0.75, 1.85)  # font sizes from base line to base line
WORD_GAP = 0.9  # font sizes between two pieces of one line
SAME_BASE = 0.25  # font sizes
SHARED = 0.3  # of the shorter line must lie above or below the other
SINGLE_SPACING = 1.2  # font sizes


def group(lines: Sequence[Measured]) -> list[tuple[TextBlock, tuple[int, ...]]]:
    """Blocks and the indices of the lines that each is made of, in reading order.

    Args:
        lines: Any, in any order.
    """
    parent = list(range(len(lines)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for i, a in enumerate(lines):
        for j in range(i + 1, len(lines)):
            near = abs(a.base - lines[j].base) <= NEXT_LINE[1] * max(a.size, lines[j].size)
            if near and root(i) != root(j) and (_pieces(a, lines[j]) or _neighbours(a, lines[j], lines)):
                parent[root(j)] = root(i)
    members: dict[int, list[int]] = {}
    for index in range(len(lines)):
        members.setdefault(root(index), []).append(index)
    blocks = [(_block([lines[i] for i in indices]), tuple(indices)) for indices in members.values()]
    return sorted(blocks, key=lambda pair: (pair[0].box[1], pair[0].box[0]))


def _alike(a: Measured, b: Measured) -> bool:
    return (
        a.line.vertical == b.line.vertical
        and abs(a.angle - b.angle) <= SAME_ANGLE
        and max(a.size, b.size) <= SAME_SIZE * min(a.size, b.size)
        and _apart(a.fill, b.fill) <= SAME_COLOUR
        and (a.outline is None) == (b.outline is None)
    )


def _pieces(a: Measured, b: Measured) -> bool:
    """Whether two readings are parts of one line."""
    if not _alike(a, b):
        return False
    size = max(a.size, b.size)
    gap = max(a.start, b.start) - min(a.end, b.end)
    return abs(a.base - b.base) <= SAME_BASE * size and -0.5 * size <= gap <= WORD_GAP * size


def _neighbours(a: Measured, b: Measured, lines: Sequence[Measured]) -> bool:
    """Whether one line follows the other in a block."""
    if not _alike(a, b):
        return False
    size = max(a.size, b.size)
    if not NEXT_LINE[0] * size <= abs(a.base - b.base) <= NEXT_LINE[1] * size:
        return False
    common = min(a.end, b.end) - max(a.start, b.start)
    if common < SHARED * min(a.end - a.start, b.end - b.start):
        return False
    low, high = sorted((a.base, b.base))
    between = (other for other in lines if other is not a and other is not b)
    return not any(
        low + 0.3 * size < other.base < high - 0.3 * size
        and min(other.end, a.end, b.end) > max(other.start, a.start, b.start)
        for other in between
    )


def _block(lines: list[Measured]) -> TextBlock:
    rows = _rows(lines)
    merged = [_joined(row) for row in rows]
    size = median(line.size for line in lines)
    bases = [median(piece.base for piece in row) for row in rows]
    gaps = [later - earlier for earlier, later in pairwise(bases)]
    fill = tuple(round(median(line.fill[channel] for line in lines)) for channel in range(3))
    outlines = [line.outline for line in lines if line.outline is not None]
    return TextBlock(
        lines=tuple(merged),
        angle=median(line.angle for line in lines),
        size=size,
        colours=((fill[0], fill[1], fill[2]), *outlines[:1]),
        alignment=_alignment(rows),
        line_spacing=median(gaps) if gaps else SINGLE_SPACING * size,
        vertical=lines[0].line.vertical,
    )


def _rows(lines: list[Measured]) -> list[list[Measured]]:
    """Lines in reading order; pieces of one line in one row, from its beginning on."""
    rows: list[list[Measured]] = []
    for line in sorted(lines, key=lambda line: line.base):
        if rows and line.base - rows[-1][0].base <= 2 * SAME_BASE * line.size:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.start) for row in rows]


def _joined(row: list[Measured]) -> TextLine:
    """One line of its pieces."""
    if len(row) == 1:
        return row[0].line
    first, last = row[0].line, row[-1].line
    content = first.content
    for earlier, later in pairwise(row):
        tight = is_ideogram(earlier.line.content[-1]) and is_ideogram(later.line.content[0])
        content += ("" if tight else " ") + later.line.content
    corners = (first.polygon[0], last.polygon[1], last.polygon[2], first.polygon[3])
    return TextLine(
        content=content,
        polygon=corners if len(first.polygon) == len(last.polygon) == 4 else first.polygon + last.polygon,
        confidence=min(piece.line.confidence for piece in row),
        words=tuple(word for piece in row for word in piece.line.words),
        vertical=first.vertical,
    )


def _alignment(rows: list[list[Measured]]) -> Alignment:
    """Which of left edges, centres and right edges agree best; left where that cannot be told."""
    if len(rows) < 2:
        return "left"
    starts, ends = [row[0].start for row in rows], [row[-1].end for row in rows]
    centres = [(start + end) / 2 for start, end in zip(starts, ends, strict=True)]
    spreads: dict[Alignment, float] = {"left": pstdev(starts), "center": pstdev(centres), "right": pstdev(ends)}
    best = min(spreads, key=lambda name: spreads[name])
    return "left" if spreads["left"] <= spreads[best] + 0.02 * rows[0][0].size else best


def _apart(a: RGB, b: RGB) -> int:
    return max(abs(first - second) for first, second in zip(a, b, strict=True))
