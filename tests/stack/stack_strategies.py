"""Hypothesis strategies for random stacks, shared by the tests of stack and formats."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from hypothesis import strategies as st

from layerize.stack import BlendMode, Group, Layer, LayerStack

BLENDS = get_args(BlendMode)

opacities = st.integers(0, 255).map(lambda n: n / 255)
names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("日本語العربيةעברית한국어ไทย😀é"),
    min_size=1,
    max_size=12,
)


@st.composite
def pixel_arrays(draw: Any, max_side: int = 12) -> np.ndarray:
    """Random RGBA with random, binary, empty or opaque alpha; from 1x1."""
    width, height = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pixels = rng.integers(0, 256, (height, width, 4), np.uint8)
    match draw(st.sampled_from(["random", "binary", "empty", "opaque"])):
        case "binary":
            pixels[..., 3] = (pixels[..., 3] > 127) * 255
        case "empty":
            pixels[..., 3] = 0
        case "opaque":
            pixels[..., 3] = 255
    return pixels


@st.composite
def layers(draw: Any, blends: tuple[str, ...] = BLENDS) -> Layer:
    return Layer(
        pixels=draw(pixel_arrays()),
        name=draw(names),
        offset=(draw(st.integers(-15, 15)), draw(st.integers(-15, 15))),
        opacity=draw(opacities),
        blend=draw(st.sampled_from(blends)),
        visible=draw(st.sampled_from([True, True, True, False])),
    )


def nodes(blends: tuple[str, ...] = BLENDS, group_blends: tuple[str, ...] = ("pass-through", *BLENDS)) -> Any:
    def grouped(inner: Any) -> Any:
        return st.builds(
            Group,
            layers=st.lists(inner, max_size=3).map(tuple),
            name=names,
            opacity=opacities,
            blend=st.sampled_from(group_blends),
            visible=st.sampled_from([True, True, True, False]),
        )

    return st.recursive(layers(blends), grouped, max_leaves=6)


def stacks(blends: tuple[str, ...] = BLENDS, group_blends: tuple[str, ...] = ("pass-through", *BLENDS)) -> Any:
    return st.builds(
        LayerStack,
        size=st.tuples(st.integers(1, 14), st.integers(1, 14)),
        layers=st.lists(nodes(blends, group_blends), max_size=4).map(tuple),
    )


def same(one: Any, other: Any) -> bool:
    """Equal trees: names, numbers, ids and pixels (where alpha > 0)."""
    if isinstance(one, Group) != isinstance(other, Group):
        return False
    if (one.name, one.opacity, one.blend, one.visible, one.id) != (
        other.name,
        other.opacity,
        other.blend,
        other.visible,
        other.id,
    ):
        return False
    if isinstance(one, Group):
        return len(one.layers) == len(other.layers) and all(map(same, one.layers, other.layers))
    return ink(one) == ink(other) and one.text == other.text


def ink(layer: Layer) -> dict[tuple[int, int], bytes]:
    """Canvas position to RGBA of every pixel with alpha > 0."""
    rows, columns = np.nonzero(layer.pixels[..., 3])
    x, y = layer.offset
    return {(x + int(c), y + int(r)): layer.pixels[r, c].tobytes() for r, c in zip(rows, columns, strict=True)}
