"""Baselines on drawn scenes whose layers are known, and as models of ``layerize split``."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import layerize
from layerize.errors import CheckpointError
from layerize.evaluation.baselines import BASELINES, background_difference, load_splitter, one_layer
from layerize.evaluation.measures import soft_iou
from layerize.refine.surface import fit_surface
from layerize.sheet import levels_apart
from layerize.stack import flatten

SIZE = 128
GROUND, PANEL, SIGN = (250, 240, 220), (40, 80, 160), (250, 210, 40)


def gradient() -> np.ndarray:
    ramp = np.linspace(0, 60, SIZE).astype(np.uint8)[None, :, None]
    return np.full((SIZE, SIZE, 3), GROUND, np.uint8) - ramp


def scene() -> tuple[np.ndarray, list[np.ndarray]]:
    """A panel on a gradient with a disc and a small dot on it: the picture and the masks of levels 1 and 2."""
    picture = gradient()
    panel, signs = np.zeros((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE), np.uint8)
    cv2.rectangle(panel, (24, 30), (104, 100), 1, -1)
    cv2.circle(signs, (50, 60), 14, 1, -1)
    cv2.circle(signs, (85, 75), 8, 1, -1)
    picture[panel > 0] = PANEL
    picture[signs > 0] = SIGN
    return picture, [panel.astype(np.float32), signs.astype(np.float32)]


def test_one_layer_is_the_picture() -> None:
    picture, _ = scene()
    out = one_layer(picture, 3)
    assert out.shape == (3, SIZE, SIZE, 4)
    assert np.array_equal(np.rint(out[0, ..., :3] * 255), picture)
    assert not out[1:].any()


def test_difference_finds_the_foreground_and_the_gradient_behind_it() -> None:
    picture, (panel, _) = scene()
    out = background_difference(picture, 2)
    assert soft_iou(out[1, ..., 3], panel) > 0.97
    assert np.abs(out[0, ..., :3] * 255 - gradient()).max() <= 3


def test_regions_peel_a_panel_and_what_lies_on_it() -> None:
    picture, (panel, signs) = scene()
    out = BASELINES["regions"].run(picture, None)
    assert len(out) == 3
    assert soft_iou(out[1, ..., 3], panel) > 0.97  # its full shape, under the signs too
    assert soft_iou(out[2, ..., 3], signs) > 0.85
    hidden = out[1, signs > 0, :3] * 255
    assert np.abs(hidden - PANEL).mean() < 3


@pytest.mark.parametrize("layers", [1, 2, 3, 5])
def test_regions_make_as_many_layers_as_asked(layers: int) -> None:
    picture, (panel, _) = scene()
    out = BASELINES["regions"].run(picture, layers)
    assert len(out) == layers
    if layers == 2:
        assert soft_iou(out[1, ..., 3], panel) > 0.97
        assert np.abs(out[1, ..., :3] * 255 - picture)[panel > 0].max() <= 1  # the signs stay on the panel


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("kind", ["flat", "noise", "tiny", "half"])
def test_odd_pictures_are_no_trouble(name: str, kind: str) -> None:
    picture = {
        "flat": np.full((40, 60, 3), 7, np.uint8),
        "noise": np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8),
        "tiny": np.zeros((3, 2, 3), np.uint8),
        "half": np.concatenate([np.zeros((30, 60, 3), np.uint8), np.full((30, 60, 3), 255, np.uint8)]),
    }[kind]
    out = BASELINES[name].run(picture, None)
    assert out.shape[1:] == (*picture.shape[:2], 4)
    assert out.min() >= 0
    assert out.max() <= 1
    assert (out[0, ..., 3] == 1).all()


def test_a_surface_is_no_more_complex_than_needed_and_ignores_what_lies_on_it() -> None:
    everywhere = np.ones((SIZE, SIZE), bool)
    picture, _ = scene()
    surface = fit_surface(picture, everywhere)
    assert 0.5 < surface.support < 0.8  # the share of the ground
    assert np.abs(surface.colours_HW3.astype(int) - gradient()).max() <= 3
    flat = fit_surface(np.full((20, 20, 3), 99, np.uint8), np.ones((20, 20), bool))
    assert (flat.colours_HW3 == 99).all()
    assert flat.support == 1


def test_a_baseline_is_a_model() -> None:
    picture, _ = scene()
    stack = layerize.split(picture, model="baseline:regions")
    assert len(stack) == 3
    assert stack.metadata["model"]["name"] == "baseline:regions"
    opaque = np.dstack([picture, np.full((SIZE, SIZE), 255, np.uint8)])
    assert levels_apart(opaque, flatten(stack)).max() <= 1


def test_large_pictures_are_reduced_first() -> None:
    picture = cv2.resize(scene()[0], (900, 700), interpolation=cv2.INTER_NEAREST)
    stack = load_splitter("baseline:difference").split(picture)
    assert stack.size == (900, 700)
    assert len(stack) == 2


def test_an_unknown_baseline_names_the_known_ones() -> None:
    with pytest.raises(CheckpointError, match="baseline:one, baseline:difference, baseline:regions"):
        load_splitter("baseline:magic")
