"""Reading Photoshop layers: stored channels to u8 against psd-tools' ``layer.composite()``, same pixels; memory.

    python benchmarks/extract_readers.py [FILES or FOLDERS ...] [--big]

For every layer of the files for which plain pixels suffice (no effect, mask, path or clipped layer) both are timed one
after the other on one core and compared: alpha equal within one level (psd-tools cuts where it should round), colour
wherever alpha is not 0. Without files a document is made. ``--big`` reads a 50-megapixel document in a process of its
own and prints the peak of its memory.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from psd_tools import PSDImage

from layerize.data.readers import read_design
from layerize.data.readers.notes import Notes
from layerize.data.readers.psd_colour import Colours
from layerize.data.readers.psd_effects import enabled_effects
from layerize.data.readers.psd_masks import is_masked
from layerize.data.readers.psd_pixels import Channels
from layerize.formats import save
from layerize.formats.budget import PixelBudget
from layerize.stack import Layer, LayerStack

BIG = (8192, 6144)


def plain_layers(document: Any) -> list[Any]:
    """The layers whose stored pixels are all there is to see."""
    return [
        layer
        for layer in document.descendants()
        if not layer.is_group()
        and layer.has_pixels()
        and layer.width * layer.height > 0
        and not (enabled_effects(layer) or is_masked(layer) or layer.has_vector_mask())
        and not (layer.has_clip_layers() or layer.clipping)
        and layer.opacity == 255
        and layer.fill_opacity == 255
    ]


def measure(path: Path) -> tuple[int, float, float, int] | None:
    """(layers, our seconds, psd-tools' seconds, largest difference); None if the file has no such layer."""
    document = PSDImage.open(path)
    if document.color_mode.name != "RGB" or document.depth != 8:
        return None  # elsewhere psd-tools composites in other colours than it converts to
    layers = plain_layers(document)
    if not layers:
        return None
    channels = Channels(Colours(document, Notes()), document.version, PixelBudget(str(path), 10**9), Notes())
    start = time.process_time()
    ours = [channels.rgba(layer) for layer in layers]
    mine = time.process_time() - start
    start = time.process_time()
    theirs = [layer.composite(layer_filter=lambda _: True, apply_icc=False) for layer in layers]
    other = time.process_time() - start
    if channels.colours.converts:
        return len(layers), mine, other, -1  # another profile than sRGB: speeds compare, pixels do not
    worst = max(difference(one, np.asarray(two.convert("RGBA"))) for one, two in zip(ours, theirs, strict=True))
    return len(layers), mine, other, worst


def difference(one: Any, other: Any) -> int:
    """The largest difference of alpha, and of colour where there is any, in levels."""
    seen = one[..., 3] > 0
    apart = np.abs(one.astype(int) - other)
    return int(max(apart[..., 3].max(), apart[seen].max(initial=0)))


def made(folder: Path, size: tuple[int, int], count: int) -> Path:
    """A document of that many layers, half of them smaller than the canvas."""
    rng = np.random.default_rng(0)
    layers = []
    for index in range(count):
        width, height = (side // (1 + index % 2) for side in size)
        cells = rng.integers(0, 256, (height // 32, width // 32, 4), np.uint8)
        layers.append(Layer(pixels=np.kron(cells, np.ones((32, 32, 1), np.uint8)), name=f"{index}"))
    save(LayerStack(size=size, layers=tuple(layers)), folder / "made.psd")
    return folder / "made.psd"


def memory(layers: int) -> None:
    """Peak memory of reading a 50-megapixel document, in a process that does nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        # A child's peak begins with what its parent holds: the document is made in a process of its own, too.
        _alone(f"made(Path({folder!r}), {BIG}, {layers})")
        told = _alone(f"read_and_tell({str(Path(folder) / 'made.psd')!r})")
    print(f"| {BIG[0]}x{BIG[1]}, {layers} layers | {told} |")


def _alone(call: str) -> str:
    """What a call of this module prints in a fresh process."""
    code = f"from pathlib import Path; import {Path(__file__).stem} as benchmark; benchmark.{call}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def read_and_tell(path: str) -> None:
    """Read and print seconds, memory and the size at which the layers are held."""
    start = time.perf_counter()
    design = read_design(Path(path))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{seconds:.1f} s, peak {peak:.2f} GiB, held at {design.stack.size[0]}x{design.stack.size[1]}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--big", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = options.files or [made(Path(folder), (1024, 1024), 6)]
        paths = [path for file in files for path in (sorted(file.rglob("*.ps[db]")) if file.is_dir() else [file])]
        rows = [(path.name, row) for path in paths if (row := measure(path)) is not None]
    print("| file | plain layers | ours, s | psd-tools, s | times faster | largest difference |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (count, mine, other, worst) in rows:
        print(f"| {name} | {count} | {mine:.3f} | {other:.3f} | {other / max(mine, 1e-9):.1f} | {worst} |")
        assert worst <= 1, f"{name}: the pixels differ by {worst} levels"
    mine, other = sum(row[1] for _, row in rows), sum(row[2] for _, row in rows)
    ratios = sorted(row[2] / max(row[1], 1e-9) for _, row in rows)
    print(f"\nall: {other / mine:.1f} times faster; median of the files {ratios[len(ratios) // 2]:.1f}")
    if options.big:
        print("\n| document | reading it |\n| --- | --- |")
        memory(4)
        memory(12)


if __name__ == "__main__":
    main()
