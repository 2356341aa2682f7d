"""Contact sheets: what stands where, and the figure under the difference."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from layerize.sheet import checkerboard, contact_sheet, levels_apart, on_checkerboard
from layerize.stack import Group, Layer, LayerStack
from layerize.stack.composite import flatten

RED = (220, 20, 20, 255)


def filled(size: tuple[int, int], rgba: tuple[int, int, int, int]) -> np.ndarray:
    return np.full((size[1], size[0], 4), rgba, np.uint8)


@pytest.fixture
def stack() -> LayerStack:
    background = Layer(pixels=filled((120, 80), (10, 20, 200, 255)), name="Background")
    disc = Layer(pixels=filled((30, 20), RED), name="Shape, red", offset=(60, 40))
    return LayerStack(size=(120, 80), layers=(background, Group(name="Parts", layers=(disc,))))


def flat(stack: LayerStack) -> np.ndarray:
    picture = stack.layers[0].pixels[..., :3].copy()
    picture[40:60, 60:90] = RED[:3]
    return picture


def test_sheet_has_the_width_asked_for_and_every_cell(stack: LayerStack) -> None:
    with_difference = contact_sheet(flat(stack), stack, width=900)
    without = contact_sheet(flat(stack), stack, width=900, difference=False)
    assert with_difference.width == without.width == 900
    assert with_difference.mode == "RGB"
    reds = [count for count, colour in with_difference.getcolors(1 << 20) if colour == RED[:3]]
    assert reds, "the red layer must be seen in input, layer and composite"


def test_layer_lies_at_its_offset_on_the_checkerboard(stack: LayerStack) -> None:
    layer = next(layer for layer in stack.walk() if layer.name == "Shape, red")
    cell = np.asarray(on_checkerboard(layer, stack.size, stack.size))
    assert (cell[40:60, 60:90] == RED[:3]).all()
    outside = np.ones(cell.shape[:2], bool)
    outside[40:60, 60:90] = False
    assert (cell[outside] == np.asarray(checkerboard(stack.size))[outside]).all()


def test_opacity_shows(stack: LayerStack) -> None:
    half = Layer(pixels=filled((10, 10), (0, 0, 0, 255)), opacity=0.5)
    cell = np.asarray(on_checkerboard(half, (10, 10), (10, 10)))
    assert abs(int(cell[0, 0, 0]) - 127) <= 1


def opaque(picture: np.ndarray) -> np.ndarray:
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def test_difference_is_zero_for_the_exact_composite_and_counts_levels_otherwise(stack: LayerStack) -> None:
    picture = flat(stack)
    assert levels_apart(opaque(picture), flatten(stack)).max() == 0
    picture[70, 3] = (13, 20, 200)
    apart = levels_apart(opaque(picture), flatten(stack))
    assert (int(apart.max()), int(apart[70, 3])) == (3, 3)
    assert np.count_nonzero(apart) == 1


def test_colour_under_zero_alpha_is_no_difference() -> None:
    assert levels_apart(filled((4, 4), (255, 0, 0, 0)), filled((4, 4), (0, 255, 0, 0))).max() == 0
    assert levels_apart(filled((4, 4), (0, 0, 0, 0)), filled((4, 4), (0, 0, 0, 9))).max() == 9


def test_picture_of_another_size_is_refused(stack: LayerStack) -> None:
    with pytest.raises(ValueError, match="the picture is 10x10, the stack's canvas 120x80"):
        contact_sheet(filled((10, 10), RED), stack)


@pytest.mark.parametrize("size", [(1, 1), (2000, 3), (3, 2000)])
def test_extreme_canvases_are_drawn(size: tuple[int, int]) -> None:
    stack = LayerStack(size=size, layers=(Layer(pixels=filled(size, RED), name="x" * 300),))
    sheet = contact_sheet(filled(size, RED), stack, width=400)
    assert sheet.width == 400
    assert sheet.height < 40_000


def test_hidden_layers_are_drawn(stack: LayerStack) -> None:
    hidden = Layer(pixels=filled((120, 80), (1, 200, 3, 255)), name="Note", visible=False)
    sheet = contact_sheet(flat(stack), stack.with_layers([*stack.layers, hidden]), width=900)
    assert (1, 200, 3) in [colour for _, colour in sheet.getcolors(1 << 20)]


def test_sheet_does_not_change_its_input(stack: LayerStack) -> None:
    picture = flat(stack)
    before = picture.copy()
    contact_sheet(picture, stack)
    assert (picture == before).all()
    assert isinstance(contact_sheet(picture, stack), Image.Image)
