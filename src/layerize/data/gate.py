"""Stack against the file's own merged picture, over two backgrounds: does what we read look like what the author saw?

Measured on 1,100 real files: nearly all faults of readers and of formats (effects that are not drawn, lost masks, wrong
blend modes) show as a mean absolute difference above 3; right ones stay below 1 (rounding, colour profiles).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from layerize.data.design_file import LOSSES, DesignFile, Flag
from layerize.stack.convert import F32
from layerize.stack.layer import U8

Verdict: TypeAlias = Literal["verified", "near", "unverified", "rejected"]

VERIFIED = 1.0
"""MAD in levels of 255 up to which the stack is the preview."""
NEAR = 3.0
"""MAD up to which the stack is accepted with a remark; above it is rejected."""
TILES = 16
"""The canvas is cut into as many rows and columns, so that a small lost element is not averaged away."""
WORST_TILE = 25.0
"""MAD of one tile from which a stack below ``NEAR`` is remarked upon: something is missing or misplaced there."""
BACKGROUNDS = ((255, 255, 255), (0, 0, 0))
BAND_ROWS_PIXELS = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The comparison and what follows.

    Attributes:
        verdict: "verified" (MAD <= 1), "near" (<= 3), "unverified" (nothing to compare with), "rejected".
        mad: Mean absolute difference over red, green and blue, in levels of 255, of the worse background; None without
            a usable preview.
        worst_tile: The same of the worst of 16 x 16 tiles.
        reason: In words where it is rejected, else "".
    """

    verdict: Verdict
    mad: float | None = None
    worst_tile: float | None = None
    reason: str = ""

    @property
    def local(self) -> bool:
        """Whether a small part of the picture differs a lot."""
        return self.worst_tile is not None and self.worst_tile > WORST_TILE


def judge(design: DesignFile, composite: U8) -> Gate:
    """Compare a design's flattened stack with its preview.

    Args:
        design: As it was read.
        composite: ``u8`` (H, W, 4), the flattened stack.
    """
    if design.preview is None or any(flag.kind == "blank-preview" for flag in design.flags):
        return _without_preview(design)
    mad, worst = difference(composite, design.preview, preview_has_alpha=design.preview_has_alpha)
    if mad <= VERIFIED:
        return Gate(verdict="verified", mad=mad, worst_tile=worst)
    if mad <= NEAR:
        return Gate(verdict="near", mad=mad, worst_tile=worst)
    return Gate(verdict="rejected", mad=mad, worst_tile=worst, reason=_reason(mad, design.flags))


def difference(composite: U8, preview: U8, *, preview_has_alpha: bool) -> tuple[float, float]:
    """MAD of the whole picture and of its worst tile, over white and over black, whichever is worse.

    Args:
        composite: ``u8`` (H, W, 4), straight alpha.
        preview: Of the same shape.
        preview_has_alpha: If not, the preview is opaque over a white that nobody chose, so only white is compared.
    """
    opaque = bool(composite[..., 3].min() == 255 and preview[..., 3].min() == 255)
    backgrounds = BACKGROUNDS if preview_has_alpha and not opaque else BACKGROUNDS[:1]
    results = [_over_background(composite, preview, background) for background in backgrounds]
    return max(mad for mad, _ in results), max(worst for _, worst in results)


def _over_background(one: U8, other: U8, background: tuple[int, int, int]) -> tuple[float, float]:
    height, width = one.shape[:2]
    sums, counts = np.zeros((TILES, TILES)), np.zeros((TILES, TILES))
    columns = np.minimum(np.arange(width) * TILES // width, TILES - 1)
    rows_per_band = max(1, BAND_ROWS_PIXELS // width)
    for start in range(0, height, rows_per_band):
        band = slice(start, min(start + rows_per_band, height))
        rows = np.minimum(np.arange(band.start, band.stop) * TILES // height, TILES - 1)
        np.add.at(counts, rows, np.bincount(columns, minlength=TILES))
        if not np.array_equal(one[band], other[band]):
            apart = np.abs(_on(one[band], background) - _on(other[band], background)).mean(2)
            np.add.at(sums, rows, _by_tile(apart, columns))
    filled = counts > 0
    return float(sums.sum() / counts.sum()), float((sums[filled] / counts[filled]).max())


def _by_tile(values: F32, columns: np.ndarray[tuple[int, ...], np.dtype[np.int_]]) -> F32:
    """Sums over the columns of each tile: (h, w) to (h, TILES)."""
    result = np.zeros((values.shape[0], TILES), np.float32)
    starts = np.flatnonzero(np.diff(columns, prepend=-1))
    result[:, columns[starts]] = np.add.reduceat(values, starts, axis=1)
    return result


def _on(pixels: U8, background: tuple[int, int, int]) -> F32:
    """Straight pixels over one colour, 0..255."""
    alpha = pixels[..., 3:] * np.float32(1 / 255)
    ground = np.array(background, np.float32)
    return np.asarray(ground + alpha * (pixels[..., :3] - ground), np.float32)


def _without_preview(design: DesignFile) -> Gate:
    doubtful = [flag for flag in design.flags if flag.kind in LOSSES]
    if not doubtful:
        return Gate(verdict="unverified")
    return Gate(
        verdict="rejected",
        reason=f"there is no preview to check against, and the stack shows it otherwise: {_listed(doubtful)}",
    )


def _reason(mad: float, flags: Iterable[Flag]) -> str:
    losses = [flag for flag in flags if flag.kind in LOSSES]
    cause = f"; probably {_listed(losses)}" if losses else ""
    return f"the layers differ from the file's own preview by {mad:.1f} levels on average, {NEAR:g} allowed{cause}"


def _listed(flags: list[Flag]) -> str:
    words = list(dict.fromkeys(f"{flag.kind} ({flag.layer or flag.detail})" for flag in flags))
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
