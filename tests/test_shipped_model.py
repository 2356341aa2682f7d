"""The shipped model: it is there, small enough, says what it is, and beats what needs no weights."""

from __future__ import annotations

import numpy as np
import pytest

from layerize.evaluation.baselines import background_difference
from layerize.evaluation.measures import foreground_iou
from layerize.models.checkpoint import read_info
from layerize.predictors import Predictor, load_predictor, shipped_models
from layerize.synth.design import HELD_OUT_SEEDS, draw_design

DESIGNS = [draw_design(seed) for seed in HELD_OUT_SEEDS[100:124]]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return load_predictor("default", "cpu")


def test_it_fits_the_budget_and_has_a_card() -> None:
    info = read_info(shipped_models()["default"])
    assert sum(read_info(folder).size for folder in shipped_models().values()) <= 48_000_000
    assert info.metadata["held_out"]["foreground_iou"] > 0.45
    for word in ("How it was trained", "Figures", "Limits"):
        assert word in info.card


def test_it_finds_layers_that_baselines_do_not(predictor: Predictor) -> None:
    model, baseline = [], []
    for design in DESIGNS:
        truth = design.layers_u8_KHW4 / np.float32(255)
        coarse = predictor.predict(
            design.image_u8_HW3, layers=len(truth), steps=1, seed=0, prompt=None, progress=lambda *_: None
        ).coarse_Khw4
        model.append(foreground_iou(coarse, truth))
        baseline.append(foreground_iou(background_difference(design.image_u8_HW3, len(truth)), truth))
    assert np.mean(model) > 0.45
    assert np.mean(model) > np.mean(baseline) + 0.05


def test_it_counts_better_than_a_constant(predictor: Predictor) -> None:
    errors = []
    for design in DESIGNS:
        found = predictor.predict(
            design.image_u8_HW3, layers=None, steps=1, seed=0, prompt=None, progress=lambda *_: None
        )
        assert found.count_probabilities is not None
        assert sum(found.count_probabilities) == pytest.approx(1, abs=1e-4)
        errors.append(abs(len(found.coarse_Khw4) - len(design.layers_u8_KHW4)))
    assert np.mean([error <= 1 for error in errors]) > 0.6


def test_few_steps_lose_nothing(predictor: Predictor) -> None:
    found: dict[int | None, list[float]] = {None: [], 32: []}
    for design in DESIGNS[:8]:
        truth = design.layers_u8_KHW4 / np.float32(255)
        for steps, scores in found.items():
            prediction = predictor.predict(
                design.image_u8_HW3, layers=len(truth), steps=steps, seed=0, prompt=None, progress=lambda *_: None
            )
            assert prediction.steps <= (steps or 8)
            scores.append(foreground_iou(prediction.coarse_Khw4, truth))
    assert np.mean(found[None]) > np.mean(found[32]) - 0.01
