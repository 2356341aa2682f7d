"""Draw the pictures of README.md and docs into docs/images, with nothing but the tool itself.

    python benchmarks/readme_pictures.py [--model NAME|DIR]

``NAME.jpg``: contact sheet of each example. ``edit.jpg``: the poster before and after a change of background.
``sketch.jpg``: what the shipped text-to-layers model draws from a few texts, the first seed of each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from layerize.cli.row_sheet import row_of
from layerize.generator import generate, load_text_model
from layerize.sheet import GAP, PAPER, contact_sheet
from layerize.splitter import Splitter
from layerize.stack import edit
from layerize.stack.composite import flatten

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
WIDTH = 1400
TEXTS = (
    "A poster with a red bird on a plain yellow background.",
    "A sign with a white flower on a plain green background.",
    "A poster with a blue car on a plain white background.",
    "A card with a yellow star and a black cat on a plain purple background.",
)


def side_by_side(pictures: list[Image.Image], width: int) -> Image.Image:
    """Pictures of equal size in a row on white."""
    across = (width - GAP * (len(pictures) + 1)) // len(pictures)
    down = round(across * pictures[0].height / pictures[0].width)
    row = Image.new("RGB", (width, down + 2 * GAP), PAPER)
    for index, picture in enumerate(pictures):
        small = picture.convert("RGB").resize((across, down), Image.Resampling.LANCZOS)
        row.paste(small, (GAP + index * (across + GAP), GAP))
    return row


def drawn_from_texts(cell: int = 150) -> Image.Image:
    """One row for each of ``TEXTS``: the text, then its layers and their composite."""
    model, font = load_text_model("sketch"), ImageFont.load_default(16)
    rows = [row_of(None, generate(text, model), cell=cell) for text in TEXTS]
    line = 26
    page = Image.new("RGB", (max(max(row.width for row in rows), 640), sum(row.height + line for row in rows)), PAPER)
    top = 0
    for text, row in zip(TEXTS, rows, strict=True):
        ImageDraw.Draw(page).text((GAP, top + 6), text, fill="#333333", font=font)
        page.paste(row, (0, top + line))
        top += row.height + line
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    options = parser.parse_args()
    splitter = Splitter.load(options.model)
    IMAGES.mkdir(parents=True, exist_ok=True)
    for example in sorted((ROOT / "examples").glob("*.png")):
        picture = Image.open(example).convert("RGBA")
        stack = splitter.split(example, text="auto")
        sheet = contact_sheet(np.asarray(picture), stack, width=WIDTH)
        sheet.save(IMAGES / f"{example.stem}.jpg", quality=88, optimize=True)
        print(IMAGES.relative_to(ROOT) / f"{example.stem}.jpg", [layer.name for layer in stack.walk()])
        if example.stem == "poster":
            after = Image.fromarray(flatten(edit.background(stack, "#f4c95d")))
            side_by_side([picture, after], WIDTH // 2).save(IMAGES / "edit.jpg", quality=90, optimize=True)

    drawn_from_texts().save(IMAGES / "sketch.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    main()
