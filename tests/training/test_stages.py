"""All stages on tiny models of both families: they learn, mix, freeze, begin where they are told to, refuse."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from layerize.errors import CheckpointError, ConfigError
from layerize.models import checkpoint, presets, rgba_vae
from layerize.models.published import PublishedModel
from layerize.models.rgba_vae import RGBAVAE
from layerize.training.batches import Batch, DesignSource
from layerize.training.recipe import DataConfig, Recipe
from layerize.training.stages import Stage, build_stage

DATA = DataConfig(
    sizes=((64, 64),), layer_counts=(2, 3), count_weights=(1.0, 1.0), groups=2, group_size=1, caption_rate=0.0
)
BATCH: Batch = DesignSource(DATA).batch(0, False)


def recipe(stage: str, **changes: object) -> Recipe:
    return replace(Recipe(stage=stage, model="tiny", data=DATA, processes=1, precision="fp32"), **changes)  # type: ignore[arg-type]


def loss_of(stage: Stage, task: str, seed: int = 0) -> torch.Tensor:
    return stage(task, BATCH, torch.Generator().manual_seed(seed))[0]


@pytest.mark.parametrize("task", ["vae", "text-to-image", "text-to-layers", "image-to-layers"])
def test_every_task_learns(task: str) -> None:
    torch.manual_seed(0)
    stage = build_stage(recipe(task))
    optimiser = torch.optim.AdamW([p for _, p in stage.trainable()], lr=2e-3)
    losses = []
    for _ in range(12):
        loss = loss_of(stage, task)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_a_share_of_the_groups_is_trained_at_pure_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    for share in (0.0, 0.5, 1.0):
        stage = build_stage(recipe("image-to-layers", pure_noise_share=share))
        times: list[float] = []
        denoise = stage.model.denoise

        def watched(x: torch.Tensor, t: torch.Tensor, reading: object, run: Any = denoise, to: Any = times) -> object:
            to.extend(t.tolist())
            return run(x, t, reading)

        monkeypatch.setattr(stage.model, "denoise", watched)
        for seed in range(20):
            loss_of(stage, "image-to-layers", seed)
        assert times.count(1.0) / len(times) == pytest.approx(share, abs=0.25 if share == 0.5 else 0)


def test_the_published_architecture_learns_pictures_and_counts() -> None:
    torch.manual_seed(0)
    stage = build_stage(recipe("image-to-layers", model="tiny-full", stop_layers=4))
    loss, figures = stage("image-to-layers", BATCH, torch.Generator().manual_seed(0))
    loss.backward()
    assert set(figures) == {"flow", "stop", "count_exact"}
    assert figures["flow"] == pytest.approx(2.0, rel=0.5)  # velocity of unit noise and unit latents
    without = {name for name, p in stage.trainable() if p.grad is None}
    assert not {name for name in without if "stop" in name or "image.q" in name}


def test_only_the_stop_head_of_a_frozen_backbone_learns(tmp_path: Path) -> None:
    torch.manual_seed(0)
    checkpoint.save_model(PublishedModel(presets.tiny_full()), tmp_path / "published")
    stage = build_stage(
        recipe(
            "image-to-layers",
            model="checkpoint",
            start_from=str(tmp_path / "published"),
            stop_layers=4,
            only=("transformer.stop",),
            loss_weights={"flow": 0.0},
        )
    )
    names = [name for name, _ in stage.trainable()]
    assert sorted(names) == ["transformer.stop_head.bias", "transformer.stop_head.weight", "transformer.stop_tokens"]
    first = loss_of(stage, "image-to-layers")
    optimiser = torch.optim.AdamW([p for _, p in stage.trainable()], lr=1e-2)
    for _ in range(20):
        loss = loss_of(stage, "image-to-layers")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.7 * first
    with pytest.raises(ConfigError, match="its own stop head"):
        build_stage(recipe("image-to-layers", stop_layers=4))


def test_an_rgb_vae_becomes_an_rgba_vae_that_reconstructs_colours_as_before(tmp_path: Path) -> None:
    torch.manual_seed(1)
    rgb_vae = RGBAVAE(replace(rgba_vae.tiny(), channels=3)).eval()
    checkpoint.save_model(rgb_vae, tmp_path / "rgb")
    stage = build_stage(recipe("vae", model="checkpoint", start_from=str(tmp_path / "rgb")))
    picture = 2 * BATCH.picture_B3HW - 1
    opaque = torch.cat([picture, torch.ones_like(picture[:, :1])], dim=1)
    with torch.no_grad():
        before = rgb_vae.decode(rgb_vae.encode(picture)[0])
        vae = stage.model
        assert isinstance(vae, RGBAVAE)
        after = vae.decode(vae.encode(opaque)[0])
    torch.testing.assert_close(after[:, :3], before, atol=1e-6, rtol=1e-5)
    assert (after[:, 3] - 1).abs().max() < 1e-6
    assert vae.config.channels == 4
    loss_of(stage, "vae").backward()


def test_text_dropout_and_cut_outs_follow_their_rates() -> None:
    from layerize.training.latent_task import ON_TRANSPARENCY, ImageTask
    from layerize.training.tasks import drop_texts

    stage = build_stage(recipe("text-to-image", data=replace(DATA, rgba_share=1.0)))
    task = stage.tasks["text-to-image"]
    assert isinstance(task, ImageTask)
    pictures, texts = task._pictures(BATCH, torch.Generator().manual_seed(0))
    assert all(text.endswith(ON_TRANSPARENCY) for text in texts)
    assert float(pictures[:, 3].min()) == 0
    kept = drop_texts(["a"] * 4000, 0.25, torch.Generator().manual_seed(0))
    assert kept.count("") / 4000 == pytest.approx(0.25, abs=0.03)


def test_tasks_mix_by_their_shares_and_alike_in_every_process() -> None:
    stage = build_stage(recipe("text-to-layers", mix={"vae": 0.2, "text-to-image": 0.3}))
    drawn = Counter(stage.task_of(step) for step in range(1000))
    assert drawn["vae"] == pytest.approx(200, abs=40)
    assert drawn["text-to-image"] == pytest.approx(300, abs=45)
    assert any("vae." in name for name, _ in stage.trainable())
    assert not any(name.startswith("vae.") for name, _ in build_stage(recipe("text-to-layers")).trainable())


def test_checkpointed_blocks_give_the_same_gradients() -> None:
    def gradients(checkpointing: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        stage = build_stage(recipe("image-to-layers", gradient_checkpointing=checkpointing))
        loss_of(stage, "image-to-layers").backward()
        return [p.grad for _, p in stage.trainable() if p.grad is not None]

    for a, b in zip(gradients(False), gradients(True), strict=True):
        torch.testing.assert_close(a, b)


def test_the_perceptual_network_is_pluggable() -> None:
    class Constant(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return (a - b).square().mean(dim=(1, 2, 3))

    stage = build_stage(recipe("vae", perceptual="filters"))
    _, figures = stage("vae", BATCH, torch.Generator().manual_seed(0))
    assert figures["perceptual"] > 0
    stage = build_stage(recipe("vae", perceptual="lpips"), {"lpips": Constant})
    assert "perceptual" in stage("vae", BATCH, torch.Generator().manual_seed(0))[1]
    with pytest.raises(ConfigError, match="available: none, filters"):
        build_stage(recipe("vae", perceptual="lpips"))


def test_another_architecture_is_refused_with_its_differences(tmp_path: Path) -> None:
    checkpoint.save_model(build_stage(recipe("image-to-layers")).model, tmp_path / "tiny")
    with pytest.raises(CheckpointError, match=r"transformer\.depth: 2 against 6"):
        build_stage(recipe("image-to-layers", model="default", start_from=str(tmp_path / "tiny")))
    with pytest.raises(CheckpointError, match="no such model"):
        build_stage(recipe("image-to-layers", start_from=str(tmp_path / "absent")))
    own = build_stage(recipe("text-to-layers", model="checkpoint", start_from=str(tmp_path / "tiny")))
    assert own.model.config == presets.preset("tiny")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss_weights": {"alhpa": 1.0}}, "unknown loss weight 'alhpa'"),
        ({"mix": {"image-to-layers": 0.5}}, "no earlier task"),
        ({"mix": {"vae": 1.0}}, "must be below 1"),
        ({"model": "checkpoint"}, "start_from must name one"),
        ({"sharding": "full", "mix": {"vae": 0.1}}, "sharding must be none"),
        ({"model": "tiny-full", "data": replace(DATA, caption_rate=0.5)}, "no text encoder"),
        ({"stage": "text-to-layers", "model": "tiny-full"}, "no text encoder"),
        (
            {"data": replace(DATA, layer_counts=(2, 9), groups=1)},
            "at most 8 layers",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_stage(recipe("image-to-layers", **changes) if "stage" not in changes else recipe(**changes))  # type: ignore[arg-type]
