"""The registry and the writing of flat pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layerize.errors import InputError, OutputError
from layerize.formats import FORMATS, load, read_image, save, write_image
from layerize.stack import Layer, LayerStack, flatten


def stack() -> LayerStack:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 4), np.uint8)
    return LayerStack(size=(9, 6), layers=(Layer(pixels=pixels),))


BOTH_WAYS = [f"x{extension}" for extension, chosen in FORMATS.items() if chosen.load and chosen.save]
READ_ONLY = [f"x{extension}" for extension, chosen in FORMATS.items() if chosen.save is None]


@pytest.mark.parametrize("name", ["folder", *BOTH_WAYS, "X.PSD"])
def test_every_format_saves_and_loads(name: str, tmp_path: Path) -> None:
    save(stack(), tmp_path / name)
    assert np.array_equal(flatten(load(tmp_path / name)), flatten(stack()))


@pytest.mark.parametrize("name", READ_ONLY)
def test_some_formats_are_only_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"can only be read; save as one of .*\.psd"):
        save(stack(), tmp_path / name)
    assert not (tmp_path / name).exists()
    (tmp_path / name).write_bytes(b"no such thing")
    with pytest.raises(InputError, match=name):
        load(tmp_path / name)


def test_overwrite(tmp_path: Path) -> None:
    save(stack(), tmp_path / "x.psd", overwrite=False)
    with pytest.raises(OutputError, match="exists already"):
        stack().save(tmp_path / "x.psd", overwrite=False)
    stack().save(tmp_path / "x.psd")


def test_unknown_extensions(tmp_path: Path) -> None:
    with pytest.raises(
        OutputError,
        match=r"unknown extension '\.xyz'; use .*\.layers, \.ora, .*\.zip, or no extension for a folder",
    ):
        save(stack(), tmp_path / "x.xyz")
    (tmp_path / "x.xyz").touch()
    with pytest.raises(InputError, match=r"unknown extension '\.xyz'"):
        load(tmp_path / "x.xyz")
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match="x is a file without a known extension; give a folder or one of"):
        load(tmp_path / "x")


def test_a_folder_with_a_dot_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "v1.2").mkdir()
    save(stack(), tmp_path / "v1.2")
    assert len(load(tmp_path / "v1.2")) == 1


def test_flat_pictures_and_missing_files(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "flat.png")
    with pytest.raises(InputError, match=r"is a flat picture without layers; run 'layerize split'"):
        load(tmp_path / "flat.png")
    with pytest.raises(InputError, match="no such file or folder"):
        load(tmp_path / "none.psd")
    for name in ("x" * 300, "a\0b"):
        with pytest.raises(InputError, match="cannot be read"):
            load(tmp_path / name)
        with pytest.raises(OutputError, match="cannot be written"):
            save(stack(), tmp_path / name)


@pytest.mark.parametrize("extension", [".png", ".webp", ".tiff", ".tif", ".avif", ".jpg", ".jpeg", ".bmp", ".PNG"])
def test_write_image(extension: str, tmp_path: Path) -> None:
    x, y = np.meshgrid(np.linspace(0, 255, 40), np.linspace(0, 255, 30))
    pixels = np.stack([x, y, 255 - x, 255 - y], axis=2).astype(np.uint8)
    path = tmp_path / f"x{extension}"
    write_image(pixels, path)
    back = read_image(path).pixels.astype(int)
    keeps_alpha = extension.lower() not in (".jpg", ".jpeg", ".bmp")
    expected = (
        pixels
        if keeps_alpha
        else flatten(LayerStack(size=(40, 30), layers=(Layer(pixels=pixels),)), background=(255, 255, 255))
    )
    seen = expected[..., 3:] / 255
    lossy = extension in (".jpg", ".jpeg", ".avif")
    assert np.abs(back - expected)[..., 3].max() <= (2 if lossy else 0)
    assert (np.abs(back - expected) * seen).max() <= (12 if lossy else 0)


def test_write_image_with_a_background(tmp_path: Path) -> None:
    write_image(np.zeros((2, 3, 4), np.uint8), tmp_path / "x.png", background=(1, 2, 3))
    assert Image.open(tmp_path / "x.png").mode == "RGB"
    assert read_image(tmp_path / "x.png").pixels[0, 0].tolist() == [1, 2, 3, 255]


def test_write_image_refuses(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"unknown picture extension '\.gif'; use one of \.png, "):
        write_image(np.zeros((2, 2, 4), np.uint8), tmp_path / "x.gif")
    with pytest.raises(OutputError, match=r"WEBP ends at 16383 pixels a side, this is 16384x1; use \.png"):
        write_image(np.zeros((1, 16384, 4), np.uint8), tmp_path / "x.webp")
    assert list(tmp_path.iterdir()) == []
