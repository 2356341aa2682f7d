"""One picture per case: input and predicted layers, true composite and layers, and where they differ."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from layerize.evaluation.over import flatten
from layerize.sheet import checkerboard, levels_apart
from layerize.stack.layer import U8

F32: TypeAlias = npt.NDArray[np.float32]

CELL = 112  # px, the longer side of a cell
GAP, CAPTION = 6, 14  # px
MOST = 8  # layers that are drawn; the caption of the last says how many more there are
SHARED, MISSED, EXTRA = (60, 160, 90), (215, 60, 50), (60, 100, 215)
"""Where prediction and truth both have a layer, only the truth, only the prediction."""


def case_sheet(picture_HW4: U8, pred: list[U8], gt: list[U8]) -> Image.Image:
    """Three rows: input and prediction; truth; difference of the composites and of every true layer's alpha.

    Each true layer is compared with the predicted layer of highest IoU: green is in both, red only in the truth, blue
    only in the prediction.

    Args:
        picture_HW4: The input, ``u8``.
        pred: Predicted canvas-sized layers, bottom to top.
        gt: True ones, of the same size.
    """
    height, width = picture_HW4.shape[:2]
    scale = min(1.0, CELL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small_pred, small_gt = [_reduced(layer, size) for layer in pred], [_reduced(layer, size) for layer in gt]
    apart = levels_apart(flatten(pred), flatten(gt))
    # a maximum of 1 is rounding; the factor makes it visible as faint grey
    grey = np.minimum(apart.astype(np.uint16) * 16, 255).astype(np.uint8)
    difference = Image.fromarray(grey).resize(size, Image.Resampling.BOX).convert("RGB")
    rows = [
        [("input", _on_board(_reduced(picture_HW4, size))), *_cells(small_pred, "predicted")],
        [("truth", _on_board(_reduced(flatten(gt), size))), *_cells(small_gt, "true")],
        [
            (f"composite, max {int(apart.max())}", difference),
            *(_against(layer, small_pred) for layer in small_gt[:MOST]),
        ],
    ]
    return _lay_out(rows, size)


def _reduced(pixels_HW4: U8, size: tuple[int, int]) -> U8:
    """Reduced with premultiplied weights, so that colours under zero alpha do not bleed in."""
    image = Image.fromarray(pixels_HW4).resize(size, Image.Resampling.BOX)
    return np.asarray(image)


def _on_board(pixels_HW4: U8) -> Image.Image:
    image = Image.fromarray(pixels_HW4)
    board = checkerboard(image.size, 6)
    board.paste(image, (0, 0), image)
    return board


def _cells(layers: list[U8], kind: str) -> list[tuple[str, Image.Image]]:
    cells = [(f"{kind} {index}", _on_board(layer)) for index, layer in enumerate(layers[:MOST])]
    if len(layers) > MOST:
        cells[-1] = (f"{kind} {MOST - 1} (+{len(layers) - MOST})", cells[-1][1])
    return cells


def _against(true_HW4: U8, pred: list[U8]) -> tuple[str, Image.Image]:
    truth = _alpha(true_HW4)
    found = [_alpha(layer) for layer in pred]
    ious = [_iou(alpha, truth) for alpha in found]
    best = int(np.argmax(ious))
    alpha = found[best] if ious[best] > 0 else np.zeros_like(truth)
    both = np.minimum(alpha, truth)
    parts = ((SHARED, both), (MISSED, truth - both), (EXTRA, alpha - both))
    paint = sum(part[..., None] * np.array(colour, np.float32) for colour, part in parts)
    rest = 1 - np.maximum(alpha, truth)
    pixels = np.clip(np.rint(paint + rest[..., None] * 255), 0, 255).astype(np.uint8)
    return f"IoU {ious[best]:.2f} (p{best})" if ious[best] > 0 else "not found", Image.fromarray(pixels)


def _alpha(layer_HW4: U8) -> F32:
    return np.asarray(layer_HW4[..., 3] / np.float32(255), np.float32)


def _iou(a: F32, b: F32) -> float:
    union = float(np.maximum(a, b).sum())
    return float(np.minimum(a, b).sum()) / union if union else 0.0


def _lay_out(rows: list[list[tuple[str, Image.Image]]], size: tuple[int, int]) -> Image.Image:
    columns = max(len(row) for row in rows)
    across, down = max(size[0], 64) + GAP, size[1] + CAPTION + GAP
    sheet = Image.new("RGB", (columns * across + GAP, len(rows) * down + GAP), (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for y, row in enumerate(rows):
        for x, (caption, image) in enumerate(row):
            left, top = GAP + x * across, GAP + y * down
            draw.text((left, top), caption, fill=(60, 60, 60), font=font)
            sheet.paste(image, (left, top + CAPTION))
    return sheet
