"""Which predicted layer stands for which true one, and how well: Layer-IoU, order, what is hidden behind others.

Works on the groups of the LayerD protocol (``layerd.Scored``), matched by its DTW path or one to one (Hungarian).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from layerize.errors import MissingExtraError
from layerize.evaluation.layerd import Matches
from layerize.evaluation.pairs import InkedLayer, Pairs
from layerize.stack.composite import Box

HALF = 128  # alpha from here on counts as present in the hard measures


def hard_iou(x: InkedLayer, y: InkedLayer) -> float:
    """IoU of ``alpha >= 128``; 0 for two layers without such pixels."""
    if x.box is None or y.box is None:
        return 0.0
    where = Box(
        min(x.box.x0, y.box.x0), min(x.box.y0, y.box.y0), max(x.box.x1, y.box.x1), max(x.box.y1, y.box.y1)
    ).slices(0, 0)
    a, b = x.alpha_HW[where] >= HALF, y.alpha_HW[where] >= HALF
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 0.0


def assign(pred: Sequence[InkedLayer], gt: Sequence[InkedLayer], pairs: Pairs) -> Matches:
    """The one-to-one matches with the largest summed soft IoU, by true index; pairs that share nothing are left out.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise MissingExtraError("Matching layers one to one", "scipy", "eval") from error
    iou = np.array([[pairs.iou(x, y) for y in gt] for x in pred])
    rows, columns = linear_sum_assignment(iou, maximize=True)
    found = [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if iou[i, j] > 0]
    return sorted(found, key=lambda match: match[1])


def layer_iou(
    pred: Sequence[InkedLayer], gt: Sequence[InkedLayer], matches: Matches, pairs: Pairs, *, divisor: int
) -> tuple[float, float]:
    """(soft, hard) IoU summed over matches and divided by ``divisor``.

    For a DTW path that is its length; for one-to-one matches the larger layer count, so that every layer too many and
    every layer too few counts as 0.
    """
    soft = sum(pairs.iou(pred[i], gt[j]) for i, j in matches)
    hard = sum(hard_iou(pred[i], gt[j]) for i, j in matches)
    return soft / divisor, hard / divisor


def order_errors(gt: Sequence[InkedLayer], matches: Matches) -> tuple[int, int]:
    """(wrong, all) pairs of matched true layers that overlap: wrong if their predictions are stacked the other way."""
    wrong = total = 0
    for position, (i, j) in enumerate(matches):
        for upper_i, upper_j in matches[position + 1 :]:
            if gt[j].touches(gt[upper_j]):
                total += 1
                wrong += i > upper_i
    return wrong, total


def hidden_error(pred: Sequence[InkedLayer], gt: Sequence[InkedLayer], matches: Matches) -> tuple[float, int]:
    """How wrong the layers are where others cover them, where the picture tells nothing and the truth is known.

    A pixel is hidden if its true layer has alpha >= 128 and the true layers above together cover it by half or more.
    Its error is ``a |RGB - RGB_true| + (1 - a)`` with the predicted alpha a: a hole counts 1, like the worst colour.

    Returns:
        (mean error 0..1 over all hidden pixels, their number); an unmatched layer's hidden pixels count 1 each.
    """
    partner = {j: pred[i] for i, j in matches}
    light = np.ones(gt[0].alpha_HW.shape, np.float32)
    error, count = 0.0, 0
    for j in range(len(gt) - 1, -1, -1):
        layer, found = gt[j], partner.get(j)
        where = layer.window
        hidden = (layer.alpha_HW[where] >= HALF) & (light[where] <= 0.5)
        pixels = int(np.count_nonzero(hidden))
        count += pixels
        if found is None:
            error += pixels
        elif pixels:
            error += _hidden_pixels(found.rgba_HW4[where][hidden], layer.rgb_HW3[where][hidden])
        light[where] *= 1 - layer.alpha_HW[where] / np.float32(255)
    return (error / count if count else 0.0), count


def _hidden_pixels(found_N4: np.ndarray, true_N3: np.ndarray) -> float:
    alpha = found_N4[:, 3] / 255
    colour = np.abs(found_N4[:, :3].astype(np.int16) - true_N3).mean(axis=1) / 255
    return float((alpha * colour + 1 - alpha).sum())
