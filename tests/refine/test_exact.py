"""The exact solve: whatever the layers, the composite is the picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refine_scenes import flatten, scene

from layerize.errors import InputError
from layerize.refine import exact


def error(image: np.ndarray, layers: list[np.ndarray]) -> float:
    """Largest difference of alpha and of straight colour (where there is any), in levels."""
    flat = flatten(np.stack(layers))
    alpha = flat[..., 3]
    colour = np.rint(255 * flat[..., :3] / np.maximum(alpha, 1e-9)[..., None])
    shown = image[..., 3] > 0
    wrong = np.abs(colour - image[..., :3])[shown]
    return max(float(np.abs(np.rint(255 * alpha) - image[..., 3]).max()), float(wrong.max(initial=0)))


ALPHAS = {
    "any": lambda rng, shape: rng.integers(0, 256, shape),
    "zero": lambda rng, shape: np.zeros(shape),
    "full": lambda rng, shape: np.full(shape, 255),
    "faint": lambda rng, shape: rng.integers(0, 4, shape),
    "extreme": lambda rng, shape: rng.choice([0, 1, 128, 254, 255], shape),
}


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, list[np.ndarray]]:
    """Any picture, also transparent, and any layers."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    height, width = draw(st.sampled_from([(1, 1), (1, 300), (300, 1), (7, 5), (24, 31)]))

    def raster() -> np.ndarray:
        result = rng.integers(0, 256, (height, width, 4)).astype(np.uint8)
        if draw(st.booleans()):
            result[..., :3] = rng.choice([0, 255], (height, width, 3))
        result[..., 3] = ALPHAS[draw(st.sampled_from(sorted(ALPHAS)))](rng, (height, width))
        return result

    return raster(), [raster() for _ in range(draw(st.integers(1, 6)))]


@settings(max_examples=150, deadline=None)
@given(problems())
def test_any_layers_composite_to_the_picture_and_stay(problem: tuple[np.ndarray, list[np.ndarray]]) -> None:
    image, layers = problem
    before = [layer.copy() for layer in layers]
    solved = exact(image, layers)
    assert len(solved) == len(layers)
    assert error(image, solved) <= 1
    again = exact(image, solved)
    assert all(np.array_equal(a, b) for a, b in zip(solved, again, strict=True)), "not idempotent"
    assert all(np.array_equal(a, b) for a, b in zip(layers, before, strict=True)), "changed its input"


@pytest.mark.parametrize("seed", range(4))
def test_true_layers_stay_as_they_are(seed: int) -> None:
    truth, image = scene(seed, 128, shadow=seed % 2 == 1)
    layers = list(np.rint(truth * 255).astype(np.uint8))
    solved = exact(image, layers)
    for layer, result in zip(layers, solved, strict=True):
        assert np.array_equal(layer[..., 3], result[..., 3])
    shown = [
        np.abs(a[..., :3].astype(int) - b[..., :3]).max(2) * (a[..., 3] > 0)
        for a, b in zip(layers, solved, strict=True)
    ]
    assert max(change.max() for change in shown) <= 3


def test_one_owner_gets_the_pictures_own_colour() -> None:
    image = np.full((2, 2, 4), 255, np.uint8)
    image[..., :3] = (10, 200, 30)
    bottom = np.full((2, 2, 4), 255, np.uint8)
    top = np.zeros((2, 2, 4), np.uint8)
    top[0] = (0, 0, 0, 255)
    solved = exact(image, [bottom, top])
    assert (solved[1][0] == image[0]).all()
    assert (solved[0][0] == bottom[0]).all(), "a hidden colour changed"
    assert (solved[0][1] == image[1]).all()


def test_correction_is_the_smallest_one() -> None:
    image = np.array([[[100, 100, 100, 255]]], np.uint8)
    bottom = np.array([[[60, 60, 60, 255]]], np.uint8)
    top = np.array([[[80, 80, 80, 128]]], np.uint8)
    solved = exact(image, [bottom, top])
    weight = np.array([1 - 128 / 255, 128 / 255])
    wanted = np.array([60.0, 80.0]) + weight * (100 - weight @ [60, 80]) / (weight @ weight)
    assert np.abs(np.array([solved[0][0, 0, 0], solved[1][0, 0, 0]]) - wanted).max() <= 1.5


def test_missing_cover_goes_to_the_lowest_layer_present() -> None:
    image = np.full((1, 2, 4), 255, np.uint8)
    bottom, top = np.zeros((1, 2, 4), np.uint8), np.zeros((1, 2, 4), np.uint8)
    top[0, 0, 3] = 90
    solved = exact(image, [bottom, top])
    assert solved[1][..., 3].tolist() == [[255, 0]]
    assert solved[0][..., 3].tolist() == [[0, 255]]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([], "no layers"),
        ([np.zeros((2, 2, 4), np.uint8)], r"\(2, 2, 4\)"),
        ([np.zeros((3, 3, 4), np.float32)], "float32"),
    ],
)
def test_refuses_what_does_not_fit(layers: list[np.ndarray], words: str) -> None:
    with pytest.raises(InputError, match=words):
        exact(np.zeros((3, 3, 4), np.uint8), layers)
