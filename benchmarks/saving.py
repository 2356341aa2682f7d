"""Saving a stack of ten 2000x2000 layers in every format: seconds, file size, peak memory.

    python benchmarks/saving.py [--side 2000] [--layers 10] [--repeats 3] [--json]

The layers are a poster, moved and turned, under discs of alpha (a ground and nine of them), so that PNGs have something
to compress. Every format is measured in a process of its own: the median of wall-clock seconds of ``stack.save`` alone,
and the process's peak memory less that of an interpreter with everything imported, in multiples of the layers' own
size. Besides: 300 layers of 100x100, and a canvas of 30,000 x 2,000 pixels, which is as large as is read by default.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from composite import peak
from split import POSTER, hardware

import layerize
from layerize.stack import Layer, LayerStack

LIMITS = {".psd": 1.5, ".pptx": 2.0, ".ora": 2.0}
"""Seconds to be reached for ten layers of 2000x2000."""

TIMES_SIZE = 3.0
EXTENSIONS = (".psd", ".ora", ".pptx", ".svg", ".layers", ".zip", ".tiff", ".exr", ".webp", ".apng")


@dataclass(frozen=True)
class Row:
    """One format and one stack; ``memory`` is in multiples of the layers' own size."""

    stack: str
    extension: str
    seconds: float
    seconds_limit: float | None
    megabytes: float
    memory: float


def poster_stack(side: int, count: int) -> LayerStack:
    """The poster and turned copies of it that show in discs, half of them with soft edges."""
    ground = Image.open(POSTER).convert("RGBA").resize((side, side), Image.Resampling.LANCZOS)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    rng = np.random.default_rng(0)
    layers = [Layer(pixels=np.array(ground), name="Ground")]
    for number in range(1, count):
        pixels = np.array(ground.transpose(list(Image.Transpose)[number % 7]))
        (left, top), radius = rng.uniform(0.2, 0.8, 2) * side, rng.uniform(0.2, 0.45) * side
        slope = 1.0 if number % 2 else 8 * 255 / radius
        pixels[..., 3] = np.clip((radius - np.hypot(x - left, y - top)) * slope, 0, 255)
        layers.append(Layer(pixels=pixels, name=f"Disc {number}"))
    return LayerStack(size=(side, side), layers=tuple(layers))


def many_layers(side: int, count: int) -> LayerStack:
    """``count`` layers of 100x100 pixels of noise all over the canvas."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (100, 100, 4), np.uint8)
    offsets = rng.integers(0, side - 100, (count, 2))
    layers = [Layer(pixels=pixels.copy(), name=f"L{n}", offset=(int(x), int(y))) for n, (x, y) in enumerate(offsets)]
    return LayerStack(size=(side, side), layers=tuple(layers))


def long_canvas(side: int, count: int) -> LayerStack:
    """30,000 x 2,000 pixels with ``count`` layers as large as the canvas."""
    del side
    pixels = np.zeros((2000, 30_000, 4), np.uint8)
    pixels[..., 0] = np.arange(30_000) % 256
    layers = []
    for number in range(count):
        pixels[..., 3] = 255 if number == 0 else 100
        layers.append(Layer(pixels=pixels.copy(), name=f"L{number}"))
    return LayerStack(size=(30_000, 2000), layers=tuple(layers))


def own_size(stack: LayerStack) -> int:
    return sum(layer.pixels.nbytes for layer in stack.walk())


def save_timed(make: Callable[[int, int], LayerStack], side: int, count: int, extension: str, repeats: int) -> Row:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        small = LayerStack(size=(9, 9), layers=(Layer(pixels=np.full((9, 9, 4), 200, np.uint8)),))
        small.save(Path(folder) / f"warm{extension}")  # imports
        interpreter = peak()
        stack = make(side, count)
        target = Path(folder) / f"x{extension}"
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            stack.save(target)
            seconds.append(time.perf_counter() - start)
        files = [target] if target.is_file() else [path for path in target.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files) / 2**20
        memory = (peak() - interpreter) / own_size(stack)
    limit = LIMITS.get(extension) if make is poster_stack and (side, count) == (2000, 10) else None
    return Row(make.__name__.replace("_", " "), extension, statistics.median(seconds), limit, size, memory)


def in_a_process(*arguments: object) -> Row:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        row: Row = pool.apply(save_timed, arguments)
        return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=2000)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    machine = hardware()
    rows = [in_a_process(poster_stack, options.side, options.layers, ext, options.repeats) for ext in EXTENSIONS]
    rows += [in_a_process(many_layers, 2000, 300, ext, 1) for ext in (".psd", ".ora", ".layers", ".pptx")]
    rows += [in_a_process(long_canvas, 0, 2, ext, 1) for ext in (".psd", ".ora", ".layers")]
    met = all(
        row.seconds <= row.seconds_limit and row.memory <= TIMES_SIZE for row in rows if row.seconds_limit is not None
    )
    if options.json:
        print(json.dumps({"machine": machine, "met": met, "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        print(f"layerize {layerize.__version__}; {machine}\n")
        print(f"{'stack':14} {'format':8} {'seconds':>8} {'at most':>8} {'MiB':>7} {'memory':>7}")
        for row in rows:
            limit = f"{row.seconds_limit:.1f}" if row.seconds_limit else "-"
            figures = f"{row.seconds:8.2f} {limit:>8} {row.megabytes:7.1f} {row.memory:6.1f}x"
            print(f"{row.stack:14} {row.extension:8} {figures}")
        print(f"\nto reach: the seconds above and memory {TIMES_SIZE:g}x: {'met' if met else 'NOT met'}")
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
