"""Runs survive: kills, NaN, spikes, full disks; a resumed loss curve is the uninterrupted one to the last bit."""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from layerize.errors import CheckpointError, LayerizeError, OutputError
from layerize.models import checkpoint
from layerize.training.batches import Batch
from layerize.training.checkpointing import SavedState
from layerize.training.guard import WINDOW, Guard
from layerize.training.log import read_log
from layerize.training.loop import train
from layerize.training.processes import Processes
from layerize.training.recipe import DataConfig, OptimiserConfig, Recipe
from layerize.training.schedule import Budget, learning_rate_factor
from layerize.training.worker import Settings, Worker

sys.path.insert(0, str(Path(__file__).parent))
from dataset_maker import make_dataset

DATA = DataConfig(sizes=((64, 64),), layer_counts=(2, 3), count_weights=(1.0, 1.0), groups=2, group_size=1)
RECIPE = Recipe(stage="image-to-layers", model="tiny", data=DATA, processes=1, precision="fp32", mix={"vae": 0.4})
HOUR = 60.0


def curve(run: Path) -> dict[int, tuple[float, ...]]:
    """Loss and gradient norm by step."""
    names = ("loss", "vae/loss", "gradient_norm", "vae/gradient_norm")
    lines = [line for line in read_log(run) if any(name in line for name in names)]
    return {line["step"]: tuple(line.get(name, math.nan) for name in names[:2]) for line in lines}


def test_a_resumed_loss_curve_is_bit_identical(tmp_path: Path) -> None:
    train(RECIPE, tmp_path / "whole", minutes=HOUR, max_steps=7, log_seconds=0)
    for steps in (2, 5, 7):
        train(RECIPE, tmp_path / "parts", minutes=HOUR, max_steps=steps, log_seconds=0, resume=steps > 2)
    whole, parts = curve(tmp_path / "whole"), curve(tmp_path / "parts")
    assert sorted(whole) == [1, 2, 3, 4, 5, 6, 7]
    assert repr(whole) == repr(parts)
    assert any(math.isnan(loss) for loss, _ in whole.values())  # some steps were the mixed task's
    state = SavedState(tmp_path / "parts" / "state")
    assert state.about["recipe"]["stage"] == "image-to-layers"
    assert state.about["model"]["config"]["transformer"]["depth"] == 2
    assert state.about["metrics"]["step"] == 7


KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import torch
torch.set_num_threads(1)
from test_unbreakable import RECIPE
from layerize.training.loop import train
train(replace(RECIPE, checkpoint_minutes=1e-3), Path(sys.argv[1]), minutes=60, log_seconds=0)
"""


def test_kill_dash_nine_and_go_on(tmp_path: Path) -> None:
    """Checkpoints are written all the time, so that the kill falls into one."""
    here = str(Path(__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), here], env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as running:
        limit = time.monotonic() + 120
        while len(read_log(tmp_path)) < 8 and running.poll() is None and time.monotonic() < limit:
            time.sleep(0.05)
        running.send_signal(signal.SIGKILL)
    before = curve(tmp_path)
    assert max(before) >= 6
    reached = SavedState(tmp_path / "state").progress.step if (tmp_path / "state").exists() else 0
    train(RECIPE, tmp_path, minutes=HOUR, resume=True, max_steps=max(before) + 2, log_seconds=0)
    after = curve(tmp_path)
    assert max(after) == max(before) + 2
    assert 0 < reached <= max(before)
    repeated = [step for step in before if step > reached]
    assert all(repr(before[step]) == repr(after[step]) for step in repeated)


def worker(tmp_path: Path, **optimiser: float) -> Worker:
    recipe = replace(RECIPE, mix={}, optimiser=OptimiserConfig(**optimiser))  # type: ignore[arg-type]
    return Worker(recipe, tmp_path, Processes(), Settings(budget=Budget(minutes=HOUR), max_steps=3), None)


def test_a_step_that_is_not_finite_changes_nothing_and_many_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = worker(tmp_path, skip_limit=2)
    before = [parameter.detach().clone() for parameter in running.parameters]
    task = running.stage.tasks["image-to-layers"]
    real = task.loss

    def broken(batch: Batch, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss, figures = real(batch, generator)
        return loss * float("nan"), figures

    monkeypatch.setattr(task, "loss", broken)
    with pytest.raises(LayerizeError, match=r"step 2: 3 of the last 200 steps .* loss nan.*Lower optimiser"):
        running.run_to_end()
    assert all(torch.equal(a, b) for a, b in zip(before, running.parameters, strict=True))
    assert running.progress.guard.skipped == 3


def test_spikes_are_skipped_only_when_the_mean_is_known() -> None:
    guard, config = Guard(), OptimiserConfig(spike=5.0, skip_limit=3)
    assert guard.admits(config, 0, "a", 1.0, 1000.0)  # nothing is known yet
    for step in range(1, 300):
        assert guard.admits(config, step, "a", 1.0, 2.0)
    assert not guard.admits(config, 300, "a", 1.0, 50.0)
    assert guard.admits(config, 301, "b", 1.0, 50.0)  # another task has its own mean
    assert guard.admits(config, 302, "a", 1.0, 8.0)
    assert not guard.admits(config, 302 + WINDOW, "a", 1.0, 50.0)
    assert guard.recent == [302 + WINDOW]


def test_a_full_disk_keeps_the_last_good_state(tmp_path: Path) -> None:
    """A file-size limit stands in for the disk: the operating system refuses to write on."""
    train(RECIPE, tmp_path, minutes=HOUR, max_steps=2)
    stored = (tmp_path / "state" / "weights.safetensors").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    records: list[dict[str, object]] = []
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(OutputError, match="the last one is kept"):
            train(
                replace(RECIPE, checkpoint_minutes=1e-4),
                tmp_path,
                minutes=HOUR,
                max_steps=4,
                resume=True,
                report=records.append,
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert any("Training goes on" in str(record.get("warning")) for record in records)
    assert (tmp_path / "state" / "weights.safetensors").read_bytes() == stored
    assert not (tmp_path / ".state.new").exists()
    train(RECIPE, tmp_path, minutes=HOUR, max_steps=3, resume=True)
    assert SavedState(tmp_path / "state").progress.step == 3


def test_a_release_decays_beside_a_stable_run(tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimiser=OptimiserConfig(warmup_steps=1))
    train(recipe, tmp_path, minutes=HOUR, max_steps=8, stable=True)
    stable = (tmp_path / "state" / "progress.json").read_text()
    seconds = json.loads(stable)["seconds"]
    model = train(recipe, tmp_path, minutes=2 * seconds / 60, release=True, log_seconds=0)
    assert model == tmp_path / "release" / "model"
    lines = [line for line in read_log(tmp_path / "release") if "learning_rate" in line]
    rates = [line["learning_rate"] for line in lines]
    for line in lines:  # the stable run's time is not the release's
        assert line["budget_seconds"] == pytest.approx(line["seconds"] - seconds, abs=0.2)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.5 * rates[0]
    assert (tmp_path / "state" / "progress.json").read_text() == stable
    assert checkpoint.read_info(model).metadata["steps"] > 8
    train(recipe, tmp_path, minutes=HOUR, max_steps=9, stable=True, resume=True)
    assert json.loads((tmp_path / "state" / "progress.json").read_text())["step"] == 9
    with pytest.raises(LayerizeError, match="nothing to resume"):
        train(RECIPE, tmp_path / "absent", minutes=1, release=True)


def test_schedules() -> None:
    config = OptimiserConfig(warmup_steps=10, decay_share=0.25, final_factor=0.1)
    stable, release = Budget(minutes=1, stable=True), Budget(minutes=1, release=True)
    assert learning_rate_factor(config, 50, 0.99, stable) == 1.0
    assert learning_rate_factor(config, 50, 0.5, release) == pytest.approx(0.55)
    assert Budget(minutes=10, samples=100).share(60, 50) == pytest.approx(0.5)
    assert Budget(minutes=10).share(60, 50) == pytest.approx(0.1)


def test_a_broken_sample_is_named_in_the_run(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "dataset", samples=4)
    for picture in (root / "samples" / "01").rglob("*.png"):
        picture.write_bytes(b"broken")
    recipe = replace(RECIPE, mix={}, data=replace(DATA, dataset=str(root)))
    train(recipe, tmp_path / "run", minutes=HOUR, max_steps=6)
    listed = (tmp_path / "run" / "quarantine.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in listed] == ["01"]
    assert [line["quarantined"] for line in read_log(tmp_path / "run") if "quarantined" in line] == ["01"]


def test_a_state_of_another_model_is_refused_with_what_differs(tmp_path: Path) -> None:
    train(replace(RECIPE, mix={}), tmp_path, minutes=HOUR, max_steps=1)
    other = replace(RECIPE, mix={}, model="tiny-full", data=replace(DATA, caption_rate=0.0))
    with pytest.raises(CheckpointError, match=r"of another model than this recipe's tiny-full: .* is missing"):
        train(other, tmp_path, minutes=HOUR, resume=True)
