"""Where the colours of hidden parts should come from: the model, diffusion from what is seen, or a blend of both.

    python benchmarks/hidden.py [--model NAME|DIR] [--count 24] [--size 256]

Held-out designs at native size, true layer count given. Mean absolute colour error, 0 to 1, where a layer is covered by
others (alpha above .5, less than 5 % of it seen), for all layers and for the background alone; ``coarse`` is
the model's own guess before refine.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from typing import get_args

import cv2
import numpy as np

from layerize.coarse import visible_weights
from layerize.predictors import load_predictor
from layerize.refine import RefineConfig, refine
from layerize.refine.config import Hidden
from layerize.synth.design import HELD_OUT_SEEDS, draw_design


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    predictor = load_predictor(options.model, "auto")
    errors: dict[str, list[float]] = defaultdict(list)
    side = options.size
    for seed in HELD_OUT_SEEDS[: options.count]:
        design = draw_design(seed, (side, side))
        truth = design.layers_u8_KHW4.astype(np.float32) / 255
        covered = (truth[..., 3] > 0.5) & (visible_weights(truth[..., 3]) < 0.05 * truth[..., 3])
        coarse = predictor.predict(
            design.image_u8_HW3, layers=len(truth), steps=None, seed=0, prompt=None, progress=lambda *_: None
        ).coarse_Khw4
        rgba = np.dstack([design.image_u8_HW3, np.full((side, side), 255, np.uint8)])
        found = {"coarse": np.stack([cv2.resize(layer, (side, side)) for layer in coarse])}
        for hidden in get_args(Hidden):
            found[hidden] = np.stack(refine(rgba, coarse, config=RefineConfig(hidden=hidden))).astype(np.float32) / 255
        for name, layers in found.items():
            error = np.abs(layers[..., :3] - truth[..., :3]).mean(axis=-1)
            everywhere = covered & (layers[..., 3] > 0.5)
            if everywhere.any():
                errors[f"{name}, all"].append(float(error[everywhere].mean()))
            if covered[0].any():
                errors[f"{name}, background"].append(float(error[0][covered[0]].mean()))
    print(f"{options.count} held-out designs of {side} x {side}, mean colour error of hidden parts")
    for name, values in errors.items():
        print(f"{name:24s} {np.mean(values):.3f}")


if __name__ == "__main__":
    main()
