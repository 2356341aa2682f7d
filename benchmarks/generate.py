"""Score a text-to-layers model on captions of held-out designs: does it draw the colours and the number that they tell?

    python benchmarks/generate.py [--model sketch] [--count 100] [--guidance G] [--steps N] [--sheet PATH] [--json]

The captions are those of designs of the recipe's kind (recipes/sketch.toml) whose seeds were never trained on. Told
colours are looked for in the background and in any layer above it. The same pictures scored against another caption's
words are chance; the designs themselves, after the RGBA-VAE, are the most that can be reached.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from layerize.cli.row_sheet import row_of
from layerize.generator import TextModel, generate, load_text_model
from layerize.naming import COLOURS
from layerize.stack import LayerStack
from layerize.synth.caption import clear_colour
from layerize.synth.design import HELD_OUT_SEEDS, Design, draw_design
from layerize.training.recipe_file import read_recipe

RECIPE = Path(__file__).parents[1] / "recipes" / "sketch.toml"
WORDS = "|".join(sorted({word for word, _ in COLOURS}, key=len, reverse=True))
GROUND = re.compile(rf"({WORDS}) background")
THING = re.compile(rf"\ban? ({WORDS}) (?!background)")
SOLID = 200
"""Alpha from which a pixel of a layer counts."""


@dataclass
class Told:
    """Shares, 0..1: told colours that are there, and layer counts that are right."""

    ground: list[bool] = field(default_factory=list)
    thing: list[bool] = field(default_factory=list)
    count: list[bool] = field(default_factory=list)

    def add(self, caption: str, count: int, layers: list[np.ndarray]) -> None:
        """Score one picture's layers (u8 H W 4, bottom to top) against a caption."""
        ground = GROUND.search(caption)
        if ground:
            self.ground.append(clear_colour(layers[0][..., :3].reshape(-1, 3)) == ground[1])
        drawn = {clear_colour(layer[layer[..., 3] > SOLID][:, :3]) for layer in layers[1:]}
        self.thing += [word in drawn for word in THING.findall(caption)]
        self.count.append(len(layers) == count)

    def summary(self) -> dict[str, float]:
        """Means."""
        return {name: float(np.mean(values)) for name, values in vars(self).items()}


def designs(count: int) -> list[Design]:
    """Held-out designs of the recipe's kind."""
    data = read_recipe(RECIPE).data
    rng = np.random.default_rng(0)
    chances = np.array(data.count_weights) / sum(data.count_weights)
    levels = rng.choice(data.layer_counts, count, p=chances)
    return [
        draw_design(seed, data.sizes[0], data.design_config(int(level)))
        for seed, level in zip(HELD_OUT_SEEDS[:count], levels, strict=True)
    ]


def pixels(stack: LayerStack) -> list[np.ndarray]:
    """The layers' pixels, bottom to top."""
    return [layer.pixels for layer in stack.walk()]


def evaluate(
    model: TextModel, count: int, *, guidance: float | None = None, steps: int | None = None
) -> tuple[dict[str, dict[str, float]], list[LayerStack]]:
    """Figures by name, and the first stacks."""
    truth = designs(count)
    drawn = [generate(d.caption, model, seed=i, guidance=guidance, steps=steps) for i, d in enumerate(truth)]
    found = {"model": Told(), "chance": Told(), "designs": Told()}
    for index, (design, stack) in enumerate(zip(truth, drawn, strict=True)):
        other = truth[(index + 1) % count]
        found["model"].add(design.caption, len(design.names), pixels(stack))
        found["chance"].add(other.caption, len(other.names), pixels(stack))
        found["designs"].add(design.caption, len(design.names), list(design.layers_u8_KHW4))
    return {name: told.summary() for name, told in found.items()}, drawn


def table(figures: dict[str, dict[str, float]]) -> str:
    """What the benchmark prints."""
    lines = [f"{'':10s} {'ground colour':>14s} {'thing colour':>13s} {'layer count':>12s}"]
    for name, row in figures.items():
        lines.append(f"{name:10s} {row['ground']:14.3f} {row['thing']:13.3f} {row['count']:12.3f}")
    return "\n".join(lines)


def sheet(stacks: list[LayerStack], cell: int = 150) -> Image.Image:
    """One row for each stack: its layers and its composite."""
    rows = [row_of(None, stack, cell=cell) for stack in stacks]
    page = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        page.paste(row, (0, top))
        top += row.height
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sketch")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    begun = time.perf_counter()
    model = load_text_model(options.model)
    figures, stacks = evaluate(model, options.count, guidance=options.guidance, steps=options.steps)
    if options.sheet:
        sheet(stacks[:8]).save(options.sheet)
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{options.count} captions of held-out designs, {time.perf_counter() - begun:.0f} s")
    print(table(figures))


if __name__ == "__main__":
    main()
