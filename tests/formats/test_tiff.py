"""Layered TIFF: round trips, what tifffile reads of our pages, refusals."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from noise_layers import noise, quiet_save
from stack_strategies import same, stacks

from layerize.errors import InputError, LayerizeError, LayerizeWarning, LimitError, MissingExtraError
from layerize.formats import load, read_image, write_image
from layerize.stack import Group, LayerStack, flatten


@settings(max_examples=40, deadline=None)
@given(stacks(), st.sampled_from([".tif", ".tiff"]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, stack: LayerStack, extension: str) -> None:
    path = tmp_path_factory.mktemp("tiff") / f"x{extension}"
    quiet_save(stack, path)
    back = load(path)
    assert all(same(a, b) for a, b in zip(back.layers, stack.layers, strict=True))
    assert back.size == stack.size
    assert np.array_equal(flatten(back), flatten(stack))


def test_metadata_and_live_text(tmp_path: Path) -> None:
    layer = noise(0, text={"content": "日本"})
    quiet_save(LayerStack(size=(9, 7), layers=(layer,), metadata={"caption": "日本", "n": [1]}), tmp_path / "x.tiff")
    back = load(tmp_path / "x.tiff")
    assert back.metadata == {"caption": "日本", "n": [1]}
    assert next(back.walk()).text == {"content": "日本"}


def test_tifffile_reads_pages_names_and_places(tmp_path: Path) -> None:
    layers = (noise(0, name="Ground"), noise(1, 3, 2, name="日本", offset=(-2, 5)), noise(2, 4, 4, offset=(6, -1)))
    LayerStack(size=(9, 7), layers=layers).save(tmp_path / "x.tiff")
    with tifffile.TiffFile(tmp_path / "x.tiff") as file:
        pages = list(file.pages)
        assert len(pages) == 3
        for page, layer, place in zip(pages, layers, [(2, 1), (0, 6), (8, 0)], strict=True):  # moved by (2, 1)
            assert np.array_equal(page.asarray(), layer.pixels)
            assert page.tags["PageName"].value == layer.name
            x, y = (page.tags[name].value for name in ("XPosition", "YPosition"))
            assert (x[0] * 72 / x[1], y[0] * 72 / y[1]) == place
            assert [int(value) for value in page.extrasamples] == [2]
            assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE


def test_other_programs_see_plain_pages_and_the_user_is_told_once(tmp_path: Path) -> None:
    group = Group(layers=(noise(0, blend="multiply", opacity=0.5), noise(1, visible=False)))
    with pytest.warns(LayerizeWarning) as told:
        LayerStack(size=(9, 7), layers=(group,)).save(tmp_path / "x.tiff")
    assert [str(warning.message) for warning in told] == [
        "TIFF has no place for groups, blend modes, opacity and hidden layers: other programs show every layer "
        "plainly; layerize reads them back."
    ]


def test_as_a_flat_picture_it_is_its_first_page(tmp_path: Path) -> None:
    LayerStack(size=(9, 7), layers=(noise(0), noise(1))).save(tmp_path / "x.tiff")
    flat = read_image(tmp_path / "x.tiff")
    assert np.array_equal(flat.pixels, noise(0).pixels)
    assert flat.note == "It has 2 pages; the first was taken."


def test_flat_tiffs_have_no_layers(tmp_path: Path) -> None:
    write_image(noise(0).pixels, tmp_path / "x.tiff")
    with pytest.raises(InputError, match="is a flat picture without layers; run 'layerize split'"):
        load(tmp_path / "x.tiff")
    (tmp_path / "x.tiff").write_bytes(b"hello")
    with pytest.raises(InputError, match="the TIFF is damaged"):
        load(tmp_path / "x.tiff")


def test_changed_files_are_refused(tmp_path: Path) -> None:
    LayerStack(size=(9, 7), layers=(noise(0), noise(1))).save(tmp_path / "x.tiff")
    tifffile.imwrite(tmp_path / "x.tiff", noise(2).pixels, append=True, photometric="rgb", extrasamples=["unassalpha"])
    with pytest.raises(InputError, match="another program has changed it"):
        load(tmp_path / "x.tiff")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LayerStack(size=(9, 7), layers=(noise(0),) * 1 + (noise(1), noise(2))).save(tmp_path / "x.tiff")
    with pytest.raises(LimitError, match="9x7 pixels"):
        load(tmp_path / "x.tiff", max_pixels=62)
    monkeypatch.setattr("layerize.formats.budget.STACK_BUDGET", 2)
    with pytest.raises(LimitError, match="more than 2 times"):
        load(tmp_path / "x.tiff", max_pixels=63)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(MissingExtraError, match=r"TIFF files needs the package tifffile.*layerize\[exchange\]"):
        LayerStack(size=(9, 7)).save(tmp_path / "x.tiff")
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_damaged_files_never_raise_anything_else(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "x.tiff"
    LayerStack(size=(9, 7), layers=(noise(0), noise(1, 3, 3))).save(path)
    content = bytearray(path.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content))) if data.draw(st.booleans()) else len(content)
    path.write_bytes(content[:cut])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            load(path, max_pixels=10_000)
        except LayerizeError:
            return
