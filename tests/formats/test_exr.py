"""OpenEXR: round trips, the numbers that a compositor sees, refusals."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noise_layers import noise, quiet_save
from stack_strategies import same, stacks

from layerize.errors import InputError, LayerizeError, LayerizeWarning, LimitError, MissingExtraError, OutputError
from layerize.formats import load
from layerize.formats.exr import from_linear, to_linear
from layerize.stack import Group, Layer, LayerStack, flatten


@settings(max_examples=40, deadline=None)
@given(stacks())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, stack: LayerStack) -> None:
    path = tmp_path_factory.mktemp("exr") / "x.exr"
    quiet_save(stack, path)
    back = load(path)
    assert all(same(a, b) for a, b in zip(back.layers, stack.layers, strict=True))
    assert back.size == stack.size
    assert np.array_equal(flatten(back), flatten(stack))


def test_every_colour_and_alpha_comes_back() -> None:
    """Sixteen bits are enough for all 65,280 pairs of an 8-bit level and an alpha above 0."""
    level, alpha = np.meshgrid(np.arange(256), np.arange(1, 256))
    pixels = np.stack([level, level, level, alpha], axis=2).astype(np.uint8)
    assert np.array_equal(from_linear(to_linear(pixels)), pixels)


def test_what_is_no_number_becomes_zero() -> None:
    wild = np.array([[[np.nan, np.inf, -1, 1], [0.5, 0.5, 0.5, np.nan]]], np.float16)
    assert from_linear(wild).tolist() == [[[0, 255, 0, 255], [0, 0, 0, 0]]]


def test_a_compositor_sees_premultiplied_linear_light(tmp_path: Path) -> None:
    pixels = np.full((2, 3, 4), (255, 188, 0, 128), np.uint8)
    layers = (noise(0, name="Ground"), Layer(pixels=pixels, name="日本", offset=(-2, 5)), noise(1, name="Ground"))
    LayerStack(size=(9, 7), layers=layers).save(tmp_path / "x.exr")
    file = OpenEXR.File(str(tmp_path / "x.exr"), separate_channels=True)
    assert [part.name() for part in file.parts] == ["Ground", "日本", "Ground 2"]
    part = file.parts[1]
    assert sorted(part.channels) == ["A", "B", "G", "R"]
    assert all(channel.pixels.dtype == np.float16 for channel in part.channels.values())
    seen = [float(part.channels[name].pixels[0, 0]) for name in "RGBA"]
    # Half of full red; 188 is sRGB for half the light (0.5029), premultiplied a quarter.
    assert np.allclose(seen, [128 / 255, 0.5029 * 128 / 255, 0, 128 / 255], atol=3e-4)
    assert [corner.tolist() for corner in part.header["dataWindow"]] == [[-2, 5], [0, 6]]
    assert [corner.tolist() for corner in part.header["displayWindow"]] == [[0, 0], [8, 6]]
    assert part.header["compression"] == OpenEXR.ZIP_COMPRESSION


def test_names_that_openexr_cannot_hold(tmp_path: Path) -> None:
    layers = (noise(0, name=""), noise(1, name="a\0b"), noise(2, name="Layer"), noise(3, name=""))
    LayerStack(size=(9, 7), layers=layers).save(tmp_path / "x.exr")
    parts = OpenEXR.File(str(tmp_path / "x.exr"), header_only=True).parts
    assert [part.name() for part in parts] == ["Layer", "a\ufffdb", "Layer 2", "Layer 3"]
    assert [layer.name for layer in load(tmp_path / "x.exr").walk()] == ["", "a\0b", "Layer", ""]


def test_other_programs_see_plain_parts_and_the_user_is_told_once(tmp_path: Path) -> None:
    group = Group(layers=(noise(0, blend="multiply"), noise(1, visible=False, text={"content": "x"})))
    with pytest.warns(
        LayerizeWarning, match="OpenEXR has no place for groups, blend modes, hidden layers and live"
    ) as told:
        LayerStack(size=(9, 7), layers=(group,), metadata={"caption": "x"}).save(tmp_path / "x.exr")
    assert len(told) == 1
    back = load(tmp_path / "x.exr")
    assert back.metadata == {"caption": "x"}
    assert [layer.text for layer in back.walk()] == [None, {"content": "x"}]


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {"RGB": np.zeros((4, 4, 3), np.float16)}).write(str(tmp_path / "x.exr"))
    with pytest.raises(InputError, match="is not an OpenEXR with layers that layerize has written"):
        load(tmp_path / "x.exr")
    (tmp_path / "x.exr").write_bytes(b"hello")
    with pytest.raises(InputError, match="the OpenEXR is damaged"):
        load(tmp_path / "x.exr")


def test_moved_parts_are_refused(tmp_path: Path) -> None:
    LayerStack(size=(9, 7), layers=(noise(0), noise(1, offset=(2, 3)))).save(tmp_path / "x.exr")
    file = OpenEXR.File(str(tmp_path / "x.exr"), separate_channels=False)
    parts = [
        OpenEXR.Part(
            {**part.header, "dataWindow": file.parts[0].header["dataWindow"]}, dict(part.channels), part.name()
        )
        for part in file.parts
    ]
    OpenEXR.File(parts).write(str(tmp_path / "y.exr"))
    with pytest.raises(InputError, match="another program has changed it"):
        load(tmp_path / "y.exr")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LayerStack(size=(9, 7), layers=(noise(0), noise(1), noise(2))).save(tmp_path / "x.exr")
    with pytest.raises(LimitError, match="9x7 pixels"):
        load(tmp_path / "x.exr", max_pixels=62)
    monkeypatch.setattr("layerize.formats.budget.STACK_BUDGET", 2)
    with pytest.raises(LimitError, match="more than 2 times"):
        load(tmp_path / "x.exr", max_pixels=63)


def test_what_openexr_refuses_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"x\.exr: OpenEXR cannot write it \(.*x\.exr.*data window.*choose another"):
        LayerStack(size=(9, 7), layers=(noise(0, offset=(2**31 - 100, 0)),)).save(tmp_path / "x.exr")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LayerStack(size=(9, 7)).save(tmp_path / "x.exr")
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(MissingExtraError, match=r"Reading OpenEXR files needs the package OpenEXR.*\[exchange\]"):
        load(tmp_path / "x.exr")
    with pytest.raises(MissingExtraError, match="Writing OpenEXR files"):
        LayerStack(size=(9, 7)).save(tmp_path / "y.exr")


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_damaged_files_never_raise_anything_else(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "x.exr"
    LayerStack(size=(9, 7), layers=(noise(0), noise(1, 3, 3))).save(path)
    content = bytearray(path.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content))) if data.draw(st.booleans()) else len(content)
    path.write_bytes(content[:cut])
    try:
        load(path, max_pixels=10_000)
    except LayerizeError:
        return
