"""Procedural designs per second on one core, by canvas size.

    python benchmarks/synth.py [--count 100]

Two passes for each size, the faster one counts. The trainer prints its own samples per second, to compare with.
"""

from __future__ import annotations

import argparse
import time

from layerize.synth.design import HELD_OUT_SEEDS, draw_design

SIZES = ((64, 64), (128, 128), (96, 160), (160, 96), (112, 144), (256, 256))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args()
    print(f"{'size':>9s} {'designs/s':>10s}")
    for size in SIZES:
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            for seed in HELD_OUT_SEEDS[: options.count]:
                draw_design(seed, size)
            seconds.append(time.perf_counter() - start)
        print(f"{size[0]:>4d}x{size[1]:<4d} {options.count / min(seconds):10.0f}")


if __name__ == "__main__":
    main()
