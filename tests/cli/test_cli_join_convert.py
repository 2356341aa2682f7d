"""``layerize join`` and ``layerize convert``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layerize.formats import load, save
from layerize.stack import LayerStack
from layerize.stack.composite import flatten


def test_join_writes_the_composite(cli, folder: Path, stack: LayerStack) -> None:
    out = cli("join", folder, "-o", "flat.png").stdout
    assert (np.asarray(Image.open("flat.png").convert("RGBA")) == flatten(stack)).all()
    assert "60x40" in out


@pytest.mark.parametrize("background", ["#00ff00", "lime"])
def test_join_over_a_colour(cli, stack: LayerStack, tmp_path: Path, background: str) -> None:
    save(stack.with_layers(stack.layers[1:]), tmp_path / "open.layers")
    cli("join", "open.layers", "-o", "flat.png", "--background", background)
    assert Image.open("flat.png").convert("RGBA").getpixel((0, 0)) == (0, 255, 0, 255)


def test_join_over_a_picture_covers_the_canvas(cli, stack: LayerStack, tmp_path: Path) -> None:
    save(stack.with_layers(stack.layers[1:]), tmp_path / "open.layers")
    wide = np.zeros((10, 90, 3), np.uint8)
    wide[:, :30], wide[:, 30:60], wide[:, 60:] = (255, 0, 0), (7, 7, 7), (0, 255, 0)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    cli("join", "open.layers", "-o", "flat.png", "--background", "wide.png")
    flat = Image.open("flat.png").convert("RGBA")
    assert flat.size == (60, 40)
    assert flat.getpixel((45, 5)) == (7, 7, 7, 255), "the middle of the picture is kept"


def test_join_refuses_what_is_neither_colour_nor_picture(cli, folder: Path) -> None:
    assert "not a colour" in cli("join", folder, "-o", "a.png", "--background", "nocolour", code=2).stderr
    assert "no such picture" in cli("join", folder, "-o", "a.png", "--background", "no.png", code=1).stderr
    assert not Path("a.png").exists()


def test_join_refuses_an_unknown_extension(cli, folder: Path) -> None:
    assert "a.xyz" in cli("join", folder, "-o", "a.xyz", code=1).stderr


def test_convert_to_psd_and_back(cli, folder: Path, stack: LayerStack) -> None:
    shown = cli("convert", folder, "drawn.psd").stdout
    assert [line.split("  ")[-1] for line in shown.splitlines()[1:]] == [layer.name for layer in stack.walk()]
    cli("convert", "drawn.psd", "back.layers")
    back = load("back.layers")
    assert [layer.name for layer in back.walk()] == [layer.name for layer in stack.walk()]
    assert (flatten(back) == flatten(stack)).all()


@pytest.mark.parametrize("extension", [".png", ".jpg", ".avif", ".bmp"])
def test_convert_to_a_flat_picture_says_that_layers_are_merged(
    cli, folder: Path, stack: LayerStack, extension: str
) -> None:
    told = cli("convert", folder, f"flat{extension}").stderr
    assert f"flat{extension} is a flat picture: the layers are merged in it" in told
    assert len(told.splitlines()) == 1
    found = np.asarray(Image.open(f"flat{extension}").convert("RGB")).astype(int)
    assert np.abs(found - flatten(stack)[..., :3]).mean() < 3


def test_convert_of_a_flat_picture_says_split(cli, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "flat.png")
    assert "layerize split" in cli("convert", "flat.png", "out.psd", code=1).stderr


def test_convert_to_an_unknown_extension_lists_the_known(cli, folder: Path) -> None:
    stderr = cli("convert", folder, "out.doc", code=1).stderr
    assert ".psd" in stderr
    assert len(stderr.splitlines()) == 1


def test_broken_manifest_is_refused_with_its_name(cli, folder: Path) -> None:
    (folder / "manifest.json").write_text('{"version": 1')
    stderr = cli("join", folder, "-o", "a.png", code=1).stderr
    assert "manifest.json" in stderr
    assert len(stderr.splitlines()) == 1
