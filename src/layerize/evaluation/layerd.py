"""The LayerD protocol (ICCV 2025, arXiv 2509.25134): grouping, DTW with merges, L1 and IoU per number of merges.

Follows the behaviour of the public implementation to the last bit of its decisions; ``docs/evaluation.md`` says what it
does and does not measure. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from layerize.errors import InputError
from layerize.evaluation.pairs import InkedLayer, Pairs
from layerize.stack.layer import U8

MAX_EDITS = 5

Matches = list[tuple[int, int]]
"""Matched (prediction, ground truth) indices, monotone; every index of both sides occurs."""


@dataclass(frozen=True, kw_only=True)
class State:
    """The scores after so many merges: plain means over the pairs of the DTW path, all in 0..1.

    Attributes:
        edits: Merges so far.
        cost: ``(rgb_l1 + 1 - alpha_iou) / 2``.
        rgb_l1: Colour error, lower is better.
        alpha_iou: Soft IoU of the alphas, higher is better.
    """

    edits: int
    cost: float
    rgb_l1: float
    alpha_iou: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """One sample's result.

    Attributes:
        states: Without a merge, with one, ...; ends early where no merge helps.
        pred_layers: The predicted layers as given.
        gt_layers: The true layers as given.
        pred: The predicted groups, bottom to top, before any merge.
        gt: The true groups.
        path: Their DTW path before any merge.
        pairs: The measures of pairs that were computed, for further use.
    """

    states: list[State]
    pred_layers: list[InkedLayer]
    gt_layers: list[InkedLayer]
    pred: list[InkedLayer]
    gt: list[InkedLayer]
    path: Matches
    pairs: Pairs


def score_stacks(pred: Sequence[U8], gt: Sequence[U8], *, max_edits: int = MAX_EDITS) -> Scored:
    """Score one predicted stack against the true one.

    Args:
        pred: ``u8`` (H, W, 4) layers, straight alpha, bottom to top, at least one.
        gt: As ``pred``, all of the same size.
        max_edits: Merges allowed, 0 or more.

    Raises:
        InputError: A side is empty or the sizes differ.
    """
    check_sizes(pred, gt)
    pairs = Pairs()
    pred_layers, gt_layers = [InkedLayer(layer) for layer in pred], [InkedLayer(layer) for layer in gt]
    sides = group(pred_layers), group(gt_layers)
    path = dtw(*sides, pairs)
    return Scored(
        states=_merge_and_score(*sides, path, pairs, max_edits),
        pred_layers=pred_layers,
        gt_layers=gt_layers,
        pred=sides[0],
        gt=sides[1],
        path=path,
        pairs=pairs,
    )


def _merge_and_score(
    pred: list[InkedLayer], gt: list[InkedLayer], path: Matches, pairs: Pairs, max_edits: int
) -> list[State]:
    states = [_state(0, pred, gt, path, pairs)]
    merged: dict[tuple[InkedLayer, InkedLayer], InkedLayer] = {}
    for edits in range(1, max_edits + 1):
        on_pred = best_merge(pred, gt, path, pairs, merged)
        on_gt = best_merge(gt, pred, [(j, i) for i, j in path], pairs, merged)
        if on_pred is None and on_gt is None:
            break
        if on_pred is not None and (on_gt is None or on_pred.gain > on_gt.gain):
            pred = on_pred.apply(pred)
        else:
            assert on_gt is not None
            gt = on_gt.apply(gt)
        path = dtw(pred, gt, pairs)
        states.append(_state(edits, pred, gt, path, pairs))
    return states


def check_sizes(pred: Sequence[U8], gt: Sequence[U8]) -> None:
    """Refuse what cannot be compared.

    Raises:
        InputError: A side is empty or not all layers have one size.
    """
    if not pred or not gt:
        raise InputError(f"{len(pred)} predicted and {len(gt)} true layers; both need at least one.")
    sizes = {(layer.shape[1], layer.shape[0]) for layer in (*pred, *gt)}
    if len(sizes) > 1:
        listed = ", ".join(f"{width}x{height}" for width, height in sorted(sizes))
        raise InputError(f"layers have different sizes ({listed}); all layers of both stacks need one size.")


def group(layers: Sequence[InkedLayer]) -> list[InkedLayer]:
    """Layers that share no pixel become one, top first: take all that nothing above them touches, flatten, repeat."""
    remaining = list(layers)
    groups: list[InkedLayer] = []
    while remaining:
        free = [
            not any(layer.touches(above) for above in remaining[index + 1 :]) for index, layer in enumerate(remaining)
        ]
        members = [layer for layer, taken in zip(remaining, free, strict=True) if taken]
        flat = members[0]
        for layer in members[1:]:
            flat = layer.over(flat)
        groups.append(flat)
        remaining = [layer for layer, taken in zip(remaining, free, strict=True) if not taken]
    return groups[::-1]


def dtw(pred: Sequence[InkedLayer], gt: Sequence[InkedLayer], pairs: Pairs) -> Matches:
    """Dynamic time warping over the pair costs; ties go to the diagonal, then to the previous prediction."""
    cost = np.array([[pairs.cost(x, y) for y in gt] for x in pred])
    total = cost.copy()
    for i in range(len(pred)):
        for j in range(len(gt)):
            before = [total[a, b] for a, b in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if a >= 0 and b >= 0]
            if before:
                total[i, j] = cost[i, j] + min(before)
    i, j = len(pred) - 1, len(gt) - 1
    path = [(i, j)]
    while (i, j) != (0, 0):
        i, j = _step_back(total, i, j)
        path.append((i, j))
    return path[::-1]


def _step_back(total: np.ndarray[Any, np.dtype[np.float64]], i: int, j: int) -> tuple[int, int]:
    if i == 0:
        return 0, j - 1
    if j == 0:
        return i - 1, 0
    diagonal, up, left = total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]
    if diagonal <= up and diagonal <= left:
        return i - 1, j - 1
    return (i - 1, j) if up <= diagonal and up <= left else (i, j - 1)


def _state(edits: int, pred: list[InkedLayer], gt: list[InkedLayer], path: Matches, pairs: Pairs) -> State:
    matched = [(pred[i], gt[j]) for i, j in path]
    return State(
        edits=edits,
        cost=float(np.mean([pairs.cost(x, y) for x, y in matched])),
        rgb_l1=float(np.mean([pairs.l1(x, y) for x, y in matched])),
        alpha_iou=float(np.mean([pairs.iou(x, y) for x, y in matched])),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Merge:
    """Layers ``index`` and ``index + 1`` as one; ``gain`` in summed similarity, above 0."""

    index: int
    gain: float
    layer: InkedLayer

    def apply(self, layers: list[InkedLayer]) -> list[InkedLayer]:
        """The stack after the merge."""
        return [*layers[: self.index], self.layer, *layers[self.index + 2 :]]


def best_merge(
    layers: list[InkedLayer],
    others: list[InkedLayer],
    path: Matches,
    pairs: Pairs,
    merged: dict[tuple[InkedLayer, InkedLayer], InkedLayer],
) -> Merge | None:
    """The merge of two neighbours that raises similarity most, None when none does or only two layers are left.

    Args:
        layers: The side to merge on; it is the first argument of every measure.
        others: The other side.
        path: Matched (layers, others) indices.
        pairs: Measures.
        merged: Merges computed before, filled here.
    """
    if len(layers) <= 2:
        return None
    partners: list[list[InkedLayer]] = [[] for _ in layers]
    for i, j in path:
        partners[i].append(others[j])

    def similarity(layer: InkedLayer, group: list[InkedLayer]) -> float:
        return sum(pairs.similarity(layer, other) for other in group)

    best: Merge | None = None
    for i in range(len(layers) - 1):
        lower, upper = layers[i], layers[i + 1]
        if (lower, upper) not in merged:
            merged[lower, upper] = upper.over(lower)
        both, g0, g1 = merged[lower, upper], partners[i], partners[i + 1]
        current = similarity(lower, g0) + similarity(upper, g1)
        further = [similarity(both, g1)]
        if i + 2 < len(layers):
            further += [similarity(layers[i + 2], g0), similarity(layers[i + 2], g1)]
        new = similarity(both, g0) + max(further)
        if new > current and (best is None or new - current > best.gain):
            best = Merge(index=i, gain=new - current, layer=both)
    return best


def aggregate(samples: Sequence[Sequence[State]], *, max_edits: int = MAX_EDITS) -> list[dict[str, float]]:
    """Means over all samples at every number of merges; a sample that ended early counts with its last state.

    Returns:
        One row per level: ``max_edits``, ``avg_edits``, ``count`` (samples that got so far), ``avg_cost``,
        ``avg_rgb_l1``, ``avg_alpha_iou``.
    """
    rows = []
    for level in range(max_edits + 1):
        last = [asdict(states[min(level, len(states) - 1)]) for states in samples]
        means = {name: float(np.mean([state[name] for state in last])) for name in ("cost", "rgb_l1", "alpha_iou")}
        rows.append(
            {
                "max_edits": float(level),
                "avg_edits": float(np.mean([min(level, len(states) - 1) for states in samples])),
                "count": float(sum(len(states) > level for states in samples)),
                **{f"avg_{name}": value for name, value in means.items()},
            }
        )
    return rows


def drop_faint(layers: Sequence[U8], floor: int) -> list[U8]:
    """Alpha below ``floor`` (0..255) set to 0, colours kept; layers without such pixels are returned as they are."""
    result = []
    for layer in layers:
        alpha = layer[..., 3]
        faint = (alpha > 0) & (alpha < floor)
        if faint.any():
            layer = layer.copy()
            layer[..., 3][faint] = 0
        result.append(layer)
    return result
