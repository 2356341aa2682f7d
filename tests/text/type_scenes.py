"""Text layers in the package's own typefaces, drawn by skia and described as a reader would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from layerize.stack import Layer, LayerStack
from layerize.text.block import RGB, Alignment, TextBlock, TextLine
from layerize.text.fonts import FontFace, bundled_faces
from layerize.text.live import describe
from layerize.text.render import Line, Setting, draw_block

FACES = bundled_faces()
BLACK, SLAB, SCRIPT, MEDIUM = "Roboto-Black", "RobotoSlab-Bold", "KaushanScript-Regular", "Roboto-Medium"


def face(name: str) -> FontFace:
    return next(found for found in FACES if found.name == name)


def written(
    name: str,
    words: str,
    *,
    size: float = 48,
    at: tuple[float, float] = (40, 90),
    fill: RGB = (180, 30, 60),
    outline: RGB | None = None,
    angle: float = 0,
    alignment: Alignment = "left",
    pitch: float | None = None,
    spacing: float = 0,
    reader_angle: float | None = None,
) -> tuple[TextBlock, Layer]:
    """A block and its layer; ``at`` is the anchor of the first baseline."""
    setting = Setting(
        face=face(name), size=size, fill=fill, outline=outline, outline_width=3 if outline else 0, spacing=spacing
    )
    rows, step = words.split("\n"), pitch or 1.2 * size
    share = {"left": 0.0, "center": 0.5, "right": 1.0}[alignment]
    lines = [Line(content=r, x=at[0] - share * setting.width(r), y=at[1] + i * step) for i, r in enumerate(rows)]
    drawn = draw_block(setting, lines, angle=angle)
    assert drawn is not None
    turn = np.radians(angle)
    cos, sin, first = np.cos(turn), np.sin(turn), lines[0]

    def turned(x: float, y: float) -> tuple[float, float]:
        dx, dy = x - first.x, y - first.y
        return float(first.x + cos * dx - sin * dy), float(first.y + sin * dx + cos * dy)

    polygons = []
    for line in lines:
        right, top, bottom = line.x + setting.width(line.content), line.y - 0.8 * size, line.y + 0.2 * size
        polygons.append(
            tuple(turned(x, y) for x, y in ((line.x, top), (right, top), (right, bottom), (line.x, bottom)))
        )
    block = TextBlock(
        lines=tuple(
            TextLine(content=row, polygon=polygon, confidence=1.0) for row, polygon in zip(rows, polygons, strict=True)
        ),
        angle=angle if reader_angle is None else reader_angle,
        size=0.95 * size,
        colours=(fill,) if outline is None else (fill, outline),
        alignment=alignment,
        line_spacing=step,
    )
    return block, Layer(pixels=drawn[0], offset=drawn[1], name=" ".join(rows))


def described(name: str, words: str, **look: object) -> Layer:
    block, layer = written(name, words, **look)  # type: ignore[arg-type]
    return replace(layer, text=describe(block, layer, faces=FACES))


def poster() -> LayerStack:
    """A pale canvas with a headline, a centred paragraph and a slanted line."""
    ground = np.full((400, 700, 4), (250, 244, 230, 255), np.uint8)
    return LayerStack(
        size=(700, 400),
        layers=(
            Layer(pixels=ground, name="Background"),
            described(BLACK, "Summer Festival", size=56, at=(40, 90)),
            described(SLAB, "Every Friday night\nin the old harbour", size=30, at=(350, 180), alignment="center"),
            described(SCRIPT, "See you there", size=50, at=(350, 370), fill=(30, 60, 140), angle=-10),
        ),
    )
