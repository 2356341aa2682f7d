"""PNGs of layers: what can be seen is exact, what cannot is black and costs nothing."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from layerize.formats.image_write import encode_png
from layerize.formats.layer_png import encode_layer, without_hidden_colour


def half_empty() -> np.ndarray:
    pixels = np.random.default_rng(0).integers(1, 256, (40, 50, 4), np.uint8)
    pixels[:, 25:, 3] = 0
    return pixels


def test_seen_pixels_are_exact_and_hidden_ones_black() -> None:
    pixels = half_empty()
    back = np.asarray(Image.open(io.BytesIO(encode_layer(pixels))))
    assert np.array_equal(back[:, :25], pixels[:, :25])
    assert not back[:, 25:].any()
    assert len(encode_layer(pixels)) < 0.6 * len(encode_png(pixels))


def test_the_layer_itself_stays_as_it_is() -> None:
    pixels = half_empty()
    pixels.flags.writeable = False
    view = pixels[5:30, 10:40]
    assert np.array_equal(without_hidden_colour(view), view * (view[..., 3:] > 0))
    assert pixels[0, 49, 0] > 0
