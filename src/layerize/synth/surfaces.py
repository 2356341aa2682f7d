"""Elements that carry others: panels, ribbons, shapes, badges, framed pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from layerize.synth import icons
from layerize.synth.backgrounds import blurred_photo, city, colour_mesh, landscape, linear_paint
from layerize.synth.colour import BLACK, WHITE, Colour, Palette, mix
from layerize.synth.dice import Dice
from layerize.synth.heroes import Item, finish_for, path_draw, tilt
from layerize.synth.pen import skia_colour
from layerize.synth.raster import Box, Easel
from layerize.synth.skia_module import skia

if TYPE_CHECKING:
    from layerize.synth.config import DesignConfig

U8 = npt.NDArray[np.uint8]


def _panel_colour(dice: Dice, config: DesignConfig, palette: Palette, below: Colour) -> Colour:
    if dice.chance(config.similar_probability):
        return mix(below, dice.pick((WHITE, BLACK)), dice.uniform(0.12, 0.25))
    return dice.pick(
        (palette.against(dice, below), palette.against(dice, below), WHITE if sum(below) < 600 else palette.dark)
    )


def panel(dice: Dice, config: DesignConfig, palette: Palette, below: Colour, box: Box, *, name: str = "Panel") -> Item:
    """A card: a rectangle with square or round corners, flat, graded or framed, sometimes translucent."""
    colour = _panel_colour(dice, config, palette, below)
    radius = min(box.w, box.h) * dice.pick((0.0, 0.0, 0.06, 0.12, 0.25, 0.5))
    rect = skia.Rect.MakeXYWH(box.x, box.y, box.w, box.h)
    angle = tilt(dice, config, 8.0)
    graded, framed = dice.chance(0.2), dice.chance(0.2)
    other, line = mix(colour, dice.pick((WHITE, BLACK)), dice.uniform(0.1, 0.35)), palette.against(dice, colour)
    paint = (
        linear_paint((box.x, box.y), (box.x + box.w, box.y + box.h), [colour, other])
        if graded
        else skia.Paint(AntiAlias=True, Color=skia_colour(colour))
    )

    def draw(canvas: Any) -> None:
        canvas.rotate(angle, *box.centre)
        canvas.drawRRect(skia.RRect.MakeRectXY(rect, radius, radius), paint)
        if framed:
            edge = max(min(box.w, box.h) * 0.035, 1.0)
            inner = box.inset(0.05)
            stroke = skia.Paint(
                AntiAlias=True, Color=skia_colour(line), Style=skia.Paint.kStroke_Style, StrokeWidth=edge
            )
            corner = max(radius - min(box.w, box.h) * 0.05, 0.0)
            canvas.drawRRect(
                skia.RRect.MakeRectXY(skia.Rect.MakeXYWH(inner.x, inner.y, inner.w, inner.h), corner, corner), stroke
            )

    return Item(
        "panel", name, draw, _see_through(dice, config, finish_for(dice, config, min(box.w, box.h), solid=False))
    )


def _see_through(dice: Dice, config: DesignConfig, finish: Any) -> Any:
    if not dice.chance(config.translucent_probability):
        return finish
    return type(finish)(opacity=dice.uniform(0.5, 0.9))


def shape(dice: Dice, config: DesignConfig, palette: Palette, below: Colour, box: Box) -> Item:
    """A disc, blob, polygon or the like behind a hero."""
    colour = _panel_colour(dice, config, palette, below)
    path = dice.pick(icons.PLAIN)(dice)
    draw = path_draw(dice, path, box, colour, dice.pick((0.0, 0.0, 90.0, 180.0, 270.0, dice.uniform(0, 360))))
    return Item(
        "shape", "Shape", draw, _see_through(dice, config, finish_for(dice, config, min(box.w, box.h), solid=False))
    )


def badge(dice: Dice, config: DesignConfig, palette: Palette, below: Colour, box: Box) -> Item:
    """A round or pointed badge that will carry a word or a sign."""
    colour = palette.against(dice, below, least=160.0)
    stroke = (palette.against(dice, colour), dice.uniform(0.03, 0.06)) if dice.chance(0.35) else None
    draw = path_draw(dice, dice.pick(icons.BADGES)(dice), box, colour, tilt(dice, config, 15.0), stroke=stroke)
    return Item("badge", "Badge", draw, finish_for(dice, config, min(box.w, box.h), solid=False))


def photo(
    dice: Dice, config: DesignConfig, palette: Palette, below: Colour, box: Box, *, pixels: U8 | None = None
) -> Item:
    """A picture in a frame, a round picture, or a polaroid; ``pixels``: RGB (h, w, 3) of the box's size, else drawn."""
    w, h = max(round(box.w), 4), max(round(box.h), 4)
    if pixels is None:
        scene = dice.pick((blurred_photo, landscape, landscape, city, colour_mesh))
        own = Palette(palette.against(dice, below), palette.colours, palette.dark, palette.light)
        pixels = scene(Easel((w, h)), dice, own)
    image = skia.Image.fromarray(np.dstack([pixels, np.full((h, w), 255, np.uint8)]), skia.kRGBA_8888_ColorType)
    frame = min(w, h) * dice.pick((0.0, 0.0, 0.04, 0.07))
    edge = WHITE if dice.chance(0.7) else palette.against(dice, below)
    round_ = dice.chance(0.2)
    radius = min(w, h) * (0.5 if round_ else dice.pick((0.0, 0.0, 0.08, 0.15)))
    angle = tilt(dice, config, 12.0)
    outer = (
        box if not round_ else Box(box.centre[0] - min(w, h) / 2, box.centre[1] - min(w, h) / 2, min(w, h), min(w, h))
    )

    def draw(canvas: Any) -> None:
        canvas.rotate(angle, *box.centre)
        rect = skia.RRect.MakeRectXY(skia.Rect.MakeXYWH(outer.x, outer.y, outer.w, outer.h), radius, radius)
        canvas.save()
        canvas.clipRRect(rect, True)
        canvas.drawImage(image, box.x, box.y, skia.SamplingOptions(skia.FilterMode.kLinear))
        canvas.restore()
        if frame:
            inner = skia.RRect.MakeRectXY(
                rect.rect().makeInset(frame / 2, frame / 2), max(radius - frame / 2, 0), max(radius - frame / 2, 0)
            )
            canvas.drawRRect(
                inner,
                skia.Paint(AntiAlias=True, Color=skia_colour(edge), Style=skia.Paint.kStroke_Style, StrokeWidth=frame),
            )

    return Item("photo", "Picture", draw, finish_for(dice, config, min(w, h), solid=False))
