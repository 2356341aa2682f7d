"""A layer's picture as PNG for exchange files, where only what can be seen counts."""

from __future__ import annotations

import cv2

from layerize.formats.image_write import encode_png
from layerize.stack.layer import U8


def without_hidden_colour(pixels: U8) -> U8:
    """The pixels with black under alpha 0, where no format promises to keep a colour; it would only cost space."""
    black: U8 = cv2.bitwise_and(pixels, pixels, mask=pixels[..., 3].copy())
    return black


def encode_layer(pixels: U8) -> bytes:
    """PNG bytes of ``u8`` (H, W, 4) with black where nothing is seen: layers are half empty as a rule."""
    return encode_png(without_hidden_colour(pixels))
