"""The plan agrees with what is measured: arithmetic by FlopCounterMode, memory by the allocator, on real tensors."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from layerize.errors import LimitError
from layerize.training import plan as planning
from layerize.training.batches import DesignSource
from layerize.training.counting import TEXT_TOKENS
from layerize.training.loop import train
from layerize.training.plan import make_plan
from layerize.training.recipe import DataConfig, LoraConfig, Recipe
from layerize.training.recipe_file import read_recipe
from layerize.training.stages import Stage, build_stage

DATA = DataConfig(
    sizes=((64, 64),),
    layer_counts=(3,),
    count_weights=(1.0,),
    groups=1,
    group_size=2,
    caption_rate=0.0,
    text_dropout=0.0,
)
RECIPES = Path(__file__).parents[2] / "recipes"


def recipe(stage: str, **changes: Any) -> Recipe:
    return replace(Recipe(stage=stage, model="tiny", data=DATA, processes=1, precision="fp32"), **changes)


def built(made: Recipe) -> Stage:
    torch.manual_seed(0)
    return build_stage(made)


@pytest.mark.parametrize(
    "changes",
    [
        {"stage": "vae"},
        {"stage": "text-to-image", "data": replace(DATA, rgba_share=0.0)},
        {"stage": "text-to-layers"},
        {"stage": "image-to-layers"},
        {"stage": "image-to-layers", "gradient_checkpointing": True},
        {"stage": "image-to-layers", "lora": LoraConfig(rank=2)},
        {"stage": "image-to-layers", "model": "tiny-full", "stop_layers": 4},
    ],
    ids=lambda changes: "-".join(map(str, changes.values()))[:40],
)
def test_the_arithmetic_is_that_of_a_real_step(changes: dict[str, Any]) -> None:
    made = recipe(**changes)
    stage, batch = built(made), DesignSource(made.data).batch(0, False)
    if made.model == "tiny-full":  # the plan expects captions of 100 tokens
        zeros = torch.zeros(2, TEXT_TOKENS, 16)
        stage.tasks[made.stage].denoiser.prompts.encode = lambda texts, device: (zeros, None)  # type: ignore[attr-defined]
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH):
        stage(made.stage, batch, torch.Generator().manual_seed(0))[0].backward()
    assert make_plan(made).flops == pytest.approx(counter.get_total_flops() / 2, rel=0.04)


@pytest.mark.parametrize(
    ("stage", "precision"), [("vae", "fp32"), ("image-to-layers", "fp32"), ("text-to-layers", "bf16")]
)
def test_the_memory_is_that_of_a_real_step(stage: str, precision: str) -> None:
    """At the shipped size, where the fixed overhead of small tensors does not count."""
    data = replace(DATA, sizes=((128, 128),))
    made = recipe(stage, model="default", data=data, precision=precision)
    real, batch = built(made), DesignSource(data).batch(0, False)
    half = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record, half:
        loss, _ = real(stage, batch, torch.Generator().manual_seed(0))
    kept = sum(event.self_cpu_memory_usage for event in record.events())
    assert loss.isfinite()
    planned = make_plan(made)
    tolerance = 0.1 if precision == "fp32" else 0.2  # not every weight has a part in this task's bf16 copies
    assert planned.memory.activations + planned.memory.gathered == pytest.approx(kept, rel=tolerance)
    parameters = sum(p.numel() for p in real.model.parameters())
    assert planned.parameters == parameters
    assert planned.memory.weights == 4 * parameters
    assert planned.memory.optimiser == 8 * sum(p.numel() for _, p in real.trainable())


def test_checkpointing_saves_memory_and_sharding_divides_the_state() -> None:
    plain = make_plan(recipe("text-to-layers", model="default"))
    spared = make_plan(recipe("text-to-layers", model="default", gradient_checkpointing=True))
    assert spared.memory.activations < 0.5 * plain.memory.activations
    assert spared.flops > plain.flops
    shards = make_plan(recipe("text-to-layers", model="default", sharding="full"), devices=4)
    assert shards.memory.weights == plain.memory.weights / 4
    assert shards.memory.optimiser == plain.memory.optimiser / 4
    assert shards.batch == 4 * plain.batch


def test_a_recipe_can_be_planned_before_what_it_starts_from_exists() -> None:
    made = read_recipe(RECIPES / "text_to_image.toml", ("start_from=nowhere", "mix={}"))
    planned = make_plan(made)
    assert planned.flops > 1e7
    assert planned.samples_per_second(989e12, 0.35) > 1


def test_a_run_that_cannot_fit_is_refused_before_its_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "available_memory", lambda devices: 2.0**20)
    with pytest.raises(
        LimitError, match=r"needs 0\.0 GiB for each of 1 processes \(weights .*activations .*there are 0\.0"
    ):
        train(recipe("image-to-layers"), tmp_path / "run", minutes=1)
    assert not (tmp_path / "run").exists()
