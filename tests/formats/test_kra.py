"""Reading Krita documents: tiles, frames, masks, groups, vector layers; hostile files."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_kra import bgra, lzf, tiles, write_kra

from layerize.errors import InputError, LayerizeWarning, LimitError
from layerize.formats import load
from layerize.formats.kra_read import load_kra
from layerize.formats.lzf import decompress
from layerize.stack import Group, Layer

RNG = np.random.default_rng(3)


def picture(height: int = 70, width: int = 66) -> np.ndarray:
    pixels = RNG.integers(0, 256, (height, width, 4), np.uint8)
    pixels[: height // 2] = (10, 20, 30, 255)
    pixels[..., 3] |= 1
    return pixels


@given(st.binary(max_size=600).map(lambda part: part + part[:50] * 3 + bytes(300)))
@settings(max_examples=60, deadline=None)
def test_lzf_comes_back(data: bytes) -> None:
    assert decompress(lzf(data), len(data)) == data


@pytest.mark.parametrize("stream", [b"\x05abc", b"\x20\x00", b"\xe0", b"\x00a\x3f\xff", b"\x01ab" * 9])
def test_lzf_refuses_what_is_broken(stream: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|before its beginning|longer"):
        decompress(stream, 9)


@pytest.mark.parametrize("packed", [True, False])
def test_paint_layers(packed: bool, tmp_path: Path) -> None:
    pixels = picture()
    layers = (
        '<layer nodetype="paintlayer" name="top &amp; æ" filename="layer3" x="5" y="-7" opacity="51" visible="0" '
        'compositeop="diff"/><layer nodetype="paintlayer" name="below" filename="layer2" opacity="255"/>'
    )
    files = {"layer2": tiles(bgra(pixels), packed=packed), "layer3": tiles(bgra(pixels), at=(-64, 64), packed=packed)}
    stack = load(write_kra(tmp_path / "x.kra", (66, 70), layers, files))  # by the registry
    below, top = stack.layers
    assert isinstance(top, Layer)
    assert isinstance(below, Layer)
    assert np.array_equal(below.pixels, pixels)
    assert np.array_equal(top.pixels, pixels)
    assert (top.offset, top.visible, top.blend, top.opacity) == ((-59, 57), False, "difference", 0.2)
    assert top.name == "top & æ"


def test_a_default_pixel_fills_the_canvas(tmp_path: Path) -> None:
    layers = '<layer nodetype="paintlayer" name="ground" filename="layer2" x="3" y="1"/>'
    files = {"layer2": tiles(np.zeros((0, 0, 4), np.uint8)), "layer2.defaultpixel": bytes([1, 2, 3, 255])}
    ground = load_kra(write_kra(tmp_path / "x.kra", (20, 10), layers, files)).layers[0]
    assert isinstance(ground, Layer)
    assert (ground.offset, ground.size) == ((0, 0), (20, 10))
    assert (ground.pixels == (3, 2, 1, 255)).all()


@pytest.mark.parametrize(("time", "expected"), [(0, 10), (1, 10), (2, 20), (9, 20)])
def test_the_frame_shown_is_taken(time: int, expected: int, tmp_path: Path) -> None:
    layers = '<layer nodetype="paintlayer" name="walk" filename="layer2" keyframes="layer2.keyframes.xml"/>'
    frames = (
        '<keyframes xmlns="k"><channel name="content"><keyframe time="2" frame="layer2.f1"><offset x="4" y="5"/>'
        '</keyframe><keyframe time="0" frame="layer2"><offset x="0" y="0"/></keyframe></channel></keyframes>'
    )
    files = {
        "layer2": tiles(np.full((64, 64, 4), 10, np.uint8)),
        "layer2.f1": tiles(np.full((64, 64, 4), 20, np.uint8)),
        "layer2.keyframes.xml": frames.encode(),
    }
    clock = f'<animation><currentTime type="value" value="{time}"/></animation>'
    with pytest.warns(LayerizeWarning, match=f"at time {time} was taken"):
        stack = load_kra(write_kra(tmp_path / "x.kra", (64, 64), layers, files, inside=clock))
    layer = stack.layers[0]
    assert isinstance(layer, Layer)
    assert layer.pixels[0, 0, 0] == expected
    assert layer.offset == ((4, 5) if expected == 20 else (0, 0))


def test_groups_masks_and_inherited_alpha(tmp_path: Path) -> None:
    white = np.full((64, 64, 4), 255, np.uint8)
    half = np.zeros((64, 64, 4), np.uint8)
    half[:, :32] = (0, 0, 200, 128)
    mask = np.full((64, 64, 1), 255, np.uint8)
    mask[:10] = 51
    layers = (
        '<layer nodetype="grouplayer" name="group" passthrough="1"><layers>'
        '<layer nodetype="paintlayer" name="shade" filename="layer4" channelflags="1110"/>'
        '<layer nodetype="paintlayer" name="base" filename="layer3"/></layers>'
        '<masks><mask nodetype="transparencymask" filename="mask9" x="0" y="0"/></masks></layer>'
    )
    files = {"layer3": tiles(half), "layer4": tiles(white), "mask9.pixelselection": tiles(mask)}
    with pytest.warns(LayerizeWarning) as told:
        group = load_kra(write_kra(tmp_path / "x.kra", (64, 64), layers, files)).layers[0]
    assert isinstance(group, Group)
    assert group.blend == "pass-through"
    base, shade = (node for node in group.layers if isinstance(node, Layer))
    assert base.pixels[0, 0].tolist() == [200, 0, 0, 26]
    assert base.pixels[20, 0].tolist() == [200, 0, 0, 128]
    assert shade.pixels[20, 0, 3] == 128
    assert shade.pixels[:, 32:, 3].max() == 0
    assert {warning.message.kind for warning in told} == {"clip", "mask"}  # type: ignore[union-attr]


def test_vector_layers_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    svg = (
        '<!DOCTYPE svg><svg xmlns="http://www.w3.org/2000/svg" width="30pt" height="15pt" viewBox="0 0 40 20">'
        '<rect x="10" y="5" width="20" height="10" fill="#00ff00"/></svg>'
    )
    layers = '<layer nodetype="shapelayer" name="title" filename="layer2" x="0" y="0"/>'
    files = {"layer2.shapelayer/content.svg": svg.encode()}
    layer = load_kra(write_kra(tmp_path / "x.kra", (40, 20), layers, files)).layers[0]
    assert isinstance(layer, Layer)
    assert (layer.offset, layer.size) == ((10, 5), (20, 10))
    assert (layer.pixels == (0, 255, 0, 255)).all()


@pytest.mark.parametrize(
    ("space", "raw", "expected"),
    [
        ("RGBA16", np.array([257 * 3, 257 * 2, 257, 65535], "<u2"), [1, 2, 3, 255]),
        ("RGBAF32", np.array([1, 0.2158605, 0, 0.2], "<f4"), [255, 128, 0, 51]),
        ("GRAYA", np.array([7, 9], "u1"), [7, 7, 7, 9]),
        ("CMYK", np.array([255, 0, 0, 0, 255], "u1"), [0, 255, 255, 255]),
    ],
)
def test_colour_spaces(space: str, raw: np.ndarray, expected: list[int], tmp_path: Path) -> None:
    layers = f'<layer nodetype="paintlayer" name="a" filename="layer2" colorspacename="{space}"/>'
    pixels = np.broadcast_to(raw.view(np.uint8), (64, 64, raw.nbytes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerizeWarning)
        stack = load_kra(write_kra(tmp_path / "x.kra", (64, 64), layers, {"layer2": tiles(pixels)}))
    assert stack.layers[0].pixels[0, 0].tolist() == expected  # type: ignore[union-attr]


def test_kinds_without_pixels_are_told(tmp_path: Path) -> None:
    layers = '<layer nodetype="adjustmentlayer" name="darker" filename="layer2"/>'
    with pytest.warns(LayerizeWarning, match="'darker': layers of the kind 'adjustmentlayer' are not read"):
        assert load_kra(write_kra(tmp_path / "x.kra", (8, 8), layers, {})).layers == ()


def test_lies(tmp_path: Path) -> None:
    layer = '<layer nodetype="paintlayer" name="a" filename="layer2"/>'
    good = tiles(np.zeros((64, 64, 4), np.uint8))
    for bad in (good[:-3], good.replace(b"TILEWIDTH 64", b"TILEWIDTH 63"), b"VERSION 1\n", good[:60]):
        with pytest.raises(InputError):
            load_kra(write_kra(tmp_path / "x.kra", (8, 8), layer, {"layer2": bad}))
    with pytest.raises(LimitError, match="megapixels"):
        load_kra(write_kra(tmp_path / "x.kra", (900_000, 900_000), layer, {"layer2": good}))
    with pytest.raises(LimitError, match="refused as a bomb"):
        load_kra(write_kra(tmp_path / "x.kra", (8, 8), layer, {"layer2": bytes(50_000_000)}))
    with pytest.raises(InputError, match="must be relative"):
        load_kra(write_kra(tmp_path / "x.kra", (8, 8), layer, {"../../../etc/passwd": b"x", "layer2": good}))
    entities = "".join(f"<!ENTITY a{i} '&a{i - 1};&a{i - 1};'>" for i in range(1, 40))
    bomb = f"<!DOCTYPE a [{entities}]>"
    with pytest.raises(InputError):
        load_kra(write_kra(tmp_path / "x.kra", (8, 8), f"{bomb}&a39;", {"layer2": good}))


def test_tiles_far_out_cost_no_memory(tmp_path: Path) -> None:
    layer = '<layer nodetype="paintlayer" name="a" filename="layer2"/>'
    near = tiles(np.full((64, 64, 4), 7, np.uint8))
    far = tiles(np.full((64, 64, 4), 7, np.uint8), at=(64_000_000, 0))
    body = near.replace(b"DATA 1", b"DATA 2") + far[far.index(b"64000000,") :]
    stack = load_kra(write_kra(tmp_path / "x.kra", (40, 30), layer, {"layer2": body}))
    assert stack.layers[0].size == (40, 30)  # type: ignore[union-attr]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutations_are_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    files = {"layer2": bytearray(tiles(np.full((64, 64, 4), 7, np.uint8))), "layer2.defaultpixel": bytearray(4)}
    layer = bytearray(b'<layer nodetype="paintlayer" name="a" filename="layer2" x="0" opacity="255"/>')
    for _ in range(data.draw(st.integers(1, 4))):
        part = data.draw(st.sampled_from([layer, *files.values()]))
        part[data.draw(st.integers(0, len(part) - 1))] = data.draw(st.integers(32, 126))
    path = write_kra(tmp_path / "x.kra", (9, 9), layer.decode(), {name: bytes(part) for name, part in files.items()})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerizeWarning)
        with contextlib.suppress(InputError):
            assert load_kra(path).size == (9, 9)
