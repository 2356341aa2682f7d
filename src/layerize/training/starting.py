"""The model that a run begins with: a preset, a checkpoint, or a preset with a checkpoint's auto-encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

from layerize.errors import CheckpointError, ConfigError
from layerize.models import checkpoint, presets
from layerize.models.config_json import config_differences
from layerize.models.layer_model import LayerModel, LayerModelConfig
from layerize.models.presets import ModelConfig
from layerize.models.published import PublishedModel
from layerize.models.rgba_vae import RGBAVAE, RGBAVAEConfig, rgba_from_rgb
from layerize.predictors import find_model
from layerize.training.recipe import OWN_SIZE, Recipe

AnyConfig: TypeAlias = ModelConfig | RGBAVAEConfig

_MEASURED = ("vae.latents_mean", "vae.latents_std", "latents_mean", "latents_std", "text_encoder")
"""Fields that training measures or users set; they say nothing about the architecture."""


def model_config(recipe: Recipe) -> AnyConfig:
    """The architecture that a recipe trains, without its weights.

    Raises:
        CheckpointError: ``start_from`` does not exist or is of another architecture; the differing fields are listed.
        ConfigError: ``start_from`` holds what this stage cannot begin with.
    """
    wanted: AnyConfig | None = None if recipe.model == OWN_SIZE else presets.preset(recipe.model)
    if recipe.stage == "vae" and isinstance(wanted, ModelConfig):
        wanted = wanted.vae
    if not recipe.start_from:
        assert wanted is not None
        return _counting(recipe, wanted)
    folder = find_model(recipe.start_from)
    return _joined(recipe, folder, checkpoint.read_info(folder).config, wanted)


def _joined(recipe: Recipe, folder: Path, found: AnyConfig, wanted: AnyConfig | None) -> AnyConfig:
    """The config of the run from that of the checkpoint and that of the preset."""
    if recipe.stage == "vae":
        vae = found if isinstance(found, RGBAVAEConfig) else getattr(found, "vae", None)
        if not isinstance(vae, RGBAVAEConfig):
            raise ConfigError(f"{folder}: a {_kind(found)} has no auto-encoder that the vae stage could begin with.")
        result: AnyConfig = replace(vae, channels=4)
    elif isinstance(found, RGBAVAEConfig):
        if not isinstance(wanted, ModelConfig):
            raise ConfigError(f"{folder}: holds an RGBAVAE alone; for {recipe.stage} model must be a size.")
        result = wanted = replace(wanted, vae=found)
    elif isinstance(found, ModelConfig):
        result = found
    else:
        raise ConfigError(f"{folder}: a {_kind(found)} cannot begin {recipe.stage}; give an RGBAVAE or a whole model.")
    if wanted is not None:
        differing = [line for line in config_differences(result, wanted) if not line.startswith(_MEASURED)]
        if differing:
            raise CheckpointError(
                f"{folder}: another architecture than model = {recipe.model!r} (checkpoint against recipe): "
                f"{'; '.join(differing)}. Set model = 'checkpoint' to train the checkpoint's own."
            )
    return _counting(recipe, result)


def _counting(recipe: Recipe, config: AnyConfig) -> AnyConfig:
    """The config with a stop head, if the recipe asks for one."""
    if not recipe.stop_layers:
        return config
    if isinstance(config, RGBAVAEConfig) or config.transformer.max_layers:
        raise ConfigError(
            f"recipe: stop_layers is {recipe.stop_layers}, but this model has its own stop head or needs none."
        )
    return replace(config, transformer=replace(config.transformer, max_layers=recipe.stop_layers))


def _kind(config: object) -> str:
    return type(config).__name__.removesuffix("Config")


def build_model(config: AnyConfig) -> nn.Module:
    """A model of this config with fresh weights."""
    if isinstance(config, RGBAVAEConfig):
        return RGBAVAE(config)
    return LayerModel(config) if isinstance(config, LayerModelConfig) else PublishedModel(config)


def starting_model(recipe: Recipe) -> nn.Module:
    """The model that a recipe begins with, weights included, in training mode.

    Raises:
        CheckpointError: See ``model_config``; or the checkpoint's tensors do not fit.
        ConfigError: See ``model_config``.
    """
    config = model_config(recipe)
    if not recipe.start_from:
        return build_model(config).train()
    loaded = checkpoint.load_model(find_model(recipe.start_from))
    if isinstance(config, RGBAVAEConfig):
        vae = loaded if isinstance(loaded, RGBAVAE) else loaded.vae
        assert isinstance(vae, RGBAVAE)
        model: nn.Module = RGBAVAE(config)
        model.load_state_dict(rgba_from_rgb(vae.state_dict()) if vae.config.channels == 3 else vae.state_dict())
    elif isinstance(loaded, RGBAVAE):
        model = build_model(config)
        model.get_submodule("vae").load_state_dict(loaded.state_dict())
    else:  # no second copy: the largest models fill the memory
        with torch.device("meta"):
            model = build_model(config)
        model.load_state_dict({**loaded.state_dict(), **_fresh_stop_head(recipe, model)}, assign=True)
    return model.train()


def _fresh_stop_head(recipe: Recipe, model: nn.Module) -> dict[str, Tensor]:
    """Stop tokens and head of a model that is given its first; nothing else."""
    if not recipe.stop_layers:
        return {}
    assert isinstance(model, PublishedModel)
    width = model.config.transformer.width
    head = nn.Linear(width, 1)
    fresh = {"stop_tokens": 0.02 * torch.randn(recipe.stop_layers, width)}
    fresh |= {f"stop_head.{name}": value.detach() for name, value in head.named_parameters()}
    return {f"transformer.{name}": value for name, value in fresh.items()}


def freeze_all_but(model: nn.Module, beginnings: tuple[str, ...]) -> None:
    """Leave only parameters whose names begin so trainable; no beginnings leave the model as it is.

    Raises:
        ConfigError: No parameter's name begins so.
    """
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name, _ in model.named_parameters()):
            parts = sorted({name.split(".")[0] for name, _ in model.named_parameters()})
            raise ConfigError(f"recipe: no parameter begins with {beginning!r}; parts are {', '.join(parts)}.")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(parameter.requires_grad and (not beginnings or name.startswith(beginnings)))


def channels_last(model: nn.Module) -> None:
    """Convolutional parts in the memory format that is fast on CPUs and GPUs alike."""
    parts: list[nn.Module] = [model] if isinstance(model, RGBAVAE) else []
    if isinstance(model, LayerModel):
        parts = [model.vae, model.encoder, model.pixel_decoder, model.decoder]
    if isinstance(model, PublishedModel):
        parts = [model.vae]
    for part in parts:
        part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
