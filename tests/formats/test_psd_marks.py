"""Ids, live text and metadata in a PSD: they come back, unless another program has changed the layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psd_tools import PSDImage
from psd_tools.constants import Resource

from layerize.errors import OutputError
from layerize.formats import load
from layerize.stack import Group, Layer, LayerStack


def solid(**fields: Any) -> Layer:
    return Layer(pixels=np.full((6, 6, 4), (9, 80, 200, 255), np.uint8), **fields)


@pytest.fixture
def stack() -> LayerStack:
    words = solid(name="日本 <b>&", opacity=1 / 3, text={"content": "Olá & <x>", "size": 12.5})
    return LayerStack(
        size=(8, 8),
        layers=(solid(name="Ground"), Group(name="Words", layers=(words,), opacity=0.123)),
        metadata={"source": "é.png", "model": {"name": "default", "seed": 3}},
    )


@pytest.fixture
def path(stack: LayerStack, tmp_path: Path) -> Path:
    stack.save(tmp_path / "x.psd")
    return tmp_path / "x.psd"


def rewritten(path: Path, change: Any) -> LayerStack:
    """The file after psd-tools has opened, changed and saved it."""
    document = PSDImage.open(path)
    change(document)
    document.save(path)
    return load(path)


def test_they_come_back_exactly(path: Path, stack: LayerStack) -> None:
    back = load(path)
    assert back.metadata == stack.metadata
    assert [layer.text for layer in back.walk()] == [layer.text for layer in stack.walk()]
    assert [node.id for node in back.layers] == [node.id for node in stack.layers]
    assert [node.opacity for node in (*back.layers, *back.walk())] == [
        node.opacity for node in (*stack.layers, *stack.walk())
    ]


def test_also_as_an_element_as_adobe_writes_it(path: Path, stack: LayerStack) -> None:
    def as_element(document: PSDImage) -> None:
        resource = document._record.image_resources[Resource.XMP_METADATA]
        text = resource.data.decode()
        start = text.index(' layerize:stack="') + len(' layerize:stack="')
        notes = text[start : text.index('"', start)]
        element = f"><layerize:stack>{notes}</layerize:stack></rdf:Description>"
        resource.data = text.replace(f' layerize:stack="{notes}" />', element).encode()
        assert b"<layerize:stack>" in resource.data

    assert rewritten(path, as_element).metadata == stack.metadata


def test_a_changed_opacity_wins(path: Path, stack: LayerStack) -> None:
    back = rewritten(path, lambda document: setattr(document[0], "opacity", 100))
    assert back.layers[0].opacity == 100 / 255
    assert back.layers[0].id == stack.layers[0].id
    assert back.layers[1].opacity == 0.123


@pytest.mark.parametrize(
    "change",
    [
        lambda document: setattr(document[0], "name", "Renamed"),
        lambda document: document[1].move_down(),
        lambda document: document.remove(document[0]),
        lambda document: document._record.image_resources.pop(Resource.XMP_METADATA),
        lambda document: setattr(document._record.image_resources[Resource.XMP_METADATA], "data", b"urn:layerize:1 <"),
        lambda document: setattr(
            document._record.image_resources[Resource.XMP_METADATA],
            "data",
            document._record.image_resources[Resource.XMP_METADATA].data.replace(b"&quot;version&quot;: 1", b"[}"),
        ),
    ],
)
def test_notes_on_other_layers_are_not_trusted(path: Path, stack: LayerStack, change: Any) -> None:
    back = rewritten(path, change)
    assert back.metadata == {}
    ids = {node.id for node in (*stack.layers, *stack.walk())}
    assert not ids & {node.id for node in (*back.layers, *back.walk())}


def test_no_layers_are_no_layers(tmp_path: Path) -> None:
    LayerStack(size=(5, 4)).save(tmp_path / "x.psd")
    assert load(tmp_path / "x.psd").layers == ()


@pytest.mark.parametrize("extension", [".psd", ".ora", ".svg"])
def test_what_is_no_json_is_refused(tmp_path: Path, extension: str) -> None:
    for value in (float("nan"), object()):
        with pytest.raises(OutputError, match="cannot be written as JSON"):
            LayerStack(size=(5, 4), metadata={"x": value}).save(tmp_path / f"x{extension}")
    assert list(tmp_path.iterdir()) == []
