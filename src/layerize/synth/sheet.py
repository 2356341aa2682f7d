"""A contact sheet: one row per design with its picture, its layers on a checkerboard, names and caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from layerize.synth.design import Design
from layerize.synth.merge import composite_over

U8 = npt.NDArray[np.uint8]

_GAP = 8
_LINE = 13
_PAPER = (250, 250, 250)
_INK = (40, 40, 44)


def checkerboard(layer: U8, cell: int = 8) -> U8:
    """A straight RGBA layer over grey squares, RGB ``u8`` (H, W, 3)."""
    height, width = layer.shape[:2]
    squares = (np.indices((height, width)) // cell).sum(0) % 2
    board = np.full((height, width, 4), 255, np.uint8)
    board[..., :3] = np.where(squares, 200, 235)[..., None]
    return composite_over(np.stack([board, layer]))


def contact_sheet(designs: Sequence[Design], *, columns: int = 2) -> Image.Image:
    """One sheet for all designs, which share one size.

    Args:
        designs: At least one.
        columns: Designs side by side.
    """
    height, width = designs[0].image_u8_HW3.shape[:2]
    most = max(len(d.names) for d in designs)
    cell_w, cell_h = (most + 1) * (width + _GAP) + 2 * _GAP, height + 2 * _LINE + 2 * _GAP
    rows = -(-len(designs) // columns)
    sheet = Image.new("RGB", (columns * cell_w, rows * cell_h), _PAPER)
    for i, design in enumerate(designs):
        _draw_design(sheet, design, (i % columns) * cell_w + _GAP, (i // columns) * cell_h + _GAP, cell_w - 2 * _GAP)
    return sheet


def _draw_design(sheet: Image.Image, design: Design, x: int, y: int, room: int) -> None:
    height, width = design.image_u8_HW3.shape[:2]
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    pictures = [design.image_u8_HW3, *(checkerboard(layer) for layer in design.layers_u8_KHW4)]
    for i, pixels in enumerate(pictures):
        sheet.paste(Image.fromarray(pixels), (x + i * (width + _GAP), y))
        if i > 0:
            pen.text((x + i * (width + _GAP), y + height + 1), _shortened(design.names[i - 1], width, font), _INK, font)
    pen.text((x, y + height + 1), f"seed {design.seed}", _INK, font)
    pen.text((x, y + height + 1 + _LINE), _shortened(design.caption, room, font), _INK, font)


def _shortened(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    while text and font.getlength(text) > width:
        text = text[:-2].rstrip() + "…" if not text.endswith("…") else text[:-3].rstrip() + "…"
    return text
