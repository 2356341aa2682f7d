"""to_u8, to_float and premultiplication are inverses where they can be."""

from __future__ import annotations

import numpy as np
import pytest

from layerize.stack import premultiply, to_float, to_u8, unpremultiply


def test_every_level_survives_float_and_back() -> None:
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_u8(to_float(levels)), levels)
    assert to_float(levels)[0] == 0
    assert to_float(levels)[255] == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_u8_rounds_to_nearest_and_clips(dtype: type) -> None:
    values = np.array([-1, 0, 0.49 / 255, 0.51 / 255, 127.6 / 255, 1, 7], dtype)
    assert to_u8(values).tolist() == [0, 0, 0, 1, 128, 255, 255]
    assert to_u8(values).dtype == np.uint8


def test_to_u8_leaves_its_argument_alone() -> None:
    values = np.array([0.5], np.float32)
    to_u8(values)
    assert values[0] == 0.5


def test_to_u8_is_unbiased() -> None:
    values = np.random.default_rng(0).random(200_000)
    assert abs(float((to_u8(values) / 255 - values).mean())) < 1e-4


def test_premultiply_round_trip_and_zero_alpha() -> None:
    rgba = np.random.default_rng(1).random((5, 7, 4), np.float32)
    rgba[0, :, 3] = 0
    back = unpremultiply(premultiply(rgba))
    assert np.allclose(back[1:], rgba[1:], atol=1e-5)
    assert not back[0].any()
