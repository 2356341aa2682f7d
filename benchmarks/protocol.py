"""The LayerD protocol on 6-layer stacks of 512 px: ours against the plain NumPy twin of the tests, then stored stacks.

Both score the same stacks in one process and one thread; their figures are compared. Stored stacks are read from PNGs
with every measure and the alpha floor, as ``layerize eval stacks`` does it.

    python benchmarks/protocol.py [--samples 6] [--stored 40] [--jobs N]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from layerize.evaluation.layerd import score_stacks
from layerize.evaluation.stacks import StackEvaluation, StackOptions

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "evaluation"))
import layerd_twin as twin

SIDE, LAYERS = 512, 6


def stacks(seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    truth = twin.random_scene(seed, width=SIDE, height=SIDE, layers=LAYERS)
    return twin.disturbed(truth, seed), truth


def against_the_twin(samples: int) -> None:
    cv2.setNumThreads(1)
    ours, plain, difference = [], [], 0.0
    for seed in range(samples):
        pred, gt = stacks(seed)
        start = time.perf_counter()
        found = score_stacks(pred, gt).states
        middle = time.perf_counter()
        expected = twin.score(pred, gt)
        ours.append(middle - start)
        plain.append(time.perf_counter() - middle)
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            difference = max(difference, *(abs(vars(a)[name] - b[name]) for name in b))
    print(f"{samples} samples of {LAYERS} layers, {SIDE} px, one thread, seconds per sample")
    print(f"  plain NumPy {np.mean(plain):8.3f}")
    print(f"  ours        {np.mean(ours):8.3f}   {np.mean(plain) / np.mean(ours):.1f} times as fast")
    print(f"  largest difference of any figure {difference:.1e}")


def stored(samples: int, jobs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for seed in range(samples):
            for side, layers in zip(("pred", "gt"), stacks(seed), strict=True):
                place = root / side / f"{seed:04d}"
                place.mkdir(parents=True)
                for index, layer in enumerate(layers):
                    Image.fromarray(layer).save(place / f"{index:04d}.png", compress_level=1)
        for what, options in (
            ("protocol only", StackOptions(measures=False, floor=0)),
            ("protocol twice, all measures", StackOptions()),
        ):
            for processes in sorted({1, jobs}):
                start = time.perf_counter()
                evaluation = StackEvaluation(root / "pred", root / "gt", options, jobs=processes)
                list(evaluation)
                each = (time.perf_counter() - start) / samples
                print(f"  {what:<29} {processes} process(es)  {each:.3f} s/sample, {each * 500:.0f} s for 500")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--stored", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    against_the_twin(options.samples)
    if options.stored:
        print(f"{options.stored} stored stacks")
        stored(options.stored, options.jobs)


if __name__ == "__main__":
    main()
