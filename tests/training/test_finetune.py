"""Fine-tuning on one's own designs: adapters and whole models, ours and imported ones."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from layerize.errors import ConfigError
from layerize.models import checkpoint, presets
from layerize.models.layer_model import LayerModel
from layerize.models.published import PublishedModel
from layerize.predictors import PublishedPredictor, load_predictor
from layerize.training.loop import train
from layerize.training.lora import NAME, merged_state
from layerize.training.processes import Processes, local
from layerize.training.recipe import DataConfig, LoraConfig, OptimiserConfig, Recipe
from layerize.training.sharding import shard
from layerize.training.sources import open_source
from layerize.training.stages import build_stage

sys.path.insert(0, str(Path(__file__).parent))
from dataset_maker import make_dataset

HOUR = 60.0


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("own") / "dataset", samples=4)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny models with random weights: ours and one of the published architecture."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    ours = presets.preset("tiny")
    assert not isinstance(ours, presets.PublishedConfig)
    checkpoint.save_model(LayerModel(ours), folder / "ours")
    checkpoint.save_model(PublishedModel(presets.tiny_full()), folder / "published")
    return folder


def recipe(start: Path, dataset: Path, **changes: object) -> Recipe:
    data = DataConfig(
        sizes=((64, 64),),
        layer_counts=(2, 3),
        count_weights=(1.0, 1.0),
        groups=2,
        group_size=1,
        caption_rate=0.0,
        dataset=str(dataset),
    )
    base = Recipe(
        stage="image-to-layers",
        model="checkpoint",
        start_from=str(start),
        processes=1,
        precision="fp32",
        data=data,
        optimiser=OptimiserConfig(warmup_steps=1, learning_rate=5e-3, ema=0.5),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("family", ["ours", "published"])
def test_adapters_change_nothing_at_first_and_fold_into_the_weights(models: Path, dataset: Path, family: str) -> None:
    start = models / family
    stage = build_stage(recipe(start, dataset, lora=LoraConfig(rank=2)))
    plain = checkpoint.load_model(start)
    values = dict(stage.trainable())
    assert values
    assert all(".lora_" in name for name in values)
    for name, value in merged_state(stage.model, values).items():
        assert torch.equal(value, plain.state_dict()[name]), name
    with torch.no_grad():
        for name, value in values.items():
            if "lora_B" in name:
                value.normal_(generator=torch.Generator().manual_seed(1), std=0.1)
    layer = stage.model.get_submodule("transformer.blocks.0.image.q")
    x = torch.randn(3, layer.in_features)
    weight = merged_state(stage.model, values)["transformer.blocks.0.image.q.weight"]
    torch.testing.assert_close(layer(x), torch.nn.functional.linear(x, weight, layer.base_layer.bias))


@pytest.mark.parametrize("family", ["ours", "published"])
def test_lora_trains_resumes_and_gives_a_plain_model_and_an_adapter(
    models: Path, dataset: Path, family: str, tmp_path: Path
) -> None:
    start, made = models / family, recipe(models / family, dataset, lora=LoraConfig(rank=2, dropout=0.1))
    train(made, tmp_path / "whole", minutes=HOUR, max_steps=4)
    train(made, tmp_path / "parts", minutes=HOUR, max_steps=2)
    train(made, tmp_path / "parts", minutes=HOUR, max_steps=4, resume=True)
    whole, parts = (checkpoint.load_model(tmp_path / run / "model").state_dict() for run in ("whole", "parts"))
    before = checkpoint.load_model(start).state_dict()
    assert whole.keys() == before.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    changed = {name.split(".")[-2] for name in whole if not torch.equal(whole[name], before[name])}
    assert changed == {"q", "k", "v", "out"}

    import peft
    from safetensors.torch import load_file

    adapter = load_file(tmp_path / "whole" / "adapter" / "adapter_model.safetensors")
    assert peft.LoraConfig.from_pretrained(tmp_path / "whole" / "adapter").r == 2
    loaded = checkpoint.load_model(start)
    peft.inject_adapter_in_model(peft.LoraConfig.from_pretrained(tmp_path / "whole" / "adapter"), loaded)
    result = peft.set_peft_model_state_dict(
        loaded, {name.removeprefix("base_model.model."): value for name, value in adapter.items()}
    )
    assert not result.unexpected_keys
    values = {name: value for name, value in loaded.state_dict().items() if f".{NAME}." in name}
    again = merged_state(loaded, values)
    assert all(torch.equal(again[name], whole[name]) for name in whole)


@pytest.mark.parametrize("family", ["ours", "published"])
def test_full_fine_tuning_begins_where_the_model_is(models: Path, dataset: Path, family: str, tmp_path: Path) -> None:
    train(recipe(models / family, dataset), tmp_path, minutes=HOUR, max_steps=2)
    before, after = (checkpoint.load_model(path) for path in (models / family, tmp_path / "model"))
    moved = [n for n, v in after.state_dict().items() if not torch.equal(v, before.state_dict()[n])]
    assert any(name.startswith("transformer.blocks") for name in moved)
    assert not any(name.startswith("vae.") for name in moved)
    near = [(after.state_dict()[n] - before.state_dict()[n]).abs().max() for n in moved]
    assert max(near) < 0.05
    info = checkpoint.read_info(tmp_path / "model")
    assert info.metadata["dataset"] == str(dataset)
    assert {origin["licence"] for origin in info.metadata["origins"]} == {"CC0-1.0"}
    assert "- 00.psd (CC0-1.0)" in info.card


def test_a_trained_stop_head_counts_when_the_model_splits(models: Path, dataset: Path, tmp_path: Path) -> None:
    """The published way has no count; with a head of its own the model decides."""
    made = recipe(models / "published", dataset, stop_layers=5, only=("transformer.stop",), loss_weights={"flow": 0.0})
    made = replace(made, optimiser=replace(made.optimiser, learning_rate=3e-2))
    train(made, tmp_path, minutes=HOUR, max_steps=30)
    predictor = load_predictor(str(tmp_path / "model"), "cpu")
    import numpy as np

    picture = np.full((64, 64, 3), 200, np.uint8)
    found = predictor.predict(picture, layers=None, steps=1, seed=0, prompt=None, progress=lambda *_: None)
    assert found.count_probabilities is not None
    assert sum(found.count_probabilities) == pytest.approx(1.0, abs=1e-4)
    assert len(found.coarse_Khw4) == 1 + int(np.argmax(found.count_probabilities))
    assert isinstance(predictor, PublishedPredictor)
    small = predictor.layered.count("", picture_3HW=torch.full((3, 64, 64), 0.8), area_side=64)
    assert small is not None
    assert sum(small[1:3]) > 0.8  # at the size that it has learned from: two or three


def test_sharded_adapters_learn_the_same_and_fold_the_same(models: Path, dataset: Path) -> None:
    """A group of one process: every weight is a sharded tensor, and the arithmetic must not notice."""
    dist.init_process_group("gloo", rank=0, world_size=1, store=dist.HashStore())
    try:
        made = recipe(models / "published", dataset, lora=LoraConfig(rank=2), gradient_checkpointing=True)
        batch = open_source(made.data).batch(0, False)
        gradients, states = [], []
        for sharded in (False, True):
            torch.manual_seed(0)
            stage = build_stage(replace(made, sharding="full" if sharded else "none"))
            if sharded:
                shard(stage, Processes())
            stage("image-to-layers", batch, torch.Generator().manual_seed(0))[0].backward()
            gradients.append([local(p.grad) for _, p in stage.trainable() if p.grad is not None])
            values = {name: local(p.detach()) + 0.1 for name, p in stage.trainable()}
            stored = {name: local(value) for name, value in stage.model.state_dict().items()}
            states.append(merged_state(stage.model, values, stored))
        assert len(gradients[0]) > 10
        for plain, split in zip(*gradients, strict=True):
            torch.testing.assert_close(plain, split)
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    finally:
        dist.destroy_process_group()


def test_targets_that_do_not_exist_are_refused(models: Path, dataset: Path) -> None:
    with pytest.raises(ConfigError, match=r"lora.target 'qkv' is no linear layer of the blocks; they are .*mlp_in"):
        build_stage(recipe(models / "ours", dataset, lora=LoraConfig(rank=2, target=("qkv",))))
    with pytest.raises(ConfigError, match="leave out only"):
        recipe(models / "ours", dataset, lora=LoraConfig(rank=2), only=("vae",))
