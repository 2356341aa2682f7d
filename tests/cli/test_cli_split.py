"""``layerize split`` with a complete tiny model of random weights: files, reports, faults."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from layerize.formats import load
from layerize.sheet import levels_apart
from layerize.stack import Group
from layerize.stack.composite import flatten


def draw(path: Path, size: tuple[int, int] = (96, 72), colour: str = "orange") -> Path:
    picture = Image.new("RGB", size, "navy")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((10, 10, size[0] // 2, size[1] // 2), fill=colour)
    pen.rectangle((size[0] // 2, size[1] // 2, size[0] - 9, size[1] - 9), fill="white")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


@pytest.fixture
def split(cli, checkpoint: Path):
    """Runs ``layerize split --model <tiny> ARGS``."""

    def run(*arguments: object, code: int = 0):
        return cli("split", "--model", checkpoint, "--steps", 1, "--device", "cpu", *arguments, code=code)

    return run


def exact(out: Path | str, picture: Path) -> bool:
    pixels = np.asarray(Image.open(picture).convert("RGBA"))
    return int(levels_apart(pixels, flatten(load(out))).max()) <= 1


def test_default_result_is_a_folder_named_after_the_picture(split, tmp_path: Path) -> None:
    picture = draw(tmp_path / "pictures" / "poster.png")
    result = split("pictures/poster.png", "--layers", 3)
    assert exact("poster.layers", picture)
    first, *rest = result.stdout.splitlines()
    assert first.startswith("pictures/poster.png -> poster.layers")
    assert "composite within" in first
    assert [line.split("  ", 2)[-1] for line in rest] == [layer.name for layer in load("poster.layers").layers]
    assert result.stderr == ""


@pytest.mark.parametrize("out", ["a.psd", "b.zip", "c", "deep/er/d.layers"])
def test_extension_of_out_decides_the_format(split, tmp_path: Path, out: str) -> None:
    picture = draw(tmp_path / "poster.png")
    split("poster.png", "-o", out, "--layers", 2)
    assert exact(out, picture)


def test_a_picture_that_may_not_be_read_does_not_stop_the_others(
    split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The permissions are those of the system, also where the tests run as root, who may read everything."""
    draw(tmp_path / "one.png")
    draw(tmp_path / "two.png")
    allowed, read = os.access, Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "one.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr("os.access", lambda path, mode, **_: Path(path).name != "one.png" and allowed(path, mode))
    monkeypatch.setattr(Path, "read_bytes", refuse)
    result = split("one.png", "two.png", "-o", "out", "--layers", 2, code=1)
    assert "one.png: cannot be read (Permission denied); check the file and its permissions." in result.stderr
    assert Path("out/two.layers/manifest.json").is_file()


def test_json_is_one_document_with_an_entry_per_picture(split, tmp_path: Path) -> None:
    draw(tmp_path / "one.png")
    draw(tmp_path / "two.png", colour="teal")
    result = split("one.png", "two.png", "-o", "out", "--json", "--layers", 2)
    document = json.loads(result.stdout)
    assert document["failed"] == 0
    assert [entry["path"] for entry in document["results"]] == ["one.png", "two.png"]
    for entry in document["results"]:
        stack = load(entry["out"])
        assert entry["layers"] == [layer.name for layer in stack.walk()]
        assert (entry["count"], entry["size"]) == (len(stack), [96, 72])
        assert entry["recompose_error"] <= 1
        assert entry["seconds"] > 0
        assert entry["error"] is None


def test_a_failed_picture_does_not_stop_the_others(split, tmp_path: Path) -> None:
    draw(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(draw(tmp_path / "x" / "full.png").read_bytes()[:200])
    (tmp_path / "note.txt").write_text("not a picture")
    result = split("broken.png", "missing.png", "note.txt", "good.png", "-o", "out", "--json", code=1)
    document = json.loads(result.stdout)
    errors = {entry["path"]: entry["error"] for entry in document["results"]}
    assert document["failed"] == 3
    assert errors["good.png"] is None
    assert (tmp_path / "out/good.layers/manifest.json").is_file()
    assert all(name in errors[name] for name in ("broken.png", "missing.png", "note.txt"))
    assert len(result.stderr.splitlines()) == 3, result.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good.layers"]


def test_a_folder_of_pictures_with_format_and_sheets(split, tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg"):
        draw(tmp_path / "in" / name)
    split("in", "-o", "out", "--format", "psd", "--sheet", "sheets", "--layers", 2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.psd", "b.psd"]
    assert Image.open("sheets/a.png").width == 1600


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (40, 40), (3, 300)])
def test_tiny_and_narrow_pictures_are_split(split, tmp_path: Path, size: tuple[int, int]) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(colours).save(tmp_path / "small.png")
    split("small.png", "-o", "out", "--layers", 3)
    assert exact("out", tmp_path / "small.png")


def test_parts_become_a_group(split, tmp_path: Path) -> None:
    picture = draw(tmp_path / "poster.png")
    split("poster.png", "-o", "out", "--parts", "--layers", 3)
    assert exact("out", picture)
    plain = split("poster.png", "-o", "plain", "--layers", 3) and load("plain")
    assert len(list(load("out").walk())) >= len(list(plain.walk()))


def test_depth_gives_groups_or_layers_and_stays_exact(split, tmp_path: Path) -> None:
    picture = draw(tmp_path / "poster.png", (160, 120))
    split("poster.png", "-o", "out", "--depth", 2, "--layers", 3)
    assert exact("out", picture)
    assert all(node.name for node in load("out").layers if isinstance(node, Group))


def test_same_seed_same_layers(split, tmp_path: Path) -> None:
    draw(tmp_path / "poster.png")
    for out, seed in (("a", 5), ("b", 5)):
        split("poster.png", "-o", out, "--seed", seed, "--layers", 3)
    pairs = zip(load("a").walk(), load("b").walk(), strict=True)
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in pairs)


def test_metadata_tells_how_it_was_made(split, tmp_path: Path) -> None:
    draw(tmp_path / "poster.png")
    split("poster.png", "-o", "out", "--seed", 7, "--layers", 2)
    metadata = load("out").metadata
    assert metadata["source"] == "poster.png"
    assert metadata["model"] == {"name": "tiny", "seed": 7, "steps": 1}


def test_a_note_about_reading_is_a_warning(split, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (80, 80), colour) for colour in ("red", "lime")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    result = split("moving.gif", "-o", "out", "--json", "--layers", 2)
    [entry] = json.loads(result.stdout)["results"]
    assert any("frame" in text for text in entry["warnings"])
    assert result.stderr.startswith("layerize: warning: moving.gif:")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--format", "doc"], 2, "--format doc is unknown; choose one of folder"),
        (["-o", "x.doc"], 1, "unknown extension"),
        (["-o", "full"], 1, "full is a folder with other files in it"),
        (["--max-pixels", "100"], 1, "--max-pixels"),
        (["--layers", "9999"], 2, "--layers 9999"),
        (["--layers", "0"], 2, "--layers"),
        (["--device", "quantum"], 2, "--device quantum"),
        (["--model", "nonesuch"], 1, "nonesuch: no such model"),
        (["poster.png", "-o", "one.psd"], 2, "OUT one.psd names one result"),
    ],
)
def test_what_cannot_be_is_refused(split, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    draw(tmp_path / "poster.png")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert message in split("poster.png", *arguments, code=code).stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_disk_full_is_reported_and_leaves_nothing(split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "poster.png")

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    stderr = split("poster.png", "-o", "out", "--layers", 2, code=1).stderr
    assert "disk is full" in stderr
    assert len(stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["poster.png"]


def test_debug_shows_the_traceback_of_one_picture(cli, checkpoint: Path) -> None:
    stderr = cli("--debug", "split", "--model", checkpoint, "missing.png", code=1).stderr
    assert "Traceback" in stderr


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM])
def test_killing_leaves_no_half_written_result(checkpoint: Path, tmp_path: Path, kill: signal.Signals) -> None:
    picture = draw(tmp_path / "poster.png", (700, 500))
    command = [sys.executable, "-m", "layerize", "split", str(picture), "--model", str(checkpoint), "--layers", "4"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and not list(tmp_path.glob(".poster.layers*")):
            time.sleep(0.01)
        os.kill(process.pid, kill)
        _, messages = process.communicate(timeout=60)
    names = {path.name for path in tmp_path.iterdir()} - {"poster.png"}
    if process.returncode == 0:  # the result was complete before the signal came
        assert names == {"poster.layers"}
        assert exact(tmp_path / "poster.layers", picture)
    else:
        assert process.returncode == (130 if kill == signal.SIGINT else 143)
        assert names <= {"poster.layers"}
        assert b"Traceback" not in messages
        if names:
            assert exact(tmp_path / "poster.layers", picture)
