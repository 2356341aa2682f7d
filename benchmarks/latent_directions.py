"""Learn the latent directions of a model, measure them, and draw before-and-after pictures.

    python benchmarks/latent_directions.py [--model NAME|DIR] [--write] [--draw]

Learns brightness, hue, saturation and opacity by regression on synthetic pairs and prints, for layers of designs that
were not learned from (``layerize synth``), how far the edit through latents is from the exact edit of the pixels: mean
difference in levels of 255 of what the edit changes, over the inked pixels. ``decoded`` replaces the layer by what its
latents decode to, ``difference`` (what ``layerize edit --latent`` does) adds the change to the layer itself, ``no
edit`` is how much the exact edit changes. ``--write`` stores the directions beside the model's weights, ``--draw``
draws docs/images/latent-*.jpg.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from readme_pictures import IMAGES, ROOT, side_by_side
from split import hardware

from layerize.latent import (
    ATTRIBUTES,
    Directions,
    LatentCoder,
    fit_directions,
    latent_edit,
    load_coder,
    save_directions,
    style_transfer,
)
from layerize.splitter import Splitter
from layerize.stack import Layer, LayerStack, flatten
from layerize.stack.convert import F32, to_float
from layerize.synth.design import draw_design

AMOUNTS = {"brightness": (-0.3, 0.3), "hue": (-60, 60, 180), "saturation": (-0.5, 0.5), "opacity": (-0.5, -0.2)}
SEEDS = range(20)
SIDE = 128


def layers_of_designs() -> list[F32]:
    """Layers of held-out designs, straight RGBA 0..1, (128, 128, 4) each."""
    designs = (draw_design(seed, (SIDE, SIDE)) for seed in SEEDS)
    return [to_float(layer) for design in designs for layer in design.layers_u8_KHW4 if layer[..., 3].any()]


def mean_error(one: F32, other: F32, name: str, layer: F32) -> float:
    """Mean difference in levels over the inked pixels: of alpha for opacity, of colours otherwise."""
    channels = slice(3, 4) if name == "opacity" else slice(0, 3)
    inked = layer[..., 3] > 0
    return 255 * float(np.abs(one - other)[inked][..., channels].mean())


def edited(layer: F32, name: str, value: float, coder: LatentCoder, directions: Directions) -> tuple[F32, F32]:
    """The layer as decoded after the edit, and as ``layerize edit`` makes it."""
    pixels = np.rint(255 * layer).astype(np.uint8)
    stack = LayerStack(size=(SIDE, SIDE), layers=(Layer(pixels=pixels, name="L"),))
    changed = next(latent_edit(stack, "L", {name: value}, coder=coder, directions=directions).walk()).pixels
    z = coder.encode(layer)
    decoded = coder.decode(directions.shift(z, name, ATTRIBUTES[name].amount(value)), (SIDE, SIDE))
    return decoded, to_float(changed)


def print_table(coder: LatentCoder, directions: Directions) -> None:
    layers = layers_of_designs()
    print(f"{len(layers)} layers of {len(SEEDS)} designs, {SIDE} x {SIDE}; mean difference in levels of 255\n")
    print(f"{'edit':18} {'no edit':>8} {'decoded':>8} {'difference':>11}")
    for name, values in AMOUNTS.items():
        for value in values:
            errors = []
            for layer in layers:
                truth = ATTRIBUTES[name].truth(layer, ATTRIBUTES[name].amount(value))
                decoded, difference = edited(layer, name, value, coder, directions)
                errors.append([mean_error(made, truth, name, layer) for made in (layer, decoded, difference)])
            no_edit, decoded_error, difference_error = np.mean(errors, axis=0)
            print(f"{f'{name} {value:g}':18} {no_edit:8.1f} {decoded_error:8.1f} {difference_error:11.1f}")


def draw(coder: LatentCoder, directions: Directions, model: str) -> None:
    """Four directions on the poster's largest layer but the ground; its ground in the style of the city."""
    poster = Splitter.load(model).split(ROOT / "examples" / "poster.png", text="auto")
    main = max(list(poster.walk())[1:], key=lambda layer: int((layer.pixels[..., 3] > 127).sum()))
    steps = ({"brightness": -0.25}, {"hue": 120.0}, {"saturation": -0.8}, {"opacity": -0.5})
    after = [latent_edit(poster, main.id, step, coder=coder, directions=directions) for step in steps]
    row = side_by_side([Image.fromarray(flatten(stack)) for stack in (poster, *after)], 1400)
    row.save(IMAGES / "latent-directions.jpg", quality=88, optimize=True)
    city = Image.open(ROOT / "examples" / "city.png").convert("RGBA")
    styled = [style_transfer(poster, 0, np.array(city), strength=amount, coder=coder) for amount in (0.5, 1.0)]
    example = Image.new("RGBA", poster.size, "white")
    city.thumbnail(poster.size)
    example.paste(city, ((poster.size[0] - city.width) // 2, (poster.size[1] - city.height) // 2))
    row = side_by_side([example, *(Image.fromarray(flatten(stack)) for stack in (poster, *styled))], 1400)
    row.save(IMAGES / "latent-style.jpg", quality=88, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--write", action="store_true", help="store the directions beside the model's weights")
    parser.add_argument("--draw", action="store_true", help="draw docs/images/latent-*.jpg")
    options = parser.parse_args()
    coder = load_coder(options.model)
    start = time.perf_counter()
    directions = fit_directions(coder)
    print(f"learned in {time.perf_counter() - start:.1f} s; {hardware()}\n")
    if options.write:
        assert coder.folder is not None
        print(f"wrote {save_directions(directions, coder, coder.folder)}\n")
    print_table(coder, directions)
    if options.draw:
        draw(coder, directions, options.model)


if __name__ == "__main__":
    main()
