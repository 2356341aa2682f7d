"""From trees with blend modes to plain layers: the composite stays, the ways of baking are chosen as documented."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from design_stacks import SIZE, block, ground, noise, patch, stack_of

from layerize.data.bake import bake
from layerize.data.normalise import worst_difference
from layerize.data.placed import plain, to_stack
from layerize.stack import Group, Layer, LayerStack, flatten
from layerize.stack.layer import BLEND_MODES

SEE_THROUGH = (200, 40, 30, 180)


def error_of(stack: LayerStack) -> int:
    placed, _ = bake(stack)
    assert all(item.layer.blend == "normal" and item.layer.opacity == 1 for item in placed)
    return worst_difference(flatten(to_stack(placed, stack.size)), flatten(stack))


def whys(stack: LayerStack) -> list[str]:
    return [f"{step['action']} {step['layer']}: {step['why']}" for step in bake(stack)[1]]


@pytest.mark.parametrize("mode", BLEND_MODES)
@pytest.mark.parametrize("below", [ground(), ground(noise(*SIZE)), patch("Patch", (10, 200, 90, 120), (0, 0), 30)])
def test_every_blend_mode_becomes_plain_layers_with_the_same_composite(mode: str, below: Layer) -> None:
    soft = Layer(pixels=noise(30, 24, 1, alpha=True), offset=(4, 6), blend=mode, opacity=0.7, name="Soft")  # type: ignore[arg-type]
    above = patch("Above", (0, 0, 0, 90), (20, 12))
    assert error_of(stack_of(below, soft, above)) <= 1


def test_a_blend_that_makes_no_difference_is_normal() -> None:
    black = replace(patch("Shadow", (0, 0, 0, 120)), blend="multiply")
    placed, history = bake(stack_of(ground(noise(*SIZE)), black))
    assert (placed[1].layer.pixels == black.pixels).all()
    assert history[-1]["why"] == "multiply is the same as normal here"


@pytest.mark.parametrize(("mode", "colour", "alpha"), [("multiply", 0, 100), ("screen", 255, 100)])
def test_a_grey_multiply_or_screen_is_black_or_white_whatever_lies_below(mode: str, colour: int, alpha: int) -> None:
    grey = 55 if mode == "multiply" else 200
    shade = Layer(pixels=block(20, 20, (grey, grey, grey, 128)), blend=mode, name="Shade")  # type: ignore[arg-type]
    placed, _ = bake(stack_of(ground(noise(*SIZE)), shade))
    assert (placed[1].layer.pixels == [colour, colour, colour, alpha]).all()
    assert error_of(stack_of(ground(noise(*SIZE)), shade)) <= 1


def test_light_over_everything_goes_into_the_layers_below_hidden_parts_too() -> None:
    light = Layer(pixels=block(*SIZE, (250, 160, 90, 60)), blend="soft-light", name="Light")
    picture = ground(noise(*SIZE))
    card = patch("Card", (90, 90, 200, 255), (10, 10))
    placed, history = bake(stack_of(picture, card, light))
    assert [item.layer.name for item in placed] == ["Ground", "Card"]
    assert "drawn into the layers below" in history[-1]["why"]
    under_card = placed[0].layer.pixels[10:26, 10:26] != picture.pixels[10:26, 10:26]
    assert under_card.any()
    assert error_of(stack_of(picture, card, light)) <= 1


def test_a_thing_that_blends_keeps_its_shape_as_a_layer() -> None:
    logo = replace(patch("Logo", (200, 20, 20, 255)), blend="multiply")
    placed, history = bake(stack_of(ground(noise(*SIZE)), logo))
    assert [item.layer.name for item in placed] == ["Ground", "Logo"]
    assert (placed[1].layer.pixels[..., 3] == 255).all()
    assert "takes the colours" in history[-1]["why"]


def test_hidden_empty_and_outside_layers_go_and_what_sticks_out_is_cut() -> None:
    inner = Group(layers=(patch("In a hidden group", SEE_THROUGH),), name="Off", visible=False)
    stack = stack_of(
        ground(),
        replace(patch("Hidden", SEE_THROUGH), visible=False),
        inner,
        patch("Empty", (9, 9, 9, 0)),
        patch("Outside", SEE_THROUGH, (100, 0)),
        replace(patch("Faded", SEE_THROUGH), opacity=0.0),
        patch("Corner", SEE_THROUGH, (-8, -8)),
    )
    placed, _ = bake(stack)
    assert [item.layer.name for item in placed] == ["Ground", "Corner"]
    assert placed[1].box == (0, 0, 8, 8)
    assert whys(stack) == [
        "dropped Hidden: hidden",
        "dropped Off: hidden",
        "dropped Empty: has no pixels",
        "dropped Outside: lies outside the canvas",
        "dropped Faded: its opacity is 0",
        "cropped Corner: stuck out of the canvas",
    ]


@pytest.mark.parametrize("blend", ["pass-through", "normal", "multiply"])
@pytest.mark.parametrize("opacity", [1.0, 0.5])
@pytest.mark.parametrize("overlap", [True, False])
def test_groups_are_opened_where_that_changes_nothing(blend: str, opacity: float, overlap: bool) -> None:
    members = (patch("One", SEE_THROUGH, (4, 4)), patch("Two", (0, 90, 250, 200), (10, 10) if overlap else (30, 10)))
    stack = stack_of(ground(noise(*SIZE)), Group(layers=members, blend=blend, opacity=opacity, name="G"))  # type: ignore[arg-type]
    placed, _ = bake(stack)
    opened = blend != "multiply" and (opacity == 1 or not overlap)
    assert [item.layer.name for item in placed] == ["Ground", *(["One", "Two"] if opened else ["G"])]
    assert error_of(stack) <= 1


def test_an_isolated_group_keeps_its_blend_modes_to_itself() -> None:
    members = (
        patch("One", (250, 250, 90, 255)),
        replace(patch("Two", (90, 160, 250, 255), (12, 12)), blend="difference"),
    )
    stack = stack_of(ground(noise(*SIZE)), Group(layers=members, blend="normal", name="G"))
    assert [item.layer.name for item in bake(stack)[0]] == ["Ground", "One", "Two"]
    assert error_of(stack) <= 1


def test_members_remember_their_groups() -> None:
    inner = Group(layers=(patch("Leaf", SEE_THROUGH),), name="Inner", id="inner")
    placed, _ = bake(stack_of(ground(), Group(layers=(inner,), name="Outer", id="outer")))
    assert [item.groups for item in placed] == [(), ("outer", "inner")]


def test_plain_puts_the_opacity_into_alpha_and_clears_unseen_colours() -> None:
    pixels = np.array([[[9, 8, 7, 200], [9, 8, 7, 0]]], np.uint8)
    result = plain(Layer(pixels=pixels, opacity=0.5, blend="screen"))
    assert result.pixels.tolist() == [[[9, 8, 7, 100], [0, 0, 0, 0]]]
    assert (result.opacity, result.blend) == (1.0, "normal")
