"""The canvas while a design grows: which elements lie where, their levels, and what of them is still visible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from layerize.synth.colour import Colour
from layerize.synth.dice import Dice
from layerize.synth.heroes import Item
from layerize.synth.raster import Box, Cutout, Easel

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
_SOLID = 100
_LEAST_PIXELS = 12


@dataclass(eq=False)
class Placed:
    """An element on the canvas.

    Attributes:
        item: What it is.
        cutout: Its pixels.
        level: DESIGN.md: 1 + the highest level it overlaps below.
        visible: Alpha times what later elements let through, 0..1, (h, w).
        total: Sum of its alpha, 0..1 per pixel.
        least: Share of ``total`` that must stay visible.
    """

    item: Item
    cutout: Cutout
    level: int
    visible: F32
    total: float
    least: float

    @property
    def box(self) -> Box:
        """Its bounding box."""
        return self.cutout.box


class Scene:
    """A background and the elements placed on it so far.

    Args:
        easel: Canvas to draw single elements on.
        background: RGB ``u8`` (H, W, 3).
        least_overlap: See ``DesignConfig.least_overlap``.
        least_area: Smallest element, as a share of the canvas, 0..1.
    """

    def __init__(self, easel: Easel, background: U8, least_overlap: float, least_area: float) -> None:
        self.easel = easel
        self.size = easel.size
        self.background = background
        self.placed: list[Placed] = []
        self.tries = 0
        self._least_overlap = least_overlap
        self._least_pixels = max(least_area * easel.size[0] * easel.size[1], _LEAST_PIXELS)
        self._seen = background.astype(np.float32)
        self._levels = np.zeros(background.shape[:2], np.int8)

    @property
    def height(self) -> int:
        """The highest level so far."""
        return max((p.level for p in self.placed), default=0)

    def is_free(self, element: Placed) -> bool:
        """True if nothing lies on top of an element."""
        return float(element.visible.sum()) > 0.999 * element.total

    def colour_below(self, box: Box) -> Colour:
        """Mean colour of what is visible inside a box."""
        w, h = self.size
        x0, y0 = int(min(max(box.x, 0), w - 1)), int(min(max(box.y, 0), h - 1))
        part = self._seen[y0 : max(int(box.y + box.h), y0 + 1) : 2, x0 : max(int(box.x + box.w), x0 + 1) : 2]
        r, g, b = part.reshape(-1, 3).mean(0)
        return round(float(r)), round(float(g)), round(float(b))

    def place(self, item: Item, dice: Dice, levels: range, least: float) -> Placed | None:
        """Put an item on top if its level is wanted and nothing is hidden too much; None otherwise."""
        self.tries += 1
        cutout = self.easel.cut(item.draw, item.finish, dice)
        if cutout is None:
            return None
        alpha = cutout.pixels[..., 3]
        mask = alpha > 0
        level = 1 + int(self._levels[cutout.slices][mask].max())
        if level not in levels or int((alpha > _SOLID).sum()) < self._least_pixels:
            return None
        through = 1 - alpha.astype(np.float32) / np.float32(255)
        covered = self._covered(cutout, through)
        if covered is None:
            return None
        for placed, visible in covered:
            placed.visible = visible
        self._levels[cutout.slices][mask] = level
        seen = self._seen[cutout.slices]
        seen *= through[..., None]
        seen += cutout.pixels[..., :3]
        result = Placed(item, cutout, level, 1 - through, float((1 - through).sum()), least)
        self.placed.append(result)
        return result

    def _covered(self, top: Cutout, through: F32) -> list[tuple[Placed, F32]] | None:
        """Elements below ``top`` with what stays visible of them; None if one is hidden too much or merely touched."""
        result = []
        alpha = top.pixels[..., 3]
        solid = alpha > _SOLID
        for placed in self.placed:
            cut = _crossing(top, placed.cutout)
            if cut is None:
                continue
            mine, its = cut
            other = placed.cutout.pixels[..., 3]
            if not ((alpha[mine] > 0) & (other[its] > 0)).any():
                continue
            other_solid = other > _SOLID
            shared = int((solid[mine] & other_solid[its]).sum())
            if shared < max(self._least_overlap * min(int(solid.sum()), int(other_solid.sum())), 1):
                return None
            visible = placed.visible.copy()
            visible[its] *= through[mine]
            if float(visible.sum()) < placed.least * placed.total:
                return None
            result.append((placed, visible))
        return result


def _crossing(a: Cutout, b: Cutout) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Index of the shared rectangle in a's and in b's pixels."""
    x0, y0 = max(a.x, b.x), max(a.y, b.y)
    x1 = min(a.x + a.pixels.shape[1], b.x + b.pixels.shape[1])
    y1 = min(a.y + a.pixels.shape[0], b.y + b.pixels.shape[0])
    if x0 >= x1 or y0 >= y1:
        return None
    return (slice(y0 - a.y, y1 - a.y), slice(x0 - a.x, x1 - a.x)), (
        slice(y0 - b.y, y1 - b.y),
        slice(x0 - b.x, x1 - b.x),
    )
