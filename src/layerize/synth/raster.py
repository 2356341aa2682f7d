"""From a drawing to pixels: one element alone on the canvas, cut out to its box, with lighting, sticker rim and shadow.

Pixels are premultiplied RGBA ``u8`` until the layers are merged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from layerize.synth.colour import Colour
from layerize.synth.dice import Dice
from layerize.synth.skia_module import skia
from layerize.synth.texture import octaves

U8 = npt.NDArray[np.uint8]
Draw: TypeAlias = Callable[[Any], None]

FAINTEST_ALPHA = 6
"""Alpha below this is cleared: the invisible tail of a blur must not count as an overlap."""


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels (floats), origin at the top left."""

    x: float
    y: float
    w: float
    h: float

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box."""
        return self.x + self.w / 2, self.y + self.h / 2

    def inset(self, share: float) -> Box:
        """The box made smaller by ``share`` of its smaller side on every edge (negative: larger)."""
        d = share * min(self.w, self.h)
        return Box(self.x + d, self.y + d, max(self.w - 2 * d, 1.0), max(self.h - 2 * d, 1.0))


@dataclass(frozen=True)
class Cutout:
    """One element's pixels: premultiplied RGBA ``u8`` (h, w, 4) whose corner is at (x, y) on the canvas."""

    x: int
    y: int
    pixels: U8

    @property
    def box(self) -> Box:
        """Where it lies on the canvas."""
        return Box(self.x, self.y, self.pixels.shape[1], self.pixels.shape[0])

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of its rectangle in a canvas array."""
        h, w = self.pixels.shape[:2]
        return slice(self.y, self.y + h), slice(self.x, self.x + w)


@dataclass(frozen=True)
class Finish:
    """What happens to an element after it is drawn.

    Attributes:
        opacity: 0..1.
        light: Strength of a soft light from one side, 0..1.
        texture: Strength of surface noise, 0..1.
        rim: Width of a sticker rim in pixels, 0 for none.
        rim_colour: Its colour.
        shadow: (blur, dx, dy, alpha) of a drop shadow in pixels, or None.
        shadow_colour: Its colour.
    """

    opacity: float = 1.0
    light: float = 0.0
    texture: float = 0.0
    rim: int = 0
    rim_colour: Colour = (255, 255, 255)
    shadow: tuple[float, float, float, float] | None = None
    shadow_colour: Colour = (0, 0, 0)


class Easel:
    """A canvas of one size that is drawn on, read and cleared again and again."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._pixels = np.zeros((size[1], size[0], 4), np.uint8)
        self._surface = skia.Surface(self._pixels, skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType)
        self.canvas = self._surface.getCanvas()

    def opaque(self, draw: Draw) -> U8:
        """Draw a background; returns RGB (H, W, 3)."""
        self._draw(draw)
        pixels = self._pixels[..., :3].copy()
        self._pixels.fill(0)
        return pixels

    def cut(self, draw: Draw, finish: Finish, dice: Dice) -> Cutout | None:
        """Draw one element alone; None if nothing of it lies on the canvas."""
        self._draw(draw)
        box = _bounds(self._pixels[..., 3])
        if box is None:
            self._pixels.fill(0)
            return None
        x0, y0, x1, y1 = _grown(box, finish, self.size)
        pixels = self._pixels[y0:y1, x0:x1].copy()
        self._pixels.fill(0)
        return _finished(Cutout(x0, y0, pixels), finish, dice)

    def _draw(self, draw: Draw) -> None:
        self.canvas.save()
        draw(self.canvas)
        self.canvas.restore()
        self._surface.flushAndSubmit()


def in_unit_square(canvas: Any, box: Box, angle: float = 0.0, *, mirror: bool = False) -> None:
    """Transform the canvas so that the largest centred square of the box becomes the unit square; angle in degrees."""
    side = min(box.w, box.h)
    canvas.translate(*box.centre)
    canvas.rotate(angle)
    canvas.scale(-side if mirror else side, side)
    canvas.translate(-0.5, -0.5)


def _bounds(alpha: U8) -> tuple[int, int, int, int] | None:
    rows = np.flatnonzero(alpha.max(1) >= FAINTEST_ALPHA)
    if not len(rows):
        return None
    columns = np.flatnonzero(alpha.max(0) >= FAINTEST_ALPHA)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _grown(box: tuple[int, int, int, int], finish: Finish, size: tuple[int, int]) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = box
    margin = finish.rim
    left = top = right = bottom = float(margin)
    if finish.shadow is not None:
        blur, dx, dy, _ = finish.shadow
        reach = margin + 3 * blur
        left, right = max(left, reach - dx), max(right, reach + dx)
        top, bottom = max(top, reach - dy), max(bottom, reach + dy)
    return (
        max(int(x0 - left), 0),
        max(int(y0 - top), 0),
        min(int(x1 + right + 1), size[0]),
        min(int(y1 + bottom + 1), size[1]),
    )


def _finished(cutout: Cutout, finish: Finish, dice: Dice) -> Cutout | None:
    pixels = cutout.pixels
    if finish.light > 0 or finish.texture > 0:
        pixels = _lit(pixels, finish, dice)
    if finish.rim > 0:
        pixels = _over(pixels, _rim(pixels[..., 3], finish))
    if finish.shadow is not None:
        pixels = _over(pixels, _shadow(pixels[..., 3], finish))
    if finish.opacity < 1:
        pixels = np.rint(pixels * np.float32(finish.opacity)).astype(np.uint8)
    pixels[pixels[..., 3] < FAINTEST_ALPHA] = 0
    bounds = _bounds(pixels[..., 3])
    if bounds is None:
        return None
    x0, y0, x1, y1 = bounds
    return Cutout(cutout.x + x0, cutout.y + y0, np.ascontiguousarray(pixels[y0:y1, x0:x1]))


def _lit(pixels: U8, finish: Finish, dice: Dice) -> U8:
    h, w = pixels.shape[:2]
    factor = np.ones((h, w), np.float32)
    if finish.light > 0:
        across = np.linspace(-1, 1, w, dtype=np.float32) * np.float32(dice.uniform(-1, 1))
        down = np.linspace(0.6, -1, h, dtype=np.float32)
        factor += np.float32(finish.light * 0.5) * (across + down[:, None])
    if finish.texture > 0:
        factor *= 1 + np.float32(finish.texture) * (
            octaves(dice, (w, h), coarsest=dice.integer(3, 9), count=3, decay=0.8) - np.float32(0.5)
        )
    colour = np.minimum(np.rint(pixels[..., :3] * factor[..., None]), pixels[..., 3:]).clip(0)
    return np.dstack([colour.astype(np.uint8), pixels[..., 3]])


def _rim(alpha: U8, finish: Finish) -> U8:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * finish.rim + 1, 2 * finish.rim + 1))
    grown = cv2.GaussianBlur(cv2.dilate(alpha, kernel), (3, 3), 0)
    return _tinted(np.asarray(grown, np.uint8), finish.rim_colour, 1.0)


def _shadow(alpha: U8, finish: Finish) -> U8:
    assert finish.shadow is not None
    blur, dx, dy, strength = finish.shadow
    side = 2 * int(np.ceil(2.5 * blur)) + 1
    soft = cv2.GaussianBlur(alpha, (side, side), blur, borderType=cv2.BORDER_CONSTANT)
    h, w = alpha.shape
    moved = np.zeros_like(alpha)
    ix, iy = round(dx), round(dy)
    moved[max(iy, 0) : h + min(iy, 0), max(ix, 0) : w + min(ix, 0)] = soft[
        max(-iy, 0) : h + min(-iy, 0), max(-ix, 0) : w + min(-ix, 0)
    ]
    return _tinted(moved, finish.shadow_colour, strength)


def _tinted(alpha: U8, colour: Colour, strength: float) -> U8:
    table = np.rint(np.arange(256)[:, None] * strength * np.array([*(c / 255 for c in colour), 1.0])).astype(np.uint8)
    return np.asarray(table[alpha])


def _over(top: U8, below: U8) -> U8:
    rest = (255 - top[..., 3:].astype(np.uint16)) * below
    return np.asarray(top + ((rest + 127) // 255).astype(np.uint8))
