"""Text as an element: one to three lines fitted to a box, straight, slanted or along an arc, with effects."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from layerize.synth.colour import Colour
from layerize.synth.dice import Dice
from layerize.synth.pen import skia_colour
from layerize.synth.raster import Box, Draw
from layerize.synth.skia_module import skia

CAP_SHARE = 0.7
"""Height of a capital letter over the font size, about, for the bundled fonts."""


@dataclass(frozen=True)
class Lettering:
    """Text that fits its box.

    Attributes:
        draw: Draws it on the canvas in pixels.
        text: What it says, lines joined by a space.
        cap_height: Of its capitals in pixels.
    """

    draw: Draw
    text: str
    cap_height: float


def wrapped(text: str, lines: int) -> list[str]:
    """Words in at most ``lines`` lines of about equal length, by breaking where the longest line is shortest."""
    words = text.split()
    if lines <= 1 or len(words) == 1:
        return [text]
    splits = [[" ".join(words[:i]), *wrapped(" ".join(words[i:]), lines - 1)] for i in range(1, len(words))]
    return min(splits, key=lambda s: max(len(line) for line in s))


def fit(
    dice: Dice,
    text: str,
    box: Box,
    face: Any,
    colour: Colour,
    *,
    least_cap: float,
    align: str = "centre",
    arc: bool = False,
    stroke: Colour | None = None,
) -> Lettering | None:
    """Fit a text to a box with the number of lines that makes it largest; None if its capitals get too small.

    Args:
        dice: Source of the exact size and bend.
        text: Words.
        box: In pixels.
        face: Skia typeface.
        colour: Of the letters.
        least_cap: Smallest capital in pixels.
        align: ``left``, ``centre`` or ``right``.
        arc: Along a circle, in one line.
        stroke: Colour of an outline, or None.
    """
    options = [wrapped(text, n) for n in ((1,) if arc else (1, 2, 3))]
    sizes = [_size(lines, box, face) for lines in options]
    size, lines = max(zip(sizes, options, strict=True), key=lambda pair: pair[0])
    size *= dice.uniform(0.85, 1.0)
    cap = size * CAP_SHARE
    if cap < least_cap:
        return None
    font = _font(face, size)
    if arc:
        bend = dice.uniform(0.5, 1.1) * dice.pick((1, 1, 1, -1))
        return Lettering(lambda canvas: _draw_arc(canvas, lines[0], box, font, colour, bend), text, cap)
    return Lettering(lambda canvas: _draw_lines(canvas, lines, box, font, colour, align, stroke), text, cap)


def ideograms(dice: Dice, box: Box, colour: Colour) -> Draw:
    """Writing in no particular script: square signs made of strokes, as Chinese or Korean headlines look from afar."""
    count = min(max(round(box.w / max(box.h, 1.0)), 2), 6)
    side = min(box.w / count, box.h)
    left, top = box.centre[0] - side * count / 2, box.centre[1] - side / 2
    thick, path = dice.uniform(0.09, 0.15) * side, skia.Path()
    for i in range(count):
        x, y, s = left + (i + 0.1) * side, top + 0.1 * side, side * 0.8
        for row in dice.sample((0.05, 0.27, 0.5, 0.73, 0.95), dice.integer(2, 4)):
            start = dice.pick((0.0, 0.0, 0.15, 0.5))
            path.addRect(
                skia.Rect.MakeXYWH(x + s * start, y + s * row - thick / 2, s * (dice.uniform(0.75, 1.0) - start), thick)
            )
        for column in dice.sample((0.08, 0.3, 0.5, 0.7, 0.92), dice.integer(1, 3)):
            start = dice.pick((0.0, 0.0, 0.25, 0.5))
            path.addRect(
                skia.Rect.MakeXYWH(
                    x + s * column - thick / 2, y + s * start, thick, s * (dice.uniform(0.7, 1.0) - start)
                )
            )
    paint = skia.Paint(AntiAlias=True, Color=skia_colour(colour))
    return lambda canvas: canvas.drawPath(path, paint)


def _font(face: Any, size: float) -> Any:
    font = skia.Font(face, size)
    font.setSubpixel(True)
    font.setHinting(skia.FontHinting.kNone)
    font.setEdging(skia.Font.Edging.kAntiAlias)
    return font


def _size(lines: list[str], box: Box, face: Any) -> float:
    font = _font(face, 100.0)
    widest = max(font.measureText(line) for line in lines)
    tall = 0.75 + 0.92 * (len(lines) - 1) + 0.22
    return float(min(box.w / max(widest, 1.0), box.h / (100 * tall)) * 100)


def _draw_lines(
    canvas: Any, lines: list[str], box: Box, font: Any, colour: Colour, align: str, stroke: Colour | None
) -> None:
    size = font.getSize()
    tall = size * (0.75 + 0.92 * (len(lines) - 1))
    y = box.y + (box.h - tall) / 2 + size * 0.73
    paints = [skia.Paint(AntiAlias=True, Color=skia_colour(colour))]
    if stroke is not None:
        outline = skia.Paint(
            AntiAlias=True, Color=skia_colour(stroke), Style=skia.Paint.kStroke_Style, StrokeWidth=max(size * 0.16, 2.0)
        )
        outline.setStrokeJoin(skia.Paint.kRound_Join)
        paints.insert(0, outline)
    for paint in paints:
        for i, line in enumerate(lines):
            spare = box.w - font.measureText(line)
            x = box.x + {"left": 0.0, "centre": spare / 2, "right": spare}[align]
            canvas.drawString(line, x, y + i * size * 0.92, font, paint)


def _draw_arc(canvas: Any, text: str, box: Box, font: Any, colour: Colour, bend: float) -> None:
    """Letters along a circle; ``bend`` is the angle that the text spans over pi, negative bends downwards."""
    width = font.measureText(text)
    radius = width / (math.pi * abs(bend) * 0.8)
    up = bend > 0
    centre_y = box.centre[1] + (radius - font.getSize() * 0.2 if up else -radius + font.getSize() * 0.2)
    paint = skia.Paint(AntiAlias=True, Color=skia_colour(colour))
    along = -width / 2
    for letter in text:
        advance = font.measureText(letter)
        angle = (along + advance / 2) / radius
        canvas.save()
        canvas.translate(box.centre[0], centre_y)
        canvas.rotate(math.degrees(angle if up else -angle))
        canvas.translate(0, -radius if up else radius)
        canvas.drawString(letter, -advance / 2, font.getSize() * 0.35, font, paint)
        canvas.restore()
        along += advance
