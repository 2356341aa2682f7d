"""Edits: what they change, what they leave alone, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from layerize.errors import EditError, UsageError
from layerize.stack import Group, Layer, LayerStack, flatten, ink_box, iter_nodes
from layerize.stack.colour import from_oklab, parse_colour, to_oklab


def solid(rgba: tuple[int, ...], size: tuple[int, int], **fields: object) -> Layer:
    return Layer(pixels=np.full((size[1], size[0], 4), rgba, np.uint8), **fields)  # type: ignore[arg-type]


@pytest.fixture
def stack() -> LayerStack:
    return LayerStack(
        size=(40, 30),
        layers=(
            solid((250, 250, 250, 255), (40, 30), name="Background"),
            solid((200, 30, 30, 255), (8, 6), name="Headline", offset=(4, 4)),
            Group(
                name="Icons",
                layers=(
                    solid((0, 90, 0, 255), (4, 4), name="Star", offset=(20, 4)),
                    solid((0, 0, 90, 128), (4, 4), name="Moon", offset=(30, 4)),
                ),
            ),
        ),
        metadata={"source": "x"},
    )


def test_find_by_index_id_and_name(stack: LayerStack) -> None:
    headline = stack.layers[1]
    assert stack.find(1) is stack.find("1") is stack.find("Headline") is stack.find(headline.id) is headline
    assert stack.find("Moon") is stack.layers[2].layers[1]  # type: ignore[union-attr]


def test_a_name_of_digits_comes_before_an_index(stack: LayerStack) -> None:
    renamed = stack.rename("Headline", "0")
    assert renamed.find("0") is renamed.layers[1]
    assert renamed.find(0) is renamed.layers[0]


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("Headlin", "there is no layer 'Headlin'; the stack has 'Headline', "),
        ("moons", "the stack has 'Moon', "),
        (7, "there is no layer 7; the stack has 3, counted from 0"),
        (-1, "there is no layer -1"),
        ("9", "there is no layer 9"),
    ],
)
def test_errors_name_the_nearest(stack: LayerStack, ref: int | str, message: str) -> None:
    with pytest.raises(EditError) as error:
        stack.find(ref)
    assert message in str(error.value)


def test_a_name_used_twice_is_refused_with_the_ids(stack: LayerStack) -> None:
    twice = stack.rename("Moon", "Star")
    with pytest.raises(EditError, match="2 layers are named 'Star'") as error:
        twice.hide("Star")
    assert all(n.id in str(error.value) for n in iter_nodes(twice.layers) if n.name == "Star")


EDITS: list[Callable[[LayerStack], LayerStack]] = [
    lambda s: s.move("Moon", dx=3, dy=-2),
    lambda s: s.resize("Moon", scale=2),
    lambda s: s.opacity("Moon", 0.25),
    lambda s: s.hide("Moon"),
    lambda s: s.rename("Moon", "Mond"),
    lambda s: s.delete("Moon"),
    lambda s: s.reorder("Moon", 0),
    lambda s: s.recolor("Moon", "teal"),
    lambda s: s.replace("Moon", np.full((2, 2, 4), 255, np.uint8)),
]


@pytest.mark.parametrize("edit", EDITS)
def test_untouched_layers_keep_their_identity(stack: LayerStack, edit: Callable[[LayerStack], LayerStack]) -> None:
    before = flatten(stack)
    edited = edit(stack)
    assert edited is not stack
    assert edited.metadata == stack.metadata
    assert edited.layers[:2] == stack.layers[:2]
    assert stack.find("Star") in list(iter_nodes(edited.layers))
    assert edited.layers[2].id == stack.layers[2].id
    assert np.array_equal(flatten(stack), before)


def test_move_a_layer_and_a_group(stack: LayerStack) -> None:
    assert stack.move("Headline", dx=-9, dy=2).find("Headline").offset == (-5, 6)  # type: ignore[union-attr]
    moved = stack.move("Icons", dx=1, dy=1)
    assert [layer.offset for layer in moved.walk()] == [(0, 0), (4, 4), (21, 5), (31, 5)]


def test_move_is_by_whole_pixels(stack: LayerStack) -> None:
    moved = stack.move(1, dx=2.0).find(1)  # type: ignore[arg-type]
    assert isinstance(moved, Layer)
    assert moved.offset[0] - stack.find(1).offset[0] == 2
    with pytest.raises(EditError, match=r"cannot move by 1\.5, 0; layers lie on whole pixels"):
        stack.move(1, dx=1.5)  # type: ignore[arg-type]


def test_resize_keeps_the_centre(stack: LayerStack) -> None:
    box = ink_box(stack.resize("Headline", scale=0.5).find("Headline"))  # type: ignore[arg-type]
    assert box == (6, 6, 10, 9)
    assert ink_box(stack.resize("Headline", size=(20, 10)).find("Headline")) == (-2, 2, 18, 12)  # type: ignore[arg-type]
    icons = stack.resize("Icons", scale=2)
    assert [ink_box(layer) for layer in icons.walk()][2:] == [(13, 2, 21, 10), (33, 2, 41, 10)]


def test_resize_has_no_fringes() -> None:
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[5:15, 5:15] = (255, 0, 0, 255)
    for scale in (0.37, 1.9):
        layer = LayerStack(size=(20, 20), layers=(Layer(pixels=pixels),)).resize(0, scale=scale).layers[0]
        inked = layer.pixels[layer.pixels[..., 3] > 0]  # type: ignore[union-attr]
        assert (inked[:, 0] >= 254).all()
        assert (inked[:, 1:3] == 0).all()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"scale": 0},
        {"scale": -1},
        {"scale": float("nan")},
        {"scale": 1e9},
        {"size": (0, 3)},
        {"scale": 1, "size": (3, 3)},
    ],
)
def test_resize_refuses_nonsense(stack: LayerStack, arguments: dict) -> None:
    with pytest.raises(EditError):
        stack.resize("Headline", **arguments)


def test_opacity_hide_show_delete(stack: LayerStack) -> None:
    assert flatten(stack.opacity("Headline", 0.5))[5, 5].tolist() == [225, 140, 140, 255]
    hidden = stack.hide("Icons")
    assert flatten(hidden)[5, 21].tolist() == [250, 250, 250, 255]
    assert np.array_equal(flatten(hidden.show("Icons")), flatten(stack))
    assert np.array_equal(flatten(hidden), flatten(stack.delete("Icons")))
    with pytest.raises(EditError, match="from 0 "):
        stack.opacity("Headline", 1.5)
    with pytest.raises(EditError):
        stack.opacity("Headline", float("nan"))


def test_reorder(stack: LayerStack) -> None:
    assert [n.name for n in stack.reorder("Headline", 0).layers] == ["Headline", "Background", "Icons"]
    assert [n.name for n in stack.reorder(0, 2).layers] == ["Headline", "Icons", "Background"]
    inner = stack.reorder("Moon", 0).layers[2]
    assert [n.name for n in inner.layers] == ["Moon", "Star"]  # type: ignore[union-attr]
    with pytest.raises(EditError, match=r"0 \(bottom\) to 1"):
        stack.reorder("Moon", 2)


@pytest.mark.parametrize("start", [(200, 30, 30), (0, 0, 0), (255, 255, 255), (128, 128, 128), (3, 3, 3)])
@pytest.mark.parametrize("goal", ["#208050", "black", "white", (1, 2, 250)])
def test_recolor_reaches_the_colour(start: tuple[int, ...], goal: str | tuple[int, int, int]) -> None:
    stack = LayerStack(size=(4, 4), layers=(solid((*start, 77), (4, 4)),))
    pixels = stack.recolor(0, goal).layers[0].pixels  # type: ignore[union-attr]
    assert (pixels == [*parse_colour(goal), 77]).all()


def test_recolor_keeps_shading_and_alpha() -> None:
    ramp = np.zeros((1, 101, 4), np.uint8)
    ramp[0, :, 0] = np.arange(100, 201)
    ramp[0, :, 3] = np.arange(101) + 100
    stack = LayerStack(size=(101, 1), layers=(Layer(pixels=ramp),))
    pixels = stack.recolor(0, "#2060c0").layers[0].pixels  # type: ignore[union-attr]
    lightness = to_oklab(pixels[0, :, :3].astype(np.float32) / 255)[:, 0]
    assert (np.diff(lightness) >= -1e-3).all()
    assert lightness[-1] - lightness[0] > 0.1
    assert np.array_equal(pixels[..., 3], ramp[..., 3])
    assert (pixels[0, :, 2] > pixels[0, :, 0]).all()


def test_replace_fits(stack: LayerStack) -> None:
    picture = np.full((10, 20, 4), (1, 2, 3, 255), np.uint8)
    boxes = {
        fit: ink_box(stack.replace("Headline", picture, fit=fit).find("Headline"))  # type: ignore[arg-type]
        for fit in ("contain", "cover", "stretch", "none")
    }
    assert boxes == {
        "contain": (4, 5, 12, 9),
        "cover": (4, 4, 12, 10),
        "stretch": (4, 4, 12, 10),
        "none": (-2, 2, 18, 12),
    }
    replaced = stack.replace("Icons", picture)
    assert isinstance(replaced.layers[2], Layer)
    assert replaced.layers[2].id == stack.layers[2].id


def test_background_replaces_or_adds(stack: LayerStack) -> None:
    teal = stack.background("teal")
    assert len(teal) == 3
    assert teal.layers[0].id == stack.layers[0].id
    assert flatten(teal)[0, 0].tolist() == [0, 128, 128, 255]
    added = stack.delete("Background").background(np.full((3, 3, 4), (9, 8, 7, 255), np.uint8))
    assert len(added) == 3
    assert flatten(added)[29, 39].tolist() == [9, 8, 7, 255]
    assert added.layers[0].name == "Background"


@pytest.mark.parametrize("value", ["", "no colour", "#12", (1, 2), (1, 2, 300), (1, 2, 3.5), ("a", "b", "c"), None])
def test_colours_are_refused(value: object) -> None:
    with pytest.raises(UsageError, match="is not a colour; write #rrggbb"):
        parse_colour(value)  # type: ignore[arg-type]


def test_oklab_round_trip() -> None:
    rgb = np.random.default_rng(0).random((100, 3), np.float32)
    assert np.abs(from_oklab(to_oklab(rgb)) - rgb).max() < 1e-4
    assert np.allclose(to_oklab(np.ones((1, 3), np.float32)), [1, 0, 0], atol=1e-3)
