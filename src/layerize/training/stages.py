"""Training stages: the model and its tasks as one module whose forward is the loss.

Being one module, a stage can be sharded over processes (FSDP2) like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as recompute

from layerize.errors import ConfigError
from layerize.models.layer_model import LayerModel
from layerize.models.published import PublishedModel
from layerize.models.rgba_vae import RGBAVAE
from layerize.models.vld_mmdit import VLDMMDiT
from layerize.training import lora
from layerize.training.batches import Batch
from layerize.training.denoisers import denoiser_of
from layerize.training.latent_task import ImageTask, LayersTask, Shows
from layerize.training.perceptual import Networks, perceptual_network
from layerize.training.picture_task import PictureTask
from layerize.training.prompts import PromptEncoder
from layerize.training.recipe import Recipe
from layerize.training.starting import channels_last, freeze_all_but, starting_model
from layerize.training.tasks import Figures, Task, check_weights, vae_of
from layerize.training.vae_task import VAETask


class Stage(nn.Module):
    """What is trained: ``model``, and the tasks that it learns from with their shares of the steps."""

    def __init__(self, recipe: Recipe, model: nn.Module, tasks: Mapping[str, Task]) -> None:
        super().__init__()
        self.recipe, self.model, self.tasks = recipe, model, dict(tasks)
        self.networks = nn.ModuleList(t.network for t in tasks.values() if isinstance(t, VAETask) and t.network)

    def forward(self, task: str, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        """The loss of one task on one batch, and figures to log."""
        return self.tasks[task].loss(batch, generator)

    def task_of(self, step: int) -> str:
        """Which task a step trains: the same in every process, and after every resume."""
        shares = self.recipe.shares()
        rng = np.random.default_rng([self.recipe.data.seed, step, 1])
        return str(rng.choice(list(shares), p=list(shares.values()))) if len(shares) > 1 else self.recipe.stage

    def trainable(self) -> list[tuple[str, nn.Parameter]]:
        """Names (within ``model``) and parameters that this stage learns."""
        return [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]

    def finish(self, batches: Iterable[Batch], device: torch.device) -> None:
        """Last touches on the averaged weights before they are saved."""
        task = self.tasks.get("vae")
        if self.recipe.stage == "vae" and isinstance(task, VAETask):
            task.measure_latents(batches, device)

    def blocks(self) -> list[nn.Module]:
        """The transformer's blocks; none for an auto-encoder."""
        return [] if isinstance(self.model, RGBAVAE) else list(_transformer(self.model).blocks.children())


def build_stage(recipe: Recipe, networks: Networks | None = None) -> Stage:
    """The recipe's stage, with weights from ``start_from``.

    Args:
        recipe: What to train.
        networks: Perceptual networks beside the built-in one (``perceptual.Networks``).

    Raises:
        CheckpointError: ``start_from`` does not exist or does not fit.
        ConfigError: The recipe asks for what the model cannot do.
    """
    return assemble(recipe, starting_model(recipe), networks)


def assemble(recipe: Recipe, model: nn.Module, networks: Networks | None = None) -> Stage:
    """The stage around a model that is there already; also one without memory (torch's meta device), for planning."""
    tasks = _tasks(recipe, model, networks or {})
    check_weights(list(tasks.values()), recipe.loss_weights)
    _check_counts(recipe, model)
    if "vae" not in tasks:
        vae_of(model).requires_grad_(False)
    elif recipe.stage != "vae":  # its latents are what the stage learns: only their decoder may change
        for name, parameter in vae_of(model).named_parameters():
            parameter.requires_grad_(not name.startswith(("encoder", "quant_conv")))
    freeze_all_but(model, recipe.only)
    if (
        isinstance(model, PublishedModel)
        and not model.config.transformer.max_layers
        and recipe.loss_weights.get("flow") == 0
    ):
        raise ConfigError(
            "recipe: the weight of flow is 0 and the model has no stop head, so nothing is left to learn."
        )
    if recipe.lora.rank:
        lora.add_adapters(model, recipe.lora)
    if recipe.sharding == "none":
        channels_last(model)
    stage = Stage(recipe, model, tasks)
    if recipe.gradient_checkpointing:
        for block in stage.blocks():
            _recompute_in_backward(block)
    return stage


def _tasks(recipe: Recipe, model: nn.Module, networks: Networks) -> dict[str, Task]:
    data, weights = recipe.data, recipe.loss_weights
    prompts = PromptEncoder("", 0)
    if isinstance(model, PublishedModel):
        prompts = PromptEncoder(model.config.text_encoder, model.config.transformer.text_dim)
    count = weights.get("stop", LayersTask.WEIGHTS["stop"]) > 0
    tasks: dict[str, Task] = {}
    shows: Shows
    for name in recipe.shares():
        if name == "vae":
            tasks[name] = VAETask(vae_of(model), weights, perceptual_network(recipe.perceptual, networks))
        elif name == "image-to-layers" and isinstance(model, LayerModel):
            tasks[name] = PictureTask(model, weights, data.text_dropout, recipe.pure_noise_share)
        elif name == "text-to-image":
            tasks[name] = ImageTask(
                denoiser_of(model, prompts, count=False), weights, data.text_dropout, data.rgba_share
            )
        else:
            shows = "text" if name == "text-to-layers" else "picture"
            tasks[name] = LayersTask(denoiser_of(model, prompts, count=count), weights, data.text_dropout, shows)
    _check_texts(recipe, model)
    return tasks


def _check_texts(recipe: Recipe, model: nn.Module) -> None:
    """A model that reads no text cannot learn from it."""
    if not isinstance(model, PublishedModel) or model.config.text_encoder:
        return
    reading = [name for name in recipe.shares() if name.startswith("text")]
    if reading or recipe.data.caption_rate > 0:
        what = f"the task {reading[0]} needs one" if reading else "data.caption_rate must be 0"
        raise ConfigError(
            f"recipe: the model names no text encoder, so {what}; import the weights with their text_encoder folder."
        )


def _check_counts(recipe: Recipe, model: nn.Module) -> None:
    if isinstance(model, RGBAVAE):
        return
    limit = _transformer(model).config.max_layers
    most = max((*recipe.data.layer_counts, *(recipe.data.easy_counts if recipe.data.easy_steps else ())))
    if limit and most > limit:
        raise ConfigError(f"recipe: data.layer_counts go up to {most}; this model makes at most {limit} layers.")


def _transformer(model: nn.Module) -> VLDMMDiT:
    assert isinstance(model, LayerModel | PublishedModel)
    return model.transformer


def _recompute_in_backward(block: nn.Module) -> None:
    inner = block.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        return recompute(inner, *args, use_reentrant=False, **kwargs)

    block.forward = forward
