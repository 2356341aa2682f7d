"""Real cut-outs ready to be placed: figures, framed pictures and backgrounds from an ``ElementBank``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from layerize.synth.colour import Colour, Palette, distance
from layerize.synth.dice import Dice
from layerize.synth.elements import Element, ElementBank
from layerize.synth.heroes import Item, finish_for, tilt
from layerize.synth.raster import Box
from layerize.synth.skia_module import skia
from layerize.synth.surfaces import photo

if TYPE_CHECKING:
    from layerize.synth.config import DesignConfig

U8 = npt.NDArray[np.uint8]

MOST_ENLARGED = 1.5  # times; beyond this a cut-out looks soft beside the drawn ones
LEAST_CONTRAST = 90.0  # ``colour.distance`` between a cut-out's mean colour and what lies below
_TRIES = 5


def real_figure(dice: Dice, config: DesignConfig, bank: ElementBank, below: Colour, box: Box) -> Item | None:
    """A cut-out that fills a box and stands out from what lies below; None if a few draws find none."""
    similar = dice.chance(config.similar_probability)
    least = 0.0 if similar else LEAST_CONTRAST
    for _ in range(_TRIES):
        element = bank.pick(dice, "figure")
        scale = min(box.w / element.size[0], box.h / element.size[1])
        if scale <= MOST_ENLARGED and distance(element.colour, below) >= least:
            return _figure(dice, config, bank, element, box, scale)
    return None


def real_photo(
    dice: Dice, config: DesignConfig, palette: Palette, bank: ElementBank, below: Colour, box: Box
) -> Item | None:
    """A real picture, cropped to the box and framed like the drawn ones; None if a few draws find none large enough."""
    size = max(round(box.w), 4), max(round(box.h), 4)
    for _ in range(_TRIES):
        element = bank.pick(dice, "photo")
        pixels = _covering(dice, bank, element, size)
        if pixels is not None:
            return replace(photo(dice, config, palette, below, box, pixels=pixels), credit=element.credit)
    return None


def real_ground(dice: Dice, bank: ElementBank, size: tuple[int, int]) -> tuple[U8, Element] | None:
    """A real background, RGB ``u8`` (H, W, 3), sharp or softened, and its element; None if none is large enough."""
    for _ in range(_TRIES):
        element = bank.pick(dice, "ground")
        pixels = _covering(dice, bank, element, size)
        if pixels is not None:
            if dice.chance(0.5):
                pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), min(size) * dice.uniform(0.01, 0.05)), np.uint8)
            return pixels, element
    return None


def _figure(dice: Dice, config: DesignConfig, bank: ElementBank, element: Element, box: Box, scale: float) -> Item:
    angle = tilt(dice, config, 20.0)
    width, height = element.size[0] * scale, element.size[1] * scale
    raster = bank.raster(element, max(width, height))
    image = skia.Image.fromarray(np.array(raster), skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType)
    sampling = skia.SamplingOptions(skia.FilterMode.kLinear)
    area = skia.Rect.MakeXYWH(-width / 2, -height / 2, width, height)

    def draw(canvas: Any) -> None:
        canvas.translate(*box.centre)
        canvas.rotate(angle)
        canvas.drawImageRect(image, area, sampling)

    finish = replace(finish_for(dice, config, min(width, height), solid=True), light=0.0, texture=0.0)
    return Item("figure", element.name, draw, finish, credit=element.credit)


def _covering(dice: Dice, bank: ElementBank, element: Element, size: tuple[int, int]) -> U8 | None:
    """The element scaled and cropped at random to cover a size, RGB; None if it would have to be enlarged too much."""
    if max(size[0] / element.size[0], size[1] / element.size[1]) > MOST_ENLARGED:
        return None
    need = max(size[0] / element.size[0], size[1] / element.size[1]) * max(element.size)
    raster = bank.raster(element, need)
    height, width = raster.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    w, h = min(width, round(size[0] / scale)), min(height, round(size[1] / scale))
    x, y = dice.integer(0, width - w), dice.integer(0, height - h)
    part = raster[y : y + h, x : x + w, :3]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, size, interpolation=method), np.uint8)
