"""All measures of one predicted stack that the LayerD protocol leaves out, under one name each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from layerize.evaluation.editing import edit_errors
from layerize.evaluation.layerd import Scored
from layerize.evaluation.matching import assign, hidden_error, layer_iou, order_errors
from layerize.evaluation.over import flatten
from layerize.evaluation.recomposition import (
    backed,
    blank_count,
    duplicate_count,
    max_error,
    on_colour,
    psnr_u8,
)
from layerize.evaluation.ssim import WINDOW, ssim
from layerize.stack.layer import U8

Distance = Callable[[U8, U8], float | None]
"""Of two RGB ``u8`` pictures, such as LPIPS; None where they are too small for it."""


@dataclass(frozen=True, kw_only=True)
class StackMeasures:
    """One sample's figures; None where a measure does not apply. IoUs and rates are 0..1, colour errors 0..1.

    Attributes:
        layer_iou_soft_dtw: Mean soft IoU over the DTW path, no merges (the protocol's IoU at level 0).
        layer_iou_hard_dtw: The same of ``alpha >= 128``.
        layer_iou_soft_hungarian: One-to-one, divided by the larger layer count.
        layer_iou_hard_hungarian: The same of ``alpha >= 128``.
        layer_psnr: Mean PSNR of one-to-one matched layers over grey, dB.
        recomposition_psnr: Composite of the prediction against that of the truth, over black and white, dB.
        recomposition_ssim: The same pair; None for pictures under 11 pixels.
        recomposition_lpips: The same pair over grey; None without weights.
        recomposition_max_error: Largest difference of any channel, 0..255.
        layers_pred: Layers predicted, before grouping.
        layers_gt: True layers, before grouping.
        count_pred: Predicted groups.
        count_gt: True groups.
        count_error: ``count_pred - count_gt``.
        blank_rate: Share of predicted layers with next to nothing on them.
        duplicate_rate: Share of predicted layers that repeat a lower one.
        order_error_rate: Share of overlapping matched pairs stacked the wrong way; None if nothing overlaps.
        hidden_error: Colour error behind occluders, a hole counts 1; None if nothing is hidden.
        edit_error: Mean colour error where something changes after deleting and moving layers; None if no edit applies.
    """

    layer_iou_soft_dtw: float
    layer_iou_hard_dtw: float
    layer_iou_soft_hungarian: float
    layer_iou_hard_hungarian: float
    layer_psnr: float | None
    recomposition_psnr: float
    recomposition_ssim: float | None
    recomposition_lpips: float | None
    recomposition_max_error: int
    layers_pred: int
    layers_gt: int
    count_pred: int
    count_gt: int
    count_error: int
    blank_rate: float
    duplicate_rate: float
    order_error_rate: float | None
    hidden_error: float | None
    edit_error: float | None


def measure(scored: Scored, *, lpips: Distance | None = None) -> StackMeasures:
    """Everything about one sample, from its protocol result.

    Args:
        scored: From ``layerd.score_stacks``.
        lpips: Perceptual distance of RGB pictures, if its weights are at hand.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    pred, gt, pairs, layers = scored.pred, scored.gt, scored.pairs, scored.pred_layers
    matches = assign(pred, gt, pairs)
    soft_dtw, hard_dtw = layer_iou(pred, gt, scored.path, pairs, divisor=len(scored.path))
    soft_one, hard_one = layer_iou(pred, gt, matches, pairs, divisor=max(len(pred), len(gt)))
    found, true = (flatten([layer.rgba_HW4 for layer in side]) for side in (pred, gt))
    found_RGB, true_RGB = backed(found), backed(true)
    wrong, overlapping = order_errors(gt, matches)
    hidden, hidden_pixels = hidden_error(pred, gt, matches)
    edits = edit_errors(pred, gt, matches)
    return StackMeasures(
        layer_iou_soft_dtw=soft_dtw,
        layer_iou_hard_dtw=hard_dtw,
        layer_iou_soft_hungarian=soft_one,
        layer_iou_hard_hungarian=hard_one,
        layer_psnr=_mean([psnr_u8(_on_grey(pred[i].rgba_HW4), _on_grey(gt[j].rgba_HW4)) for i, j in matches]),
        recomposition_psnr=psnr_u8(found_RGB, true_RGB),
        recomposition_ssim=_ssim_over_grey(found, true),
        recomposition_lpips=lpips(_on_grey(found), _on_grey(true)) if lpips else None,
        recomposition_max_error=max_error(found_RGB, true_RGB),
        layers_pred=len(layers),
        layers_gt=len(scored.gt_layers),
        count_pred=len(pred),
        count_gt=len(gt),
        count_error=len(pred) - len(gt),
        blank_rate=blank_count(layers) / len(layers),
        duplicate_rate=duplicate_count(layers, pairs) / len(layers),
        order_error_rate=wrong / overlapping if overlapping else None,
        hidden_error=hidden if hidden_pixels else None,
        edit_error=_mean(edits),
    )


def _ssim_over_grey(a: U8, b: U8) -> float | None:
    if min(a.shape[:2]) < WINDOW:
        return None
    return ssim(_on_grey(a), _on_grey(b))


def _on_grey(rgba_HW4: U8) -> U8:
    return on_colour(rgba_HW4, (128, 128, 128))


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def summarise(samples: Sequence[StackMeasures]) -> dict[str, float | None]:
    """The mean of every measure over the samples where it applies, and three figures of the layer count."""
    rows = [asdict(sample) for sample in samples]
    means: dict[str, float | None] = {
        field.name: _mean([row[field.name] for row in rows if row[field.name] is not None])
        for field in fields(StackMeasures)
    }
    errors = [sample.count_error for sample in samples]
    means["count_exact"] = _mean([error == 0 for error in errors])
    means["count_within_one"] = _mean([abs(error) <= 1 for error in errors])
    means["count_mean_absolute_error"] = _mean([abs(error) for error in errors])
    return means


def count_confusion(samples: Sequence[StackMeasures]) -> dict[int, dict[int, int]]:
    """True layer count → predicted layer count → samples (both after grouping)."""
    table: dict[int, dict[int, int]] = {}
    for sample in samples:
        row = table.setdefault(sample.count_gt, {})
        row[sample.count_pred] = row.get(sample.count_pred, 0) + 1
    return {count: dict(sorted(row.items())) for count, row in sorted(table.items())}
