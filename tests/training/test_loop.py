"""The training loop on tiny models: it learns, resumes to the same weights, and survives two processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from layerize.errors import CheckpointError, ConfigError, LayerizeError
from layerize.models import checkpoint
from layerize.models.layer_model import LayerModel
from layerize.models.rgba_vae import RGBAVAE
from layerize.training.batches import Batch
from layerize.training.loop import train
from layerize.training.recipe import DataConfig, OptimiserConfig, Recipe
from layerize.training.schedule import learning_rate_factor
from layerize.training.worker import Worker

DATA = DataConfig(sizes=((64, 64),), layer_counts=(2, 3), count_weights=(1.0, 1.0), groups=2, group_size=1)
LAYERS = Recipe(stage="image-to-layers", model="tiny", data=DATA, processes=1, precision="fp32")
BUDGET = 60.0  # minutes; the tests stop by steps


def weights(run: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load_model(run / "model").state_dict()


def figures(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_vae_learns_and_measures_its_latents(tmp_path: Path) -> None:
    recipe = Recipe(
        stage="vae",
        model="tiny",
        data=DATA,
        processes=1,
        precision="fp32",
        optimiser=OptimiserConfig(warmup_steps=1, learning_rate=4e-3),
    )
    first = figures_after(recipe, tmp_path / "short", 1)
    train(recipe, tmp_path / "long", minutes=BUDGET, max_steps=30)
    last = figures_after(recipe, tmp_path / "long", 31, resume=True)  # the loss of the last step alone
    assert last["loss"] < 0.85 * first["loss"]
    model = checkpoint.load_model(tmp_path / "long" / "model")
    assert isinstance(model, RGBAVAE)
    assert max(model.config.latents_std) > 0
    assert model.config.latents_std != (1.0,) * 4
    started = replace(LAYERS, start_from=str(tmp_path / "long" / "model"))
    train(started, tmp_path / "layers", minutes=BUDGET, max_steps=1)
    layers = checkpoint.load_model(tmp_path / "layers" / "model")
    assert isinstance(layers, LayerModel)
    assert layers.config.vae.latents_std == model.config.latents_std
    assert torch.equal(layers.vae.state_dict()["encoder.conv_in.weight"], model.state_dict()["encoder.conv_in.weight"])


def test_a_mixed_in_task_moves_its_own_part_in_its_own_steps_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[str, dict[str, torch.Tensor]]] = []
    step = Worker._step

    def watched(self: Worker, share: float, ahead: Iterator[Batch]) -> None:
        task = self.stage.task_of(self.progress.step)
        step(self, share, ahead)
        taken.append((task, {name: p.detach().clone() for name, p in self.stage.model.named_parameters()}))

    monkeypatch.setattr(Worker, "_step", watched)
    recipe = replace(LAYERS, mix={"vae": 0.5}, optimiser=OptimiserConfig(warmup_steps=1))
    train(recipe, tmp_path / "run", minutes=BUDGET, max_steps=10)
    moved = {"vae": 0, "image-to-layers": 0}
    for (_, before), (task, after) in pairwise(taken):
        names = {name for name in after if not torch.equal(before[name], after[name])}
        decoder = {name for name in names if name.startswith("vae.")}
        assert decoder == (names if task == "vae" else set())
        assert not any(name.startswith(("vae.encoder", "vae.quant_conv")) for name in names)
        moved[task] += bool(names)
    assert min(moved.values()) > 1


def figures_after(recipe: Recipe, run: Path, steps: int, resume: bool = False) -> dict[str, float]:
    train(recipe, run, minutes=BUDGET, max_steps=steps, resume=resume)
    return figures(run)[-1]


def test_resume_gives_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    train(LAYERS, tmp_path / "whole", minutes=BUDGET, max_steps=4)
    train(LAYERS, tmp_path / "parts", minutes=BUDGET, max_steps=2)
    train(LAYERS, tmp_path / "parts", minutes=BUDGET, max_steps=4, resume=True)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    different = [name for name in whole if not torch.equal(whole[name], parts[name])]
    assert different == []


def test_resume_needs_a_whole_state(tmp_path: Path) -> None:
    for processes in (1, 2):
        with pytest.raises(LayerizeError, match="nothing to resume"):
            train(replace(LAYERS, processes=processes), tmp_path, minutes=BUDGET, resume=True)
    with pytest.raises(CheckpointError):
        train(replace(LAYERS, processes=2, start_from=str(tmp_path / "absent")), tmp_path, minutes=BUDGET)
    train(LAYERS, tmp_path, minutes=BUDGET, max_steps=1)
    (tmp_path / "state" / "ema.safetensors").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="cannot be read"):
        train(LAYERS, tmp_path, minutes=BUDGET, resume=True)


def test_a_kill_between_the_renames_leaves_a_state(tmp_path: Path) -> None:
    train(LAYERS, tmp_path, minutes=BUDGET, max_steps=1)
    (tmp_path / "state").rename(tmp_path / ".state.old")
    train(LAYERS, tmp_path, minutes=BUDGET, max_steps=2, resume=True)
    assert figures(tmp_path)[-1]["step"] == 2


def test_learning_rate_warms_up_holds_and_decays() -> None:
    config = OptimiserConfig(warmup_steps=10, decay_share=0.25, final_factor=0.1)
    assert learning_rate_factor(config, 0, 0.0) == pytest.approx(0.1)
    assert learning_rate_factor(config, 50, 0.5) == 1.0
    assert learning_rate_factor(config, 50, 0.875) == pytest.approx(0.55)
    assert learning_rate_factor(config, 50, 1.0) == pytest.approx(0.1)


def test_only_some_parameters_train_when_asked(tmp_path: Path) -> None:
    train(LAYERS, tmp_path / "whole", minutes=BUDGET, max_steps=1)
    off = dict.fromkeys(("alpha", "colour", "ownership", "recomposition", "flow", "level"), 0.0)
    recipe = replace(LAYERS, start_from=str(tmp_path / "whole" / "model"), only=("transformer.stop",), loss_weights=off)
    train(recipe, tmp_path / "stop", minutes=BUDGET, max_steps=3)
    before, after = weights(tmp_path / "whole"), weights(tmp_path / "stop")
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert sorted(changed) == ["transformer.stop_head.bias", "transformer.stop_head.weight", "transformer.stop_tokens"]
    with pytest.raises(ConfigError, match="no parameter begins with 'transfromer'"):
        train(replace(recipe, only=("transfromer",)), tmp_path / "bad", minutes=BUDGET, max_steps=1)
