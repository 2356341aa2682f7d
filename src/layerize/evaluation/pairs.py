"""Layers prepared for comparing each with many others, and the LayerD measures of a pair, remembered.

All sums are over integers, so they are exact and do not depend on the order of pixels; only the last division is
float64. A pair costs what the smaller box of ink costs, not the canvas.
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np

from layerize.evaluation.over import EVERYWHERE, over
from layerize.stack.composite import Box
from layerize.stack.layer import U8

_TINY = 1e-8  # LayerD's guard against an empty mask


class InkedLayer:
    """One RGBA layer of a stack with its box of ink; compared by identity.

    Attributes:
        rgba_HW4: ``u8``, straight.
        rgb_HW3: Its colour alone, contiguous; under transparent pixels too.
        alpha_HW: Its alpha alone, contiguous.
        box: The smallest box around alpha > 0; None when there is none.
        alpha_sum: Sum of alpha, 0..255 each.
    """

    def __init__(self, rgba_HW4: U8) -> None:
        self.rgba_HW4 = np.ascontiguousarray(rgba_HW4)
        self.rgb_HW3: U8 = cv2.cvtColor(self.rgba_HW4, cv2.COLOR_RGBA2RGB)  # several times faster than slicing
        self.alpha_HW: U8 = cv2.extractChannel(self.rgba_HW4, 3)
        self.box = _ink_box(self.alpha_HW)
        self.alpha_sum = _total(self.alpha_HW)

    @property
    def window(self) -> tuple[slice, slice]:
        """(rows, columns) of the ink; everything when there is none."""
        return EVERYWHERE if self.box is None else self.box.slices(0, 0)

    @cached_property
    def ink_mask(self) -> U8:
        """255 in all three channels where alpha > 0, inside the box."""
        inked = np.where(self.alpha_HW[self.window] > 0, np.uint8(255), np.uint8(0))
        return np.ascontiguousarray(np.broadcast_to(inked[..., None], (*inked.shape, 3)))

    @cached_property
    def inked_rgb(self) -> U8:
        """Colour inside the box, 0 where alpha is 0."""
        return np.bitwise_and(self.rgb_HW3[self.window], self.ink_mask)

    @cached_property
    def ink_count(self) -> int:
        """Pixels with alpha > 0."""
        return int(np.count_nonzero(self.alpha_HW[self.window]))

    def over(self, below: InkedLayer) -> InkedLayer:
        """Both merged into one."""
        return below if self.box is None else InkedLayer(over(self.rgba_HW4, below.rgba_HW4, self.window))

    def touches(self, other: InkedLayer) -> bool:
        """Whether any pixel has alpha > 0 in both."""
        common = self.box.meet(other.box) if self.box and other.box else None
        if common is None:
            return False
        where = common.slices(0, 0)
        return bool((cv2.min(self.alpha_HW[where], other.alpha_HW[where])).any())


def _ink_box(alpha_HW: U8) -> Box | None:
    rows = np.flatnonzero(alpha_HW.max(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(alpha_HW[rows[0] : rows[-1] + 1].max(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _total(values: U8) -> int:
    return round(cv2.sumElems(values)[0])


class Pairs:
    """The measures of LayerD's section 4 for pairs (x = "prediction", y = "ground truth"), each computed once."""

    def __init__(self) -> None:
        self._l1: dict[tuple[InkedLayer, InkedLayer], float] = {}
        self._iou: dict[tuple[InkedLayer, InkedLayer], float] = {}

    def l1(self, x: InkedLayer, y: InkedLayer) -> float:
        """Mean RGB difference, 0..1, where y has alpha > 0; straight colours, so x's transparent pixels count."""
        if (x, y) not in self._l1:
            self._l1[x, y] = _l1(x, y)
        return self._l1[x, y]

    def iou(self, x: InkedLayer, y: InkedLayer) -> float:
        """Soft IoU of the alphas; 0 for two empty layers."""
        if (x, y) not in self._iou:
            self._iou[x, y] = self._iou[y, x] = _iou(x, y)
        return self._iou[x, y]

    def cost(self, x: InkedLayer, y: InkedLayer) -> float:
        """``(L1 + 1 - IoU) / 2``, 0..1; not symmetric."""
        return (self.l1(x, y) + 1 - self.iou(x, y)) / 2

    def similarity(self, x: InkedLayer, y: InkedLayer) -> float:
        """``1 - cost``."""
        return 1 - self.cost(x, y)


def _l1(x: InkedLayer, y: InkedLayer) -> float:
    if y.box is None:
        return 0.0
    colour = x.rgb_HW3[y.window]
    if y.ink_count < y.alpha_HW[y.window].size:
        colour = cv2.bitwise_and(colour, y.ink_mask)
    difference = round(cv2.norm(colour, y.inked_rgb, cv2.NORM_L1))
    return difference / (3 * 255) / (y.ink_count + _TINY)


def _iou(x: InkedLayer, y: InkedLayer) -> float:
    common = x.box.meet(y.box) if x.box and y.box else None
    if common is None:
        return 0.0
    where = common.slices(0, 0)
    shared = round(cv2.sumElems(cv2.min(x.alpha_HW[where], y.alpha_HW[where]))[0])
    return shared / (x.alpha_sum + y.alpha_sum - shared)
