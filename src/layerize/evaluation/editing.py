"""Edit consistency: delete or move a layer in prediction and truth alike; do the composites stay equal?

What a person does with the layers shows every fault at once: ghosts left behind, holes, halos, wrong order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from layerize.evaluation.layerd import Matches
from layerize.evaluation.over import paint
from layerize.evaluation.pairs import InkedLayer
from layerize.stack.layer import U8

GREY = (128, 128, 128, 255)
STEP = 8
"""A layer is moved by this fraction (one eighth) of the canvas, away from the nearer edges."""


def edit_errors(pred: Sequence[InkedLayer], gt: Sequence[InkedLayer], matches: Matches) -> list[float]:
    """Errors of the composites after each edit: every true layer but the background deleted, then moved.

    The matched predicted layer gets the same edit; without a match the prediction stays as it is, as it would for a
    person who cannot find the object.

    Returns:
        One mean absolute RGB error, 0..1, per edit, over the pixels that change in truth or prediction (composites on
        grey). Edits that change nothing, of layers wholly hidden, are left out.
    """
    truth, guess, partner = _Composer(gt), _Composer(pred), {j: i for i, j in matches}
    errors = []
    for j in range(1, len(gt)):
        shift = _shift_of(gt[j])
        if shift is None:
            continue
        for by in (None, shift):
            edited = truth.edited(j, by)
            answer = guess.edited(partner[j], by) if j in partner else guess.whole
            changed = _differ(edited, truth.whole) | _differ(answer, guess.whole)
            count = int(np.count_nonzero(changed))
            if count:
                difference = cv2.norm(edited, answer, cv2.NORM_L1, changed.astype(np.uint8))
                errors.append(difference / (3 * 255 * count))
    return errors


def _differ(a: U8, b: U8) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    differing: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = a.view(np.uint32)[..., 0] != b.view(np.uint32)[..., 0]
    return differing


def _shift_of(layer: InkedLayer) -> tuple[int, int] | None:
    if layer.box is None:
        return None
    height, width = layer.alpha_HW.shape
    right = layer.box.x0 + layer.box.x1 < width
    down = layer.box.y0 + layer.box.y1 < height
    dx, dy = max(1, width // STEP), max(1, height // STEP)
    return (dx if right else -dx), (dy if down else -dy)


class _Composer:
    """Composites on grey of a stack with one layer changed; everything below that layer is painted once."""

    def __init__(self, layers: Sequence[InkedLayer]) -> None:
        self.layers = layers
        self.below = list(self._prefixes())
        self.whole = self.below.pop()

    def _prefixes(self) -> Iterator[U8]:
        canvas = np.empty_like(self.layers[0].rgba_HW4)
        canvas[...] = GREY
        yield canvas.copy()
        for layer in self.layers:
            paint(layer.rgba_HW4, canvas, layer.window)
            yield canvas.copy()

    def edited(self, index: int, shift: tuple[int, int] | None) -> U8:
        """Without layer ``index`` (shift None), or with it moved by (dx, dy)."""
        canvas = self.below[index].copy()
        if shift is not None:
            paint(_moved(self.layers[index].rgba_HW4, *shift), canvas)
        for layer in self.layers[index + 1 :]:
            paint(layer.rgba_HW4, canvas, layer.window)
        return canvas


def _moved(rgba_HW4: U8, dx: int, dy: int) -> U8:
    """Shifted; what leaves the canvas is gone."""
    height, width = rgba_HW4.shape[:2]
    out = np.zeros_like(rgba_HW4)
    rows, columns = _spans(height, dy), _spans(width, dx)
    out[rows[0], columns[0]] = rgba_HW4[rows[1], columns[1]]
    return out


def _spans(side: int, by: int) -> tuple[slice, slice]:
    """(to, from) along one axis."""
    return slice(max(0, by), side + min(0, by)), slice(max(0, -by), side - max(0, by))
