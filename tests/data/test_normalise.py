"""Samples: what changes nothing goes, counts come down to the limit, the picture stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from design_stacks import SIZE, block, ground, noise, patch, poster, stack_of
from hypothesis import given, settings
from hypothesis import strategies as st

from layerize.data.contribution import contributions, drop_unseen
from layerize.data.merge_down import merge_down
from layerize.data.normalise import MERGES, normalise, worst_difference
from layerize.data.placed import Placed
from layerize.stack import Group, Layer, flatten, levels
from layerize.stack.layer import BLEND_MODES, LayerStack


def names(stack: LayerStack) -> list[str]:
    return [layer.name for layer in stack.walk()]


def alone(layers: tuple[Layer, ...]) -> list[Placed]:
    return [Placed(layer=layer) for layer in layers]


def test_a_plain_stack_stays_as_it_is() -> None:
    sample = normalise(poster())
    assert names(sample.stack) == ["Ground", "Card", "Red dot", "Blue dot", "Line"]
    assert (sample.error, sample.elements, sample.history) == (0, 5, ())
    assert (sample.composite == flatten(poster())).all()


def test_hidden_pixels_stay_below_what_covers_them() -> None:
    sample = normalise(poster())
    ground_layer = next(sample.stack.walk())
    assert ground_layer.size == SIZE
    assert (ground_layer.pixels[..., 3] == 255).all()


@pytest.mark.parametrize(
    ("nodes", "kept", "why"),
    [
        ([patch("Under", (9, 9, 9, 255)), patch("Over", (90, 9, 9, 255))], ["Ground", "Over"], "is wholly covered"),
        ([patch("Same", (200, 180, 160, 255))], ["Ground"], "has the colours of what lies below it"),
        ([patch("A", (9, 9, 9, 255)), patch("B", (9, 9, 9, 255))], ["Ground", "B"], "is wholly covered"),
    ],
)
def test_what_changes_nothing_goes(nodes: list[Layer], kept: list[str], why: str) -> None:
    sample = normalise(stack_of(ground(), *nodes))
    assert names(sample.stack) == kept
    assert [step["why"] for step in sample.history] == [why]
    assert sample.error == 0


def test_a_layer_that_is_partly_covered_and_partly_of_the_same_colour_goes_too() -> None:
    same = Layer(pixels=block(20, 8, (200, 180, 160, 255)), name="Same", offset=(0, 0))
    red = np.concatenate([same.pixels[:, :10], block(10, 8, (250, 0, 0, 255))], axis=1)
    layers = (ground(), Layer(pixels=red, name="Half red"), patch("Cover", (0, 0, 0, 255), (10, 0), 10))
    kept, gone = drop_unseen(alone(layers), SIZE)
    assert [item.layer.name for item in kept] == ["Ground", "Cover"]
    assert gone == [("Half red", "changes nothing in the picture")]


def test_contributions_agree_with_taking_each_layer_out() -> None:
    layers = tuple(
        Layer(pixels=noise(20, 20, seed, alpha=True), offset=(seed * 4, seed * 3 - 4), name=str(seed))
        for seed in range(5)
    )
    canvas = stack_of(ground(), *layers)
    found = contributions(list(canvas.walk()), SIZE)
    whole = flatten(canvas).astype(int)
    for index, fact in enumerate(found[1:], 1):
        without = flatten(canvas.with_layers([*canvas.layers[:index], *canvas.layers[index + 1 :]])).astype(int)
        assert abs(int(np.abs(whole - without).max()) - fact.change) <= 1


@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_merging_stops_at_the_limit_and_spares_the_background(most: int) -> None:
    sample = normalise(poster(), max_layers=most)
    assert len(sample.stack) == most
    assert sample.error <= 1
    if most > 1:
        assert (next(sample.stack.walk()).pixels == poster().layers[0].pixels).all()  # type: ignore[union-attr]
    assert sample.history[-1]["action"] == "merged"


def test_groups_merge_before_strangers() -> None:
    left, right = patch("Left", (9, 9, 9, 255), (2, 2), 6), patch("Right", (99, 9, 9, 255), (50, 30), 6)
    near = patch("Near left", (9, 99, 9, 255), (10, 2), 6)
    stack = stack_of(ground(), Group(layers=(left, right), name="Pair"), near)
    sample = normalise(stack, max_layers=3)
    assert sample.history[-1]["layer"] == "Left; Right"


def test_a_layer_moves_only_past_what_it_does_not_overlap() -> None:
    below, between, above = (patch(name, colour, (x, 4), 12) for name, colour, x in _three())
    placed, merged = merge_down(alone((ground(), below, between, above)), SIZE, 3)
    picture = flatten(LayerStack(size=SIZE, layers=tuple(item.layer for item in placed)))
    assert (picture == flatten(stack_of(ground(), below, between, above))).all()
    assert merged in ([["Below", "Between"]], [["Between", "Above"]])


def _three() -> list[tuple[str, tuple[int, int, int, int], int]]:
    return [("Below", (200, 0, 0, 255), 4), ("Between", (0, 200, 0, 255), 10), ("Above", (0, 0, 200, 255), 16)]


def test_levels_make_one_layer_each() -> None:
    sample = normalise(poster(), merge="levels")
    assert len(sample.stack) == 3
    assert levels(sample.stack) == [0, 1, 2]
    assert sample.elements == 5
    text = [layer.text for layer in sample.stack.walk() if layer.text]
    assert text == [{"content": "Hello"}]


def test_without_merging_the_limit_is_not_applied() -> None:
    assert len(normalise(poster(), merge="none", max_layers=2).stack) == 5


def test_hundreds_of_layers_come_down() -> None:
    rng = np.random.default_rng(5)
    dots = [
        patch(f"Dot {i}", (i % 256, 90, 30, 200), (int(rng.integers(60)), int(rng.integers(44))), 4) for i in range(450)
    ]
    sample = normalise(stack_of(ground(), *dots), max_layers=12)
    assert len(sample.stack) == 12
    assert sample.error <= 1


def test_twice_used_ids_are_made_unique_and_names_found() -> None:
    one, two = replace(patch("", (200, 0, 0, 255)), id="x"), replace(patch("B", (0, 0, 200, 255), (30, 20)), id="x")
    stack = normalise(stack_of(ground(), one, two)).stack
    assert len({layer.id for layer in stack.walk()}) == 3
    assert names(stack)[1] == "Panel, red"


def test_a_stack_without_anything_visible_gives_no_layers() -> None:
    sample = normalise(stack_of(patch("Empty", (1, 2, 3, 0))))
    assert (len(sample.stack), sample.error) == (0, 0)


@st.composite
def trees(draw: st.DrawFn, depth: int = 2) -> Layer | Group:
    if depth and draw(st.booleans()):
        members = draw(st.lists(trees(depth=depth - 1), max_size=3))
        return Group(
            layers=tuple(members),
            blend=draw(st.sampled_from(["pass-through", "normal", "multiply"])),
            opacity=draw(st.sampled_from([1.0, 1.0, 0.5])),
            visible=draw(st.sampled_from([True, True, True, False])),
        )
    side = st.integers(1, 20)
    return Layer(
        pixels=noise(draw(side), draw(side), draw(st.integers(0, 99)), alpha=draw(st.booleans())),
        offset=(draw(st.integers(-10, 60)), draw(st.integers(-10, 44))),
        blend=draw(st.sampled_from(["normal", "normal", *BLEND_MODES])),
        opacity=draw(st.sampled_from([1.0, 0.3])),
        visible=draw(st.sampled_from([True, True, False])),
    )


@settings(max_examples=60, deadline=None)
@given(nodes=st.lists(trees(), max_size=5), merge=st.sampled_from(MERGES), most=st.integers(1, 6))
def test_any_tree_becomes_plain_layers_and_the_error_is_the_true_one(
    nodes: list[Layer | Group], merge: str, most: int
) -> None:
    stack = stack_of(*nodes)
    sample = normalise(stack, merge=merge, max_layers=most)  # type: ignore[arg-type]
    assert all(isinstance(node, Layer) and node.blend == "normal" and node.opacity == 1 for node in sample.stack.layers)
    assert merge == "none" or len(sample.stack) <= most
    fades = any(isinstance(node, Group) for node in stack.layers)  # a fading pass-through group may be refused
    assert fades or sample.error <= 1


def test_groups_of_the_author_can_become_layers() -> None:
    inner = Group(layers=(patch("Eye", (0, 0, 0, 255), (12, 12), 4),), name="Face")
    head = Group(layers=(patch("Skin", (240, 200, 160, 255)), inner), name="Head")
    stack = normalise(stack_of(ground(), head, patch("Ball", (200, 0, 0, 255), (40, 20), 8)), merge="groups").stack
    assert names(stack) == ["Ground", "Skin", "Ball"]


def test_the_difference_is_fair_to_faint_pixels_and_to_rounding() -> None:
    def pixel(*values: int) -> np.ndarray:
        return np.array([[values]], np.uint8)

    assert worst_difference(pixel(78, 102, 121, 240), pixel(78, 102, 120, 239)) == 1
    assert worst_difference(pixel(0, 0, 0, 1), pixel(200, 0, 0, 1)) == 1
    assert worst_difference(pixel(0, 0, 0, 0), pixel(0, 0, 0, 9)) == 9
    assert worst_difference(pixel(10, 0, 0, 255), pixel(60, 0, 0, 255)) == 50
