"""A stack as one row of equal cells: what fits one case into a sheet of many."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

    from layerize.stack import LayerStack
    from layerize.stack.layer import U8

CELL, GAP = 144, 6
"""Height of a cell and white between cells, in pixels."""


def row_of(picture: U8 | None, stack: LayerStack, *, cell: int = CELL) -> Image:
    """Input (if there is one) | layers bottom to top | composite, each ``cell`` pixels high."""
    from PIL import Image

    from layerize.sheet import on_checkerboard
    from layerize.stack import flatten

    cells = [] if picture is None else [picture]
    cells += [flatten(stack.with_layers([node])) for node in stack.layers] + [flatten(stack)]
    width = max(1, round(cell * stack.size[0] / stack.size[1]))
    row = Image.new("RGB", ((width + GAP) * len(cells) + GAP, cell + GAP), "white")
    for place, pixels in enumerate(cells):
        row.paste(on_checkerboard(pixels, stack.size, (width, cell)), (GAP + place * (width + GAP), GAP))
    return row
