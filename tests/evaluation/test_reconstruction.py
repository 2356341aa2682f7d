"""RGBA reconstruction: with an auto-encoder that changes nothing, one that is known to, and tiny real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from layerize.cli.main import app
from layerize.errors import InputError, UsageError
from layerize.evaluation.reconstruction import COLOURS, Reconstruction, find_pictures, fit, load_vae
from layerize.models.checkpoint import save_model
from layerize.models.rgba_vae import RGBAVAE, tiny


class Perfect(RGBAVAE):
    """Carries the pixels in its latents; ``fade`` is taken off alpha."""

    def __init__(self, fade: float = 0.0) -> None:
        super().__init__(tiny())
        self.fade = fade

    def encode_latent(self, rgba_BCHW: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return rgba_BCHW

    def decode_latent(self, z_BChw: Tensor) -> Tensor:
        return torch.cat([z_BChw[:, :3], z_BChw[:, 3:] - 2 * self.fade], dim=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    root.mkdir()
    rng = np.random.default_rng(0)
    for name, size in (("a.png", (24, 32)), ("b.png", (19, 17))):
        pixels = rng.integers(0, 256, (*size, 4), dtype=np.uint8)
        pixels[:4, :, 3] = 0
        pixels[4:8, :, 3] = 255
        Image.fromarray(pixels).save(root / name)
    return root


def evaluate(vae: RGBAVAE, folder: Path, **options: Any) -> Any:
    pictures, odd = find_pictures(str(folder))
    evaluation = Reconstruction(vae, pictures, odd=odd, **options)
    assert list(evaluation) == [picture.name for picture in pictures]
    return evaluation.report()


def test_nothing_lost_is_a_perfect_score(folder: Path) -> None:
    report = evaluate(Perfect(), folder, features=lambda picture: picture.mean(axis=(0, 1)))
    assert report.mean["psnr"] == 100
    assert report.mean["ssim"] == pytest.approx(1)
    assert report.mean["rfid"] == pytest.approx(0, abs=1e-9)
    assert report.mean["lpips"] is None
    assert report.alpha_error == 0
    assert report.alpha_iou == pytest.approx(1)
    assert set(report.by_colour) == set(COLOURS)
    assert len(COLOURS) == 9


def test_lost_alpha_shows_where_the_background_differs(tmp_path: Path) -> None:
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[...] = (255, 255, 255, 255)
    pixels[0, 0, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "white.png")
    report = evaluate(Perfect(fade=51 / 255), tmp_path)
    assert report.by_colour["white"]["psnr"] == 100
    assert report.by_colour["black"]["psnr"] == pytest.approx(-20 * np.log10(51 / 255), abs=0.05)
    assert report.alpha_error == pytest.approx(51 / 255 * 255 / 256)
    assert report.alpha_iou == pytest.approx(1 - 51 / 255, abs=1e-3)
    opaque = tmp_path / "opaque"
    opaque.mkdir()
    Image.fromarray(np.full((16, 16, 4), 255, np.uint8)).save(opaque / "white.png")
    assert evaluate(Perfect(), opaque).alpha_iou is None
    assert report.by_colour["black"]["rfid"] is None


def test_means_are_over_pictures_and_colours(folder: Path) -> None:
    report = evaluate(Perfect(fade=0.2), folder)
    assert report.mean["psnr"] == pytest.approx(np.mean([own.psnr for own in report.pictures.values()]))
    assert report.mean["psnr"] == pytest.approx(np.mean([row["psnr"] for row in report.by_colour.values()]))


def test_pictures_are_cut_to_latent_cells_or_scaled_to_a_square() -> None:
    picture = np.zeros((19, 37, 4), np.uint8)
    assert fit(picture, None, 8).shape == (16, 32, 4)
    assert fit(picture, 24, 8).shape == (24, 24, 4)
    with pytest.raises(InputError, match="37x7"):
        fit(picture[:7], None, 8)
    half = np.zeros((64, 64, 4), np.uint8)
    half[:, :32] = (200, 100, 50, 255)
    scaled = fit(half, 16, 8)
    assert scaled[8, 2].tolist() == [200, 100, 50, 255]
    assert scaled[8, 12, 3] == 0


def test_every_odd_file_is_named_and_no_picture_is_an_error(folder: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").write_text("hello")
    (folder / "broken.png").write_text("hello")
    Image.fromarray(np.full((16, 16, 3), 9, np.uint8)).save(folder / "opaque.png")
    Image.fromarray(np.zeros((5, 5, 4), np.uint8)).save(folder / "small.png")
    report = evaluate(Perfect(), folder)
    assert sorted(report.pictures) == ["a.png", "b.png", "opaque.png"]
    assert [name for name, _ in report.skipped] == ["broken.png", "small.png"]
    assert len(report.odd) == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no PNG"):
        find_pictures(str(tmp_path / "empty"))
    for name in ("a.png", "b.png", "opaque.png"):
        (folder / name).unlink()
    with pytest.raises(InputError, match="none of 2 pictures"):
        evaluate(Perfect(), folder)


def test_a_size_that_does_not_fit_the_cells_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="multiple of 8"):
        Reconstruction(Perfect(), [], side=20)


def test_layers_of_synthetic_designs_are_pictures_too() -> None:
    pytest.importorskip("skia")
    pictures, odd = find_pictures("synth:0-1")
    assert odd == []
    assert len(pictures) >= 4
    assert pictures[0].read().shape == (128, 128, 4)
    with pytest.raises(UsageError):
        find_pictures("synth:many")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return save_model(RGBAVAE(tiny()), tmp_path / "vae")


def test_the_command_measures_a_checkpoint(
    checkpoint: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = CliRunner().invoke(app, ["eval", "vae", str(checkpoint), "--data", str(folder), "--json"])
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["pictures"]) == {"a.png", "b.png"}
    assert 0 < found["mean"]["psnr"] < 30
    text = CliRunner().invoke(app, ["eval", "vae", str(checkpoint), "--data", str(folder), "--size", "16"]).stdout
    assert "magenta" in text
    assert "--lpips-weights" in text
    assert "--fid-network" in text


def test_the_command_explains_what_is_no_auto_encoder(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    assert isinstance(load_vae(checkpoint), RGBAVAE)
    for model, data in ((str(tmp_path / "none"), str(folder)), (str(checkpoint), str(tmp_path / "none"))):
        done = CliRunner().invoke(app, ["eval", "vae", model, "--data", data])
        assert done.exit_code == 1
        assert "none" in done.stderr
