"""``layerize synth make`` and ``show`` write what they say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from layerize.cli.synth import app, parse_levels, parse_size
from layerize.errors import ConfigError, OutputError, UsageError
from layerize.formats import load
from layerize.synth.design import draw_design
from layerize.synth.make import make_designs
from layerize.synth.sheet import checkerboard, contact_sheet

runner = CliRunner()


def test_make_writes_manifests_that_read_back(tmp_path: Path) -> None:
    done = runner.invoke(app, ["make", "3", "-o", str(tmp_path / "out"), "--size", "64x96", "--seed", "20", "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["designs"] == 3
    assert sum(result["layers"].values()) == 3
    for seed, folder in zip((20, 21, 22), result["folders"], strict=True):
        design, stack = draw_design(seed, (64, 96)), load(folder)
        assert stack.size == (64, 96)
        assert stack.metadata["caption"] == design.caption
        assert tuple(layer.name for layer in stack.walk()) == design.names
        flat = np.asarray(Image.open(Path(folder) / "composite.png").convert("RGB")).astype(int)
        assert np.abs(flat - design.image_u8_HW3).max() <= 1


def test_several_processes_write_the_same_designs(tmp_path: Path) -> None:
    made = list(make_designs(18, tmp_path / "two", size=(64, 64), seed=5, jobs=2))
    assert [design.seed for design in made] == list(range(5, 23))
    for design in made[::6]:
        there = load(design.folder)
        assert len(list(there.walk())) == design.layers == len(draw_design(design.seed, (64, 64)).names)


def test_make_replaces_only_when_asked(tmp_path: Path) -> None:
    first = next(make_designs(1, tmp_path, size=(64, 64)))
    with pytest.raises(OutputError, match="--overwrite"):
        list(make_designs(2, tmp_path, size=(64, 64)))
    assert not (tmp_path / "0000001").exists()
    (first.folder / "manifest.json").write_text("{}")
    assert len(list(make_designs(2, tmp_path, size=(64, 64), overwrite=True))) == 2
    assert load(first.folder).size == (64, 64)


def test_show_writes_a_sheet_with_every_picture(tmp_path: Path) -> None:
    target = tmp_path / "s.png"
    done = runner.invoke(
        app, ["show", "-o", str(target), "--count", "3", "--size", "64", "--columns", "1", "--levels", "3"]
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(target)
    sheet = np.asarray(Image.open(target))
    height = sheet.shape[0] // 3
    for i in range(3):
        design = draw_design(i, (64, 64), _levels_3())
        row = sheet[i * height : (i + 1) * height]
        assert np.array_equal(row[8:72, 8:72], design.image_u8_HW3)
        assert np.array_equal(row[8:72, 8 + 72 * 3 : 72 + 72 * 3], checkerboard(design.layers_u8_KHW4[2]))


def _levels_3() -> object:
    from layerize.synth.config import DesignConfig

    return DesignConfig(min_levels=3, max_levels=3)


def test_sheets_hold_mixed_layer_counts() -> None:
    designs = [draw_design(seed, (64, 64)) for seed in range(7)]
    sheet = contact_sheet(designs, columns=3)
    assert sheet.size[0] % 3 == 0
    assert sheet.size[1] % 3 == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["show", "--count", "0"], UsageError),
        (["show", "-o", "sheet.jpg"], UsageError),
        (["show", "--levels", "9", "-o", "x.png"], ConfigError),
        (["show", "--count", "1", "-o", "a-file/x.png"], OutputError),
        (["make", "0", "-o", "x"], UsageError),
        (["make", "1", "-o", "x", "--size", "100x100"], UsageError),
        (["make", "1", "-o", "x", "--jobs", "0"], UsageError),
    ],
)
def test_bad_options_are_refused(
    arguments: list[str], error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a-file").write_bytes(b"")
    done = runner.invoke(app, arguments)
    assert isinstance(done.exception, error), done.exception
    assert [path.name for path in tmp_path.iterdir()] == ["a-file"]


@pytest.mark.parametrize("text", ["", "axb", "64x", "64x64x64", "-64", "6.4"])
def test_bad_sizes_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--size"):
        parse_size(text)


def test_sizes_and_levels_are_read() -> None:
    assert parse_size("128X160") == (128, 160)
    assert parse_size("96") == (96, 96)
    assert parse_levels("2-6") == (2, 6)
    assert parse_levels("4") == (4, 4)
    with pytest.raises(UsageError, match="--levels"):
        parse_levels("two")
