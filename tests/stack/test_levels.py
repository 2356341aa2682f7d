"""Levels: the definition, its laws, and that merging keeps the composite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from stack_strategies import stacks

from layerize.stack import Group, Layer, LayerStack, elements, flatten, levels, merge_levels


def box(x: int, y: int, width: int, height: int, **fields: object) -> Layer:
    pixels = np.random.default_rng(x * 7 + y).integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = 255
    return Layer(pixels=pixels, offset=(x, y), **fields)  # type: ignore[arg-type]


def test_definition() -> None:
    stack = LayerStack(
        size=(40, 40), layers=(box(0, 0, 40, 40), box(2, 2, 9, 9), box(20, 2, 9, 9), box(8, 8, 9, 9), box(30, 30, 9, 9))
    )
    assert levels(stack) == [0, 1, 1, 2, 1]
    merged = merge_levels(stack)
    assert len(merged) == 3
    assert np.array_equal(flatten(merged), flatten(stack))
    assert merged.layers[0] is stack.layers[0]
    assert merged.layers[2] is stack.layers[3]


def test_boxes_that_meet_without_pixels_that_meet_share_a_level() -> None:
    ring = np.zeros((20, 20, 4), np.uint8)
    ring[[0, -1]] = ring[:, [0, -1]] = 255
    stack = LayerStack(size=(20, 20), layers=(Layer(pixels=ring), box(5, 5, 4, 4)))
    assert levels(stack) == [0, 0]
    faint = ring.copy()
    faint[6, 6] = (0, 0, 0, 3)
    shadowed = stack.with_layers((Layer(pixels=faint), stack.layers[1]))
    assert levels(shadowed) == [0, 1]
    assert levels(shadowed, min_alpha=3) == [0, 1]
    assert levels(shadowed, min_alpha=4) == [0, 0]
    faintest = faint.copy()
    faintest[6, 6, 3] = 1
    assert levels(stack.with_layers((Layer(pixels=faintest), stack.layers[1]))) == [0, 1]


def test_what_is_outside_hidden_or_empty_is_no_element() -> None:
    stack = LayerStack(
        size=(9, 9),
        layers=(
            box(0, 0, 9, 9),
            box(9, 0, 5, 5),
            box(0, 0, 5, 5, visible=False),
            Layer(pixels=np.zeros((3, 3, 4), np.uint8)),
        ),
    )
    assert elements(stack) == [stack.layers[0]]
    assert levels(stack) == [0]


def test_groups_open_when_they_pass_through() -> None:
    members = (box(1, 1, 3, 3), box(2, 2, 3, 3))
    opened = LayerStack(size=(9, 9), layers=(box(0, 0, 9, 9), Group(layers=members)))
    assert levels(opened) == [0, 1, 2]
    faded = LayerStack(size=(9, 9), layers=(box(0, 0, 9, 9), Group(layers=members, opacity=0.5)))
    assert levels(faded) == [0, 1]
    assert np.abs(flatten(merge_levels(faded)).astype(int) - flatten(faded)).max() <= 1


def test_modes_of_one_level_stay_apart() -> None:
    stack = LayerStack(
        size=(30, 9),
        layers=(
            box(0, 0, 30, 9),
            box(0, 0, 5, 5, blend="multiply"),
            box(10, 0, 5, 5),
            box(20, 0, 5, 5, blend="multiply"),
        ),
    )
    merged = merge_levels(stack)
    assert [layer.blend for layer in merged.walk()] == ["normal", "multiply", "normal"]
    assert np.array_equal(flatten(merged), flatten(stack))


@settings(max_examples=60, deadline=None)
@given(stacks(("normal", "multiply"), ("normal",)))
def test_laws(stack: LayerStack) -> None:
    found, items = levels(stack), elements(stack)
    assert len(found) == len(items)
    masks = []
    for layer in items:
        canvas = flatten(LayerStack(size=stack.size, layers=(Layer(pixels=layer.pixels, offset=layer.offset),)))
        masks.append(canvas[..., 3] > 0)
    for index, mask in enumerate(masks):
        below = [found[i] for i in range(index) if (masks[i] & mask).any()]
        assert found[index] == (1 + max(below) if below else 0)
    before, after = (flatten(s).astype(float) for s in (stack, merge_levels(stack)))
    assert np.abs(before[..., 3] - after[..., 3]).max(initial=0) <= len(items) + 1
    visible = before[..., 3:] / 255
    assert np.abs((before - after)[..., :3] * visible).max(initial=0) <= len(items) + 1


def test_many_layers_are_quick() -> None:
    import time

    layers = tuple(box(7 * (i % 40), 7 * (i // 40), 6, 6) for i in range(800))
    start = time.perf_counter()
    assert set(levels(LayerStack(size=(280, 280), layers=(box(0, 0, 280, 280), *layers)))) == {0, 1}
    assert time.perf_counter() - start < 5


def test_min_alpha_is_respected_by_the_background() -> None:
    faint = np.full((5, 5, 4), 3, np.uint8)
    stack = LayerStack(size=(5, 5), layers=(Layer(pixels=faint), box(0, 0, 5, 5)))
    assert levels(stack) == [0, 1]
    assert levels(stack, min_alpha=9) == [0, 0]


@pytest.mark.parametrize("count", [0, 1])
def test_small_stacks(count: int) -> None:
    stack = LayerStack(size=(4, 4), layers=(box(0, 0, 4, 4),) * count)
    assert levels(stack) == [0] * count
    assert len(merge_levels(stack)) == count
