"""``layerize split STACK --layer NAME``: a layer of a saved stack becomes a group, the rest stays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from layerize.formats import load, save
from layerize.stack import Group, Layer, LayerStack


@pytest.fixture
def split(cli, checkpoint: Path):
    """Runs ``layerize split --model <tiny> ARGS``."""

    def run(*arguments: object, code: int = 0):
        return cli("split", "--model", checkpoint, "--steps", 1, "--device", "cpu", *arguments, code=code)

    return run


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    layers = [
        Layer(pixels=rng.integers(0, 256, (40, 60, 4), np.uint8), name="Ground"),
        Layer(pixels=rng.integers(0, 256, (24, 24, 4), np.uint8), name="Logo", offset=(8, 8)),
    ]
    save(LayerStack(size=(60, 40), layers=tuple(layers)), tmp_path / "poster.layers")
    return tmp_path / "poster.layers"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_default_result_is_a_new_stack_beside(split, saved: Path) -> None:
    before = files(saved)
    result = split("poster.layers", "--layer", "Logo", "--layers", 3)
    assert result.stdout.startswith("poster.layers -> poster-split.layers")
    assert "of the old one" in result.stdout
    assert files(saved) == before
    back = load("poster-split.layers")
    assert isinstance(back.layers[1], Group)
    assert np.array_equal(next(back.walk()).pixels, next(load(saved).walk()).pixels)
    error = split("poster.layers", "--layer", "Logo", code=1).stderr
    assert "poster-split.layers exists already; say with -o" in error


def test_in_place_to_any_depth_and_several_at_once(split, saved: Path) -> None:
    split("poster.layers/manifest.json", "--layer", "Logo", "--layer", "Ground", "--layers", 2, "-o", "poster.layers")
    result = split("poster.layers", "--layer", "Logo base", "--layers", 2, "-o", "poster.layers", "--json")
    told = json.loads(result.stdout)["results"][0]
    assert told["recompose_error"] <= 1
    assert told["count"] == 2
    logo = load(saved).find("Logo")
    assert isinstance(logo, Group)
    assert any(isinstance(member, Group) for member in logo.layers)


def test_the_format_stays_and_a_sheet_is_drawn(split, saved: Path) -> None:
    load(saved).save("poster.psd")
    split("poster.psd", "--layer", 1, "--layers", 2, "--sheet", "sheet.png")
    assert isinstance(load("poster-split.psd").layers[1], Group)
    assert Path("sheet.png").is_file()
    split("poster.psd", "--layer", 1, "--layers", 2, "--format", "ora")
    assert isinstance(load("poster-split.ora").layers[1], Group)


def test_refusals_write_nothing(split, saved: Path) -> None:
    assert "there is no layer 'Lego'; the stack has 'Logo'" in split(saved, "--layer", "Lego", code=1).stderr
    assert "--layer splits a layer of one stack; 2 were given" in split(saved, saved, "--layer", 0, code=2).stderr
    (saved.parent / "flat.png").write_bytes((saved / "composite.png").read_bytes())
    assert "is a flat picture without layers" in split("flat.png", "--layer", 0, code=1).stderr
    assert {path.name for path in saved.parent.iterdir()} == {"poster.layers", "flat.png"}
