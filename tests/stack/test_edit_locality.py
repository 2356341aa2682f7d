"""The promise of layers: an edit changes its own pixels, what they cover and what they uncover, and nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from edit_scenes import differing, noise, region, scene
from hypothesis import given, settings
from hypothesis import strategies as st
from stack_strategies import stacks

from layerize.errors import LayerizeWarning
from layerize.stack import Layer, LayerStack, iter_nodes
from layerize.stack import edit as edits

Edit = Callable[[LayerStack, str], LayerStack]

# Every edit of one layer or group, applied to each of TARGETS.
LOCAL: dict[str, Edit] = {
    "move": lambda s, t: s.move(t, dx=7, dy=-3),
    "resize": lambda s, t: s.resize(t, scale=1.6, about="bottom-left"),
    "rotate": lambda s, t: s.rotate(t, 33, about="top"),
    "flip": lambda s, t: s.flip(t, "vertical"),
    "opacity": lambda s, t: s.opacity(t, 0.3),
    "blend": lambda s, t: s.blend(t, "difference"),
    "hide": lambda s, t: s.hide(t),
    "show": lambda s, t: s.hide(t).show(t).opacity(t, 0.5),
    "delete": lambda s, t: s.delete(t),
    "duplicate": lambda s, t: s.duplicate(t, name="Twin").move("Twin", dx=-4, dy=2),
    "recolor": lambda s, t: s.recolor(t, "teal"),
    "hue": lambda s, t: s.hue(t, 100),
    "tint": lambda s, t: s.tint(t, "lime", amount=0.8),
    "duotone": lambda s, t: s.duotone(t, "navy", "gold"),
    "palette": lambda s, t: s.palette(t, ["navy", "gold"]),
    "brightness": lambda s, t: s.brightness(t, 0.5),
    "contrast": lambda s, t: s.contrast(t, -0.5),
    "saturation": lambda s, t: s.saturation(t, -1),
    "curves": lambda s, t: s.curves(t, [(0, 60), (255, 180)]),
    "replace": lambda s, t: s.replace(t, noise((30, 20), 9), fit="cover"),
    "shadow": lambda s, t: s.shadow(t, dx=2, dy=3, blur=4),
    "outline": lambda s, t: s.outline(t, width=2),
    "shadow baked": lambda s, t: s.shadow(t, dx=2, dy=3, blur=4, bake=True),
    "outline baked": lambda s, t: s.outline(t, width=2, bake=True),
    "feather": lambda s, t: s.feather(t, 3),
    "grow": lambda s, t: s.grow(t, 2),
    "shrink": lambda s, t: s.grow(t, -1.5),
    "clean_edge": lambda s, t: s.clean_edge(t, width=1, shrink=0.5, floor=0.4),
}
# These change the order or the tree, or the canvas as a whole; tests for them are below and in their own files.
ELSEWHERE = {"find", "rename", "reorder", "group", "ungroup", "merge", "crop", "extend", "relayout", "background"}
TARGETS = ("Disc", "Veil", "Badge", "Plate", "Dot", "Corner")


def test_every_edit_is_tested_here_or_named() -> None:
    names = {name.split()[0].replace("shrink", "grow") for name in LOCAL}
    assert names | ELSEWHERE == set(edits.__all__) - {"Ref"}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", LOCAL)
def test_only_the_target_and_what_it_covers_or_uncovers_changes(name: str, target: str) -> None:
    stack = scene()
    edited = LOCAL[name](stack, target)
    before = {node.id: node for node in iter_nodes(stack.layers)}
    own = set(iter_nodes([stack.find(target)]))
    around = {
        g for g in before.values() if any(stack.find(target) in iter_nodes([m]) for m in getattr(g, "layers", ()))
    }
    new = [node for node in iter_nodes(edited.layers) if before.get(node.id) is not node and _leaf(node)]
    changed = differing(stack, edited)
    allowed = region(list(own), stack.size) | region(new, stack.size)
    assert not (changed & ~allowed).any(), f"{(changed & ~allowed).sum()} pixels elsewhere changed"
    for node in before.values():
        if node not in own and node not in around:
            assert edited.find(node.id) is node, f"{node.name} is another object"
    assert edited.metadata == stack.metadata


@pytest.mark.parametrize("name", sorted(set(LOCAL) - {"show", "clean_edge"}))
def test_each_edit_shows(name: str) -> None:
    stack = scene()
    assert differing(stack, LOCAL[name](stack, "Veil")).any()


@pytest.mark.parametrize("name", LOCAL)
def test_layers_without_ink_survive_every_edit(name: str) -> None:
    empty = Layer(pixels=np.zeros((3, 3, 4), np.uint8), name="Empty", offset=(4, 4))
    stack = scene()
    stack = stack.with_layers((*stack.layers, empty))
    edited = LOCAL[name](stack, "Empty")
    if name != "replace":  # an empty layer has no box: the picture then fits the canvas
        assert not differing(stack, edited).any()


def _leaf(node: object) -> bool:
    return isinstance(node, Layer)


@pytest.mark.parametrize("target", TARGETS)
def test_rename_changes_no_pixel(target: str) -> None:
    stack = scene()
    renamed = stack.rename(target, "Other")
    assert not differing(stack, renamed).any()
    assert renamed.find("Other").id == stack.find(target).id


def test_reorder_changes_only_where_it_now_covers_or_is_covered() -> None:
    stack = scene()
    for place in range(5):
        changed = differing(stack, stack.reorder("Disc", place))
        assert not (changed & ~region([stack.find("Disc")], stack.size)).any()


def test_background_changes_only_where_it_is_seen() -> None:
    stack = scene()
    opaque = Layer(pixels=noise((20, 10), 5, alpha=255), name="Opaque", offset=(30, 4))
    stack = stack.with_layers((*stack.layers, opaque))
    for value in ("teal", "linear-gradient(red, blue)", noise((7, 9), 6)):
        edited = stack.background(value)
        assert not (differing(stack, edited) & region([opaque], stack.size)).any()
        assert edited.layers[1:] == stack.layers[1:], "all other layers are the same objects"


@settings(max_examples=60, deadline=None)
@given(stacks(), st.sampled_from(sorted(LOCAL)), st.integers(0, 100))
def test_any_edit_of_anything_is_local(stack: LayerStack, name: str, pick: int) -> None:
    nodes = list(iter_nodes(stack.layers))
    if not nodes:
        return
    target = nodes[pick % len(nodes)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerizeWarning)
        edited = LOCAL[name](stack, target.id)
    known = set(nodes)
    new = [node for node in iter_nodes(edited.layers) if node not in known and isinstance(node, Layer)]
    allowed = region([target], stack.size) | region(new, stack.size)
    assert not (differing(stack, edited) & ~allowed).any()
