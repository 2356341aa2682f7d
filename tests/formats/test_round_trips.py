"""Every lossless format and every pair of formats: what goes in comes back, however odd."""

from __future__ import annotations

import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stack_strategies import BLENDS, names, same, stacks

from layerize.errors import LayerizeWarning
from layerize.formats import FORMATS, load, read_image, save
from layerize.stack import Group, Layer, LayerStack, flatten

READABLE = [extension for extension, chosen in FORMATS.items() if chosen.load is not None]
WRITABLE = [extension for extension, chosen in FORMATS.items() if chosen.save is not None]
LOSSLESS = [extension for extension in READABLE if extension in WRITABLE and extension not in (".tif", ".psb")]
"""Both ways; ``.tif`` and ``.psb`` are ``.tiff`` and ``.psd`` by another name."""


def quiet_save(stack: LayerStack, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerizeWarning)
        save(stack, path)


def equal(one: LayerStack, other: LayerStack) -> bool:
    """Canvas, tree, names, ids, opacity, modes, places, text, metadata and every pixel that can be seen."""
    return (
        one.size == other.size
        and one.metadata == other.metadata
        and len(one) == len(other)
        and all(map(same, one.layers, other.layers))
    )


def dot(**fields: Any) -> Layer:
    return Layer(pixels=np.array([[[200, 30, 90, 77]]], np.uint8), **fields)


def rich() -> LayerStack:
    """A stack that uses everything: nested groups, all modes, text in several scripts, far and off-canvas layers."""
    rng = np.random.default_rng(0)
    layers = [
        Layer(pixels=rng.integers(1, 256, (5, 7, 4), np.uint8), name=f"Ebene {mode}", blend=mode, offset=(n - 6, 3 - n))
        for n, mode in enumerate(BLENDS)
    ]
    words = dot(name="عنوان 日本 😀", text={"content": "Grüße & <b>"}, visible=False, offset=(-500, 900))
    inner = Group(name="Inneres", layers=(*layers[5:9], words), opacity=0.25, blend="multiply")
    outer = Group(name="外", layers=(layers[4], inner, Group(name="Leer", layers=())), visible=True)
    metadata = {"source": "x.png", "model": {"name": "default", "seed": 1, "steps": 4}, "note": "日本"}
    return LayerStack(size=(20, 15), layers=(*layers[:4], outer, *layers[9:]), metadata=metadata)


RICH = rich()


@pytest.mark.parametrize("extension", LOSSLESS)
@settings(max_examples=12, deadline=None)
@given(stack=stacks(), name=names)
def test_random_stacks(extension: str, stack: LayerStack, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("trip") / f"x{extension}"
    stack = LayerStack(size=stack.size, layers=stack.layers, metadata={"caption": name})
    quiet_save(stack, path)
    assert equal(load(path), stack)


@pytest.mark.parametrize("extension", LOSSLESS)
@pytest.mark.parametrize(
    "stack",
    [
        LayerStack(size=(7, 5)),
        LayerStack(size=(1, 1), layers=(dot(),)),
        LayerStack(size=(9, 9), layers=tuple(dot(name=f"Punkt {n}", offset=(n % 20, n // 20)) for n in range(300))),
        LayerStack(size=(30_000, 20), layers=(dot(offset=(29_999, 19)), dot(offset=(-40, 3)))),
        LayerStack(size=(20, 30_000), layers=(dot(offset=(0, 29_999)), dot(offset=(5, 31_000)))),
        LayerStack(size=(30_000, 2), layers=(Layer(pixels=np.full((2, 30_000, 4), 99, np.uint8)),)),
        RICH,
    ],
    ids=["no layers", "one pixel", "300 layers", "wide", "tall", "wide layer", "everything"],
)
def test_odd_stacks(extension: str, stack: LayerStack, tmp_path: Path) -> None:
    quiet_save(stack, tmp_path / f"x{extension}")
    assert equal(load(tmp_path / f"x{extension}"), stack)


@pytest.mark.parametrize(("source", "target"), [pair for pair in product(LOSSLESS, WRITABLE) if pair[0] != pair[1]])
def test_every_pair(source: str, target: str, tmp_path: Path) -> None:
    """``layerize convert A B``: nothing is lost on the way between lossless formats, the picture not in the others."""
    quiet_save(RICH, tmp_path / f"a{source}")
    middle = load(tmp_path / f"a{source}")
    quiet_save(middle, tmp_path / f"b{target}")
    if target in READABLE:
        assert equal(load(tmp_path / f"b{target}"), RICH)
    elif target != ".pptx":  # test_pptx.py looks into it
        first = read_image(tmp_path / f"b{target}").pixels
        assert first.shape == (15, 20, 4)


@pytest.mark.parametrize("extension", [extension for extension in WRITABLE if extension not in (".layers", ".zip")])
def test_what_is_lost_is_told_at_most_once(extension: str, tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        save(RICH, tmp_path / f"x{extension}")
    assert len([warning for warning in told if issubclass(warning.category, LayerizeWarning)]) <= 2
    texts = [str(warning.message) for warning in told]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("extension", LOSSLESS)
@settings(max_examples=8, deadline=None)
@given(offset=st.tuples(st.integers(-(2**20), 2**20), st.integers(-(2**20), 2**20)), opacity=st.floats(0, 1))
def test_far_places_and_any_opacity(
    extension: str, offset: tuple[int, int], opacity: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("far") / f"x{extension}"
    stack = LayerStack(size=(4, 4), layers=(dot(offset=offset, opacity=opacity), dot()))
    quiet_save(stack, path)
    assert equal(load(path), stack)
    assert np.array_equal(flatten(load(path)), flatten(stack))
