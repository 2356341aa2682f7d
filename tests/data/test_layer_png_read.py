"""Layers of shards decode exactly, and no damage goes unnoticed."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sample_designs import design

from layerize.data.layer_png_read import decode_layer
from layerize.data.sample import from_stack, resized
from layerize.errors import InputError
from layerize.formats.layer_png import encode_layer
from layerize.stack.resample import resize_pixels

LAYERS = from_stack(design(3, 4), "x", {}).layers_u8_KHW4
DATA = encode_layer(LAYERS[2])


def test_what_was_written_is_read() -> None:
    for layer in LAYERS:
        assert np.array_equal(decode_layer(encode_layer(layer), (96, 64), "x"), layer)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_any_changed_byte_is_found(place: int, change: int) -> None:
    damaged = bytearray(DATA)
    damaged[place] ^= change
    with pytest.raises(InputError, match="the layer"):
        decode_layer(bytes(damaged), (96, 64), "the layer")


@settings(deadline=None, max_examples=50)
@given(st.integers(0, len(DATA) - 1))
def test_any_missing_end_is_found(length: int) -> None:
    with pytest.raises(InputError):
        decode_layer(DATA[:length], (96, 64), "x")


def test_other_pictures_are_refused() -> None:
    for mode, size in (("L", (96, 64)), ("RGBA", (64, 96)), ("I;16", (96, 64)), ("P", (96, 64))):
        buffer = io.BytesIO()
        Image.new(mode, size).save(buffer, "PNG")
        with pytest.raises(InputError, match="no 96x64 RGBA PNG"):
            decode_layer(buffer.getvalue(), (96, 64), "x")
    with pytest.raises(InputError):
        decode_layer(b"", (96, 64), "x")


@pytest.mark.parametrize("size", [(48, 32), (50, 41), (96, 64), (120, 80), (95, 90)])
def test_resampling_agrees_with_that_of_the_stack(size: tuple[int, int]) -> None:
    """Two ways: 16-bit integers here, floats there; colours of nearly clear pixels have no precision to compare."""
    for mine, layer in zip(resized(LAYERS, size), LAYERS, strict=True):
        other = resize_pixels(layer, *size)
        seen = other[..., 3:].astype(int)
        difference = np.abs(mine.astype(int) - other.astype(int))
        assert difference[..., 3].max() <= 1
        worst = (difference[..., :3] * seen / 255).max()
        assert worst <= 1, f"{size}: {worst:.2f} levels"
        assert not mine[..., :3][mine[..., 3] == 0].any()
