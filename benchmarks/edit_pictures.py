"""Draw the before-and-after pictures of docs/editing.md: docs/images/edit_*.jpg.

    python benchmarks/edit_pictures.py [--out docs/images]

The design is procedural (needs the extra "synth") and the edits are those that the captions name, so the pictures
cannot show what the code does not do.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from layerize.errors import LayerizeWarning
from layerize.formats import read_image, save
from layerize.stack import Layer, LayerStack
from layerize.synth.design import draw_design
from layerize.variants.make import Variants
from layerize.variants.sheet import write_sheet
from layerize.variants.table import read_table

SIDE = 512
CELL, GAP, CAPTION, FONT_SIZE = 300, 10, 22, 14
POSTER = Path(__file__).parents[1] / "examples" / "city.png"

Panel = tuple[str, LayerStack]


def design() -> LayerStack:
    """A car in front of an arrow on a panel; the seed decides, and the names are checked where they are used."""
    return draw_design(5, (SIDE, SIDE)).to_stack()


def on_a_plain_ground() -> LayerStack:
    """The car on a light gradient that has the car's soft shadow painted into it, as a split leaves it."""
    stack = design()
    stack = stack.with_layers([stack.find("Background"), stack.find("Car")]).resize("Car", scale=1.5)
    stack = stack.move("Car", dx=80, dy=-60).background("linear-gradient(160deg, #f6efe2, #d8c7ae)")
    stack = _without_shadow(stack, "Car").shadow("Car", dx=16, dy=30, blur=36, opacity=0.55)
    return stack.merge(["Background", "Car shadow"], name="Background")


def _without_shadow(stack: LayerStack, name: str) -> LayerStack:
    """The design's own shadow, part of the layer's alpha, taken off."""
    return stack.clean_edge(name, width=1, floor=0.75)


def cut_out_badly() -> LayerStack:
    """A disc cut out of a green wall, one pixel too wide."""
    side = 120
    y, x = np.mgrid[:side, :side] - side / 2 + 0.5
    disc = np.clip(44.5 - np.hypot(x, y), 0, 1)[..., None]
    rgb = disc * np.array([214, 69, 65]) + (1 - disc) * np.array([30, 200, 60])
    wide = cv2.dilate(np.rint(disc * 255).astype(np.uint8), np.ones((3, 3)))
    layer = Layer(pixels=np.dstack([rgb.astype(np.uint8), wide]), name="Disc")
    return LayerStack(size=(side, side), layers=(layer,)).background("#f2f2f2")


def transforms() -> list[Panel]:
    stack = design()
    return [
        ("before", stack),
        ("--move Car 140,-50", stack.move("Car", dx=140, dy=-50)),
        ("--resize Car 150% about=bottom-left", stack.resize("Car", scale=1.5, about="bottom-left")),
        ("--rotate Arrow -90", stack.rotate("Arrow", -90)),
        ("--flip Car horizontal", stack.flip("Car")),
        ("--blend Arrow multiply --reorder Arrow 5", stack.blend("Arrow", "multiply").reorder("Arrow", 5)),
        ("--crop 40,180 300x300", stack.crop(40, 180, 300, 300)),
        ("--extend 0,0,140,0 fill=edge", stack.extend(right=140, fill="edge")),
    ]


def colours() -> list[Panel]:
    stack = design()
    return [
        ("before", stack),
        ("--recolor Car teal", stack.recolor("Car", "teal")),
        ("--hue Car 240", stack.hue("Car", 240)),
        ("--tint Car blue", stack.tint("Car", "blue")),
        ("--duotone Car #1b1464 #ffe066", stack.duotone("Car", "#1b1464", "#ffe066")),
        ("--palette Car #f06a28:#2aa876", stack.palette("Car", {"#f06a28": "#2aa876"})),
        ("--palette Car #1b1464,#d7263d,#f4f1de", stack.palette("Car", ["#1b1464", "#d7263d", "#f4f1de"])),
        ("--saturation Car -100%", stack.saturation("Car", -1)),
    ]


def grounds() -> list[Panel]:
    stack, picture = on_a_plain_ground(), read_image(POSTER).pixels
    gradient = "linear-gradient(45deg, #102040, teal 60%, #ffe066)"
    return [
        ("before: a shadow in the background", stack),
        ("--background #2a9d8f", stack.background("#2a9d8f")),
        ("--background #2a9d8f shadows=keep", stack.background("#2a9d8f", shadows=True)),
        ("--background linear-gradient(...) shadows=keep", stack.background(gradient, shadows=True)),
        ("--background city.png shadows=keep", stack.background(picture, shadows=True)),
        ("--replace Car city.png fit=cover", stack.replace("Car", picture, fit="cover")),
        ("... fit=cover alpha=old", stack.replace("Car", picture, fit="cover", alpha="old")),
        ("--recolor Background #8ecae6", stack.recolor("Background", "#8ecae6")),
    ]


def edges() -> list[Panel]:
    stack, disc = _without_shadow(design(), "Car"), cut_out_badly()
    both = stack.group(["Car", "Two people"], name="Team")
    return [
        ("before", stack),
        ("--shadow Car", stack.shadow("Car", blur=16, opacity=0.6)),
        ("--outline Car width=6 colour=gold", stack.outline("Car", width=6, colour="gold")),
        ("a group: --outline Team width=7", both.outline("Team", width=7, colour="crimson")),
        ("--feather Car 8", stack.feather("Car", 8)),
        ("--grow Car 6", stack.grow("Car", 6)),
        ("cut out of a green wall", disc),
        ("--clean-edge Disc", disc.clean_edge("Disc")),
    ]


def layouts() -> list[Panel]:
    stack = design()
    return [
        ("before", stack),
        ("--layout 288x512", stack.relayout((288, 512))),
        ("--layout 288x512 anchor:Panel=bottom", stack.relayout((288, 512), anchors={"Panel": "bottom"})),
        ("--layout 512x288 anchor:Panel=right", stack.relayout((512, 288), anchors={"Panel": "right"})),
    ]


def variants() -> Image.Image:
    """The contact sheet that ``layerize variants`` draws for a small table."""
    table = [
        {"name": "spring", "Car:recolor": "#2a9d8f", "background": "#fff3d6"},
        {"name": "night", "background": "linear-gradient(160deg, #0b132b, #3a506b)", "Panel:recolor": "#c9d6df"},
        {"name": "sale", "Panel:recolor": "#ffd166", "Arrow:recolor": "crimson", "Two people:hide": "yes"},
        {"name": "square", "size": "1080x1080", "Arrow:hue": "120"},
        {"name": "story", "size": "1080x1920", "background": "radial-gradient(white, #8ecae6)"},
        {"name": "banner", "size": "1200x628", "Car:recolor": "navy"},
        {"name": "typing error", "Car:recolour": "navy"},
    ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        save(design(), folder / "design.zip")
        (folder / "table.json").write_text(json.dumps(table))
        rows = read_table(folder / "table.json")
        run = Variants(folder / "design.zip", rows, folder=folder, out=folder / "out")
        write_sheet(list(run), run.journal, folder / "sheet.png")
        with Image.open(folder / "sheet.png") as sheet:
            return sheet.convert("RGB")


SHEETS: dict[str, Callable[[], list[Panel]]] = {
    "edit_transform": transforms,
    "edit_colour": colours,
    "edit_background": grounds,
    "edit_edge": edges,
    "edit_layout": layouts,
}


def draw(panels: list[Panel], columns: int = 4) -> Image.Image:
    """The panels side by side on white, each with its caption."""
    font = ImageFont.load_default(FONT_SIZE)
    rows = -(-len(panels) // columns)
    height = CELL + CAPTION + GAP
    sheet = Image.new("RGB", (columns * (CELL + GAP) + GAP, rows * height + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for i, (caption, stack) in enumerate(panels):
        x, y = GAP + i % columns * (CELL + GAP), GAP + i // columns * height
        picture = stack.composite(background=(255, 255, 255)).convert("RGB")
        if picture.width < CELL // 2:
            picture = picture.resize((CELL, CELL), Image.Resampling.NEAREST)
        picture.thumbnail((CELL, CELL), Image.Resampling.LANCZOS)
        pen.text((x, y), caption, fill=(34, 34, 34), font=font)
        sheet.paste(picture, (x, y + CAPTION))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "images")
    options = parser.parse_args()
    warnings.simplefilter("error", LayerizeWarning)  # a picture that shows less than its caption says
    for name, panels in SHEETS.items():
        path = options.out / f"{name}.jpg"
        draw(panels()).save(path, quality=84, optimize=True)
        print(f"{path.name}: {path.stat().st_size // 1000} kB")
    variants().save(options.out / "edit_variants.jpg", quality=84, optimize=True)


if __name__ == "__main__":
    main()
