"""Reading: a picture in, lines of text with polygon, words and confidence out (RapidOCR on onnxruntime, offline).

The one door to the extra ``text``. Both packages are imported when a picture is read, not before.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
from functools import cache
from typing import Any

import cv2
import numpy as np

from layerize.errors import MissingExtraError
from layerize.stack.layer import U8
from layerize.text.block import Polygon, TextLine, TextWord

PACKAGES = ("rapidocr", "onnxruntime")


def available() -> bool:
    """Whether the extra ``text`` is installed; imports nothing."""
    try:
        return all(importlib.util.find_spec(package) is not None for package in PACKAGES)
    except ValueError:  # a package that an importer has put aside
        return False


def require() -> None:
    """Raise MissingExtraError unless the extra ``text`` is installed."""
    if not available():
        raise MissingExtraError("reading text", " and ".join(PACKAGES), "text")


def read_lines(rgb_HW3: U8) -> list[TextLine]:
    """All lines that the models see, whatever their confidence; the picture is read at the size it is given.

    Args:
        rgb_HW3: ``u8``.

    Returns:
        Lines in reading order, polygons in pixels of the picture, clipped to it.

    Raises:
        MissingExtraError: The extra ``text`` is not installed.
    """
    result = _reader()(cv2.cvtColor(rgb_HW3, cv2.COLOR_RGB2BGR), text_score=0.0)
    if getattr(result, "boxes", None) is None or result.txts is None:
        return []
    words = result.word_results if len(result.word_results) == len(result.txts) else [()] * len(result.txts)
    found = zip(result.boxes, result.txts, result.scores, words, strict=True)
    return [_line(box, content, score, parts) for box, content, score, parts in found if content.strip()]


def read_column(rgb_HW3: U8) -> tuple[str, float]:
    """Read characters that stand below one another: the column is cut at its gaps and laid out as a line.

    Args:
        rgb_HW3: ``u8``, an upright crop of one column.

    Returns:
        What it says and the confidence 0..1; nothing and 0 where nothing is read.
    """
    cells = _cells(rgb_HW3)
    if len(cells) < 2:
        return "", 0.0
    side = max(max(cell.shape[:2]) for cell in cells)
    strip = np.concatenate([_squared(cell, side) for cell in cells], axis=1)
    result = _reader()(cv2.cvtColor(strip, cv2.COLOR_RGB2BGR), use_det=False, use_cls=False, use_rec=True)
    _reader().update_params(use_det=True, use_cls=True)
    if not getattr(result, "txts", None):
        return "", 0.0
    return result.txts[0].strip(), float(result.scores[0])


@cache
def _reader() -> Any:
    """The three networks, which travel in the wheel; loaded once per process."""
    require()
    from rapidocr import RapidOCR

    threads = _threads()
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.return_word_box": True,
            # layerize.text.scan decides the size; the default enlarges a thin strip without a limit
            "Global.max_side_len": 1 << 20,
            "Det.limit_type": "max",
            "Det.limit_side_len": 1 << 20,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _threads() -> int:
    """Cores that this process may use, not more than OMP_NUM_THREADS asks for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(KeyError, ValueError):
        cores = min(cores, int(os.environ["OMP_NUM_THREADS"]))
    return max(cores, 1)


def _line(box: Any, content: str, score: float, words: Any) -> TextLine:
    parts = tuple(
        TextWord(content=str(word), polygon=_polygon(corners)) for word, _, corners in words if corners is not None
    )
    return TextLine(content=content.strip(), polygon=_polygon(box), confidence=float(score), words=parts)


def _polygon(corners: Any) -> Polygon:
    return tuple((float(x), float(y)) for x, y in corners)


def _cells(rgb_HW3: U8) -> list[U8]:
    """A column cut where its rows are empty; gaps within a character are shorter than a third of its width."""
    height, width = rgb_HW3.shape[:2]
    edge = np.concatenate([rgb_HW3[:, :1], rgb_HW3[:, -1:]], axis=1).reshape(-1, 3)
    away = np.abs(rgb_HW3.astype(np.int16) - np.median(edge, axis=0).astype(np.int16)).max(2)
    inked = (away > 48).any(1)
    starts, ends = np.flatnonzero(np.diff(np.r_[0, inked, 0]) == 1), np.flatnonzero(np.diff(np.r_[0, inked, 0]) == -1)
    runs: list[list[int]] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if runs and end - runs[-1][0] <= 1.05 * width and start - runs[-1][1] < width / 3:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    margin = max(1, width // 12)
    return [rgb_HW3[max(0, start - margin) : min(height, end + margin)] for start, end in runs if end - start > 2]


def _squared(cell: U8, side: int) -> U8:
    top, left = (side - cell.shape[0]) // 2, (side - cell.shape[1]) // 2
    bottom, right = side - cell.shape[0] - top, side - cell.shape[1] - left
    squared: U8 = cv2.copyMakeBorder(cell, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return squared
