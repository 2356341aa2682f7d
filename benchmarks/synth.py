"""Procedural designs per second on one core, by canvas size.

    python benchmarks/synth.py [--count 100] [--elements DATASET]

With a dataset of ``layerize data extract`` a second column has designs with its cut-outs, in turn with the others. Two
passes for each size, the faster one counts. The trainer prints its own samples per second, to compare with.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from layerize.synth.design import HELD_OUT_SEEDS, draw_design
from layerize.synth.elements import ElementBank

SIZES = ((64, 64), (128, 128), (96, 160), (160, 96), (112, 144), (256, 256))


def seconds_for(count: int, size: tuple[int, int], bank: ElementBank | None) -> float:
    """Time for the first held-out designs."""
    start = time.perf_counter()
    for seed in HELD_OUT_SEEDS[:count]:
        draw_design(seed, size, elements=bank)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--elements", type=Path)
    options = parser.parse_args()
    banks: list[ElementBank | None] = [None]
    if options.elements:
        banks.append(ElementBank.load(options.elements, licences=None, split=None))
    print(f"{'size':>9s} {'designs/s':>10s}" + (f" {'with cut-outs':>14s}" if len(banks) > 1 else ""))
    for size in SIZES:
        passes = [[seconds_for(options.count, size, bank) for bank in banks] for _ in range(2)]
        speeds = [options.count / min(column) for column in zip(*passes, strict=True)]
        print(f"{size[0]:>4d}x{size[1]:<4d} {speeds[0]:10.0f}" + "".join(f" {speed:14.0f}" for speed in speeds[1:]))


if __name__ == "__main__":
    main()
