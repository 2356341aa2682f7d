"""The integer "over" of Pillow's ``alpha_composite``, so that merged layers equal LayerD's bit for bit.

Written from its arithmetic, not by calling it: a later Pillow must not change published figures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from layerize.stack.layer import U8

Window = tuple[slice, slice]
"""(rows, columns) of a picture."""

EVERYWHERE: Window = (slice(None), slice(None))

_UNIT = 255 * 128  # both weights of a blend add up to this


def _eighth(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Division by 255 as Pillow rounds it."""
    return ((values >> 8) + values) >> 8


def _tables() -> tuple[npt.NDArray[np.int32], U8]:
    """The source's weight and the resulting alpha for every (source alpha, destination alpha); row 0 is not used."""
    source, below = np.mgrid[0:256, 0:256].astype(np.int64)
    outer = source * 255 + below * (255 - source)
    weight = source * 255 * 255 * 128 // np.maximum(outer, 1)
    return weight.astype(np.int32).ravel(), _eighth(outer + 128).astype(np.uint8).ravel()


_WEIGHT, _ALPHA = _tables()


def over(top_HW4: U8, bottom_HW4: U8, window: Window = EVERYWHERE) -> U8:
    """``top`` over ``bottom``, straight alpha.

    Args:
        top_HW4: ``u8``.
        bottom_HW4: ``u8`` of the same size.
        window: Where ``top`` may have alpha > 0; nothing outside is looked at.

    Returns:
        A new picture. Where the top's alpha is 0 it is the bottom's pixel, colour included.
    """
    assert top_HW4.shape == bottom_HW4.shape, f"{top_HW4.shape} over {bottom_HW4.shape}"
    result = bottom_HW4.copy()
    paint(np.ascontiguousarray(top_HW4), result, window)
    return result


def flatten(layers: Sequence[U8]) -> U8:
    """Layers bottom to top as one picture; starts from the first layer, not from a blank canvas."""
    result = np.array(layers[0])
    for layer in layers[1:]:
        paint(np.ascontiguousarray(layer), result)
    return result


def paint(top_HW4: U8, onto_HW4: U8, window: Window = EVERYWHERE) -> None:
    """Put ``top`` over ``onto`` in place.

    Args:
        top_HW4: ``u8``, contiguous.
        onto_HW4: As ``top``; written to.
        window: Where ``top`` may have alpha > 0.
    """
    top = top_HW4.view(np.uint32)[..., 0][window]
    onto = onto_HW4.view(np.uint32)[..., 0][window]
    alpha = top_HW4[..., 3][window]
    np.copyto(onto, top, where=alpha == 255)
    mixed = (alpha - np.uint8(1)) < 254  # 1..254: 0 wraps to 255
    if not mixed.any():
        return
    source = top[mixed].view(np.uint8).reshape(-1, 4)
    below = onto[mixed].view(np.uint8).reshape(-1, 4)
    pair = source[:, 3].astype(np.int32) * 256 + below[:, 3]
    colour, under = source[:, :3].astype(np.int32), below[:, :3].astype(np.int32)
    blended = under * _UNIT + (colour - under) * _WEIGHT[pair][:, None] + 128 * 128
    out = np.empty_like(source)
    out[:, :3] = (((blended >> 8) + blended) >> 8) >> 7
    out[:, 3] = _ALPHA[pair]
    onto[mixed] = out.view(np.uint32)[:, 0]
