"""Several processes: ``accelerate launch`` with sharded weights, and on with one process, along the same loss curve."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from layerize.errors import ConfigError, LayerizeError
from layerize.models import checkpoint
from layerize.training import loop
from layerize.training.checkpointing import SavedState
from layerize.training.log import read_log
from layerize.training.loop import train
from layerize.training.recipe import DataConfig, OptimiserConfig, Recipe
from layerize.training.recipe_file import read_recipe

DATA = DataConfig(sizes=((64, 64),), layer_counts=(2, 3), count_weights=(1.0, 1.0), groups=2, group_size=1)
RECIPE = """
stage = "image-to-layers"
model = "tiny"
precision = "fp32"
sharding = "full"
mix = {text-to-layers = 0.5}
[data]
sizes = [[64, 64]]
layer_counts = [2, 3]
count_weights = [1.0, 1.0]
groups = 2
group_size = 1
[optimiser]
learning_rate = 3e-3
warmup_steps = 1
"""
LAUNCH = ("--multi_gpu", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no")


def losses(run: Path) -> dict[int, float]:
    """By step; a line holds the task's own name for mixed tasks."""
    lines = [line for line in read_log(run) if "loss" in line or "text-to-layers/loss" in line]
    return {line["step"]: line.get("loss", line.get("text-to-layers/loss")) for line in lines}


def test_sharded_processes_train_save_and_one_process_goes_on(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    port = str(29000 + os.getpid() % 1000)
    train_it = ["-m", "layerize", "train", tmp_path / "recipe.toml", "-o", tmp_path / "two", "--max-steps", "3"]
    launch = [sys.executable, "-m", "accelerate.commands.launch", *LAUNCH, "--num_processes", "2"]
    launched = subprocess.run(
        [*launch, "--main_process_port", port, *train_it],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert launched.returncode == 0, launched.stderr
    assert launched.stdout.split() == [str(tmp_path / "two" / "model")]
    stored = {path.name for path in (tmp_path / "two" / "state").iterdir()}
    assert {"weights-00001-of-00002.safetensors", "optimiser-00002-of-00002.safetensors"} <= stored

    recipe = read_recipe(tmp_path / "recipe.toml", ("processes=1", "optimiser.accumulate=2"))
    train(recipe, tmp_path / "one", minutes=60, max_steps=3, log_seconds=0)
    one, two = (checkpoint.load_model(tmp_path / run / "model").state_dict() for run in ("one", "two"))
    apart = {name: float((one[name] - two[name]).abs().max()) for name in one}
    assert max(apart.values()) < 2e-4, max(apart, key=apart.__getitem__)

    for run in ("one", "two"):
        train(recipe, tmp_path / run, minutes=60, max_steps=6, log_seconds=0, resume=True)
    whole, moved = losses(tmp_path / "one"), losses(tmp_path / "two")
    for step in (4, 5, 6):
        assert moved[step] == pytest.approx(whole[step], rel=2e-3), step
    assert SavedState(tmp_path / "two" / "state").progress.samples == 6 * 2 * 2
    last = read_log(tmp_path / "two")[-1]
    assert last["samples_per_second"] > 0
    assert 0.05 < last["memory_gib"] < 8


def test_processes_of_one_command_share_what_they_learn(tmp_path: Path) -> None:
    """Two processes of one batch, in bf16, see what one sees that accumulates two."""
    recipe = Recipe(
        stage="image-to-layers",
        model="tiny",
        data=DATA,
        precision="fp32",
        processes=2,
        optimiser=OptimiserConfig(warmup_steps=1, learning_rate=3e-3),
    )
    records: list[dict[str, object]] = []
    train(recipe, tmp_path / "two", minutes=60, max_steps=3, report=records.append)
    alone = replace(recipe, processes=1, optimiser=replace(recipe.optimiser, accumulate=2))
    train(alone, tmp_path / "one", minutes=60, max_steps=3)
    assert records[-1]["step"] == 3
    assert records[-1]["samples"] == 3 * 2 * 2
    one, two = (checkpoint.load_model(tmp_path / run / "model").state_dict() for run in ("one", "two"))
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 2e-4


def test_an_error_in_a_process_comes_out_as_itself() -> None:
    waiting: queue.Queue[dict[str, str]] = queue.Queue()
    waiting.put({"failed": "ConfigError", "message": "recipe: no."})
    failures: list[LayerizeError] = []
    seen: list[dict[str, object]] = []
    waiting.put({"step": "1"})
    loop._drain(waiting, seen.append, failures)
    assert [type(failure) for failure in failures] == [ConfigError]
    assert str(failures[0]) == "recipe: no."
    assert seen == [{"step": "1"}]
