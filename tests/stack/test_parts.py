"""Connected parts: nothing is lost, nothing doubled, specks find their neighbour."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from stack_strategies import ink, layers

from layerize.stack import Layer, LayerStack, flatten, parts


def drawn(*rectangles: tuple[int, int, int, int], size: tuple[int, int] = (60, 40)) -> Layer:
    pixels = np.zeros((size[1], size[0], 4), np.uint8)
    for index, (x, y, width, height) in enumerate(rectangles):
        pixels[y : y + height, x : x + width] = (50 * index, 99, 7, 255 - index)
    return Layer(pixels=pixels, name="Icons", offset=(3, -2))


@settings(max_examples=60, deadline=None)
@given(layers(), st.integers(1, 30), st.integers(1, 6))
def test_every_pixel_is_in_exactly_one_part(layer: Layer, min_area: int, max_parts: int) -> None:
    group = parts(layer, min_area=min_area, max_parts=max_parts)
    assert len(group.layers) <= max_parts
    collected: dict[tuple[int, int], bytes] = {}
    for part in group.layers:
        pixels = ink(part)
        assert pixels
        assert not collected.keys() & pixels.keys()
        collected |= pixels
    assert collected == ink(layer)
    before = LayerStack(size=(14, 14), layers=(layer,))
    assert np.array_equal(flatten(before), flatten(before.with_layers((group,))))


@settings(max_examples=40, deadline=None)
@given(layers())
def test_without_specks_parts_are_the_connected_components(layer: Layer) -> None:
    group = parts(layer, min_area=1, max_parts=1000)
    count, _ = cv2.connectedComponents((layer.pixels[..., 3] > 0).astype(np.uint8), connectivity=8)
    assert len(group.layers) == count - 1


def test_names_order_and_identity() -> None:
    layer = drawn((40, 2, 10, 10), (2, 20, 10, 10), (2, 2, 10, 10))
    group = parts(layer)
    assert [part.name for part in group.layers] == ["Icons 1", "Icons 2", "Icons 3"]
    assert [part.offset for part in group.layers] == [(5, 0), (43, 0), (5, 18)]
    assert group.id == layer.id
    assert group.blend == "pass-through"
    assert len({layer.id, *(part.id for part in group.layers)}) == 4


def test_diagonal_neighbours_are_connected() -> None:
    assert len(parts(drawn((0, 0, 5, 5), (5, 5, 5, 5))).layers) == 1


def test_specks_go_to_the_nearest_part_not_to_the_nearest_box() -> None:
    group = parts(drawn((0, 0, 10, 10), (30, 0, 10, 10), (26, 4, 2, 2)), min_area=16)
    assert len(group.layers) == 2
    assert group.layers[1].offset == (3 + 26, -2)


def test_only_specks_keep_the_largest() -> None:
    group = parts(drawn((0, 0, 2, 2), (20, 0, 3, 3), (40, 0, 1, 1)), min_area=100)
    assert len(group.layers) == 1
    assert group.layers[0].name == "Icons"


def test_empty_layer() -> None:
    assert parts(drawn()).layers == ()
