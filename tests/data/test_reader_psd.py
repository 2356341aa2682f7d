"""Photoshop documents as design files: pixels, masks, clipping, effects of old versions, previews, hostile files."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from psd_tools import PSDImage
from psd_tools.constants import BlendMode
from small_psd import add_effects, overlay, shadow, solid, write

from layerize.data.readers import psd, read_design
from layerize.data.readers.psd_adjust import adjusted
from layerize.data.readers.shrink import factor_for, shrunk, shrunk_picture
from layerize.errors import InputError, LimitError
from layerize.formats import save
from layerize.stack import Box, Group, Layer, LayerStack, flatten

CORPUS = Path(__file__).parent / "corpus"
RNG = np.random.default_rng(5)


def kinds(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for flag in read_design(path).flags:
        found.setdefault(flag.kind, []).append(flag.layer)
    return found


def only_layer(path: Path) -> Layer:
    (layer,) = read_design(path).stack.layers
    assert isinstance(layer, Layer)
    return layer


def picture(width: int, height: int) -> np.ndarray:
    pixels = RNG.integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] |= 1
    return pixels


@pytest.mark.parametrize("suffix", [".psd", ".psb"])
def test_a_saved_stack_comes_back(suffix: str, tmp_path: Path) -> None:
    inner = Layer(pixels=picture(5, 4), name="innen", offset=(-2, 9), blend="multiply", visible=False)
    group = Group(layers=(inner,), name="Gruppe", blend="normal", opacity=0.2)
    below = Layer(pixels=picture(20, 16), name="Grund", opacity=0.6)
    stack = LayerStack(size=(20, 16), layers=(below, group))
    save(stack, tmp_path / f"x{suffix}")
    design = read_design(tmp_path / f"x{suffix}")
    assert design.format == suffix[1:]
    ground, folder = design.stack.layers
    assert isinstance(ground, Layer)
    assert isinstance(folder, Group)
    assert np.array_equal(ground.pixels, below.pixels)
    assert (folder.name, folder.blend, folder.opacity) == ("Gruppe", "normal", 0.2)
    member = folder.layers[0]
    assert isinstance(member, Layer)
    assert np.array_equal(member.pixels, inner.pixels)
    assert (member.offset, member.blend, member.visible) == ((-2, 9), "multiply", False)
    assert {flag.kind for flag in design.flags} >= {"hidden", "off-canvas", "blend"}
    assert design.preview is not None
    assert design.preview_has_alpha
    assert np.abs(design.preview[..., 3].astype(int) - flatten(stack)[..., 3]).max() <= 1


def test_masks_multiply_alpha(tmp_path: Path) -> None:
    mask = Image.fromarray(RNG.integers(0, 256, (4, 6), np.uint8))

    def build(document: Any, *, disabled: bool = False) -> None:
        layer = document.create_pixel_layer(solid(10, 8, (255, 0, 0, 200)), name="m", top=1, left=2)
        layer.create_mask(mask, top=3, left=4)
        layer.mask.disabled = disabled

    layer = only_layer(write(tmp_path / "x.psd", build))
    expected = np.rint(np.asarray(mask) * (200 / 255))
    assert layer.offset == (4, 3)
    assert np.abs(layer.pixels[..., 3].astype(int) - expected).max() <= 1
    assert kinds(tmp_path / "x.psd")["mask"] == ["m"]
    off = only_layer(write(tmp_path / "off.psd", lambda document: build(document, disabled=True)))
    assert off.size == (10, 8)
    assert (off.pixels[..., 3] == 200).all()


def test_clipped_layers_are_painted_on_their_base(tmp_path: Path) -> None:
    def build(document: Any) -> None:
        base = Image.fromarray(np.dstack([np.full((8, 10, 3), 90, np.uint8), np.full((8, 10), 128, np.uint8)]))
        document.create_pixel_layer(base, name="base", top=2, left=3)
        clip = document.create_pixel_layer(solid(20, 4, (0, 0, 255, 255)), name="clip", top=0, left=0, opacity=51)
        clip.clipping = True
        gone = document.create_pixel_layer(solid(20, 16, (0, 255, 0, 255)), name="gone", top=0, left=0)
        gone.clipping = True
        gone.visible = False

    path = write(tmp_path / "x.psd", build)
    layer = only_layer(path)
    assert (layer.offset, layer.size) == ((3, 2), (10, 8))
    assert (layer.pixels[..., 3] == 128).all()
    assert layer.pixels[0, 0].tolist() == [72, 72, 123, 128]
    assert layer.pixels[5, 5].tolist() == [90, 90, 90, 128]
    assert "clip" in kinds(path)


def test_effects_of_old_photoshop_are_found(tmp_path: Path) -> None:
    def build(document: Any, **options: Any) -> None:
        layer = document.create_pixel_layer(solid(6, 5, (10, 20, 30, 255)), name="button", top=4, left=4)
        add_effects(layer, SoFi=overlay(0, 200, 100), DrSh=shadow(), **options)

    path = write(tmp_path / "on.psd", build)
    layer = only_layer(path)
    assert (layer.pixels == (0, 200, 100, 255)).all()
    flags = {flag.kind: flag.detail for flag in read_design(path).flags}
    assert (flags["effect"], flags["effect-baked"]) == ("drop shadow", "color overlay")
    off = write(tmp_path / "off.psd", lambda document: build(document, switched_on=False))
    assert (only_layer(off).pixels == (10, 20, 30, 255)).all()
    assert not {"effect", "effect-baked"} & set(kinds(off))


def test_fill_opacity_and_modes_that_a_stack_lacks(tmp_path: Path) -> None:
    def build(document: Any) -> None:
        layer = document.create_pixel_layer(solid(6, 5, (1, 2, 3, 255)), name="a", opacity=128)
        layer.fill_opacity = 51
        layer.blend_mode = BlendMode.LINEAR_DODGE

    path = write(tmp_path / "x.psd", build)
    assert only_layer(path).opacity == pytest.approx(128 / 255 * 0.2)
    assert only_layer(path).blend == "screen"
    assert set(kinds(path)) >= {"fill-opacity", "blend-replaced"}


@pytest.mark.parametrize("soft", [False, True])
def test_a_group_with_a_mask_keeps_its_layers(soft: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """psd-tools cannot write a group's mask, so the stored mask is put in while reading."""

    def build(document: Any) -> None:
        group = document.create_group(name="card")
        group.create_pixel_layer(solid(12, 9, (200, 0, 0, 255)), name="ground", top=0, left=0)
        group.create_pixel_layer(solid(4, 4, (0, 0, 200, 255)), name="dot", top=2, left=2)

    mask = np.zeros((16, 20), np.uint8)
    mask[:6, 3:6] = 128 if soft else 255
    monkeypatch.setattr(psd, "is_masked", lambda layer: layer.is_group())
    monkeypatch.setattr(psd, "coverage", lambda *_: mask)
    path = write(tmp_path / "x.psd", build)
    stack = read_design(path).stack
    (group,) = stack.layers
    assert isinstance(group, Group)
    assert [node.name for node in group.layers] == (["card"] if soft else ["ground", "dot"])
    assert flatten(stack)[3, 3].tolist() == [0, 0, 200, 128 if soft else 255]  # no mixture with the red below
    assert flatten(stack)[..., 3].max(axis=0).tolist()[:8] == [0, 0, 0, *[mask.max()] * 3, 0, 0]
    assert ("flattened" in kinds(path)) == soft


@pytest.mark.parametrize(("mode", "kind"), [("L", "grey"), ("CMYK", "cmyk")])
def test_colour_modes(mode: str, kind: str, tmp_path: Path) -> None:
    grey = Image.new(mode, (6, 5), 100 if mode == "L" else (0, 0, 0, 155))
    path = write(tmp_path / "x.psd", lambda document: document.create_pixel_layer(grey, name="a"), mode=mode)
    assert (only_layer(path).pixels[0, 0, :3] == 100).all()
    assert kind in kinds(path)


def test_adjustments_go_into_the_layers_below() -> None:
    """An inversion at half strength, masked on the left, on a group of two layers that do not overlap."""
    member = SimpleNamespace(kind="invert", opacity=128, fill_opacity=255)
    pixels = np.full((4, 4, 4), 255, np.uint8)
    pixels[..., 0] = 55
    layers = (Layer(pixels=pixels), Layer(pixels=pixels, offset=(4, 0)))
    cover = np.zeros((4, 8), np.uint8)
    cover[:, 2:] = 255
    group = adjusted(Group(layers=layers), member, cover, Box(0, 0, 8, 4))
    flat = flatten(LayerStack(size=(8, 4), layers=(group,)))
    assert flat[0, 0].tolist() == [55, 255, 255, 255]
    assert flat[0, 5].tolist() == [round(55 + 128 / 255 * 145), 127, 127, 255]


def test_previews_that_prove_nothing_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "x.psd", lambda document: document.create_pixel_layer(solid(20, 16, (9, 9, 9, 255))))
    assert "blank-preview" in kinds(path)
    flat = tmp_path / "flat.psd"
    PSDImage.frompil(Image.fromarray(picture(7, 6)[..., :3])).save(flat)
    assert "no-layers" in kinds(flat)
    assert only_layer(flat).size == (7, 6)


def test_shrinking_keeps_the_composite() -> None:
    layers = tuple(
        Layer(pixels=np.kron(picture(6, 5), np.ones((2, 2, 1), np.uint8)), offset=(2 * i, 4), name=str(i))
        for i in (-2, 1)
    )
    stack = LayerStack(size=(20, 18), layers=(Group(layers=layers),))
    small = LayerStack(size=(10, 9), layers=tuple(shrunk(node, 2) for node in stack.layers))
    expected = shrunk_picture(flatten(stack), 2)
    found = flatten(small)
    assert np.abs(found[..., 3].astype(int) - expected[..., 3]).max() <= 1
    opaque = expected[..., 3] > 64
    assert np.abs(found[..., :3].astype(int) - expected[..., :3])[opaque].max() <= 4
    odd = shrunk(Layer(pixels=np.full((3, 3, 4), 255, np.uint8), offset=(-1, 1)), 2)
    assert isinstance(odd, Layer)
    assert (odd.offset, odd.pixels[..., 3].tolist()) == ((-1, 0), [[64, 128], [128, 255]])
    assert [factor_for(n) for n in (1, 150_000_000, 150_000_001, 900_000_000)] == [1, 1, 2, 3]


def test_lies(tmp_path: Path) -> None:
    save(LayerStack(size=(9, 8), layers=(Layer(pixels=picture(9, 8)),)), tmp_path / "x.psd")
    good = (tmp_path / "x.psd").read_bytes()
    wide = good[:14] + (29_000).to_bytes(4, "big") * 2 + good[22:]
    for data, kind in (
        (b"", InputError),
        (b"8BPS" + bytes(40), InputError),
        (wide, LimitError),
        (good[:200], InputError),
    ):
        (tmp_path / "bad.psd").write_bytes(data)
        with pytest.raises(kind):
            read_design(tmp_path / "bad.psd")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutations_are_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "good.psd"
    if not path.exists():
        inner = Group(layers=(Layer(pixels=picture(4, 3), name="b"),), name="g")
        save(LayerStack(size=(6, 5), layers=(Layer(pixels=picture(6, 5), name="a"), inner)), path)
    good = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "bad.psd").write_bytes(good)
    with contextlib.suppress(InputError):
        assert read_design(tmp_path / "bad.psd", max_pixels=1_000_000).stack.size[0] > 0


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_once_broke_a_reader(path: Path) -> None:
    """Files that made a reader fail otherwise than by an InputError, or take long, when they were found."""
    with contextlib.suppress(InputError):
        assert read_design(path).stack.size[0] > 0
