"""The contact sheet of a run: every variant small, with its name; failed ones with their reason."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from layerize.formats import write_image
from layerize.variants.journal import Journal
from layerize.variants.make import THUMBNAIL, Outcome

WIDTH = 1600
GAP = 12
CAPTION = 20
FONT_SIZE = 13
PAPER, INK, FAULT = (255, 255, 255), (34, 34, 34), (176, 32, 32)
MOST = 1000
"""Variants on a sheet; more could not be told apart, and the picture would be too tall for JPEG."""


def write_sheet(outcomes: Sequence[Outcome], journal: Journal, path: Path) -> None:
    """Draw the variants in the table's order.

    Raises:
        OutputError: The extension is unknown, or the file cannot be written.
    """
    shown = sorted(outcomes, key=lambda outcome: outcome.row.number)[:MOST]
    columns = max(1, min(len(shown), (WIDTH - GAP) // (THUMBNAIL // (2 if len(shown) > 40 else 1) + GAP)))
    columns = -(-len(shown) // -(-len(shown) // columns))  # rows of about equal length
    side = (WIDTH - GAP) // columns - GAP if len(shown) >= columns > 3 else THUMBNAIL
    pictures = [_cell(outcome, journal, side) for outcome in shown]
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    heights = [max(picture.height for picture in row) + CAPTION + GAP for row in rows]
    sheet = Image.new("RGB", (columns * (side + GAP) + GAP, sum(heights) + GAP), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_SIZE)
    y = GAP
    for number, (row, height) in enumerate(zip(rows, heights, strict=True)):
        for column, picture in enumerate(row):
            outcome, x = shown[number * columns + column], GAP + column * (side + GAP)
            caption = textwrap.shorten(outcome.row.name, max(6, side // 7), placeholder="...")
            draw.text((x, y), caption, fill=FAULT if outcome.status == "failed" else INK, font=font)
            sheet.paste(picture, (x + (side - picture.width) // 2, y + CAPTION))
        y += height
    write_image(np.asarray(sheet.convert("RGBA")), path)


def _cell(outcome: Outcome, journal: Journal, side: int) -> Image.Image:
    if outcome.status != "failed":
        try:
            with Image.open(journal.thumbnail(outcome.row.name)) as stored:
                picture = stored.convert("RGB")
            picture.thumbnail((side, side))
            return picture
        except OSError:  # someone has cleared the folder of small pictures
            return _words("made earlier", side, INK)
    return _words(outcome.error or "", side, FAULT)


def _words(text: str, side: int, colour: tuple[int, int, int]) -> Image.Image:
    lines = textwrap.wrap(text, max(8, side // 7))[: max(1, side // 18)]
    picture = Image.new("RGB", (side, min(side, 18 * len(lines) + 12)), (245, 245, 245))
    ImageDraw.Draw(picture).text((6, 6), "\n".join(lines), fill=colour, font=ImageFont.load_default(FONT_SIZE - 1))
    return picture
