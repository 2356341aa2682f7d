"""The shipped model on held-out synthetic designs, beside three baselines that need no weights.

    python benchmarks/model.py [--model NAME|DIR] [--count 500] [--steps N] [--json]

Designs come from seeds that training never uses, 2 to 6 layers, 128 x 128; scores are those of the decoded layers at
the model's size, before refine, with the true layer count given. Two counts are scored: the stop tokens' likeliest, and
the one that a split uses (``layerize.models.stop.least_cost_count``), which would rather have a layer too few.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from layerize.evaluation.baselines import background_difference, load_splitter, one_layer
from layerize.evaluation.measures import LayerScores, score
from layerize.predictors import Predictor, load_predictor
from layerize.synth.design import HELD_OUT_SEEDS, draw_design

Method = Callable[[np.ndarray, int], np.ndarray]


@dataclass
class Figures:
    """Scores of every method, of the model by layer count, and its count errors (guess minus truth): of the count that
    a split uses, and of the stop tokens' likeliest."""

    scores: dict[str, list[LayerScores]] = field(default_factory=lambda: defaultdict(list))
    by_count: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    count_errors: list[int] = field(default_factory=list)
    likeliest_errors: list[int] = field(default_factory=list)

    def summary(self, name: str = "model") -> dict[str, float]:
        """Means over the designs."""
        found = self.scores[name]
        hidden = [s.hidden_background_l1 for s in found if s.hidden_background_l1 is not None]
        return {
            "foreground_iou": mean([s.foreground_iou for s in found]),
            "union_iou": mean([s.union_iou for s in found]),
            "recomposition_psnr": mean([s.recomposition_psnr for s in found]),
            "hidden_background_l1": mean(hidden),
        }

    def counts(self) -> dict[str, float]:
        """Shares of right counts, and of those at most one away."""
        found = {"count": self.count_errors, "stop_tokens": self.likeliest_errors}
        exact = {f"{name}_exact": mean([error == 0 for error in errors]) for name, errors in found.items()}
        return exact | {f"{name}_within_one": mean([abs(e) <= 1 for e in errors]) for name, errors in found.items()}


def mean(values: list[float] | list[bool]) -> float:
    return float(np.mean(values)) if values else float("nan")


def evaluate(predictor: Predictor, count: int, steps: int | None, *, baselines: bool = True) -> Figures:
    """Score ``count`` held-out designs."""

    def predict(
        picture: np.ndarray, layers: int | None, solver_steps: int | None, with_: Predictor = predictor
    ) -> np.ndarray:
        return with_.predict(
            picture, layers=layers, steps=solver_steps, seed=0, prompt=None, progress=lambda *_: None
        ).coarse_Khw4

    methods: dict[str, Method] = {"model": lambda picture, layers: predict(picture, layers, steps)}
    if baselines:
        regions = load_splitter("baseline:regions", "cpu").predictor
        methods |= {
            "one layer": one_layer,
            "background difference": background_difference,
            "colour regions": lambda picture, layers: predict(picture, layers, None, regions),
        }
    figures = Figures()
    for seed in HELD_OUT_SEEDS[:count]:
        design = draw_design(seed)
        truth = design.layers_u8_KHW4 / np.float32(255)
        for name, method in methods.items():
            layers = method(design.image_u8_HW3, len(truth))
            figures.scores[name].append(score(layers, truth, design.image_u8_HW3 / np.float32(255)))
        figures.by_count[len(truth)].append(figures.scores["model"][-1].foreground_iou)
        guess = predictor.predict(
            design.image_u8_HW3, layers=None, steps=1, seed=0, prompt=None, progress=lambda *_: None
        )
        figures.count_errors.append(len(guess.coarse_Khw4) - len(truth))
        figures.likeliest_errors.append(1 + int(np.argmax(guess.count_probabilities or (1.0,))) - len(truth))
    return figures


def table(figures: Figures) -> str:
    """What the benchmark prints."""
    lines = [f"{'':24s} {'fg IoU':>8s} {'union IoU':>9s} {'recomp. dB':>10s} {'hidden bg L1':>13s}"]
    for name in figures.scores:
        s = figures.summary(name)
        lines.append(
            f"{name:24s} {s['foreground_iou']:8.3f} {s['union_iou']:9.3f} "
            f"{s['recomposition_psnr']:10.1f} {s['hidden_background_l1']:13.3f}"
        )
    counts = "  ".join(f"{n}: {mean(v):.3f} ({len(v)})" for n, v in sorted(figures.by_count.items()))
    lines.append(f"fg IoU by layer count: {counts}")
    shares = figures.counts()
    for name, what in (("stop_tokens", "the stop tokens' likeliest"), ("count", "as a split uses it")):
        exact, near = shares[f"{name}_exact"], shares[f"{name}_within_one"]
        lines.append(f"layer count, {what}: exact {exact:.3f}, within one {near:.3f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    begun = time.perf_counter()
    figures = evaluate(load_predictor(options.model, "auto"), options.count, options.steps)
    if options.json:
        result = {name: figures.summary(name) for name in figures.scores}
        print(json.dumps({**result, **figures.counts()}))
        return
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{options.count} held-out designs of 128 x 128, {time.perf_counter() - begun:.0f} s")
    print(table(figures))


if __name__ == "__main__":
    main()
