"""Flattening a stack: ours against psd-tools' ``composite(force=True)`` on the same layers.

    python benchmarks/composite.py [--side 4000] [--layers 10] [--repeats 3] [--json]

Two stacks, one of "normal" layers, one in which every other layer has a blend mode. Every measurement is a process of
its own: medians of wall-clock seconds of the call alone, and the peak memory of the whole process (with interpreter and
layers), in multiples of the layers' own size. Difference: the largest of all pixels, in levels of 255, colours
weighted by alpha. Linux and macOS.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from split import RSS_UNIT, hardware

from layerize.stack import BlendMode, Layer, LayerStack, flatten
from layerize.stack.layer import U8

FASTER, LEVELS, TIMES_SIZE = 4.0, 1.0, 3.0
"""What is to be reached: speed against psd-tools, difference, peak memory with the layers themselves."""

MODES: dict[str, tuple[BlendMode, ...]] = {
    "normal": ("normal",),
    "blend modes": ("normal", "multiply", "normal", "screen", "normal", "overlay"),
}


@dataclass(frozen=True)
class Measured:
    """One way of flattening one stack; ``memory`` is the process's peak over the layers' own size."""

    stack: str
    seconds: float
    seconds_psd_tools: float
    faster: float
    difference: float
    memory: float
    memory_psd_tools: float


def drawn_stack(side: int, count: int, modes: tuple[BlendMode, ...]) -> LayerStack:
    """An opaque ground and discs over it, half of them hard-edged, half fading out; some at 80 % opacity."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    rng = np.random.default_rng(0)
    layers = []
    for number in range(count):
        pixels = np.empty((side, side, 4), np.uint8)
        pixels[..., 0] = x * (number + 1) / 8 % 256
        pixels[..., 1] = y * (number + 2) / 8 % 256
        pixels[..., 2] = (x + y) / (4 + number) % 256
        (left, top), radius = rng.uniform(0.2, 0.8, 2) * side, rng.uniform(0.2, 0.45) * side
        slope = 1.0 if number % 2 else 255 / radius
        pixels[..., 3] = 255 if number == 0 else np.clip((radius - np.hypot(x - left, y - top)) * slope, 0, 255)
        opacity = 0.8 if number % 3 == 2 else 1.0
        layers.append(Layer(pixels=pixels, opacity=opacity, blend=modes[number % len(modes)], name=f"Disc {number}"))
    return LayerStack(size=(side, side), layers=tuple(layers))


def as_document(stack: LayerStack) -> Any:
    """The same stack in psd-tools' hands, uncompressed, so that no decoding is timed but a copy."""
    from PIL import Image
    from psd_tools import PSDImage
    from psd_tools.constants import Compression

    from layerize.formats.psd_records import BLENDS

    document = PSDImage.new("RGBA", stack.size)
    for layer in stack.walk():
        document.create_pixel_layer(
            Image.fromarray(layer.pixels),
            name="Layer",
            compression=Compression.RAW,
            opacity=round(layer.opacity * 255),
            blend_mode=BLENDS[layer.blend],
        )
    return document


def in_a_process(work: Callable[..., Any], *arguments: Any) -> Any:
    """What ``work`` returns, from a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def time_ours(side: int, count: int, kind: str, repeats: int) -> tuple[float, float, U8]:
    stack = drawn_stack(side, count, MODES[kind])
    result = np.zeros(0, np.uint8)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = flatten(stack)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), peak() / own_size(side, count), result


def time_psd_tools(side: int, count: int, kind: str, repeats: int) -> tuple[float, float, U8]:
    document = as_document(drawn_stack(side, count, MODES[kind]))
    result = np.zeros(0, np.uint8)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = np.asarray(document.composite(force=True).convert("RGBA"))
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), peak() / own_size(side, count), result


def own_size(side: int, count: int) -> int:
    """Bytes of the layers' pixels."""
    return side * side * 4 * count


def difference(one: U8, other: U8) -> float:
    """Largest difference in levels, of alpha and of colours where they can be seen (weighted by alpha)."""
    worst = 0.0
    for y in range(0, one.shape[0], 256):
        a, b = (part[y : y + 256].astype(np.float32) for part in (one, other))
        apart = np.abs(a - b)
        apart[..., :3] *= np.minimum(a, b)[..., 3:] / 255
        worst = max(worst, float(apart.max()))
    return worst


def measure(side: int, count: int, kind: str, repeats: int) -> Measured:
    ours, our_memory, our_result = in_a_process(time_ours, side, count, kind, repeats)
    theirs, their_memory, their_result = in_a_process(time_psd_tools, side, count, kind, 1)
    apart = difference(our_result, their_result)
    return Measured(kind, ours, theirs, theirs / ours, apart, our_memory, their_memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=4000)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    machine = hardware()
    rows = [measure(options.side, options.layers, kind, options.repeats) for kind in MODES]
    met = all(row.faster >= FASTER and row.difference <= LEVELS and row.memory <= TIMES_SIZE for row in rows)
    if options.json:
        print(json.dumps({"machine": machine, "met": met, "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        print(f"{options.layers} layers of {options.side}x{options.side}; {machine}\n")
        print("stack          ours s  psd-tools s  faster   difference  memory  psd-tools'")
        for row in rows:
            print(
                f"{row.stack:14} {row.seconds:6.2f} {row.seconds_psd_tools:12.2f} {row.faster:6.1f}x"
                f" {row.difference:8.2f}/255 {row.memory:6.1f}x {row.memory_psd_tools:10.1f}x"
            )
        print(f"\nto reach: {FASTER:g}x, {LEVELS:g}/255, memory {TIMES_SIZE:g}x: {'met' if met else 'NOT met'}")
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
