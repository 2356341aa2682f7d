"""The shipped model on held-out synthetic designs, beside two baselines that need no weights.

    python benchmarks/model.py [--model DIR] [--count 500] [--steps 4] [--json]

Designs come from seeds that training never uses, 2 to 6 layers; scores are those of the decoded layers at the model's
size, before refine, with the true layer count given; the count itself is the model's own guess.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from layerize.evaluation.baselines import background_difference, one_layer
from layerize.evaluation.measures import LayerScores, score
from layerize.splitter import Splitter
from layerize.synth.design import HELD_OUT_SEEDS, draw_design


def mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def row(name: str, scores: list[LayerScores]) -> str:
    hidden = [s.hidden_background_l1 for s in scores if s.hidden_background_l1 is not None]
    return (
        f"{name:24s} {mean([s.foreground_iou for s in scores]):8.3f} {mean([s.union_iou for s in scores]):9.3f} "
        f"{mean([s.recomposition_psnr for s in scores]):10.1f} {mean(hidden):13.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    predictor = Splitter.load(options.model, device="auto").predictor

    def model(picture: np.ndarray, layers: int) -> np.ndarray:
        return predictor.predict(
            picture, layers=layers, steps=options.steps, seed=0, prompt=None, progress=lambda *_: None
        ).coarse_Khw4

    methods: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
        "model": model,
        "one layer": one_layer,
        "background difference": background_difference,
    }
    scores: dict[str, list[LayerScores]] = defaultdict(list)
    by_count: dict[int, list[float]] = defaultdict(list)
    guesses, begun = [], time.perf_counter()
    for seed in HELD_OUT_SEEDS[: options.count]:
        design = draw_design(seed)
        truth = design.layers_u8_KHW4 / np.float32(255)
        picture = design.image_u8_HW3 / np.float32(255)
        for name, method in methods.items():
            scores[name].append(score(method(design.image_u8_HW3, len(truth)), truth, picture))
        by_count[len(truth)].append(scores["model"][-1].foreground_iou)
        counted = predictor.predict(
            design.image_u8_HW3, layers=None, steps=1, seed=0, prompt=None, progress=lambda *_: None
        )
        guesses.append(len(counted.coarse_Khw4) - len(truth))
    exact, near = mean([g == 0 for g in guesses]), mean([abs(g) <= 1 for g in guesses])
    if options.json:
        result = {name: [vars(s) for s in found] for name, found in scores.items()}
        print(json.dumps({"scores": result, "count_exact": exact, "count_within_one": near}))
        return
    print(f"{options.count} held-out designs, 128 px, {time.perf_counter() - begun:.0f} s")
    print(f"{'':24s} {'fg IoU':>8s} {'union IoU':>9s} {'recomp. dB':>10s} {'hidden bg L1':>13s}")
    for name, found in scores.items():
        print(row(name, found))
    print("fg IoU by layer count: " + "  ".join(f"{n}: {mean(v):.3f} ({len(v)})" for n, v in sorted(by_count.items())))
    print(f"layer count: exact {exact:.3f}, within one {near:.3f}")


if __name__ == "__main__":
    main()
