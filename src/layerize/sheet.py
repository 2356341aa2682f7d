"""Contact sheets: the input, every layer on a checkerboard, the composite and what differs, on one picture to look at.

Knows nothing of files; captions use the font inside Pillow, which has Latin letters only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from layerize.stack.composite import flatten
from layerize.stack.layer import U8, Group, Layer, LayerStack, Node

PAPER = (255, 255, 255)
INK = (34, 34, 34)
LIGHT, DARK = 255, 214  # the checkerboard's greys
SQUARE = 10  # px
GAP = 16  # px between cells
CAPTION = 22  # px above a cell
FONT_SIZE = 14  # px
GAIN = 16  # the factor that makes a difference of one level visible
BAND_PIXELS = 1 << 18  # compared at a time, so that a 64-megapixel picture needs no gigabytes

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def contact_sheet(image: U8, stack: LayerStack, *, width: int = 1600, difference: bool = True) -> Image.Image:
    """Draw a stack beside the picture that it came from.

    Args:
        image: The flat picture, ``u8`` (H, W, 3 or 4), straight alpha, of the stack's canvas size.
        stack: Any stack; members of groups are drawn one by one, hidden layers too (and marked).
        width: Of the sheet, in pixels; at least 200.
        difference: Whether to end with the composite's difference from ``image``, times 16, and its maximum.

    Returns:
        An RGB picture: input | layers bottom to top | composite | difference.

    Raises:
        ValueError: ``image`` has another size than the stack's canvas.
    """
    if image.shape[:2] != (stack.size[1], stack.size[0]):
        shape = f"{image.shape[1]}x{image.shape[0]}"
        raise ValueError(f"the picture is {shape}, the stack's canvas {stack.size[0]}x{stack.size[1]}")
    picture = _with_alpha(image)
    composite = flatten(stack)
    cells: list[tuple[str, U8 | Layer]] = [("Input", picture)]
    cells += [(f"{index}  {name}", layer) for index, (name, layer) in enumerate(_leaves(stack.layers))]
    cells.append(("Composite", composite))
    if difference:
        apart = levels_apart(picture, composite)
        grey = np.minimum(apart.astype(np.uint16) * GAIN, 255).astype(np.uint8)
        opaque = np.full_like(grey, 255)
        cells.append((f"Difference x{GAIN}, max {int(apart.max())}/255", np.dstack([grey, grey, grey, opaque])))
    return _lay_out(cells, stack.size, max(width, 200))


def levels_apart(a: U8, b: U8) -> U8:
    """How far two straight RGBA pictures are apart, pixel by pixel: the largest channel difference, 0..255.

    Colours are compared premultiplied, since a colour under zero alpha cannot be seen. Shapes (H, W, 4) → (H, W).
    """
    apart = np.empty(a.shape[:2], np.uint8)
    rows = max(1, BAND_PIXELS // a.shape[1])
    for y in range(0, a.shape[0], rows):
        band = slice(y, y + rows)
        apart[band] = np.abs(_premultiplied(a[band]) - _premultiplied(b[band])).max(2)
    return apart


def _premultiplied(pixels: U8) -> npt.NDArray[np.int32]:
    values = pixels.astype(np.int32)
    values[..., :3] = (values[..., :3] * values[..., 3:] + 127) // 255
    return values


def checkerboard(size: tuple[int, int], square: int = SQUARE) -> Image.Image:
    """The usual grey pattern for "nothing here": an RGB picture of ``size`` = (width, height)."""
    width, height = size
    odd = (np.arange(width)[None] // square + np.arange(height)[:, None] // square) % 2
    return Image.fromarray(np.where(odd, DARK, LIGHT).astype(np.uint8)).convert("RGB")


def on_checkerboard(cell: U8 | Layer, canvas: tuple[int, int], size: tuple[int, int]) -> Image.Image:
    """One picture or layer, reduced from ``canvas`` to ``size`` (width, height), on a checkerboard."""
    pixels, (x, y), opacity = (cell.pixels, cell.offset, cell.opacity) if isinstance(cell, Layer) else (cell, (0, 0), 1)
    across, down = size[0] / canvas[0], size[1] / canvas[1]
    small = (max(1, round(pixels.shape[1] * across)), max(1, round(pixels.shape[0] * down)))
    reduced = Image.fromarray(pixels).resize(small, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if opacity < 1:
        reduced.putalpha(reduced.getchannel("A").point([round(value * opacity) for value in range(256)]))
    board = checkerboard(size)
    board.paste(reduced, (round(x * across), round(y * down)), reduced)
    return board


def _with_alpha(image: U8) -> U8:
    if image.shape[2] == 4:
        return image
    return np.concatenate([image, np.full((*image.shape[:2], 1), 255, np.uint8)], axis=2)


def _leaves(nodes: tuple[Node, ...], path: str = "", hidden: bool = False) -> Iterator[tuple[str, Layer]]:
    """Every layer bottom to top, named "group / layer"."""
    for node in nodes:
        name, unseen = f"{path}{node.name}", hidden or not node.visible
        if isinstance(node, Group):
            yield from _leaves(node.layers, f"{name} / ", unseen)
        else:
            yield (f"{name} (hidden)" if unseen else name), node


def _columns(count: int, canvas: tuple[int, int]) -> int:
    """As many columns as make the sheet about 16:9, and no row nearly empty where that can be had."""
    aspect = canvas[0] / canvas[1]
    ideal = min(count, max(2, int((count * 16 / 9 / aspect) ** 0.5 + 0.5)))
    choices = [columns for columns in (ideal, ideal + 1, ideal - 1) if 2 <= columns <= count] or [1]
    empty = {columns: -count % columns / columns for columns in choices}
    return min(empty, key=empty.__getitem__)


def _lay_out(cells: list[tuple[str, U8 | Layer]], canvas: tuple[int, int], width: int) -> Image.Image:
    columns = _columns(len(cells), canvas)
    across = max(1, (width - GAP * (columns + 1)) // columns)
    down = min(max(1, round(across * canvas[1] / canvas[0])), 4 * width)
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (width, rows * (down + CAPTION + GAP) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(FONT_SIZE)
    for index, (caption, cell) in enumerate(cells):
        x = GAP + index % columns * (across + GAP)
        y = GAP + index // columns * (down + CAPTION + GAP)
        draw.text((x, y), _fit(caption, across, font), fill=INK, font=font)
        sheet.paste(on_checkerboard(cell, canvas, (across, down)), (x, y + CAPTION))
    return sheet


def _fit(caption: str, width: int, font: Font) -> str:
    """The caption, cut to ``width`` pixels."""
    if font.getlength(caption) <= width:
        return caption
    while caption and font.getlength(f"{caption}...") > width:
        caption = caption[:-1]
    return f"{caption}..."
