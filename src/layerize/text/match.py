"""The typeface that letters are set in: every candidate is drawn over them and the overlap is the score.

Two stages. All faces draw one line at a small size, placed by its ink box; the best few draw up to three lines at full
working size; the best of these are shifted and scaled by fractions of a pixel. The score is the soft
intersection over union of the coverages, ``sum(min(a, b)) / sum(max(a, b))``, 0..1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from layerize.stack.convert import F32
from layerize.text.fonts import FontFace
from layerize.text.render import Line, Run, Setting, alpha_of, shape
from layerize.text.upright import UprightLine, ink_box

COARSE_HEIGHT = 20.0
"""Height of the ink in the first stage, in pixels."""
FINALISTS = 8
COARSE_LETTERS = 28
LINES = 3
TOLERANCE = 0.3
# A natural width within this share of the seen one is taken for the font's own spacing.
NATURAL = 0.035
# What a score loses per em of letter spacing: between equals, the face that needs none.
SPACING_COST = 0.25


@dataclass(frozen=True, kw_only=True)
class Match:
    """A face laid over lines.

    Attributes:
        setting: Face, size and letter spacing, in pixels of the lines' own scale.
        score: Soft IoU, 0..1.
        baselines: For each line the start of its baseline in its own ``alpha``.
    """

    setting: Setting
    score: float
    baselines: tuple[tuple[float, float], ...]

    @property
    def face(self) -> FontFace:
        """The typeface."""
        return self.setting.face


def soft_iou(a: F32, b: F32) -> float:
    """Intersection over union of two coverages 0..1 of one shape; 1 if both are empty."""
    union = float(np.maximum(a, b).sum())
    return float(np.minimum(a, b).sum()) / union if union else 1.0


def best_matches(lines: Sequence[UprightLine], faces: Iterable[FontFace], *, count: int = 2) -> list[Match]:
    """The best faces, best first.

    Args:
        lines: Lines of one typeface and size.
        faces: Candidates; those that lack a letter are passed over.
        count: How many are wanted.
    """
    if not lines:
        return []
    said = "".join(line.content for line in lines)
    able = [face for face in faces if not face.missing(said)]
    probe = _small(_probe(lines))
    ranked = sorted(((_coarse(probe, face), i) for i, face in enumerate(able)), reverse=True)
    matches = [found for _, i in ranked[:FINALISTS] if (found := fit(lines, able[i])) is not None]
    matches.sort(key=_worth, reverse=True)
    return sorted((refined(lines, match) for match in matches[:count]), key=_worth, reverse=True)


def _worth(match: Match) -> float:
    return match.score - SPACING_COST * abs(match.setting.spacing) / match.setting.size


def fit(lines: Sequence[UprightLine], face: FontFace) -> Match | None:
    """Lay one face over the longest lines by their ink boxes; None if it draws nothing."""
    tried = _longest(lines)
    starts = _starts(tried, face)
    if not starts:
        return None
    setting = max(starts, key=lambda start: _score(tried, start, quick=True))
    return _match(tried, setting, [_placed(line, setting) for line in tried], quick=True)


def refined(lines: Sequence[UprightLine], match: Match) -> Match:
    """The match with places, size and letter spacing moved by small steps as long as the overlap grows.

    The font's own spacing is tried as well: the height of ink with round letters is less sure than its width. Size and
    spacing are found on the longest lines.
    """
    tried = _longest(lines)
    starts = dict.fromkeys([match.setting, *_starts(tried, match.face)[:-1]])
    setting = max((_polished(tried, start) for start in starts), key=_worth).setting
    return _shifted(lines, _match(lines, setting, [_placed(line, setting) for line in lines]), (0.5, 0.25, 0.125))


def _longest(lines: Sequence[UprightLine]) -> list[UprightLine]:
    return sorted(lines, key=lambda line: -_width(line))[:LINES]


def _polished(lines: Sequence[UprightLine], setting: Setting) -> Match:
    best = _shifted(lines, _match(lines, setting, [_placed(line, setting) for line in lines]), (0.5, 0.25))
    for step in (0.012, 0.006):
        for factor in (1 - step, 1 + step):
            other = _rescaled(lines, best.setting, factor)
            places = []
            for line, (x, y) in zip(lines, best.baselines, strict=True):
                (old_x, old_y), (new_x, new_y) = _placed(line, best.setting), _placed(line, other)
                places.append((x + new_x - old_x, y + new_y - old_y))
            best = max(best, _match(lines, other, places), key=lambda found: found.score)
    return best


def _shifted(lines: Sequence[UprightLine], match: Match, steps: Sequence[float]) -> Match:
    setting = match.setting
    places = [_shift(line, setting, place, steps) for line, place in zip(lines, match.baselines, strict=True)]
    return _match(lines, setting, places)


def certainty(lines: Sequence[UprightLine], match: Match) -> float:
    """How much nearer the face lies than it would lie to itself, ``TOLERANCE`` pixels off: thin strokes overlap less.

    Above 0 the letters differ from the face by less than that; other faces rarely come above 0.
    """
    common = union = 0.0
    for line, (x, y) in zip(lines, match.baselines, strict=True):
        here, off = _drawn(line, match.setting, (x, y)), _drawn(line, match.setting, (x + TOLERANCE, y + TOLERANCE))
        common += float(np.minimum(here, off).sum())
        union += float(np.maximum(here, off).sum())
    return match.score - (common / union if union else 1.0)


def _match(
    lines: Sequence[UprightLine], setting: Setting, places: Sequence[tuple[float, float]], *, quick: bool = False
) -> Match:
    score = _overlap(lines, setting, places, quick=quick)
    return Match(setting=setting, score=score, baselines=tuple(places))


def _probe(lines: Sequence[UprightLine]) -> UprightLine:
    """The line with most letters up to ``COARSE_LETTERS``, else the shortest."""
    short = [line for line in lines if len(line.content) <= COARSE_LETTERS]
    if short:
        return max(short, key=lambda line: len(line.content))
    return min(lines, key=lambda line: len(line.content))


def _small(line: UprightLine) -> UprightLine:
    """The line with ink of ``COARSE_HEIGHT`` pixels at most."""
    factor = COARSE_HEIGHT / (line.box[3] - line.box[1])
    if factor >= 1:
        return line
    height, width = line.alpha.shape
    alpha = cv2.resize(
        line.alpha, (max(1, round(width * factor)), max(1, round(height * factor))), interpolation=cv2.INTER_AREA
    )
    box = ink_box(alpha)
    return line if box is None else UprightLine(content=line.content, alpha=alpha, box=box)


def _coarse(line: UprightLine, face: FontFace) -> float:
    starts = _starts([line], face)
    return max((_score([line], start, quick=True) for start in starts[:1]), default=-1.0)


def _starts(lines: Sequence[UprightLine], face: FontFace) -> list[Setting]:
    """Settings to try: by the width with natural spacing where that nearly fits the height, and by the height."""
    runs = [shape(face, line.content) for line in lines]
    boxes = [(run.box, line.box) for run, line in zip(runs, lines, strict=True) if run.box is not None]
    if len(boxes) < len(lines):
        return []
    wide = sum(own[2] - own[0] for own, _ in boxes)
    by_width = sum(seen[2] - seen[0] for _, seen in boxes) / wide
    by_height = float(np.median([(seen[3] - seen[1]) / (own[3] - own[1]) for own, seen in boxes]))
    natural, spaced = Setting(face=face, size=by_width), _spaced(lines, face, by_height)
    if abs(by_width / by_height - 1) < NATURAL:
        return [natural, spaced]
    return [spaced]


def _spaced(lines: Sequence[UprightLine], face: FontFace, size: float) -> Setting:
    """The setting of this size whose letter spacing gives the lines their width."""
    runs = [shape(face, line.content, spaced=True) for line in lines]
    gaps = sum(run.gaps for run in runs)
    rest = sum(_width(line) - _ink_width(run) * size for line, run in zip(lines, runs, strict=True))
    spacing = rest / gaps if gaps else 0.0
    return Setting(face=face, size=size, spacing=max(spacing, -0.2 * size))


def _rescaled(lines: Sequence[UprightLine], setting: Setting, factor: float) -> Setting:
    if setting.spacing:
        return _spaced(lines, setting.face, setting.size * factor)
    return replace(setting, size=setting.size * factor)


def _width(line: UprightLine) -> float:
    return line.box[2] - line.box[0]


def _ink_width(run: Run) -> float:
    return 0.0 if run.box is None else run.box[2] - run.box[0]


def _placed(line: UprightLine, setting: Setting) -> tuple[float, float]:
    """The start of the baseline that lays the middle of the drawn ink on the middle of the seen ink."""
    run = setting.run(line.content)
    if run.box is None:
        return line.box[0], line.box[3]
    x0, y0, x1, y1 = (value * setting.size for value in run.box)
    x1 += run.gaps * setting.spacing
    return (line.box[0] + line.box[2] - x0 - x1) / 2, (line.box[1] + line.box[3] - y0 - y1) / 2


def _drawn(line: UprightLine, setting: Setting, place: tuple[float, float], *, quick: bool = False) -> F32:
    drawn = alpha_of(setting, [Line(content=line.content, x=place[0], y=place[1])], line.alpha.shape, quick=quick)
    return drawn.astype(np.float32) * np.float32(1 / 255)


def _score(lines: Sequence[UprightLine], setting: Setting, *, quick: bool = False) -> float:
    """Overlap at the places of the ink boxes, less the cost of letter spacing."""
    cost = SPACING_COST * abs(setting.spacing) / setting.size
    return _overlap(lines, setting, [_placed(line, setting) for line in lines], quick=quick) - cost


def _overlap(
    lines: Sequence[UprightLine], setting: Setting, places: Sequence[tuple[float, float]], *, quick: bool = False
) -> float:
    """Soft IoU over all lines together."""
    common = union = 0.0
    for line, place in zip(lines, places, strict=True):
        drawn = _drawn(line, setting, place, quick=quick)
        common += float(np.minimum(line.alpha, drawn).sum())
        union += float(np.maximum(line.alpha, drawn).sum())
    return common / union if union else 0.0


def _shift(
    line: UprightLine, setting: Setting, place: tuple[float, float], steps: Sequence[float]
) -> tuple[float, float]:
    """The place near ``place`` with the best overlap, by steps of fractions of a pixel along each axis."""
    best, score = place, soft_iou(line.alpha, _drawn(line, setting, place))
    for step in steps:
        for axis in ((step, 0.0), (0.0, step)):
            for sign in (1, -1):
                other = (best[0] + sign * axis[0], best[1] + sign * axis[1])
                if (found := soft_iou(line.alpha, _drawn(line, setting, other))) > score:
                    best, score = other, found
                    break
    return best
