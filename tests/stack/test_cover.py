"""A mask over a node: alpha multiplied leaf by leaf, colours kept, what lies outside cut off."""

from __future__ import annotations

import numpy as np

from layerize.stack import Group, Layer
from layerize.stack.cover import masked, through


def leaf(offset: tuple[int, int] = (2, 1)) -> Layer:
    pixels = np.full((4, 6, 4), 200, np.uint8)
    return Layer(pixels=pixels, offset=offset, name="leaf")


def test_alpha_is_multiplied_and_colour_kept() -> None:
    cover = np.full((4, 6), 128, np.uint8)
    result = masked(leaf().pixels, cover)
    assert (result[..., :3] == 200).all()
    assert (result[..., 3] == round(200 * 128 / 255)).all()


def test_every_leaf_of_a_group_is_cut_to_the_coverage_where_it_lies() -> None:
    group = Group(layers=(leaf(), Group(layers=(leaf((20, 20)),), name="inner")), name="outer")
    cover = np.full((3, 3), 255, np.uint8)
    cover[0, 0] = 0
    result = through(group, cover, (4, 2))
    assert isinstance(result, Group)
    first, inner = result.layers
    assert isinstance(first, Layer)
    assert (first.offset, first.size) == ((4, 2), (3, 3))
    assert first.pixels[0, 0, 3] == 0
    assert (first.pixels[1:, 1:] == 200).all()
    assert isinstance(inner, Group)
    assert isinstance(inner.layers[0], Layer)
    assert not inner.layers[0].pixels[..., 3].any()
    assert first.name == "leaf"
