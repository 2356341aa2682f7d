"""Hidden colours: a right guess of the model is kept, a ghost of the object in front is taken out."""

from __future__ import annotations

import numpy as np
import pytest

from layerize.evaluation.baselines import load_splitter
from layerize.refine import RefineConfig, refine
from layerize.refine.fill import layer_colour
from layerize.synth.design import draw_design

GREY, PURPLE = np.float32([0.66, 0.73, 0.72]), np.float32([0.45, 0.1, 0.5])
SEEN = np.ones((96, 96), bool)
SEEN[30:66, 30:66] = False
PICTURE = np.where(SEEN[..., None], GREY, PURPLE).astype(np.float32)


def error(guess: np.ndarray, hidden: str) -> float:
    """Mean colour error where the grey layer is hidden."""
    colour = layer_colour(PICTURE, guess.astype(np.float32), SEEN, hidden, 4.0)  # type: ignore[arg-type]
    return float(np.abs(colour - GREY)[~SEEN].mean())


@pytest.mark.parametrize("hidden", ["model", "blend", "diffuse"])
def test_a_right_guess_is_kept(hidden: str) -> None:
    right_where_hidden = np.where(SEEN[..., None], PICTURE * 0.9, GREY)
    assert error(np.broadcast_to(GREY, PICTURE.shape), hidden) < 0.02
    assert error(right_where_hidden, hidden) < 0.1


def test_a_right_guess_behind_a_figure_does_not_become_its_complement() -> None:
    design = draw_design(10003)
    predictor = load_splitter("baseline:regions", "cpu").predictor
    coarse = predictor.predict(
        design.image_u8_HW3, layers=4, steps=None, seed=0, prompt=None, progress=lambda *_: None
    ).coarse_Khw4
    opaque = np.full((128, 128), 255, np.uint8)
    layers = refine(np.dstack([design.image_u8_HW3, opaque]), coarse, config=RefineConfig(hidden="blend"))
    hidden = (layers[1][..., 3] > 200) & (np.stack(layers[2:])[..., 3].max(0) > 200) & (coarse[1, ..., 3] > 0.9)
    assert hidden.sum() > 500
    assert np.abs(layers[1][..., :3] - coarse[1, ..., :3] * 255)[hidden].mean() < 8


def test_a_ghost_is_taken_out() -> None:
    ghost = 0.5 * PICTURE + 0.5 * GREY
    assert error(ghost, "blend") < 0.5 * error(ghost, "model")
