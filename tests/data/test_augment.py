"""Laws of the augmentation: the picture is what the layers make, and each step changes only what it says."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_designs import design

from layerize.data import augment
from layerize.data.augment import NOTHING, Augment, augmented
from layerize.data.sample import LayeredSample, from_stack, over
from layerize.errors import UsageError

EVERYTHING = Augment(crop=0.5, flip=1, recolour=1, drop=1, swap=1, background=1)


def sample_of(seed: int, layers: int, *, opaque: bool = True, text: bool = False) -> LayeredSample:
    return from_stack(design(seed, layers, opaque=opaque, text=text), f"s{seed}", {})


def exact_over(layers: np.ndarray) -> np.ndarray:
    """Eq. 1 of the paper in doubles over an opaque lowest layer: RGB, not rounded."""
    assert (layers[0, ..., 3] == 255).all()
    result = np.zeros((*layers.shape[1:3], 3))
    for layer in layers:
        alpha = layer[..., 3:] / 255
        result = alpha * layer[..., :3] + (1 - alpha) * result
    return result


samples = st.builds(sample_of, st.integers(0, 50), st.integers(2, 6), opaque=st.booleans(), text=st.booleans())


@settings(deadline=None, max_examples=60)
@given(samples, st.sampled_from([(64, 64), (96, 64), (48, 80), (33, 57)]), st.integers(), st.booleans())
def test_the_composite_of_the_layers_is_the_picture(
    sample: LayeredSample, size: tuple[int, int], seed: int, gentle: bool
) -> None:
    options = Augment() if gentle else EVERYTHING
    full = len(sample) + (0 if sample.opaque else 1)
    for count in {full, max(2, full - 1)}:
        made = augmented(sample, size, count, sample.opaque, options, str(seed))
        layers = made.layers_u8_KHW4
        assert layers.shape == (count, size[1], size[0], 4)
        assert len(made.names) == count
        picture = made.picture()
        assert (picture[..., 3] == 255).all()
        assert np.abs(picture[..., :3] - exact_over(layers)).max() <= 0.501
        assert (layers[..., :3][layers[..., 3] == 0] == 0).all()
        assert all(layer[..., 3].any() for layer in layers), "no layer was cropped away"


@settings(deadline=None, max_examples=20)
@given(samples, st.integers())
def test_the_same_seed_gives_the_same_sample(sample: LayeredSample, seed: int) -> None:
    count = len(sample) + (not sample.opaque)
    made = [augmented(sample, (64, 64), count, sample.opaque, EVERYTHING, str(seed)) for _ in "ab"]
    assert np.array_equal(made[0].layers_u8_KHW4, made[1].layers_u8_KHW4)
    assert made[0].names == made[1].names


def test_nothing_changes_where_nothing_may() -> None:
    sample = sample_of(3, 4)
    made = augmented(sample, sample.size, 4, True, NOTHING, "x")
    assert np.array_equal(made.layers_u8_KHW4, sample.layers_u8_KHW4)
    assert (made.names, made.caption) == (sample.names, sample.caption)


def test_a_missing_background_is_added_and_stands_apart() -> None:
    for seed in range(20):
        sample = sample_of(seed, 3, opaque=False)
        made = augmented(sample, sample.size, 4, False, NOTHING, str(seed))
        assert made.names == ("Background", *sample.names)
        assert np.array_equal(made.layers_u8_KHW4[1:], sample.layers_u8_KHW4)
        colours = [augment.mean_colour(layer) for layer in made.layers_u8_KHW4[:2]]
        assert np.linalg.norm(colours[0] - colours[1]) > 20


def test_an_opaque_picture_on_two_halves_gets_an_opaque_lowest_layer() -> None:
    """The background is in two layers: the lower one is filled up, where nobody sees it."""
    whole = sample_of(1, 2).layers_u8_KHW4[0]
    left, right = whole.copy(), whole.copy()
    left[:, 60:], right[:, :50] = 0, 0
    sample = LayeredSample(id="x", layers_u8_KHW4=np.stack([left, right]), names=("left", "right"))
    assert sample.opaque
    made = augmented(sample, sample.size, 2, True, NOTHING, "x")
    assert (made.layers_u8_KHW4[0, ..., 3] == 255).all()
    assert np.array_equal(made.picture(), sample.picture())


def test_a_card_with_round_corners_has_a_background() -> None:
    """A few clear pixels in the corners are filled; they are no reason for a background that nobody sees."""
    card = sample_of(1, 2).layers_u8_KHW4.copy()
    card[:, :4, :4] = card[:, -4:, -4:] = 0
    sample = LayeredSample(id="x", layers_u8_KHW4=card, names=("card", "shape"))
    assert sample.opaque
    made = augmented(sample, sample.size, 2, True, NOTHING, "x")
    assert (made.picture()[..., 3] == 255).all()
    assert np.array_equal(made.picture()[8:-8, 8:-8], sample.picture()[8:-8, 8:-8])


# --- single steps ---------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(samples)
def test_flipping_commutes_with_compositing(sample: LayeredSample) -> None:
    assert np.array_equal(over(augment.flipped(sample.layers_u8_KHW4)), sample.picture()[:, ::-1])


@settings(deadline=None, max_examples=25)
@given(samples, st.integers())
def test_cropping_commutes_with_compositing(sample: LayeredSample, seed: int) -> None:
    """At the layers' own pixel size, where nothing is resampled."""
    width, height = sample.size
    tall = augment.fitted(sample.layers_u8_KHW4, (width, height - 8), random.Random(seed), 0.0)
    assert np.array_equal(over(tall), sample.picture()[4:-4])
    wide = augment.fitted(sample.layers_u8_KHW4, (width - 10, height), random.Random(seed), 0.0)
    assert np.array_equal(over(wide), sample.picture()[:, 5:-5])


def test_a_crop_keeps_every_layer() -> None:
    """A small layer in a corner: random crops would lose it; every one keeps a quarter of it at least."""
    layers = np.zeros((2, 100, 100, 4), np.uint8)
    layers[0] = 255
    layers[1, 2:14, 84:98] = (200, 30, 30, 255)
    for seed in range(60):
        part = augment.fitted(layers, (50, 50), random.Random(seed), 0.6)
        assert int((part[1, ..., 3] > 0).sum()) >= 12, seed


def test_words_are_never_mirrored() -> None:
    for text in (True, False):
        sample = sample_of(5, 3, text=text)
        made = augmented(sample, sample.size, 3, True, replace(NOTHING, flip=1), "x")
        mirrored = np.array_equal(made.layers_u8_KHW4, augment.flipped(sample.layers_u8_KHW4))
        assert mirrored is not text


@settings(deadline=None, max_examples=40)
@given(samples, st.integers())
def test_swapping_changes_no_pixel_of_the_picture(sample: LayeredSample, seed: int) -> None:
    apart = np.zeros((2, *sample.layers_u8_KHW4.shape[1:]), np.uint8)
    apart[0, :5, :5], apart[1, -5:, -5:] = (255, 0, 0, 255), (0, 0, 255, 128)
    layers = np.concatenate([sample.layers_u8_KHW4, apart])
    order = augment.swapped(layers, random.Random(seed), 1.0)
    assert sorted(order) == list(range(len(layers)))
    assert order[0] == 0
    assert order.index(len(layers) - 1) < len(layers) - 1, "the last two do not touch"
    assert np.array_equal(over(layers[order]), over(layers))


def test_what_touches_keeps_its_order() -> None:
    sample = sample_of(2, 5)
    assert all(augment.touch(a, b) for a, b in zip(sample.layers_u8_KHW4[1:], sample.layers_u8_KHW4[2:], strict=False))
    assert augment.swapped(sample.layers_u8_KHW4, random.Random(0), 1.0) == list(range(5))


@settings(deadline=None, max_examples=25)
@given(samples, st.integers())
def test_recolouring_changes_one_layer_and_no_alpha(sample: LayeredSample, seed: int) -> None:
    layer = sample.layers_u8_KHW4[-1]
    made = augment.recoloured(layer, random.Random(seed))
    assert np.array_equal(made[..., 3], layer[..., 3])
    assert np.array_equal(made[..., :3].max(-1), layer[..., :3].max(-1)), "value (the largest channel) stays"
    grey = np.dstack([np.repeat(layer[..., :1], 3, -1) * (layer[..., 3:] > 0), layer[..., 3]])
    assert np.array_equal(augment.recoloured(grey, random.Random(seed)), grey), "grey has no hue"


def test_a_dropped_layer_is_gone_and_the_rest_is_untouched() -> None:
    for seed in range(30):
        sample = sample_of(seed, 5)
        made = augmented(sample, sample.size, 4, True, NOTHING, str(seed))
        (gone,) = set(sample.names) - set(made.names)
        kept = [i for i, name in enumerate(sample.names) if name != gone]
        assert gone != "Background"
        assert np.array_equal(made.layers_u8_KHW4, sample.layers_u8_KHW4[kept])
        assert made.caption == "", "a caption may speak of what is gone"
        assert np.array_equal(made.picture(), over(sample.layers_u8_KHW4[kept]))


def test_what_holds_up_another_level_is_not_dropped() -> None:
    """A tower: 1 and 3 do not overlap, so without 2 the top would be no third level."""
    layers = np.zeros((4, 20, 60, 4), np.uint8)
    layers[0] = 255
    for i, start in enumerate((0, 15, 30)):
        layers[i + 1, :, start : start + 20] = 255
    assert {augment.droppable(layers, random.Random(seed)) for seed in range(50)} == {1, 3}


def test_a_new_background_shows_only_where_nothing_covers_it() -> None:
    sample = sample_of(8, 3)
    made = augmented(sample, sample.size, 3, True, replace(NOTHING, background=1), "x")
    covered = (sample.layers_u8_KHW4[1:, ..., 3] == 255).any(0)
    assert np.array_equal(made.layers_u8_KHW4[1:], sample.layers_u8_KHW4[1:])
    assert np.array_equal(made.picture()[covered], sample.picture()[covered])
    assert (made.picture()[~covered] != sample.picture()[~covered]).any()


@pytest.mark.parametrize("change", [{"crop": 0.95}, {"flip": 1.1}, {"drop": -0.1}], ids=str)
def test_impossible_chances_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="allowed"):
        Augment(**change)
