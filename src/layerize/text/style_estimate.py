"""Weight, slant and serifs of letters whose typeface is unknown, measured on their coverage."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from layerize.stack.convert import F32
from layerize.text.fonts import FontFace
from layerize.text.render import Line, Setting, alpha_of
from layerize.text.upright import UprightLine

BOLD_WEIGHT = 600
"""Faces from this weight on count as bold."""
BOLD_STROKE = 0.107
"""Stroke thickness over the height of the ink from which letters count as bold (``benchmarks/fonts.py``)."""
ITALIC_DEGREES = 6.0
# Slants that are tried, in degrees; letters lean to the right by 8 to 16 in italics.
_SLANTS = tuple(range(-6, 25, 2))
_SERIF_BROADER = 1.45


def stroke_share(lines: Sequence[UprightLine]) -> float:
    """Mean thickness of strokes over the height of the ink, from area and outline: a bar has area = half outline x
    thickness."""
    area = sum(float(line.alpha.sum()) for line in lines)
    outline = sum(_outline(line.alpha) for line in lines)
    height = float(np.mean([line.box[3] - line.box[1] for line in lines]))
    return 2 * area / max(outline, 1e-6) / height


def is_bold(lines: Sequence[UprightLine]) -> bool:
    """Whether strokes are thick for the letters' height."""
    return stroke_share(lines) >= BOLD_STROKE


def slant(lines: Sequence[UprightLine]) -> float:
    """Degrees by which letters lean to the right: the shear that makes their stems stand upright, so that columns of
    ink and columns without differ most."""

    def sharpness(degrees: float) -> float:
        total = 0.0
        for line in lines:
            height, width = line.alpha.shape
            lean = float(np.tan(np.radians(degrees)))
            margin = int(abs(lean) * height) + 1
            matrix = np.array([[1, lean, margin - lean * height / 2], [0, 1, 0]])
            # Shearing blurs, and what is not sheared would win by that alone: blur all alike.
            columns = cv2.warpAffine(line.alpha, matrix, (width + 2 * margin, height)).sum(axis=0)
            columns = np.convolve(columns, (0.25, 0.5, 0.25))
            total += float((np.diff(columns) ** 2).sum())
        return total

    return float(max(_SLANTS, key=sharpness))


def is_italic(lines: Sequence[UprightLine]) -> bool:
    """Whether the letters lean as italics do."""
    return slant(lines) >= ITALIC_DEGREES


@lru_cache(maxsize=1024)
def has_serifs(face: FontFace) -> bool | None:
    """Whether an H of the face is broader at its feet than at its legs; None for handwriting and without an H."""
    if face.script or face.missing("H"):
        return None
    setting = Setting(face=face, size=100)
    alpha = alpha_of(setting, [Line(content="H", x=50, y=120)], (140, 220)).astype(np.float32)
    inked = np.flatnonzero(alpha.max(axis=1) > 127)
    if inked.size < 20:
        return None
    top, bottom = int(inked[0]), int(inked[-1])
    rows = alpha.sum(axis=1)
    foot = float(rows[bottom - 3 : bottom].mean())
    leg = float(rows[bottom - (bottom - top) * 3 // 10])
    return foot > _SERIF_BROADER * leg


def vote_on_serifs(faces: Sequence[tuple[FontFace, float]]) -> bool | None:
    """What the best candidates say by their scores; None where they disagree.

    Args:
        faces: Candidates with scores 0..1.
    """
    votes = [(has_serifs(face), score) for face, score in faces]
    yes = sum(score for serif, score in votes if serif)
    no = sum(score for serif, score in votes if serif is False)
    if max(yes, no) < 2 * min(yes, no) or not max(yes, no):
        return None
    return yes > no


def _outline(alpha: F32) -> float:
    """Length of the outline in pixels: the total variation of the coverage."""
    padded = np.pad(alpha, 1)
    across, down = np.diff(padded, axis=1)[:-1], np.diff(padded, axis=0)[:, :-1]
    return float(np.sqrt(across**2 + down**2).sum())
