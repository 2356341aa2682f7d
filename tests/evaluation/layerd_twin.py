"""The LayerD protocol written straight from its specification: whole canvases, float64, nothing remembered.

Slow on purpose: the twin that ``layerize.evaluation.layerd`` must equal and beat.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, Any]


def over(top: Array, below: Array) -> Array:
    return np.asarray(Image.alpha_composite(Image.fromarray(below), Image.fromarray(top)))


def group(layers: list[Array]) -> list[Array]:
    remaining, groups = list(layers), []
    while remaining:
        members, rest = [], []
        for index, layer in enumerate(remaining):
            above = remaining[index + 1 :]
            hit = any(((layer[..., 3] > 0) & (other[..., 3] > 0)).any() for other in above)
            (rest if hit else members).append(layer)
        flat = members[0]
        for layer in members[1:]:
            flat = over(layer, flat)
        groups.append(flat)
        remaining = rest
    return groups[::-1]


def l1(x: Array, y: Array) -> float:
    a, b = x.astype(np.float64) / 255, y.astype(np.float64) / 255
    mask = (b[..., 3] > 0).astype(np.float64)
    return float((np.abs(a[..., :3] - b[..., :3]).mean(axis=-1) * mask).sum() / (mask.sum() + 1e-8))


def iou(x: Array, y: Array) -> float:
    a, b = x[..., 3].astype(np.float64) / 255, y[..., 3].astype(np.float64) / 255
    union = np.maximum(a, b).sum()
    return float(np.minimum(a, b).sum() / union) if union > 0 else 0.0


def cost(x: Array, y: Array) -> float:
    return (l1(x, y) + 1 - iou(x, y)) / 2


def dtw(pred: list[Array], gt: list[Array]) -> list[tuple[int, int]]:
    n, m = len(pred), len(gt)
    costs = [[cost(x, y) for y in gt] for x in pred]
    total = [[0.0] * m for _ in range(n)]
    for i in range(n):
        for j in range(m):
            if i == 0 and j == 0:
                total[i][j] = costs[i][j]
            elif i == 0:
                total[i][j] = total[i][j - 1] + costs[i][j]
            elif j == 0:
                total[i][j] = total[i - 1][j] + costs[i][j]
            else:
                total[i][j] = costs[i][j] + min(total[i - 1][j], total[i][j - 1], total[i - 1][j - 1])
    i, j, path = n - 1, m - 1, [(n - 1, m - 1)]
    while i or j:
        if i == 0:
            j -= 1
        elif j == 0:
            i -= 1
        else:
            diagonal, up, left = total[i - 1][j - 1], total[i - 1][j], total[i][j - 1]
            if diagonal <= up and diagonal <= left:
                i, j = i - 1, j - 1
            elif up <= diagonal and up <= left:
                i -= 1
            else:
                j -= 1
        path.append((i, j))
    return path[::-1]


def best_merge(
    layers: list[Array], others: list[Array], path: list[tuple[int, int]]
) -> tuple[float, int, Array] | None:
    if len(layers) <= 2:
        return None

    def similarity(layer: Array, partners: list[int]) -> float:
        return sum(1 - cost(layer, others[j]) for j in partners)

    best: tuple[float, int, Array] | None = None
    for i in range(len(layers) - 1):
        g0, g1 = ([j for a, j in path if a == k] for k in (i, i + 1))
        both = over(layers[i + 1], layers[i])
        current = similarity(layers[i], g0) + similarity(layers[i + 1], g1)
        choices = [similarity(both, g1)]
        if i + 2 < len(layers):
            choices += [similarity(layers[i + 2], g0), similarity(layers[i + 2], g1)]
        new = similarity(both, g0) + max(choices)
        if new > current and (best is None or new - current > best[0]):
            best = (new - current, i, both)
    return best


def score(pred: list[Array], gt: list[Array], max_edits: int = 5) -> list[dict[str, float]]:
    pred, gt = group(pred), group(gt)
    path = dtw(pred, gt)
    states = [_state(0, pred, gt, path)]
    for edits in range(1, max_edits + 1):
        on_pred = best_merge(pred, gt, path)
        on_gt = best_merge(gt, pred, [(j, i) for i, j in path])
        if on_pred is None and on_gt is None:
            break
        if on_pred is not None and (on_gt is None or on_pred[0] > on_gt[0]):
            pred = [*pred[: on_pred[1]], on_pred[2], *pred[on_pred[1] + 2 :]]
        else:
            assert on_gt is not None
            gt = [*gt[: on_gt[1]], on_gt[2], *gt[on_gt[1] + 2 :]]
        path = dtw(pred, gt)
        states.append(_state(edits, pred, gt, path))
    return states


def _state(edits: int, pred: list[Array], gt: list[Array], path: list[tuple[int, int]]) -> dict[str, float]:
    def mean(measure: Callable[[Array, Array], float]) -> float:
        return float(np.mean([measure(pred[i], gt[j]) for i, j in path]))

    return {"edits": edits, "cost": mean(cost), "rgb_l1": mean(l1), "alpha_iou": mean(iou)}


def random_scene(seed: int, *, width: int = 40, height: int = 32, layers: int | None = None) -> list[Array]:
    """A background and soft, hard, empty, faint or far-apart patches, with colour under transparent pixels."""
    rng = np.random.default_rng(seed)
    count = layers or int(rng.integers(2, 8))
    background = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    background[..., 3] = 255
    scene = [background]
    y, x = np.mgrid[:height, :width]
    for _ in range(count - 1):
        layer = np.empty((height, width, 4), np.uint8)
        layer[..., :3] = rng.integers(0, 256, 3, dtype=np.uint8)
        noise = rng.integers(0, 30, (height, width, 3), dtype=np.uint8)
        layer[..., :3] = np.where(rng.random() < 0.5, layer[..., :3] // 2 + noise, layer[..., :3])
        cy, cx, r = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0.1, 0.4) * min(width, height)
        kind = rng.choice(["soft", "hard", "box", "empty", "faint"], p=[0.35, 0.25, 0.25, 0.05, 0.1])
        distance = np.hypot(y - cy, x - cx)
        alpha = {
            "soft": np.clip((r - distance) / (0.5 * r) + 0.5, 0, 1) * rng.uniform(0.4, 1),
            "hard": (distance < r).astype(float),
            "box": ((abs(y - cy) < r) & (abs(x - cx) < r)).astype(float),
            "empty": np.zeros((height, width)),
            "faint": np.where(distance < r, 1, 1 / 255),
        }[str(kind)]
        layer[..., 3] = np.rint(alpha * 255).astype(np.uint8)
        scene.append(layer)
    return scene


def disturbed(scene: list[Array], seed: int) -> list[Array]:
    """A prediction of the scene: shifted, recoloured, split, dropped or swapped layers."""
    rng = np.random.default_rng([seed, 1])
    out = []
    for layer in scene:
        new = np.roll(layer, tuple(rng.integers(-2, 3, 2)), (0, 1))
        new[..., :3] = np.clip(new[..., :3].astype(int) + rng.integers(-20, 21, 3), 0, 255)
        if len(out) and rng.random() < 0.3:
            half = new.copy()
            cut = int(rng.integers(1, new.shape[1]))
            half[:, :cut, 3] = 0
            new[:, cut:, 3] = 0
            out.append(half)
        out.append(new)
    if len(out) > 3 and rng.random() < 0.3:
        a = int(rng.integers(1, len(out) - 1))
        out[a], out[a + 1] = out[a + 1], out[a]
    if len(out) > 3 and rng.random() < 0.3:
        del out[int(rng.integers(1, len(out)))]
    return out
