"""Order, groups, copies and merging."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from edit_scenes import differing, noise, scene
from hypothesis import given, settings
from stack_strategies import stacks

from layerize.errors import EditError, LayerizeWarning
from layerize.stack import Group, Layer, LayerStack, flatten, iter_nodes
from layerize.stack.convert import premultiply, to_float


def apart(one: LayerStack, other: LayerStack) -> float:
    """The largest difference of the composites, premultiplied, in levels of 255."""
    a, b = (np.rint(premultiply(to_float(flatten(stack))) * 255) for stack in (one, other))
    return float(np.abs(a - b).max())


def test_a_copy_shares_pixels_and_has_new_ids() -> None:
    stack = scene()
    twice = stack.duplicate("Badge")
    assert [n.name for n in twice.layers] == ["Background", "Disc", "Veil", "Badge", "Badge copy", "Corner"]
    ids = [n.id for n in iter_nodes(twice.layers)]
    assert len(set(ids)) == len(ids)
    assert twice.layers[4].layers[0].pixels is stack.layers[3].layers[0].pixels  # type: ignore[union-attr]
    assert twice.duplicate("Badge").layers[4].name == "Badge copy 2"
    assert twice.duplicate("Disc", name="D").layers[2].name == "D"


def test_group_keeps_order_and_takes_the_place_of_the_topmost() -> None:
    stack = scene().group(["Corner", "Disc"], name="Both")
    assert [n.name for n in stack.layers] == ["Background", "Veil", "Badge", "Both"]
    assert [n.name for n in stack.layers[3].layers] == ["Disc", "Corner"]  # type: ignore[union-attr]
    inner = scene().group(["Plate", "Mark"], name="Inner").find("Badge")
    assert [n.name for n in inner.layers] == ["Inner", "Dot"]  # type: ignore[union-attr]


def test_grouping_neighbours_and_ungrouping_changes_nothing() -> None:
    stack = scene()
    grouped = stack.group(["Disc", "Veil"])
    assert not differing(stack, grouped).any()
    again = grouped.ungroup("Group")
    assert again.layers == stack.layers, "the same objects"


@pytest.mark.parametrize(
    ("refs", "message"),
    [
        ([], "no layer is named"),
        (["Disc", "Disc"], "'Disc' is named twice"),
        (["Disc", "Plate"], "'Disc' and 'Plate' lie in different groups"),
        (["Disc", "Disk"], "there is no layer 'Disk'; the stack has 'Disc'"),
    ],
)
def test_group_and_merge_refuse(refs: list[str], message: str) -> None:
    for edit in (scene().group, scene().merge):
        with pytest.raises(EditError, match=message):
            edit(refs)


def test_ungroup_hands_opacity_and_visibility_down() -> None:
    stack = scene()
    apart_now = stack.ungroup("Badge")
    assert apart_now.find("Plate").opacity == pytest.approx(0.8)
    assert not stack.hide("Badge").ungroup("Badge").find("Plate").visible
    with pytest.raises(EditError, match="'Disc' is a layer; only groups"):
        stack.ungroup("Disc")


def test_ungroup_says_when_a_blend_mode_is_lost() -> None:
    stack = scene().blend("Badge", "multiply")
    with pytest.warns(LayerizeWarning, match="blend mode 'multiply' of the group 'Badge' is lost"):
        stack.ungroup("Badge")
    single = scene().group(["Disc"], name="G").blend("G", "screen").ungroup("G")
    assert single.find("Disc").blend == "screen"


def test_merge_of_a_group_is_one_layer_of_the_same_picture() -> None:
    stack = scene().blend("Mark", "normal")
    merged = stack.merge(["Badge"])
    layer = merged.find("Badge")
    assert isinstance(layer, Layer)
    assert layer.id == stack.find("Badge").id
    assert apart(stack, merged) <= 1
    assert layer.offset[0] + layer.size[0] > stack.size[0], "what lies off the canvas is kept"
    # Where the rest can no longer be told from the merged layers, moving shows that nothing else came along.
    assert apart(stack.move("Badge", dx=-20), merged.move("Badge", dx=-20)) <= 1


def test_merge_with_all_that_lies_below_takes_any_blend_mode() -> None:
    stack = scene()
    for mode in ("multiply", "hue", "color-burn", "difference"):
        blended = stack.blend("Veil", mode)
        merged = blended.merge(["Background", "Disc", "Veil"], name="Ground")
        assert apart(blended, merged) <= 1
        assert len(merged) == 3


@pytest.mark.parametrize("mode", ["multiply", "screen"])
def test_layers_that_all_multiply_or_all_screen_can_be_merged(mode: str) -> None:
    stack = scene().blend("Veil", mode).blend("Corner", mode).move("Corner", dx=20, dy=15).reorder("Corner", 3)
    merged = stack.merge(["Veil", "Corner"])
    assert merged.find("Corner").blend == mode
    assert apart(stack, merged) <= 1


def test_merge_says_when_blend_modes_make_it_impossible() -> None:
    stack = scene()
    with pytest.raises(
        EditError, match=r"merging would change the picture by up to \d+/255: 'Veil' blends as 'multiply'"
    ):
        stack.merge(["Disc", "Veil"])
    with pytest.warns(LayerizeWarning, match=r"merging changed the picture by up to \d+/255"):
        assert len(stack.merge(["Disc", "Veil"], exact=False)) == 4


def test_merge_says_when_something_lies_between() -> None:
    stack = scene().blend("Veil", "normal")
    with pytest.raises(EditError, match="'Veil' lies between them"):
        stack.move("Corner", dx=20, dy=18).merge(["Disc", "Corner"])
    free = stack.move("Veil", dx=20, dy=10)
    assert apart(free, free.merge(["Disc", "Corner"])) <= 1, "what lies between touches neither"


@pytest.mark.parametrize(
    ("refs", "message"),
    [(["Disc"], "one layer already"), (["Disc", "Veil"], "'Veil' is hidden"), (["Empty", "Void"], "there is no ink")],
)
def test_merge_refuses(refs: list[str], message: str) -> None:
    empty = tuple(Layer(pixels=np.zeros((2, 2, 4), np.uint8), name=name) for name in ("Empty", "Void"))
    stack = scene().hide("Veil")
    with pytest.raises(EditError, match=message):
        stack.with_layers((*stack.layers, *empty)).merge(refs)


def test_merge_in_a_hidden_group_is_checked_as_if_it_were_shown() -> None:
    hidden = scene().hide("Badge")
    with pytest.raises(EditError, match="'Mark' blends as 'screen'"):
        hidden.blend("Mark", "screen").merge(["Mark", "Dot"])


@settings(max_examples=40, deadline=None)
@given(stacks())
def test_a_merge_that_is_not_refused_keeps_the_picture(stack: LayerStack) -> None:
    refs = [node.id for node in stack.layers[:2] if node.visible]
    if not refs:
        return
    try:
        merged = stack.merge(refs)
    except EditError:
        return
    assert (
        apart(stack.with_layers(stack.layers[:2]), merged.with_layers(merged.layers[: len(merged) - len(stack) + 2]))
        <= 1
    )


def test_groups_take_pass_through_and_layers_do_not() -> None:
    stack = scene().blend("Badge", "normal").blend("Badge", "pass-through")
    assert stack.find("Badge").blend == "pass-through"
    with pytest.raises(EditError, match="'Disc' cannot blend as 'pass-through'; use one of normal, "):
        stack.blend("Disc", "pass-through")


def test_delete_the_last_member_leaves_an_empty_group() -> None:
    group = Group(layers=(Layer(pixels=noise((2, 2), 0), name="Only"),), name="G")
    stack = LayerStack(size=(4, 4), layers=(group,)).delete("Only")
    assert stack.layers[0].layers == ()  # type: ignore[union-attr]
    assert replace(stack).delete("G").layers == ()
