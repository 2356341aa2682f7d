"""Reading XCF: every version's pointers, compressions, precisions and colour types; hostile files."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_xcf import XcfLayer, XcfWriter

from layerize.errors import InputError, LayerizeWarning, LimitError
from layerize.formats import load
from layerize.formats.xcf_read import load_xcf
from layerize.stack import Group, Layer, LayerStack

RNG = np.random.default_rng(7)


def rgba(height: int = 70, width: int = 90) -> np.ndarray:
    pixels = RNG.integers(0, 256, (height, width, 4), np.uint8)
    pixels[:20] = pixels[0, 0]  # long runs
    return pixels


def read(data: bytes, path: Path, name: str = "x.xcf") -> LayerStack:
    (path / name).write_bytes(data)
    return load_xcf(path / name)


@pytest.mark.parametrize("version", [0, 1, 2, 3, 8, 10, 11, 13, 22])
@pytest.mark.parametrize("compression", [0, 1, 2])
def test_pixels_come_back(version: int, compression: int, tmp_path: Path) -> None:
    pixels = rgba()
    top = XcfLayer(rgba(5, 4)[..., :3].copy(), "top", 0, offset=(-2, 66), opacity=0.5, visible=False, mode=30)
    stack = read(
        XcfWriter(version, (90, 70), compression=compression).write([top, XcfLayer(pixels, "Grund æ")]), tmp_path
    )
    below, above = stack.layers
    assert isinstance(below, Layer)
    assert isinstance(above, Layer)
    assert np.array_equal(below.pixels, pixels)
    assert (below.name, below.visible, stack.size) == ("Grund æ", True, (90, 70))
    assert np.array_equal(above.pixels[..., :3], top.values)
    assert (above.pixels[..., 3] == 255).all()
    assert (above.offset, above.visible, above.blend) == ((-2, 66), False, "multiply")
    assert above.opacity == pytest.approx(0.5)


def test_indexed_and_grey(tmp_path: Path) -> None:
    writer = XcfWriter(1, (4, 4), base=2)
    writer.palette = bytes(range(30))
    values = RNG.integers(0, 10, (4, 4, 2), np.uint8)
    pixels = read(writer.write([XcfLayer(values, kind=5)]), tmp_path).layers[0].pixels
    assert np.array_equal(pixels[..., 0], 3 * values[..., 0])
    assert np.array_equal(pixels[..., 2], 3 * values[..., 0] + 2)
    assert np.array_equal(pixels[..., 3], values[..., 1])
    grey = RNG.integers(0, 256, (4, 4, 1), np.uint8)
    pixels = read(XcfWriter(3, (4, 4), base=1).write([XcfLayer(grey, kind=2)]), tmp_path).layers[0].pixels
    assert np.array_equal(pixels[..., :3], np.repeat(grey, 3, axis=2))


@pytest.mark.parametrize(
    ("version", "code", "dtype"),
    [(4, 1, "u2"), (7, 150, "u1"), (7, 250, "u2"), (7, 350, "u4"), (12, 550, "f2"), (7, 650, "f4"), (12, 750, "f8")],
)
def test_precisions(version: int, code: int, dtype: str, tmp_path: Path) -> None:
    levels = rgba(6, 5)
    values = levels / 255.0 if dtype[0] == "f" else levels.astype("u8") * (256 ** int(dtype[1]) - 1) // 255
    writer = XcfWriter(version, (5, 6), precision=code)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerizeWarning)
        pixels = read(writer.write([XcfLayer(values.astype(dtype))]), tmp_path).layers[0].pixels
    assert np.abs(pixels.astype(int) - levels).max() <= (1 if dtype == "f2" else 0)


def test_linear_light_gets_the_curve_of_srgb(tmp_path: Path) -> None:
    values = np.array([[[0.2158605, 0.2158605, 0.2158605, 0.5]]], np.float32)
    with pytest.warns(LayerizeWarning, match="32 bits per channel"):
        stack = read(XcfWriter(7, (1, 1), precision=600).write([XcfLayer(values)]), tmp_path)
    assert stack.layers[0].pixels.tolist() == [[[128, 128, 128, 128]]]


def test_groups_masks_and_text(tmp_path: Path) -> None:
    mask = np.array([[0, 128], [255, 255]], np.uint8)
    text = {"gimp-text-layer": b'(text "Hello \\"you\\"\\nthere")(font "Sans")'}
    layers = [
        XcfLayer(rgba(2, 2), "above", path=(0,)),
        XcfLayer(rgba(2, 2), "group", group=True, path=(1,), mode=61, opacity=0.25),
        XcfLayer(np.full((2, 2, 4), 255, np.uint8), "inside", path=(1, 0), mask=mask, parasites=text),
        XcfLayer(rgba(2, 2), "below", path=(2,)),
    ]
    with pytest.warns(LayerizeWarning, match="'inside': its layer mask"):
        stack = read(XcfWriter(11, (2, 2)).write(layers), tmp_path)
    assert [node.name for node in stack.layers] == ["below", "group", "above"]
    group = stack.layers[1]
    assert isinstance(group, Group)
    assert (group.blend, group.opacity) == ("pass-through", 0.25)
    inside = group.layers[0]
    assert isinstance(inside, Layer)
    assert np.array_equal(inside.pixels[..., 3], mask)
    assert inside.text == {"content": 'Hello "you"\nthere'}


def test_markup_text(tmp_path: Path) -> None:
    text = {"gimp-text-layer": b'(markup "<markup><b>Fish</b> &amp; chips</markup>")'}
    stack = read(XcfWriter(11, (2, 2)).write([XcfLayer(rgba(2, 2), parasites=text)]), tmp_path)
    assert stack.layers[0].text == {"content": "Fish & chips"}


def test_modes_that_a_stack_lacks_are_told(tmp_path: Path) -> None:
    with pytest.warns(LayerizeWarning, match="grain merge was replaced by overlay"):
        read(XcfWriter(3, (2, 2)).write([XcfLayer(rgba(2, 2), mode=21)]), tmp_path)


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_packed_files(suffix: str, pack: object, tmp_path: Path) -> None:
    pixels = rgba(9, 8)
    data = XcfWriter(11, (8, 9)).write([XcfLayer(pixels)])
    (tmp_path / f"x.xcf.{suffix}").write_bytes(pack(data))  # type: ignore[operator]
    assert np.array_equal(load(tmp_path / f"x.xcf.{suffix}").layers[0].pixels, pixels)  # by the registry
    (tmp_path / f"y.xcf.{suffix}").write_bytes(pack(data)[:-20])  # type: ignore[operator]
    with pytest.raises(InputError, match=r"cut off|damaged"):
        load(tmp_path / f"y.xcf.{suffix}")


def test_bombs_and_lies(tmp_path: Path) -> None:
    with pytest.raises(LimitError, match="refused as a bomb"):
        read(gzip.compress(bytes(80_000_000)), tmp_path, "x.xcf.gz")
    head = b"gimp xcf v011\0" + (200_000).to_bytes(4, "big") * 2 + bytes(8)
    with pytest.raises(LimitError, match="megapixels"):
        read(head, tmp_path)
    with pytest.raises(InputError, match="XCF version 99"):
        read(b"gimp xcf v099\0" + bytes(40), tmp_path)
    good = XcfWriter(3, (8, 9)).write([XcfLayer(rgba(9, 8))])
    for end in (13, 30, len(good) // 2, len(good) - 3):
        with pytest.raises(InputError):
            read(good[:end], tmp_path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutations_are_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    """Any byte of a valid file may be anything: the reader answers with a stack or with an InputError."""
    layer = XcfLayer(np.full((70, 3, 4), 9, np.uint8), mask=np.full((70, 3), 5, np.uint8), path=(0,))
    good = bytearray(XcfWriter(data.draw(st.sampled_from([3, 11])), (3, 70), precision=150).write([layer]))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerizeWarning)
        with contextlib.suppress(InputError):  # LimitError is one
            assert read(bytes(good), tmp_path).size[0] > 0
