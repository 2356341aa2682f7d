"""Backgrounds: flat, gradients, patterns, photo-like textures, landscapes, cities, rooms; RGB ``u8`` (H, W, 3)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from layerize.synth.colour import BLACK, WHITE, Colour, Palette, from_hsv, mix, vary
from layerize.synth.dice import Dice
from layerize.synth.pen import Pen, polygon, skia_colour, smooth
from layerize.synth.raster import Easel
from layerize.synth.skia_module import skia
from layerize.synth.texture import grain, mesh, octaves, ramp

U8 = npt.NDArray[np.uint8]


def linear_paint(start: tuple[float, float], end: tuple[float, float], colours: list[Colour]) -> Any:
    """A paint with a linear gradient."""
    shader = skia.GradientShader.MakeLinear([skia.Point(*start), skia.Point(*end)], [skia_colour(c) for c in colours])
    return skia.Paint(AntiAlias=True, Shader=shader)


def _shades(dice: Dice, palette: Palette, amount: float) -> list[Colour]:
    ground = palette.ground
    other = dice.pick(
        (mix(ground, WHITE, amount), mix(ground, BLACK, amount), mix(ground, dice.pick(palette.colours), amount))
    )
    return [ground, other] if dice.chance(0.5) else [other, ground]


def flat(easel: Easel, dice: Dice, palette: Palette) -> U8:
    """One colour, sometimes with paper grain."""
    pixels = easel.opaque(lambda canvas: canvas.clear(skia_colour(palette.ground)))
    return grain(dice, pixels, dice.uniform(1, 5)) if dice.chance(0.25) else pixels


def white(easel: Easel, dice: Dice, palette: Palette) -> U8:
    """Plain white, or nearly so."""
    tone = dice.pick((255, 255, 255, dice.integer(240, 254)))
    return np.full((easel.size[1], easel.size[0], 3), tone, np.uint8)


def gradient(easel: Easel, dice: Dice, palette: Palette) -> U8:
    """A linear or radial gradient."""
    w, h = easel.size
    colours = _shades(dice, palette, dice.uniform(0.25, 0.8))
    if dice.chance(0.6):
        angle = dice.pick((0.0, math.pi / 2, math.pi / 4, dice.uniform(0, math.pi)))
        dx, dy = math.cos(angle) * w / 2, math.sin(angle) * h / 2
        paint = linear_paint((w / 2 - dx, h / 2 - dy), (w / 2 + dx, h / 2 + dy), colours)
    else:
        centre = skia.Point(w * dice.uniform(0.3, 0.7), h * dice.uniform(0.3, 0.7))
        paint = skia.Paint(
            Shader=skia.GradientShader.MakeRadial(
                centre, max(w, h) * dice.uniform(0.5, 0.8), [skia_colour(c) for c in colours]
            )
        )
    return easel.opaque(lambda canvas: canvas.drawPaint(paint))


def pattern(easel: Easel, dice: Dice, palette: Palette) -> U8:
    """Stripes, dots, checks, rays or a grid in two close colours."""
    w, h = easel.size
    base, other = _shades(dice, palette, dice.uniform(0.12, 0.4))
    step = min(w, h) * dice.uniform(0.06, 0.2)
    kind = dice.pick(("stripes", "dots", "checks", "rays", "grid", "waves"))
    angle = dice.pick((0.0, 45.0, 90.0, -45.0))

    def draw(canvas: Any) -> None:
        canvas.clear(skia_colour(base))
        pen = Pen(canvas)
        reach = w + h
        if kind == "rays":
            _rays(pen, (w * dice.uniform(0.3, 0.7), h * dice.uniform(0.4, 1.0)), reach, dice.integer(8, 18), other)
            return
        canvas.translate(w / 2, h / 2)
        canvas.rotate(angle)
        count = int(reach / step / 2) + 1
        for i in range(-count, count):
            if kind == "stripes":
                pen.rect(i * step * 2, -reach, step, 2 * reach, other)
            elif kind == "grid":
                pen.rect(i * step, -reach, 1.0, 2 * reach, other)
                pen.rect(-reach, i * step, 2 * reach, 1.0, other)
            elif kind == "waves":
                pen.line(
                    [
                        (j * step - reach / 2, i * step * 1.6 + (j % 2) * step * 0.7)
                        for j in range(int(reach / step) + 1)
                    ],
                    step * 0.5,
                    other,
                    curved=True,
                )
        if kind in ("dots", "checks"):
            _lattice(pen, kind, reach, step, other)

    return easel.opaque(draw)


def _rays(pen: Pen, centre: tuple[float, float], reach: float, count: int, colour: Colour) -> None:
    for i in range(count):
        a, b = 2 * math.pi * i / count, 2 * math.pi * (i + 0.5) / count
        pen.shape(
            [centre, *((centre[0] + reach * math.cos(t), centre[1] + reach * math.sin(t)) for t in (a, b))], colour
        )


def _lattice(pen: Pen, kind: str, reach: float, step: float, colour: Colour) -> None:
    path = skia.Path()
    count = int(reach / step / 2) + 1
    for i in range(-count, count):
        for j in range(-count, count):
            if (i + j) % 2 == 0:
                if kind == "dots":
                    path.addCircle(i * step, j * step, step * 0.3)
                else:
                    path.addRect(skia.Rect.MakeXYWH(i * step, j * step, step, step))
    pen.fill(path, colour)


def colour_mesh(easel: Easel, dice: Dice, palette: Palette) -> U8:
    """Several palette colours flowing into each other."""
    return mesh(dice, easel.size, [palette.ground, *_shades(dice, palette, 0.6), dice.pick(palette.colours)])


def blurred_photo(easel: Easel, dice: Dice, palette: Palette) -> U8:
    """Out-of-focus nature, stone, cloth or clouds: coloured noise of several octaves, often with bokeh."""
    if dice.chance(0.5):
        hue = dice.pick((0.3, 0.1, 0.58, 0.08, 0.0, 0.75, dice.unit()))
        colours = [from_hsv(hue + dice.uniform(-0.05, 0.05), dice.uniform(0.1, 0.7), v) for v in (0.1, 0.35, 0.6, 0.85)]
    else:
        colours = [
            palette.dark,
            mix(palette.dark, palette.ground, 0.6),
            palette.ground,
            mix(palette.ground, WHITE, 0.4),
        ]
    values = octaves(
        dice, easel.size, coarsest=dice.integer(1, 4), count=dice.integer(2, 5), decay=dice.uniform(0.4, 0.75)
    )
    pixels = ramp(values, colours)
    if dice.chance(0.3):
        pixels = _with_bokeh(easel, dice, pixels, colours)
    return grain(dice, pixels, dice.uniform(1, 6)) if dice.chance(0.4) else pixels


def _with_bokeh(easel: Easel, dice: Dice, pixels: U8, colours: list[Colour]) -> U8:
    w, h = easel.size

    def draw(canvas: Any) -> None:
        canvas.drawImage(
            skia.Image.fromarray(np.dstack([pixels, np.full((h, w), 255, np.uint8)]), skia.kRGBA_8888_ColorType), 0, 0
        )
        pen = Pen(canvas)
        for _ in range(dice.integer(5, 16)):
            radius = min(w, h) * dice.uniform(0.03, 0.13)
            pen.ellipse(
                dice.uniform(0, w),
                dice.uniform(0, h),
                radius,
                radius,
                mix(dice.pick(colours), WHITE, 0.5),
                dice.uniform(0.08, 0.3),
            )

    return np.asarray(cv2.GaussianBlur(easel.opaque(draw), (5, 5), 0), np.uint8)


def landscape(easel: Easel, dice: Dice, palette: Palette) -> U8:
    """Sky, sun and two to four ridges of hills, sand or sea; sometimes out of focus."""
    w, h = easel.size
    top = dice.pick(((90, 160, 230), (250, 180, 120), (40, 50, 100), (180, 215, 240), palette.ground))
    low, land = (
        mix(top, WHITE, dice.uniform(0.3, 0.8)),
        dice.pick(((70, 130, 70), (200, 170, 120), (60, 90, 110), (120, 100, 130), palette.ground)),
    )
    ridges = dice.integer(2, 4)

    def draw(canvas: Any) -> None:
        canvas.drawPaint(linear_paint((0, 0), (0, h * 0.7), [top, low]))
        pen = Pen(canvas)
        if dice.chance(0.5):
            pen.ellipse(
                w * dice.uniform(0.15, 0.85),
                h * dice.uniform(0.12, 0.45),
                min(w, h) * 0.08,
                min(w, h) * 0.08,
                mix(low, (255, 250, 210), 0.8),
            )
        for i in range(ridges):
            y = h * (0.45 + 0.45 * i / ridges + dice.uniform(-0.04, 0.04))
            swing = h * dice.uniform(0.01, 0.1)
            points = [(w * (j / 5 - 0.1), y + dice.uniform(-swing, swing)) for j in range(7)]
            pen.fill(smooth([*points], closed=False, tension=0.75), land)
            path = smooth(points, closed=False, tension=0.75) if dice.chance(0.7) else polygon(points, closed=False)
            path.lineTo(w * 1.2, h * 1.1)
            path.lineTo(-w * 0.2, h * 1.1)
            path.close()
            pen.fill(path, mix(land, low, 0.75 * (1 - (i + 1) / ridges)))

    pixels = easel.opaque(draw)
    if dice.chance(0.5):
        noise = octaves(dice, easel.size, coarsest=6, count=3, decay=0.8)[..., None] - np.float32(0.5)
        pixels = np.clip(np.rint(pixels * (1 + noise * np.float32(dice.uniform(0.1, 0.4)))), 0, 255).astype(np.uint8)
    return (
        np.asarray(cv2.GaussianBlur(pixels, (0, 0), min(w, h) * dice.uniform(0.008, 0.02)), np.uint8)
        if dice.chance(0.4)
        else pixels
    )


def city(easel: Easel, dice: Dice, palette: Palette) -> U8:
    """A skyline of towers with windows in shades of one colour."""
    w, h = easel.size
    base = dice.pick((palette.ground, dice.pick(palette.colours)))
    sky = mix(base, dice.pick((WHITE, BLACK)), dice.uniform(0.1, 0.5))

    def draw(canvas: Any) -> None:
        canvas.drawPaint(linear_paint((0, 0), (0, h), [sky, base]))
        pen = Pen(canvas)
        for depth in (0.12, 0.25):
            colour, x = mix(base, BLACK, depth), -0.05 * w
            while x < w:
                width, top = w * dice.uniform(0.1, 0.22), h * dice.uniform(0.15 + depth, 0.7)
                pen.rect(x, top, width, h - top, vary(dice, colour, 8))
                if dice.chance(0.6):
                    for row in range(3):
                        pen.rect(
                            x + width * 0.2,
                            top + h * (0.05 + 0.09 * row),
                            width * 0.6,
                            h * 0.03,
                            mix(colour, WHITE, 0.18),
                        )
                x += width * dice.uniform(0.9, 1.3)

    return easel.opaque(draw)


def room(easel: Easel, dice: Dice, palette: Palette) -> U8:
    """A wall and a floor or table, softly lit, as behind a product."""
    w, h = easel.size
    wall = palette.ground
    floor = dice.pick((mix(wall, BLACK, 0.2), mix(wall, WHITE, 0.35), dice.pick(palette.colours), (170, 125, 85)))
    edge = h * dice.uniform(0.6, 0.85)

    def draw(canvas: Any) -> None:
        canvas.drawPaint(linear_paint((0, 0), (w, h), [mix(wall, WHITE, 0.25), mix(wall, BLACK, 0.12)]))
        paint = linear_paint((0, edge), (0, h), [floor, mix(floor, BLACK, 0.15)])
        canvas.drawRect(skia.Rect.MakeLTRB(0, edge, w, h), paint)

    pixels = easel.opaque(draw)
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2.0), np.uint8) if dice.chance(0.3) else pixels


def shapes(easel: Easel, dice: Dice, palette: Palette) -> U8:
    """Two to five large, quiet shapes of nearly the ground's colour."""
    w, h = easel.size
    size = min(w, h)

    def draw(canvas: Any) -> None:
        canvas.clear(skia_colour(palette.ground))
        pen = Pen(canvas)
        for _ in range(dice.integer(2, 5)):
            colour = mix(
                palette.ground, dice.pick((WHITE, BLACK, dice.pick(palette.colours))), dice.uniform(0.06, 0.18)
            )
            x, y, r = dice.uniform(0, w), dice.uniform(0, h), size * dice.uniform(0.2, 0.6)
            if dice.chance(0.6):
                pen.ellipse(x, y, r, r, colour)
            else:
                pen.shape([(x, y - r), (x + r, y + r), (x - r, y + r * dice.uniform(0.2, 1))], colour)

    return easel.opaque(draw)


KINDS: dict[str, tuple[Callable[[Easel, Dice, Palette], U8], str]] = {
    "flat": (flat, "a plain background"),
    "gradient": (gradient, "a gradient background"),
    "pattern": (pattern, "a patterned background"),
    "mesh": (colour_mesh, "a soft colourful background"),
    "photo": (blurred_photo, "a blurred background"),
    "landscape": (landscape, "a landscape"),
    "city": (city, "a city skyline"),
    "room": (room, "a room"),
    "shapes": (shapes, "a background of quiet shapes"),
    "white": (white, "a white background"),
}
"""Name -> (painter, words for the caption)."""
