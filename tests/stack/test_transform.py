"""Transforms: what stays fixed, what is exact, and where the centre of mass goes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from edit_scenes import disc, noise, scene

from layerize.errors import EditError
from layerize.stack import Group, Layer, LayerStack, flatten, ink_box
from layerize.stack.resample import resize_pixels, turn_pixels
from layerize.stack.tree import ink_of


def one(pixels: np.ndarray, **fields: object) -> LayerStack:
    return LayerStack(size=(80, 60), layers=(Layer(pixels=pixels, name="A", **fields),))  # type: ignore[arg-type]


def centre_of_mass(stack: LayerStack) -> tuple[float, float]:
    alpha = flatten(stack)[..., 3].astype(float)
    y, x = np.mgrid[: alpha.shape[0], : alpha.shape[1]] + 0.5
    return float((x * alpha).sum() / alpha.sum()), float((y * alpha).sum() / alpha.sum())


@pytest.mark.parametrize(
    ("about", "box"),
    [
        ("top-left", (10, 20, 30, 32)),
        ("bottom-right", (0, 14, 20, 26)),
        ("right", (0, 17, 20, 29)),
        ("center", (5, 17, 25, 29)),
        ((0, 0), (20, 40, 40, 52)),
    ],
)
def test_resize_about_a_point(about: object, box: tuple[int, ...]) -> None:
    stack = one(noise((10, 6), 0, alpha=255), offset=(10, 20))
    assert ink_of(stack.resize("A", scale=2, about=about).layers) == box  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "keep", "result"),
    [
        ((20, None), False, (20, 10)),
        ((None, 20), False, (40, 20)),
        ((30, 30), True, (30, 15)),
        ((30, 30), False, (30, 30)),
    ],
)
def test_resize_in_proportion(size: tuple[int | None, int | None], keep: bool, result: tuple[int, int]) -> None:
    stack = one(noise((40, 20), 0, alpha=255))
    assert stack.resize("A", size=size, keep_aspect=keep).layers[0].size == result  # type: ignore[union-attr]


def test_resize_needs_a_side() -> None:
    with pytest.raises(EditError, match="width or a height"):
        one(noise((4, 4), 0)).resize("A", size=(None, None))


def test_members_of_a_group_that_touch_still_touch_when_it_is_resized() -> None:
    red, blue = np.full((9, 7, 4), (255, 0, 0, 255), np.uint8), np.full((9, 6, 4), (0, 0, 255, 255), np.uint8)
    group = Group(layers=(Layer(pixels=red, offset=(3, 3)), Layer(pixels=blue, offset=(10, 3))), name="G")
    for scale in np.linspace(0.3, 3, 28):
        stack = LayerStack(size=(80, 60), layers=(group,)).resize("G", scale=float(scale), about=(0.0, 0.0))
        box = ink_of(stack.layers)
        assert box is not None
        assert (flatten(stack)[box.slices(0, 0)][..., 3] == 255).all()


def test_a_side_that_shrinks_is_averaged_even_if_the_other_grows() -> None:
    stripes = np.zeros((4, 64, 4), np.uint8)
    stripes[:, ::2] = (255, 255, 255, 255)
    stripes[:, 1::2] = (0, 0, 0, 255)
    grey = resize_pixels(stripes, 16, 8)
    assert np.abs(grey[..., :3].astype(int) - 128).max() <= 1


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_exact(quarters: int) -> None:
    pixels = noise((10, 6), 0)
    turned = one(pixels, offset=(20, 20)).rotate("A", 90 * quarters).layers[0]
    assert isinstance(turned, Layer)
    assert np.array_equal(turned.pixels, np.rot90(pixels, -quarters))
    back = (
        one(pixels, offset=(20, 20)).rotate("A", 90 * quarters, about=(0, 0)).rotate("A", -90 * quarters, about=(0, 0))
    )
    assert back.layers[0].offset == (20, 20)  # type: ignore[union-attr]
    assert np.array_equal(back.layers[0].pixels, pixels)  # type: ignore[union-attr]


@pytest.mark.parametrize("degrees", [-90, 10, 33.3, 90, 120, 181, 300])
def test_rotation_is_clockwise_about_its_point(degrees: float) -> None:
    stack = one(disc(3, (9, 9, 9)), offset=(44, 26))
    x, y = centre_of_mass(stack)
    angle = math.radians(degrees)
    px, py = 40.0, 30.0
    goal = (
        px + (x - px) * math.cos(angle) - (y - py) * math.sin(angle),
        py + (x - px) * math.sin(angle) + (y - py) * math.cos(angle),
    )
    found = centre_of_mass(stack.rotate("A", degrees, about=(px, py)))
    assert np.allclose(found, goal, atol=0.02), (found, goal)


def test_rotation_there_and_back_is_the_same_picture() -> None:
    y, x = np.mgrid[:40, :40] / 39
    smooth = np.dstack([255 * x, 255 * y, 128 + 100 * np.sin(6 * x), np.full_like(x, 255)]).astype(np.uint8)
    stack = one(smooth, offset=(20, 10)).rotate("A", 23, about=(40, 30)).rotate("A", -23, about=(40, 30))
    inner = flatten(stack)[14:46, 24:56].astype(int) - smooth[4:36, 4:36].astype(int)
    assert np.abs(inner).max() <= 4
    assert np.abs(inner).mean() < 0.6


def test_rotation_has_no_fringes_and_no_echoes() -> None:
    square = np.full((20, 20, 4), (255, 0, 0, 255), np.uint8)
    turned, (x0, y0) = turn_pixels(square, (0, 0), (10, 10), 45)
    inked = turned[turned[..., 3] > 0]
    assert (inked[:, 0] >= 254).all()
    assert (inked[:, 1:3] == 0).all()
    y, x = np.mgrid[: turned.shape[0], : turned.shape[1]] + 0.5
    beyond = np.abs(x + x0 - 10) + np.abs(y + y0 - 10) > 10 * math.sqrt(2) + 2.2
    assert (turned[beyond] == 0).all()
    within = np.abs(x + x0 - 10) + np.abs(y + y0 - 10) < 10 * math.sqrt(2) - 2.2
    assert (turned[within] == (255, 0, 0, 255)).all()


@pytest.mark.parametrize("axis", ["horizontal", "vertical"])
def test_flip_stays_in_its_place_and_undoes_itself(axis: str) -> None:
    stack = scene()
    flipped = stack.flip("Badge", axis)  # type: ignore[arg-type]
    assert ink_of([flipped.find("Badge")]) == ink_of([stack.find("Badge")])
    assert np.array_equal(flatten(flipped.flip("Badge", axis)), flatten(stack))  # type: ignore[arg-type]
    with pytest.raises(EditError, match="cannot flip 'up'"):
        stack.flip("Badge", "up")  # type: ignore[arg-type]


def test_flip_mirrors_pixels() -> None:
    pixels = noise((5, 4), 0)
    assert np.array_equal(one(pixels).flip("A").layers[0].pixels, pixels[:, ::-1])  # type: ignore[union-attr]


def test_one_pixel_layers_can_be_transformed() -> None:
    stack = one(np.array([[[10, 20, 30, 255]]], np.uint8), offset=(-3, 70))
    for edited in (
        stack.rotate("A", 30),
        stack.resize("A", scale=0.2),
        stack.resize("A", size=(5, 7)),
        stack.flip("A"),
    ):
        box = ink_box(edited.layers[0])  # type: ignore[arg-type]
        assert box is not None
        assert box.x0 <= -2 <= box.x1
        assert box.y0 <= 71 <= box.y1


@pytest.mark.parametrize("degrees", [float("nan"), float("inf")])
def test_rotation_refuses_no_angle(degrees: float) -> None:
    with pytest.raises(EditError, match="cannot rotate"):
        one(noise((3, 3), 0)).rotate("A", degrees)


def test_absurd_sizes_are_refused() -> None:
    with pytest.raises(EditError, match="268 megapixels"):
        one(noise((3, 3), 0)).resize("A", scale=1e5)
    with pytest.raises(EditError, match="is no anchor"):
        one(noise((3, 3), 0)).rotate("A", 5, about="middle")
    with pytest.raises(EditError, match="give a point"):
        one(noise((3, 3), 0)).resize("A", scale=2, about=(float("nan"), 0))
