"""Words as pixels: HarfBuzz places the glyphs (kerning, ligatures, joining scripts), skia draws them.

Lengths of a shaped line are in em (1 = the font size), y grows downwards, the origin is the start of the baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from layerize.stack.layer import U8
from layerize.text.fonts import FontFace, harfbuzz, hb_font, skia_module, typeface

F64 = npt.NDArray[np.float64]
RGB = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One shaped line, in em.

    Attributes:
        glyphs: Glyph numbers in the order in which they are drawn.
        places: (N, 2), the origin of each glyph.
        steps: (N,), how many letters end before each glyph: what letter spacing shifts it by.
        advance: Length of the line (downwards where it is vertical).
        box: (x0, y0, x1, y1) of the ink; None without ink.
    """

    glyphs: tuple[int, ...]
    places: F64
    steps: F64
    advance: float
    box: tuple[float, float, float, float] | None

    @property
    def gaps(self) -> int:
        """Places where letter spacing is added between the first and the last letter."""
        return int(self.steps.max()) if len(self.steps) else 0


@lru_cache(maxsize=8192)
def shape(face: FontFace, text: str, *, spaced: bool = False, vertical: bool = False) -> Run:
    """Place the glyphs of one line.

    Args:
        face: The font.
        text: One line; the script and its direction are guessed from its letters.
        spaced: Without ligatures, which letter spacing would tear.
        vertical: Letters below one another.
    """
    hb = harfbuzz()
    font, buffer = hb_font(face), hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    if vertical:
        buffer.direction = "ttb"
    hb.shape(font, buffer, {"liga": not spaced, "clig": not spaced})
    em = font.face.upem
    infos, positions = buffer.glyph_infos or [], buffer.glyph_positions or []
    places, edges = np.zeros((len(infos), 2)), []
    x = y = 0.0
    for row, (info, position) in enumerate(zip(infos, positions, strict=True)):
        places[row] = x + position.x_offset, -(y + position.y_offset)
        extents = font.get_glyph_extents(info.codepoint)
        if extents is not None and extents.width and extents.height:
            left, top = places[row, 0] + extents.x_bearing, places[row, 1] - extents.y_bearing
            edges.append((left, top, left + extents.width, top - extents.height))
        x, y = x + position.x_advance, y + position.y_advance
    clusters = [info.cluster for info in infos]
    steps = np.cumsum([0.0] + [float(a != b) for a, b in pairwise(clusters)])[: len(infos)]
    box = None
    if edges:
        x0, y0, x1, y1 = (np.array(column) / em for column in zip(*edges, strict=True))
        box = (float(x0.min()), float(y0.min()), float(x1.max()), float(y1.max()))
    glyphs = tuple(info.codepoint for info in infos)
    return Run(glyphs=glyphs, places=places / em, steps=steps, advance=float(-y if vertical else x) / em, box=box)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line to draw: what it says and where its baseline starts, in pixels."""

    content: str
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How lines are set.

    Attributes:
        face: The font.
        size: Pixels per em.
        spacing: Added between letters, in pixels.
        fill: Colour of the letters.
        outline: Colour of a line around them, or None.
        outline_width: How far it reaches out, in pixels.
        vertical: Letters below one another.
    """

    face: FontFace
    size: float
    spacing: float = 0.0
    fill: RGB = (0, 0, 0)
    outline: RGB | None = None
    outline_width: float = 0.0
    vertical: bool = False

    def run(self, text: str) -> Run:
        """The text as shaped for this setting."""
        return shape(self.face, text, spaced=self.spacing != 0, vertical=self.vertical)

    def width(self, text: str) -> float:
        """From the start of the line to where a next letter would begin, without the last letter's spacing."""
        run = self.run(text)
        return run.advance * self.size + run.gaps * self.spacing


def alpha_of(setting: Setting, lines: Sequence[Line], shape_hw: tuple[int, int], *, quick: bool = False) -> U8:
    """The lines' coverage, ``u8`` (H, W), on a canvas of this height and width; without outlines.

    ``quick`` takes skia's glyph pictures: twice as fast, placed to a quarter of a pixel, with enhanced contrast.
    """
    skia = skia_module()
    height, width = shape_hw
    pixels = np.zeros((height, width), np.uint8)
    surface = skia.Surface.MakeRasterDirect(skia.ImageInfo.MakeA8(width, height), pixels, width)
    paint = skia.Paint(AntiAlias=True)
    for line in lines:
        (_draw_glyphs if quick else draw_line)(surface.getCanvas(), setting, line, paint)
    return pixels


def draw_line(canvas: Any, setting: Setting, line: Line, paint: Any) -> None:
    """Draw the outlines of one line with a skia paint: coverage is exact whatever the colour."""
    font, whole = skia_font(setting.face, setting.size), skia_module().Path()
    run, places = _placed(setting, line)
    for glyph, (x, y) in zip(run.glyphs, places, strict=True):
        path = font.getPath(glyph)
        if path is not None:
            whole.addPath(path, line.x + x, line.y + y)
    canvas.drawPath(whole, paint)


def _draw_glyphs(canvas: Any, setting: Setting, line: Line, paint: Any) -> None:
    run, places = _placed(setting, line)
    if run.glyphs:
        builder = skia_module().TextBlobBuilder()
        builder.allocRunPos(skia_font(setting.face, setting.size), run.glyphs, [tuple(place) for place in places])
        canvas.drawTextBlob(builder.make(), line.x, line.y, paint)


def _placed(setting: Setting, line: Line) -> tuple[Run, list[list[float]]]:
    """A line's glyphs and their places in pixels from the line's start."""
    run = setting.run(line.content)
    places = run.places * setting.size
    places[:, 1 if setting.vertical else 0] += run.steps * setting.spacing
    return run, places.tolist()


def draw_block(setting: Setting, lines: Sequence[Line], *, angle: float = 0.0) -> tuple[U8, tuple[int, int]] | None:
    """Lines in colour, turned about the start of the first one.

    Args:
        setting: Font, size, colours.
        lines: Upright places; all are turned together.
        angle: Degrees, clockwise.

    Returns:
        ``u8`` (H, W, 4), straight alpha, cut to the ink, and its offset; None if nothing is drawn.
    """
    skia = skia_module()
    box = _turned_box(setting, lines, angle)
    if box is None:
        return None
    left, top, right, bottom = box
    pixels = np.zeros((bottom - top, right - left, 4), np.uint8)
    info = skia.ImageInfo.Make(
        right - left, bottom - top, skia.ColorType.kRGBA_8888_ColorType, skia.AlphaType.kPremul_AlphaType
    )
    canvas = skia.Surface.MakeRasterDirect(info, pixels, 4 * (right - left)).getCanvas()
    canvas.translate(-left, -top)
    canvas.rotate(angle, lines[0].x, lines[0].y)
    for paint in _paints(skia, setting):
        for line in lines:
            draw_line(canvas, setting, line, paint)
    return _cut(_straight(pixels, setting), left, top)


def skia_font(face: FontFace, size: float) -> Any:
    """The face at a size in pixels, without hinting, placed between pixels."""
    skia = skia_module()
    font = skia.Font(typeface(face), size)
    font.setSubpixel(True)
    font.setBaselineSnap(False)
    font.setLinearMetrics(True)
    font.setHinting(skia.FontHinting.kNone)
    font.setEdging(skia.Font.Edging.kAntiAlias)
    return font


def _paints(skia: Any, setting: Setting) -> list[Any]:
    paints = [skia.Paint(AntiAlias=True, Color=skia.Color(*setting.fill))]
    if setting.outline is not None and setting.outline_width > 0:
        outline = skia.Paint(AntiAlias=True, Color=skia.Color(*setting.outline), Style=skia.Paint.kStroke_Style)
        outline.setStrokeWidth(2 * setting.outline_width)
        outline.setStrokeJoin(skia.Paint.kRound_Join)
        paints.insert(0, outline)
    return paints


def _turned_box(setting: Setting, lines: Sequence[Line], angle: float) -> tuple[int, int, int, int] | None:
    """Whole pixels around all the ink, turned about the first line's start."""
    corners = []
    for line in lines:
        run = setting.run(line.content)
        if run.box is not None:
            x0, y0, x1, y1 = (value * setting.size for value in run.box)
            longer = run.gaps * setting.spacing
            x0, x1 = (x0, x1) if setting.vertical else (min(x0, x0 + longer), max(x1, x1 + longer))
            y0, y1 = (min(y0, y0 + longer), max(y1, y1 + longer)) if setting.vertical else (y0, y1)
            corners += [(line.x + x, line.y + y) for x in (x0, x1) for y in (y0, y1)]
    if not corners:
        return None
    centre = np.array([lines[0].x, lines[0].y])
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turned = (np.array(corners) - centre) @ np.array([[cos, sin], [-sin, cos]]) + centre
    margin = setting.outline_width + 2
    low, high = np.floor(turned.min(axis=0) - margin).astype(int), np.ceil(turned.max(axis=0) + margin).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _straight(pixels: U8, setting: Setting) -> U8:
    """Premultiplied to straight alpha; one colour stays exactly itself."""
    alpha = pixels[..., 3]
    straight = np.zeros_like(pixels)
    straight[..., 3] = alpha
    if setting.outline is None or setting.outline_width <= 0:
        straight[alpha > 0, :3] = setting.fill
        return straight
    colour = pixels[..., :3].astype(np.float32) * 255 / np.maximum(alpha, 1)[..., None]
    straight[..., :3] = np.clip(np.rint(colour), 0, 255).astype(np.uint8)
    return straight


def _cut(pixels: U8, left: int, top: int) -> tuple[U8, tuple[int, int]] | None:
    rows, columns = np.flatnonzero(pixels[..., 3].any(axis=1)), np.flatnonzero(pixels[..., 3].any(axis=0))
    if not rows.size:
        return None
    y, x = int(rows[0]), int(columns[0])
    return np.ascontiguousarray(pixels[y : rows[-1] + 1, x : columns[-1] + 1]), (left + x, top + y)
