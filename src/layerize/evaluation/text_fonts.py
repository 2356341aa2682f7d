"""How often the right typeface is found: words set in a known face, matched among all, and among all but its design.

The second half of each trial takes the true design away: whatever is then named is wrong, and how often that happens is
what the threshold for "unknown" is chosen by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import fmean

import cv2
import numpy as np

from layerize.stack.layer import U8, Layer
from layerize.synth.dice import Dice
from layerize.synth.words import HEADLINES, LINES
from layerize.text.block import TextBlock, TextLine
from layerize.text.fonts import FontFace
from layerize.text.live import least_certainty
from layerize.text.match import Match, best_matches, certainty
from layerize.text.render import Line, Setting, draw_block
from layerize.text.upright import UprightLine, upright

FILL = (180, 30, 60)
# Overlap of two faces' letters from which they count as one design (Arimo and Liberation Sans, Carlito and Lato ...).
_ONE_DESIGN = 0.86


@dataclass(frozen=True, kw_only=True)
class FontTrial:
    """One text.

    Attributes:
        size: Pixels per em.
        face: It was the very face.
        family: The family was right.
        design: The family was right or has the same letters.
        named: The match was sure enough to be named.
        wrongly_named: Another design was sure enough when the true one was not there.
    """

    size: float
    face: bool
    family: bool
    design: bool
    named: bool
    wrongly_named: bool


def font_trials(faces: Sequence[FontFace], *, count: int, sizes: Sequence[int], rough: bool) -> Iterator[FontTrial]:
    """Trials over random faces, words, angles and letter spacings; the same on any machine with the same fonts.

    Args:
        faces: Candidates and truth.
        count: Trials per size.
        sizes: Pixels per em.
        rough: Blur and noise as an estimated matte has, and a reader's wrong angle, instead of clean coverage.
    """
    for size in sizes:
        for number in range(count):
            dice = Dice(f"fonts {size} {number} {rough}")
            truth, block, layer = _text(dice, faces, size, rough)
            lines = upright(block, layer).lines
            found = next(iter(best_matches(lines, faces)), None)
            if found is None:
                continue
            others = [face for face in faces if not _same_design(face, truth)]
            wrong = next(iter(best_matches(lines, others)), None)
            yield FontTrial(
                size=size,
                face=found.face.name == truth.name,
                family=found.face.family == truth.family,
                design=_same_design(found.face, truth),
                named=_sure(found, lines, size),
                wrongly_named=wrong is not None and _sure(wrong, lines, size),
            )


def font_rates(trials: Sequence[FontTrial]) -> dict[str, float]:
    """Shares 0..1 of all trials: ``face``, ``family``, ``design``, ``named``, ``right_of_named``, ``wrongly_named``."""
    named = [trial for trial in trials if trial.named]
    return {
        **{key: fmean(getattr(trial, key) for trial in trials) for key in ("face", "family", "design", "named")},
        "right_of_named": fmean(trial.design for trial in named) if named else 0.0,
        "wrongly_named": fmean(trial.wrongly_named for trial in trials),
    }


def _sure(match: Match, lines: Sequence[UprightLine], size: float) -> bool:
    return certainty(lines, match) >= least_certainty(size)


def _text(dice: Dice, faces: Sequence[FontFace], size: int, rough: bool) -> tuple[FontFace, TextBlock, Layer]:
    words = [dice.pick((*HEADLINES, *LINES)) for _ in range(dice.integer(1, 2))]
    truth = dice.pick([face for face in faces if not face.missing("".join(words))])
    angle = dice.uniform(-20, 20) if dice.chance(0.25) else 0.0
    spacing = 0.08 * size if dice.chance(0.25) else 0.0
    setting = Setting(face=truth, size=size * dice.uniform(0.95, 1.05), spacing=spacing, fill=FILL)
    lines = [Line(content=row, x=50 + dice.unit(), y=100 + dice.unit() + i * 1.2 * size) for i, row in enumerate(words)]
    drawn = draw_block(setting, lines, angle=angle)
    assert drawn is not None
    layer = Layer(pixels=drawn[0], offset=drawn[1])
    read_angle = angle + (dice.uniform(-0.7, 0.7) if rough else 0.0)
    block = TextBlock(
        lines=tuple(_read(line, setting, lines[0], angle) for line in lines),
        angle=read_angle,
        size=size,
        colours=(FILL,),
        alignment="left",
        line_spacing=1.2 * size,
    )
    return truth, block, _roughened(layer, dice) if rough else layer


def _read(line: Line, setting: Setting, first: Line, angle: float) -> TextLine:
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    right, top, bottom = line.x + setting.width(line.content), line.y - 0.8 * setting.size, line.y + 0.2 * setting.size
    corners = np.array([(line.x, top), (right, top), (right, bottom), (line.x, bottom)]) - (first.x, first.y)
    turned = corners @ np.array([[cos, sin], [-sin, cos]]) + (first.x, first.y)
    polygon = tuple((float(x), float(y)) for x, y in turned)
    return TextLine(content=line.content, polygon=polygon, confidence=1.0)


def _roughened(layer: Layer, dice: Dice) -> Layer:
    """Coverage as an estimate has it: blurred by half a pixel, noise of 10 of 255, the faint parts lost."""
    pixels: U8 = np.pad(layer.pixels, ((3, 3), (3, 3), (0, 0)))
    alpha = cv2.GaussianBlur(pixels[..., 3].astype(np.float32), (0, 0), 0.5)
    alpha = (alpha + dice.generator().normal(0, 10, alpha.shape) - 20) * (255 / 225)
    pixels[..., :3], pixels[..., 3] = FILL, np.clip(alpha, 0, 255).astype(np.uint8)
    return replace(layer, pixels=pixels, offset=(layer.offset[0] - 3, layer.offset[1] - 3))


@lru_cache(maxsize=65_536)
def _same_design(one: FontFace, other: FontFace) -> bool:
    """Whether two faces are of one family, or their letters cover each other when set at one size."""
    if one.family == other.family:
        return True
    if one.italic != other.italic or abs(one.weight - other.weight) > 150:
        return False
    a, b = _specimen(one), _specimen(other)
    if a is None or b is None:
        return False
    return float(np.minimum(a, b).sum()) / max(float(np.maximum(a, b).sum()), 1.0) >= _ONE_DESIGN


@lru_cache(maxsize=4096)
def _specimen(face: FontFace) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None:
    """Letters of a face with equal ink box, so that faces of other metrics are compared as well."""
    drawn = draw_block(Setting(face=face, size=60), [Line(content="Hagnose", x=10, y=80)])
    return None if drawn is None else cv2.resize(drawn[0][..., 3].astype(np.float32), (240, 60))
