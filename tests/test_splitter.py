"""The splitter with a tiny model of random weights: whatever the model says, the composite is the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from layerize.coarse import drop_duplicates, drop_empty, not_larger
from layerize.errors import CheckpointError, InputError, LimitError, UsageError
from layerize.models import layer_model
from layerize.models.layer_model import LayerModel
from layerize.predictors import LayerPredictor, Prediction, find_model, model_size, pick_device
from layerize.splitter import Splitter, recompose_error, to_flat
from layerize.stack import Group, flatten
from layerize.synth.design import draw_design

DESIGN = draw_design(7, (160, 96))


@pytest.fixture(scope="module")
def splitter() -> Splitter:
    torch.manual_seed(0)
    model = LayerModel(layer_model.tiny()).eval()
    return Splitter(LayerPredictor(model, "tiny", torch.device("cpu")))


class TruePredictor:
    """Says the true layers of ``DESIGN``, and an empty and a doubled one besides."""

    name = "truth"

    def predict(self, picture_HW3: np.ndarray, **_: object) -> Prediction:
        layers = DESIGN.layers_u8_KHW4.astype(np.float32) / 255
        padded = np.concatenate([layers[:2], layers[1:], np.zeros_like(layers[:1])])
        return Prediction(coarse_Khw4=padded, count_probabilities=None, steps=1)


def worst(picture: np.ndarray, composite: np.ndarray) -> float:
    """Largest premultiplied difference in levels."""
    a, b = (x.astype(np.float64) / 255 for x in (picture, composite))
    a[..., :3] *= a[..., 3:]
    b[..., :3] *= b[..., 3:]
    return float(np.abs(a - b).max() * 255)


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (64, 48), (150, 97), (700, 20)])
def test_the_composite_is_the_picture(splitter: Splitter, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(size[0])
    picture = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    stack = splitter.split(picture, layers=3)
    rgba = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    assert stack.size == size
    assert worst(rgba, flatten(stack)) <= 1
    assert stack.metadata["recompose_error"] <= 1
    assert stack.metadata["model"] == {"name": "tiny", "seed": 0, "steps": 1}


def test_transparent_pictures_keep_their_alpha(splitter: Splitter) -> None:
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (60, 90, 4), dtype=np.uint8)
    picture[:20, :, 3] = 0
    picture[20:40, :, 3] = 255
    stack = splitter.split(picture, layers=4)
    assert worst(picture, flatten(stack)) <= 1


def test_the_true_layers_come_back_without_empty_and_double_ones() -> None:
    stack = Splitter(TruePredictor()).split(DESIGN.image_u8_HW3)
    assert len(stack) == len(DESIGN.layers_u8_KHW4)
    assert len({layer.name for layer in stack.walk()}) == len(stack)
    for k, layer in enumerate(stack.walk()):
        x, y = layer.offset
        alpha = np.zeros(DESIGN.image_u8_HW3.shape[:2])
        alpha[y : y + layer.size[1], x : x + layer.size[0]] = layer.pixels[..., 3] / 255
        truth = DESIGN.layers_u8_KHW4[k, ..., 3] / 255
        assert np.minimum(alpha, truth).sum() / np.maximum(alpha, truth).sum() > 0.85


def test_parts_and_depth_make_groups_with_the_same_composite() -> None:
    true = Splitter(TruePredictor())
    apart = true.split(DESIGN.image_u8_HW3, parts=True)
    assert any(isinstance(node, Group) for node in apart.layers)
    assert apart.metadata["recompose_error"] <= 1


def test_depth_splits_layers_again(splitter: Splitter) -> None:
    stack = splitter.split(DESIGN.image_u8_HW3, layers=3, depth=2)
    assert stack.metadata["recompose_error"] <= 2
    with pytest.raises(UsageError, match="depth 0: must be a whole number from 1 up"):
        splitter.split(DESIGN.image_u8_HW3, depth=0)


def test_seed_and_steps_decide_and_repeat(splitter: Splitter) -> None:
    first, again, other = (splitter.split(DESIGN.image_u8_HW3, layers=3, seed=seed) for seed in (1, 1, 2))
    same = [np.array_equal(a.pixels, b.pixels) for a, b in zip(first.walk(), again.walk(), strict=True)]
    assert all(same)
    coarse = [
        splitter.predictor.predict(
            DESIGN.image_u8_HW3, layers=3, steps=1, seed=seed, prompt=None, progress=lambda *_: None
        ).coarse_Khw4
        for seed in (1, 2)
    ]
    assert not np.array_equal(*coarse)
    assert other.metadata["model"]["seed"] == 2


def test_progress_only_grows(splitter: Splitter) -> None:
    shares: list[float] = []
    splitter.split(DESIGN.image_u8_HW3, layers=2, progress=lambda step, share: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_bad_input_is_refused(splitter: Splitter, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="makes 1 to 8"):
        splitter.split(DESIGN.image_u8_HW3, layers=9)
    with pytest.raises(InputError, match="uint8"):
        splitter.split(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(LimitError, match="--max-pixels"):
        splitter.split(DESIGN.image_u8_HW3, max_pixels=100)
    with pytest.raises(CheckpointError, match="no such model"):
        find_model("defualt")
    with pytest.raises(UsageError, match="not available"):
        pick_device("tpu")
    with pytest.raises(InputError):
        splitter.split(tmp_path / "absent.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps 0: must be a whole number from 1 up"),
        ({"layers": 2.5}, r"layers 2\.5: must be a whole number"),
        ({"seed": -1}, "seed -1: must be a whole number from 0 up"),
        ({"seed": 2**70}, "seed 1180591620717411303424: must be"),
        ({"seed": None}, "seed None: must be"),
    ],
)
def test_options_out_of_range_are_refused(splitter: Splitter, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        splitter.split(np.zeros((8, 8, 3), np.uint8), **options)


@pytest.mark.parametrize("image", [None, 7, b"png", object()])
def test_what_is_no_picture_is_named(splitter: Splitter, image: Any) -> None:
    with pytest.raises(InputError, match=f"cannot be of type {type(image).__name__}; give a path"):
        splitter.split(image)


def test_pillow_pictures_of_any_mode(splitter: Splitter) -> None:
    for mode in ("L", "P", "RGB", "LA", "CMYK"):
        flat = to_flat(Image.new(mode, (20, 10)))
        assert flat.pixels.shape == (10, 20, 4)


def test_model_sizes() -> None:
    assert model_size(1000, 1000, 128, 16) == (128, 128)
    assert model_size(1000, 500, 128, 16) == (176, 96)
    assert model_size(1, 100000, 128, 16) == (48, 368)
    for width, height in ((30, 4000), (4000, 30), (7, 7)):
        sides = model_size(width, height, 128, 16)
        assert min(sides) >= 32
        assert not any(side % 16 for side in sides)


def test_coarse_layers_are_dropped_by_what_can_be_seen() -> None:
    layers = np.zeros((4, 20, 20, 4), np.float32)
    layers[0, ..., 3] = 1
    layers[1, 2:10, 2:10, 3] = 1  # the same shape as the next: hidden under it
    layers[2, 2:10, 2:10, 3] = 1
    layers[3, 5:9, 5:9, 3] = 0.2  # too faint to be sure of
    assert len(drop_empty(layers)) == 2  # the covered one shows nothing either
    assert len(drop_duplicates(layers)) == 3
    assert len(drop_empty(layers[:1] * 0)) == 1  # the background stays
    assert not_larger(layers, 10, 40).shape == (4, 20, 10, 4)


def test_recompose_error_counts_levels_and_ignores_hidden_colour() -> None:
    picture = np.full((4, 4, 4), 255, np.uint8)
    changed = picture.copy()
    changed[0, 0, 1] = 250
    assert recompose_error(picture, picture) == 0
    assert recompose_error(picture, changed) == 5
    picture[..., 3] = 0
    changed[..., 3] = 0
    assert recompose_error(picture, changed) == 0
