"""``layerize eval text``: lift the words off designs whose words are known, and say how well that went."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from PIL import Image

from layerize.errors import UsageError
from layerize.evaluation.text_designs import LOOKS, SMOOTH, TextDesign, draw_text_design
from layerize.evaluation.text_measures import DesignScore, TextScore, canvas_alpha, score_design
from layerize.formats import write_image
from layerize.stack.layer import U8
from layerize.text.block import TextLine
from layerize.text.extract import Lifted, described, lift_lines
from layerize.text.ocr import require
from layerize.text.scan import scan
from layerize.text.trust import trusted

LEAST_HEIGHT = 16  # px of capitals from which the alpha's target counts
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99)
SHEET_ROWS = 6
TARGETS = {"word_recall": 0.9, "alpha_iou": 0.85, "ground_error_smooth": 4.0}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One line as it was read, trusted or not.

    Attributes:
        content: What it says.
        confidence: 0..1.
        true: Whether there is text.
    """

    content: str
    confidence: float
    true: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class TextCase:
    """One design, done.

    Attributes:
        design: The truth.
        lifted: What was found.
        score: Both compared.
        readings: All lines, before any was refused.
    """

    design: TextDesign
    lifted: Lifted
    score: DesignScore
    readings: tuple[Reading, ...]


def evaluate_text(seeds: Sequence[int], size: tuple[int, int] = (512, 512)) -> Iterator[TextCase]:
    """Draw, lift and score one design after the other.

    Args:
        seeds: Of ``draw_text_design``.
        size: (width, height) of the designs in pixels.

    Raises:
        MissingExtraError: The extra ``text`` or ``synth`` is not installed.
        UsageError: There are no seeds.
    """
    if not seeds:
        raise UsageError("no designs were asked for; give at least 1.")
    require()
    for seed in seeds:
        yield _case(draw_text_design(seed, size))


def _case(design: TextDesign) -> TextCase:
    height, width = design.image_HW3.shape[:2]
    picture = np.dstack([design.image_HW3, np.full((height, width), 255, np.uint8)])
    start = time.perf_counter()
    lines = scan(design.image_HW3)
    lifted = described(lift_lines(picture, trusted(lines, (width, height))))
    seconds = time.perf_counter() - start
    score = score_design(design, lifted.clean_HW4, lifted.blocks, lifted.layers, seconds)
    return TextCase(design=design, lifted=lifted, score=score, readings=tuple(_reading(line, design) for line in lines))


def _reading(line: TextLine, design: TextDesign) -> Reading:
    """Text is where the middle of the line's box lies in the box of a text."""
    x0, y0, x1, y1 = line.box
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    true = any(text.box[0] <= x <= text.box[2] and text.box[1] <= y <= text.box[3] for text in design.texts)
    return Reading(content=line.content, confidence=line.confidence, true=true)


def text_report(cases: Sequence[TextCase]) -> dict[str, Any]:
    """Means over the designs, by look and by ground, and the thresholds' table; JSON-able."""
    scores = [case.score for case in cases]
    texts = [text for score in scores for text in score.texts]
    right = sum(score.right_words for score in scores)
    found = [text for text in texts if text.found]
    large = [text for text in texts if text.height >= LEAST_HEIGHT]
    smooth = [text for text in found if text.ground in SMOOTH]
    rest = [text for text in found if text.ground not in SMOOTH]
    return {
        "designs": len(scores),
        "texts": len(texts),
        "word_recall": right / max(sum(score.true_words for score in scores), 1),
        "word_precision": right / max(sum(score.read_words for score in scores), 1),
        "character_error_rate": sum(text.edits for text in texts) / max(sum(len(text.content) for text in texts), 1),
        "found": len(found) / max(len(texts), 1),
        "alpha_iou": _mean(text.iou for text in large),
        "alpha_iou_found": _mean(text.iou for text in large if text.found),
        "alpha_iou_small": _mean(text.iou for text in texts if text.height < LEAST_HEIGHT),
        "ground_error_smooth": _mean(text.ground_error for text in smooth),
        "ground_error_smooth_median": median(text.ground_error for text in smooth) if smooth else None,
        "ground_error_rest": _mean(text.ground_error for text in rest),
        "typeface_named": _mean(float(text.typeface is not None) for text in found),
        "typeface_right": _mean(float(text.typeface_right) for text in found if text.typeface is not None),
        "false_layers": sum(score.false_layers for score in scores),
        "seconds": median(score.seconds for score in scores) if scores else None,
        "by_look": {look: _row([text for text in texts if text.look == look]) for look in LOOKS},
        "by_ground": {name: _row([t for t in texts if t.ground == name]) for name in sorted({t.ground for t in texts})},
        "thresholds": _thresholds([reading for case in cases for reading in case.readings]),
        "cases": [asdict(score) for score in scores],
    }


def _row(texts: Sequence[TextScore]) -> dict[str, float | int | None]:
    return {
        "texts": len(texts),
        "found": _mean(float(text.found) for text in texts),
        "alpha_iou": _mean(text.iou for text in texts),
        "alpha_iou_found": _mean(text.iou for text in texts if text.found),
        "ground_error": _mean(text.ground_error for text in texts if text.found),
    }


def _thresholds(readings: Sequence[Reading]) -> list[dict[str, float | int]]:
    """What a threshold on the confidence would keep: of text, and of what is none."""
    many = [reading for reading in readings if sum(c.isalnum() for c in reading.content) > 1]
    single = [reading for reading in readings if sum(c.isalnum() for c in reading.content) == 1]
    rows = []
    for threshold in THRESHOLDS:
        row: dict[str, float | int] = {"threshold": threshold}
        for name, group in (("words", many), ("signs", single)):
            row[f"true_{name}"] = sum(reading.true and reading.confidence >= threshold for reading in group)
            row[f"false_{name}"] = sum(not reading.true and reading.confidence >= threshold for reading in group)
        rows.append(row)
    return rows


def write_sheets(cases: Sequence[TextCase], folder: Path, most: int) -> list[Path]:
    """The worst cases first, six to a sheet: picture, picture without text, text on grey, its alpha, the true alpha."""
    worst = sorted(cases, key=lambda case: _mean(text.iou for text in case.score.texts) or 0.0)[:most]
    paths = []
    for number in range(0, len(worst), SHEET_ROWS):
        rows = [_sheet_row(case) for case in worst[number : number + SHEET_ROWS]]
        sheet = np.concatenate(rows, axis=0)
        path = folder / f"sheet-{number // SHEET_ROWS:02d}.png"
        write_image(np.dstack([sheet, np.full(sheet.shape[:2], 255, np.uint8)]), path)
        paths.append(path)
    return paths


def _sheet_row(case: TextCase) -> U8:
    design, lifted = case.design, case.lifted
    alphas = [canvas_alpha(layer, design.alpha_HW.shape) for layer in lifted.layers]
    alpha = np.max(alphas, axis=0) if alphas else np.zeros(design.alpha_HW.shape, np.float32)
    height, width = design.image_HW3.shape[:2]
    grey = Image.new("RGBA", (width, height), (128, 128, 128, 255))
    for layer in lifted.layers:
        grey.alpha_composite(Image.fromarray(layer.pixels), layer.offset)
    found = np.repeat(np.rint(alpha * 255).astype(np.uint8)[..., None], 3, axis=2)
    true = np.repeat(design.alpha_HW[..., None], 3, axis=2)
    on_grey = np.asarray(grey.convert("RGB"))
    cells = [design.image_HW3, lifted.clean_HW4[..., :3], on_grey, found, true]
    row: U8 = np.concatenate(cells, axis=1)
    return row[::2, ::2]


def _mean(values: Iterator[float]) -> float | None:
    kept = list(values)
    return fmean(kept) if kept else None
