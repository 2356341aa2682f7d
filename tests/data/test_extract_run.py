"""Whole runs on small folders: every file ends somewhere, runs resume, killed runs leave nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from design_stacks import ground, noise, patch, poster, stack_of

from layerize.data.dataset_folder import DatasetFolder, IndexEntry
from layerize.data.extract import ExtractOptions
from layerize.data.extract_run import RunOptions, extract_dataset
from layerize.errors import InputError, OutputError, UsageError
from layerize.formats import load
from layerize.stack import Group, LayerStack, flatten

OPTIONS = ExtractOptions(min_layers=2)
RUN = RunOptions(workers=2)


@pytest.fixture
def art(tmp_path: Path) -> Path:
    """Good designs of two artists, a flat one, a copy, a damaged one."""
    root = tmp_path / "art"
    tall = stack_of(ground(noise(64, 48, 3)), Group(layers=(patch("Sun", (250, 200, 0, 255)),), name="Sky"))
    poster().save(root / "anna/Summer poster.layers")
    tall.save(root / "bert/sunset.ora")
    stack_of(ground(noise(64, 48, 5))).save(root / "bert/flat.ora")
    poster().save(root / "bert/zz copy.layers")
    (root / "bert/broken.psd").write_bytes(b"8BPS\x00\x01 nothing more")
    return root


def by_name(entries: list[IndexEntry]) -> dict[str, IndexEntry]:
    return {Path(entry.source).name: entry for entry in entries}


def test_every_file_ends_accepted_rejected_or_failed(art: Path, tmp_path: Path) -> None:
    entries = extract_dataset([art], tmp_path / "out", OPTIONS, RUN)
    assert [entry.source for entry in entries] == [
        "art/anna/Summer poster.layers",
        "art/bert/broken.psd",
        "art/bert/flat.ora",
        "art/bert/sunset.ora",
        "art/bert/zz copy.layers",
    ]
    found = by_name(entries)
    assert {name: entry.status for name, entry in found.items()} == {
        "Summer poster.layers": "accepted",
        "broken.psd": "failed",
        "flat.ora": "rejected",
        "sunset.ora": "accepted",
        "zz copy.layers": "rejected",
    }
    assert found["flat.ora"].reasons[0].filter == "too-few-layers"
    assert found["zz copy.layers"].reasons[0].filter == "near-duplicate"
    assert "Summer poster" in found["zz copy.layers"].reasons[0].detail
    assert str(tmp_path) not in found["broken.psd"].reasons[0].detail


def test_an_accepted_file_is_a_sample_with_its_story(art: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    entries = extract_dataset([art], out, OPTIONS, RunOptions(licence="CC0-1.0"))
    entry = by_name(entries)["Summer poster.layers"]
    stack = load(out / str(entry.path))
    assert (flatten(stack) == flatten(poster())).all()
    assert stack.metadata["licence"] == entry.licence == "CC0-1.0"
    assert stack.metadata["caption"] == entry.caption
    assert entry.caption == (
        'Summer poster: blue dot, red dot, card and ground. Text: "Hello". Mostly light grey and white.'
    )
    assert (entry.canvas, entry.layers, entry.levels, entry.verified) == ((64, 48), 5, 3, True)
    assert sorted(path.name for path in (out / "samples").iterdir()) == sorted(
        item.id for item in entries if item.status == "accepted"
    )
    assert json.loads((out / "dataset.json").read_text())["options"] == OPTIONS.to_json()


def test_history_is_in_the_manifest(tmp_path: Path) -> None:
    hidden = replace(patch("Draft", (9, 9, 9, 255)), visible=False)
    stack_of(*poster().layers, hidden).save(tmp_path / "a.layers")
    (entry,) = extract_dataset([tmp_path / "a.layers"], tmp_path / "out", ExtractOptions(max_layers=3))
    manifest = json.loads((tmp_path / "out" / str(entry.path) / "manifest.json").read_text())
    assert manifest["history"][0] == {"action": "dropped", "layer": "Draft", "why": "hidden"}
    assert manifest["history"][-1]["action"] == "merged"
    assert load(tmp_path / "out" / str(entry.path)).metadata["history"] == manifest["history"]


def test_a_run_goes_on_with_what_is_new_and_repeats_nothing(art: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "out", []
    first = extract_dataset([art / "anna"], out, OPTIONS, RUN)
    stamp = (out / str(first[0].path) / "manifest.json").stat().st_mtime_ns
    entries = extract_dataset([art / "anna", art / "bert"], out, OPTIONS, RUN, report=lambda *line: told.append(line))
    assert len(told) == 4
    assert (out / str(first[0].path) / "manifest.json").stat().st_mtime_ns == stamp
    assert len(entries) == 5
    again = extract_dataset([art / "anna", art / "bert"], out, OPTIONS, RUN)
    assert again == entries


def test_a_changed_file_is_extracted_again_and_failed_ones_on_request(art: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    extract_dataset([art / "bert"], out, OPTIONS, RUN)
    replace(poster(), size=(80, 48)).save(art / "bert/broken.ora")
    (art / "bert/broken.psd").unlink()
    entries = extract_dataset([art / "bert"], out, OPTIONS, replace(RUN, retry=True))
    assert by_name(entries)["broken.ora"].status == "accepted"
    assert "broken.psd" not in by_name(entries)


def test_other_options_are_refused_unless_it_begins_again(art: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    extract_dataset([art / "anna"], out, OPTIONS)
    other = replace(OPTIONS, max_layers=3)
    with pytest.raises(UsageError, match=r"max_layers was 20, is 3\); .*--restart"):
        extract_dataset([art / "anna"], out, other)
    (entry,) = extract_dataset([art / "anna"], out, other, RunOptions(restart=True))
    assert entry.layers == 3


def test_foreign_folders_and_bad_filters_are_refused_before_any_work(art: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        extract_dataset([art], tmp_path / "mine", OPTIONS)
    with pytest.raises(UsageError, match="unknown field"):
        extract_dataset([art], tmp_path / "out", replace(OPTIONS, filters=("layer > 2",)))
    with pytest.raises(UsageError, match="no such filter"):
        extract_dataset([art], tmp_path / "out", replace(OPTIONS, skip=("nothing",)))
    with pytest.raises(InputError, match="no such file"):
        extract_dataset([tmp_path / "gone"], tmp_path / "out", OPTIONS)
    assert not (tmp_path / "out").exists()


def test_user_filters_and_skipped_filters(art: Path, tmp_path: Path) -> None:
    options = replace(OPTIONS, filters=("format == 'ora'",), skip=("too-few-layers",))
    found = by_name(extract_dataset([art], tmp_path / "out", options, RUN))
    assert found["flat.ora"].status == "accepted"
    assert found["Summer poster.layers"].reasons[0].filter == "expression"


def test_two_runs_at_once_are_refused(art: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    extract_dataset([art / "anna"], out, OPTIONS)
    with DatasetFolder(out).locked(), pytest.raises(OutputError, match="another extraction"):
        extract_dataset([art], out, OPTIONS)


def test_an_index_cut_off_in_its_last_line_goes_on(art: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    whole = extract_dataset([art], out, OPTIONS, RUN)
    index = out / "index.jsonl"
    index.write_bytes(index.read_bytes()[:-40])
    (out / "samples/.half.123-abc.tmp").mkdir()
    entries = extract_dataset([art], out, OPTIONS, RUN)
    assert [entry.model_copy(update={"seconds": 0}) for entry in entries] == [
        entry.model_copy(update={"seconds": 0}) for entry in whole
    ]
    assert not (out / "samples/.half.123-abc.tmp").exists()
    index.write_bytes(b"{}\n" + index.read_bytes())
    with pytest.raises(InputError, match="line 1"):
        extract_dataset([art], out, OPTIONS)


def test_a_killed_run_leaves_no_half_sample_and_the_next_one_finishes(tmp_path: Path) -> None:
    art = tmp_path / "art"
    for number in range(4):
        big = np.ascontiguousarray(np.kron(noise(60, 50, number), np.ones((8, 8, 1), np.uint8)))
        size = (big.shape[1], big.shape[0])
        layers = (ground(big), patch(f"Dot {number}", (250, 40 * number, 0, 255), (40, 40), 90))
        LayerStack(size=size, layers=layers).save(art / f"{number}.ora")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "layerize", "data", "extract", str(art), "-o", str(out)]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (
        not (out / "index.jsonl").is_file() or not (out / "index.jsonl").stat().st_size
    ):
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    before = DatasetFolder(out).entries()
    assert 1 <= len(before) < 4
    entries = extract_dataset([art], out, ExtractOptions())
    assert [entry.status for entry in entries] == ["accepted"] * 4
    assert before[0].seconds == entries[0].seconds
    assert len(list((out / "samples").iterdir())) == 4


def test_a_bomb_costs_itself_only(tmp_path: Path) -> None:
    poster().save(tmp_path / "art/good.ora")
    (tmp_path / "art/huge.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="900000" height="900000"/>')
    found = by_name(extract_dataset([tmp_path / "art"], tmp_path / "out", ExtractOptions(max_pixels=100_000)))
    assert found["good.ora"].status == "accepted"
    assert found["huge.svg"].status in ("failed", "rejected")
