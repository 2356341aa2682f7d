"""The shipped text-to-layers model: it fits, says what it is, and draws the colours that it is told."""

from __future__ import annotations

import numpy as np
import pytest

from layerize.errors import CheckpointError
from layerize.generator import TextModel, generate, load_text_model
from layerize.models.checkpoint import read_info
from layerize.predictors import load_predictor, shipped_models
from layerize.synth.caption import clear_colour

NAME = "sketch"
GROUNDS = ("red", "green", "blue", "yellow", "white", "purple")


@pytest.fixture(scope="module")
def model() -> TextModel:
    return load_text_model(NAME, "cpu")


def test_it_has_a_card_and_learned_to_draw() -> None:
    info = read_info(shipped_models()[NAME])
    assert "text-to-layers" in info.metadata["tasks"]
    held_out = info.metadata["held_out"]
    assert held_out["model"]["ground"] > held_out["chance"]["ground"] + 0.3
    for word in ("How it was trained", "Figures", "Limits"):
        assert word in info.card


def test_the_ground_has_the_colour_that_the_text_tells(model: TextModel) -> None:
    found = []
    for seed, colour in enumerate(GROUNDS):
        stack = generate(f"A poster with a bird on a plain {colour} background.", model, seed=seed)
        assert stack.size == (128, 128)
        ground = next(stack.walk()).pixels
        assert (ground[..., 3] == 255).all()
        found.append(clear_colour(ground[..., :3].reshape(-1, 3)))
    right = [said == colour for said, colour in zip(found, GROUNDS, strict=True)]
    assert np.mean(right) >= 0.5, found


def test_there_is_something_on_the_ground_and_the_seed_decides_what(model: TextModel) -> None:
    stacks = [generate("A sign with a red circle on a plain white background.", model, seed=seed) for seed in (0, 0, 1)]
    first, again, other = ([layer.pixels for layer in stack.walk()] for stack in stacks)
    assert len(first) > 1
    assert any(layer[..., 3].max() > 200 for layer in first[1:])
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert len(first) != len(other) or any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_it_refuses_to_split(model: TextModel) -> None:
    with pytest.raises(CheckpointError, match="not to split pictures"):
        load_predictor(NAME, "cpu")
