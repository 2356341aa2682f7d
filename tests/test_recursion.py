"""Splitting a layer of a stack again: what changes, what stays, and that the composite is the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from layerize.errors import EditError, LayerizeWarning, UsageError
from layerize.models import layer_model
from layerize.models.layer_model import LayerModel
from layerize.predictors import LayerPredictor
from layerize.recursion import as_group, layer_to_split, put_in_place
from layerize.splitter import Splitter, over_ground, recompose_error
from layerize.stack import Group, Layer, LayerStack, flatten


@pytest.fixture(scope="module")
def splitter() -> Splitter:
    torch.manual_seed(0)
    return Splitter(LayerPredictor(LayerModel(layer_model.tiny()).eval(), "tiny", torch.device("cpu")))


def noise(size: tuple[int, int], seed: int) -> np.ndarray:
    """Random colours with transparent, translucent and opaque bands."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 4), np.uint8)
    pixels[: size[1] // 4, :, 3] = 0
    pixels[size[1] // 2 :, :, 3] = 255
    return pixels


@pytest.fixture
def stack() -> LayerStack:
    inner = Layer(pixels=noise((40, 48), 1), name="Logo", offset=(-3, 5), opacity=0.5, blend="multiply")
    deep = Group(name="Deep", layers=(inner, Layer(pixels=noise((9, 9), 2), name="Dot")))
    return LayerStack(
        size=(64, 64),
        layers=(Layer(pixels=noise((64, 64), 3), name="Ground"), Group(name="Icons", layers=(deep,), opacity=0.7)),
        metadata={"source": "x.png", "recompose_error": 0},
    )


def alone(node: Layer | Group, size: tuple[int, int]) -> np.ndarray:
    """What a layer or group shows by itself, without its opacity and blend mode."""
    return flatten(LayerStack(size=size, layers=(replace(node, opacity=1.0, blend="normal", visible=True),)))


@pytest.mark.parametrize("ref", ["Ground", "Logo", 0])
def test_the_group_shows_what_the_layer_showed(splitter: Splitter, stack: LayerStack, ref: str | int) -> None:
    old = stack.find(ref)
    after = splitter.split_layer(stack, ref, layers=3)
    new = after.find(old.id)
    assert isinstance(new, Group)
    assert len(new.layers) > 1
    assert (new.name, new.opacity, new.visible) == (old.name, old.opacity, old.visible)
    assert new.blend == ("multiply" if old.name == "Logo" else "pass-through")
    assert recompose_error(alone(old, stack.size), alone(new, stack.size)) <= 1
    assert recompose_error(flatten(stack), flatten(after)) <= 2
    others = [layer for layer in stack.walk() if layer.id != old.id]
    assert all(any(layer is kept for kept in after.walk()) for layer in others)
    assert after.metadata == {"source": "x.png"}


def test_to_any_depth(splitter: Splitter, stack: LayerStack) -> None:
    before = alone(stack.find("Ground"), stack.size)
    once = splitter.split_layer(stack, "Ground", layers=2)
    twice = splitter.split_layer(once, "Ground base", layers=2)
    again = twice.find("Ground base")
    assert isinstance(again, Group)
    assert any(member is again for member in twice.find("Ground").layers)  # type: ignore[union-attr]
    assert recompose_error(before, alone(twice.find("Ground"), stack.size)) <= 2
    names = [layer.name for layer in twice.walk()]
    assert len(set(names)) == len(names)


def test_depth_within_one_call_keeps_the_composite(splitter: Splitter, stack: LayerStack) -> None:
    after = splitter.split_layer(stack, "Logo", layers=3, depth=2)
    assert recompose_error(flatten(stack), flatten(after)) <= 2


def test_what_cannot_be_split_stays_and_is_told(splitter: Splitter, stack: LayerStack) -> None:
    dot = stack.with_layers((*stack.layers, Layer(pixels=noise((3, 3), 5), name="Speck")))
    empty = dot.with_layers((*dot.layers, Layer(pixels=np.zeros((20, 20, 4), np.uint8), name="Nothing")))
    for name in ("Speck", "Nothing"):
        with pytest.warns(LayerizeWarning, match=f"layer '{name}' stays one layer: nothing was found in it"):
            assert splitter.split_layer(empty, name, layers=3) is empty


def test_refusals(splitter: Splitter, stack: LayerStack) -> None:
    with pytest.raises(UsageError, match="'Icons' is a group already; name one of its layers: 'Logo', 'Dot'"):
        splitter.split_layer(stack, "Icons")
    with pytest.raises(EditError, match=r"there is no layer 'Lego'; the stack has 'Logo'"):
        splitter.split_layer(stack, "Lego")
    with pytest.raises(UsageError, match="layers 0: must be"):
        splitter.split_layer(stack, "Dot", layers=0)
    with pytest.raises(UsageError, match="it has no layers"):
        layer_to_split(LayerStack(size=(2, 2), layers=(Group(layers=(), name="Empty"),)), "Empty")


def test_live_text_is_lost_with_a_word(splitter: Splitter) -> None:
    stack = LayerStack(size=(32, 32), layers=(Layer(pixels=noise((32, 32), 7), name="Hi", text={"content": "Hi"}),))
    with pytest.warns(LayerizeWarning, match="the live text of layer 'Hi' is lost"):
        splitter.split_layer(stack, "Hi", layers=2)


def test_names_of_parts_stay_clear_of_others() -> None:
    layer = Layer(pixels=noise((4, 4), 0), name="Star", offset=(10, 20))
    parts = [Layer(pixels=noise((4, 4), k), name=name) for k, name in enumerate(["Background", "Star", "Ring", "Ring"])]
    group = as_group(layer, parts, {"Ring", "Star base"})
    assert [part.name for part in group.layers] == ["Star base 2", "Star 2", "Ring 2", "Ring 3"]
    assert [part.offset for part in group.layers] == [(10, 20)] * 4  # type: ignore[union-attr]
    stack = LayerStack(size=(30, 30), layers=(layer,))
    assert put_in_place(stack, layer, group).layers == (group,)


@pytest.mark.parametrize(("ink", "ground"), [((250, 250, 250), 0), ((5, 5, 5), 255), ((0, 0, 200), 255)])
def test_the_model_sees_white_ink_on_a_dark_ground(ink: tuple[int, int, int], ground: int) -> None:
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[5:15, 5:15] = (*ink, 255)
    seen = over_ground(pixels)
    assert seen[0, 0].tolist() == [ground] * 3
    assert seen[10, 10].tolist() == list(ink)
