"""The data model refuses what no later step could make sense of, and its pixels cannot be changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from layerize.stack import Group, Layer, LayerStack

PIXELS = np.zeros((2, 3, 4), np.uint8)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pixels": np.zeros((2, 3, 3), np.uint8)}, r"uint8 of shape \(H, W, 4\), got uint8 \(2, 3, 3\)"),
        ({"pixels": np.zeros((2, 3, 4))}, "got float64"),
        ({"opacity": 1.1}, "opacity must be in 0..1, got 1.1"),
        ({"opacity": float("nan")}, "opacity must be in 0..1"),
        ({"blend": "dissolve"}, "blend mode 'dissolve' is unknown; use one of normal, multiply"),
        ({"offset": (1.5, 0)}, r"offset must be two whole numbers, got \(1\.5, 0\)"),
        ({"offset": (1, 2, 3)}, "offset must be two whole numbers"),
        ({"blend": "pass-through"}, "blend mode 'pass-through' is unknown"),
    ],
)
def test_bad_layers(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layer(**{"pixels": PIXELS, **fields})


def test_bad_groups_and_stacks() -> None:
    with pytest.raises(ValueError, match="opacity"):
        Group(layers=(), opacity=-0.1)
    with pytest.raises(ValueError, match="unknown"):
        Group(layers=(), blend="add")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="canvas must be at least 1x1, got 0x5"):
        LayerStack(size=(0, 5))


def test_numpy_integers_are_offsets() -> None:
    offset = Layer(pixels=PIXELS, offset=(np.int64(-4), np.uint8(5))).offset  # type: ignore[arg-type]
    assert offset == (-4, 5)
    assert type(offset[0]) is int


def test_a_stack_can_be_looked_at() -> None:
    plain = Layer(pixels=PIXELS, name="Star", offset=(4, -1))
    changed = Layer(pixels=PIXELS, name="Glow", opacity=0.5, blend="screen", visible=False)
    stack = LayerStack(size=(9, 8), layers=(plain, Group(layers=(changed,), name="Lights")))
    assert repr(stack) == (
        "LayerStack(9x8, [Layer('Star', 3x2 at (4, -1)), "
        "Group('Lights', [Layer('Glow', 3x2 at (0, 0), opacity 0.5, screen, hidden)])])"
    )


def test_pixels_are_read_only() -> None:
    layer = Layer(pixels=PIXELS.copy())
    with pytest.raises(ValueError, match="read-only"):
        layer.pixels[0, 0, 0] = 1
    assert layer.size == (3, 2)


def test_walk_opens_groups_bottom_to_top() -> None:
    layers = [Layer(pixels=PIXELS, name=str(i)) for i in range(4)]
    stack = LayerStack(size=(3, 2), layers=[layers[0], Group(layers=[layers[1], Group(layers=[layers[2]])]), layers[3]])  # type: ignore[arg-type]
    assert list(stack.walk()) == layers
    assert len(stack) == 3
    assert len({layer.id for layer in layers}) == 4
