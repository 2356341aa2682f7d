"""The manifest folder: lossless round trips, and one clear sentence for everything that can be wrong in one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image
from stack_strategies import same, stacks

from layerize.errors import InputError, LimitError, OutputError
from layerize.formats import load
from layerize.formats.manifest import save_folder
from layerize.stack import Group, Layer, LayerStack, flatten


def sample() -> LayerStack:
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 256, (8, 10, 4), np.uint8)
    inner = Group(
        name="Ikonen 日本", blend="multiply", layers=(Layer(pixels=pixels, offset=(-4, 5), name="", opacity=0.3),)
    )
    return LayerStack(
        size=(20, 16),
        layers=(
            Layer(pixels=pixels, name="Background"),
            Group(layers=(inner, Group(layers=(), name="empty")), visible=False),
        ),
        metadata={
            "source": "poster.png",
            "licence": "CC0",
            "caption": "Zwölf Boxkämpfer",
            "model": {"name": "tiny", "seed": 3, "steps": 8, "more": [1.5, None]},
            "recompose_error": 0,
            "prompt": "a poster",
        },
    )


@settings(max_examples=40, deadline=None)
@given(stacks())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, stack: LayerStack) -> None:
    path = tmp_path_factory.mktemp("manifest") / "out"
    for crop in (True, False):
        save_folder(stack, path, crop=crop)
        back = load(path)
        assert back.size == stack.size
        assert len(back) == len(stack)
        assert all(same(a, b) for a, b in zip(back.layers, stack.layers, strict=True))
        assert np.array_equal(flatten(back), flatten(stack))


def test_metadata_text_and_composite(tmp_path: Path) -> None:
    stack = sample()
    stack = stack.with_layers(
        (Layer(pixels=stack.layers[0].pixels, text={"content": "Hallo 日本", "size": 12.5}), *stack.layers[1:])
    )  # type: ignore[union-attr]
    stack.save(tmp_path / "out")
    back = load(tmp_path / "out" / "manifest.json")
    assert back.metadata == stack.metadata
    assert back.layers[0].text == {"content": "Hallo 日本", "size": 12.5}  # type: ignore[union-attr]
    composite = np.asarray(Image.open(tmp_path / "out" / "composite.png").convert("RGBA"))
    assert np.array_equal(composite, flatten(stack))


def test_the_file_is_what_the_design_says(tmp_path: Path) -> None:
    sample().save(tmp_path / "out")
    data = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert data["version"] == 1
    assert data["size"] == [20, 16]
    assert data["composite"] == "composite.png"
    assert data["licence"] == "CC0"
    assert data["extra"] == {"prompt": "a poster"}
    assert set(data["layers"][0]) == {"id", "name", "image", "offset", "opacity", "blend", "visible", "group", "text"}
    assert [layer["image"] for layer in data["layers"]] == ["layers/00.png", "layers/01.png"]
    assert data["layers"][1]["group"] == data["groups"][1]["id"]
    assert [group["name"] for group in data["groups"]] == ["Group", "Ikonen 日本", "empty"]


def test_cropping_keeps_the_ink(tmp_path: Path) -> None:
    pixels = np.zeros((50, 60, 4), np.uint8)
    pixels[20:25, 30:37] = 200
    stack = LayerStack(size=(60, 50), layers=(Layer(pixels=pixels), Layer(pixels=np.zeros((9, 9, 4), np.uint8))))
    stack.save(tmp_path / "out")
    back = load(tmp_path / "out").layers
    assert [(layer.offset, layer.size) for layer in back] == [((30, 20), (7, 5)), ((0, 0), (1, 1))]  # type: ignore[union-attr]


def test_many_layers_keep_their_order(tmp_path: Path) -> None:
    stack = LayerStack(
        size=(9, 9), layers=tuple(Layer(pixels=np.full((1, 1, 4), 255, np.uint8), name=str(i)) for i in range(120))
    )
    stack.save(tmp_path / "out")
    assert [layer.name for layer in load(tmp_path / "out").walk()] == [str(i) for i in range(120)]
    assert (tmp_path / "out" / "layers" / "119.png").exists()


def test_a_folder_of_the_users_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    sample().save(target)  # empty: fine
    sample().save(target)  # ours: fine
    (target / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds files that are not layerize's"):
        sample().save(target)
    assert (target / "notes.txt").exists()


def test_a_saved_stack_without_hand_written_extras_reads(tmp_path: Path) -> None:
    folder = tmp_path / "hand"
    folder.mkdir()
    Image.new("L", (3, 3), 200).save(folder / "a.png")
    layer = {"id": "a", "name": "grey", "image": "a.png"}
    (folder / "manifest.json").write_text(json.dumps({"version": 1, "size": [5, 5], "layers": [layer]}))
    stack = load(folder)
    assert stack.metadata == {}
    assert flatten(stack)[0, 0].tolist() == [200, 200, 200, 255]


@pytest.mark.parametrize(
    "value",
    [
        {"x": object()},
        {"source": 3},
        {"recompose_error": -1},
        {"model": "tiny"},
        {"x": np.ones(2)},
        {"x": float("nan")},
        {"model": {"loss": float("inf")}},
    ],
)
def test_metadata_that_does_not_fit_is_refused(value: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="the stack's metadata cannot be written"):
        LayerStack(size=(2, 2), metadata=value).save(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_one_layer_twice_is_refused(tmp_path: Path) -> None:
    layer = Layer(pixels=np.zeros((1, 1, 4), np.uint8), id="x")
    with pytest.raises(OutputError, match="two layers have the id 'x'"):
        LayerStack(size=(2, 2), layers=(layer, Group(layers=(layer,)))).save(tmp_path / "out")


def test_a_file_name_that_is_no_text_can_be_saved(tmp_path: Path) -> None:
    """Python shows bytes of a name that are not UTF-8 as lone surrogates, which JSON cannot hold."""
    LayerStack(size=(2, 2), metadata={"source": "poster\udcff.png"}).save(tmp_path / "out")
    assert load(tmp_path / "out").metadata["source"] == "poster?.png"


def test_groups_may_not_be_nested_beyond_any_recursion(tmp_path: Path) -> None:
    def write(depth: int) -> None:
        groups = [{"id": f"g{i}", "name": "g", "parent": f"g{i - 1}" if i else None} for i in range(depth)]
        text = json.dumps({"version": 1, "size": [2, 2], "layers": [], "groups": groups})
        (tmp_path / "manifest.json").write_text(text)

    write(100)
    flatten(load(tmp_path))
    write(101)
    with pytest.raises(InputError, match="the group 'g100' lies more than 100 groups deep"):
        load(tmp_path)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"version": 1, "size": [3, 2], "layers": []}', encoding="utf-8-sig")
    assert load(tmp_path).size == (3, 2)


Change = Callable[[dict[str, Any]], Any]


def swap(data: dict[str, Any], path: str, value: Any) -> None:
    *parts, last = path.split(".")
    inner: Any = data
    for part in parts:
        inner = inner[int(part)] if part.isdigit() else inner[part]
    inner[last] = value


BAD: dict[str, tuple[Change, str]] = {
    "version": (lambda d: swap(d, "version", 2), "version is 2; input should be 1"),
    "no version": (lambda d: d.pop("version"), "version is missing; add it"),
    "zero size": (lambda d: swap(d, "size", [0, 16]), r"size\[0\] is 0; input should be greater than or equal to 1"),
    "size of text": (lambda d: swap(d, "size", ["20", 16]), r"size\[0\] is '20'; input should be a valid integer"),
    "three sides": (lambda d: swap(d, "size", [1, 2, 3]), "size is "),
    "huge offset": (lambda d: swap(d, "layers.0.offset", [2**40, 0]), r"layers\[0\]\.offset\[0\] is 1099511627776"),
    "opacity": (lambda d: swap(d, "layers.0.opacity", 1.5), r"layers\[0\]\.opacity is 1\.5; input should be less than"),
    "blend": (
        lambda d: swap(d, "layers.0.blend", "dissolve"),
        r"layers\[0\]\.blend is 'dissolve'; input should be 'normal'",
    ),
    "group blend on a layer": (lambda d: swap(d, "layers.0.blend", "pass-through"), "'pass-through'; input should be"),
    "misspelt key": (
        lambda d: swap(d, "layers.0.opacty", 1),
        r"unknown key 'opacty' at layers\[0\]\.opacty; .*'opacity'",
    ),
    "misspelt top key": (lambda d: swap(d, "license", "x"), "unknown key 'license' at license; .*'licence'"),
    "same ids": (lambda d: swap(d, "layers.1.id", d["layers"][0]["id"]), "is used twice; every layer"),
    "unknown group": (lambda d: swap(d, "layers.0.group", "g9"), "is in the group 'g9', which is not in groups"),
    "circle": (lambda d: swap(d, "groups.0.parent", d["groups"][1]["id"]), "contains itself"),
    "absolute path": (lambda d: swap(d, "layers.0.image", "/etc/passwd"), "must be relative and stay in the folder"),
    "upward path": (
        lambda d: swap(d, "layers.0.image", "layers/../../x.png"),
        "must be relative and stay in the folder",
    ),
    "drive": (lambda d: swap(d, "layers.0.image", "C:/x.png"), "must use '/' and name no drive"),
    "backslash": (lambda d: swap(d, "layers.0.image", "..\\x.png"), "must use '/' and name no drive"),
    "NUL": (lambda d: swap(d, "layers.0.image", "a\0.png"), "must use '/' and name no drive"),
    "composite path": (
        lambda d: swap(d, "composite", "../composite.png"),
        "composite: the path '../composite.png' must be",
    ),
    "missing file": (lambda d: swap(d, "layers.0.image", "layers/77.png"), r"layers/77\.png: no such file"),
    "a folder": (lambda d: swap(d, "layers.0.image", "layers"), "is a folder; give a file"),
    "not a PNG": (lambda d: swap(d, "layers.0.image", "manifest.json"), "give a PNG file"),
    "not a list": (lambda d: swap(d, "layers", {}), "layers is {}; input should be a valid"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_manifests(case: str, tmp_path: Path) -> None:
    change, message = BAD[case]
    sample().save(tmp_path / "out")
    file = tmp_path / "out" / "manifest.json"
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))
    with pytest.raises(InputError, match=message) as error:
        load(tmp_path / "out")
    assert str(tmp_path / "out") in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "broken JSON, EOF while parsing a value at line 1 column 0"),
        ('{"version": 1,\n "size": [1, 2],\n "layers": [}', "broken JSON, .* at line 3 column 13"),
        ("[]", r"the document is \[\]; input should be an object"),
        ('{"version": NaN}', "version is nan"),
        ("[" * 5000, "broken JSON"),
        ("\x00\x01", "broken JSON"),
    ],
)
def test_broken_json(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=message):
        load(tmp_path)


def test_links_may_not_leave_the_folder(tmp_path: Path) -> None:
    sample().save(tmp_path / "out")
    Image.new("RGBA", (3, 3)).save(tmp_path / "secret.png")
    image = tmp_path / "out" / "layers" / "00.png"
    image.unlink()
    image.symlink_to(tmp_path / "secret.png")
    with pytest.raises(InputError, match="leads out of the folder through a link"):
        load(tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "layers")
    (tmp_path / "out" / "layers").symlink_to(tmp_path)
    with pytest.raises(InputError, match="leads out of the folder"):
        load(tmp_path / "out")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample().save(tmp_path / "out")
    assert len(load(tmp_path / "out", max_pixels=20 * 16)) == 2
    with pytest.raises(LimitError, match="the canvas: 20x16 pixels"):
        load(tmp_path / "out", max_pixels=319)
    Image.new("1", (4000, 4000)).save(tmp_path / "out" / "layers" / "01.png")
    with pytest.raises(LimitError, match=r"layers/01\.png: 4000x4000 pixels .*raise --max-pixels"):
        load(tmp_path / "out", max_pixels=400)
    monkeypatch.setattr("layerize.formats.manifest.STACK_BUDGET", 1)
    LayerStack(size=(5, 5), layers=sample().layers).save(tmp_path / "two")
    with pytest.raises(LimitError, match=r"more than 1 times 0\.00012 megapixels together"):
        load(tmp_path / "two", max_pixels=120)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no manifest\.json"):
        load(tmp_path)
