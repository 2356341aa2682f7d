"""Training stages: what is trained, from what, with which loss. Each is a module with ``loss(batch, generator)``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from layerize.errors import ConfigError
from layerize.flow.path import add_noise
from layerize.flow.schedule import shift_time
from layerize.models import checkpoint, layer_model, rgba_vae
from layerize.models.layer_model import LayerModel, LayerModelConfig, Reading
from layerize.models.rgba_vae import RGBAVAE
from layerize.models.stop import count_log_probabilities, stop_loss
from layerize.training import losses
from layerize.training.batches import Batch
from layerize.training.recipe import Recipe

VAE_LAYERS_PER_DESIGN = 2


class Stage(Protocol):
    """What the loop needs of a stage."""

    @property
    def model(self) -> nn.Module:
        """What is trained and saved."""
        ...

    def trainable(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Names (within ``model``) and parameters that this stage learns."""
        ...

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss to minimise and figures to log."""
        ...

    def finish(self, batches: Iterable[Batch]) -> None:
        """Last touches on the averaged weights before they are saved."""
        ...


def build_stage(recipe: Recipe) -> Stage:
    """The recipe's stage, with weights from ``start_from``."""
    if recipe.stage == "vae":
        return VAEStage(recipe)
    return ImageToLayersStage(recipe)


class VAEStage:
    """RGBA-VAE on flat pictures and single layers: reconstruction over random backgrounds, alpha, edges, KL."""

    WEIGHTS: Mapping[str, float] = {"reconstruction": 1.0, "kl": 1e-4}

    def __init__(self, recipe: Recipe) -> None:
        config = rgba_vae.small() if recipe.model == "default" else layer_model.tiny().vae
        self.model: RGBAVAE = RGBAVAE(config)
        if recipe.start_from:
            self.model.load_state_dict(checkpoint.load_model(Path(recipe.start_from)).state_dict())
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.weights = _weights(self.WEIGHTS, recipe)

    def trainable(self) -> Iterable[tuple[str, nn.Parameter]]:
        return self.model.named_parameters()

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        return vae_loss(self.model, pictures_and_layers(batch, generator), generator, self.weights)

    @torch.no_grad()
    def finish(self, batches: Iterable[Batch]) -> None:
        """Measure mean and standard deviation of the latents, so that the flow sees unit variance."""
        generator = torch.Generator().manual_seed(0)
        means = [self.model.encode(self.model.to_pixel_space(pictures_and_layers(b, generator)))[0] for b in batches]
        flat = torch.cat([m.float().transpose(0, 1).flatten(1) for m in means], dim=1)
        self.model.set_latent_statistics(flat.mean(dim=1).tolist(), flat.std(dim=1).tolist())


def pictures_and_layers(batch: Batch, generator: torch.Generator) -> Tensor:
    """The flat pictures as opaque RGBA, and some layers of each design, (N, 4, H, W) straight 0..1."""
    opaque = torch.cat([batch.picture_B3HW, torch.ones_like(batch.picture_B3HW[:, :1])], dim=1)
    pictures = [opaque]
    for _, layers in batch.groups:
        n, K = layers.shape[:2]
        chosen = torch.rand(n, K, generator=generator).argsort(dim=1)[:, :VAE_LAYERS_PER_DESIGN]
        pictures.append(layers[torch.arange(n)[:, None], chosen].flatten(0, 1))
    return torch.cat(pictures)


def vae_loss(
    vae: RGBAVAE, rgba_N4HW: Tensor, generator: torch.Generator, weights: Mapping[str, float]
) -> tuple[Tensor, dict[str, float]]:
    """Reconstruction and KL of straight RGBA pictures in 0..1, and figures to log."""
    target = vae.to_pixel_space(rgba_N4HW).contiguous(memory_format=torch.channels_last)
    mean, logvar = vae.encode(target)
    noise = torch.randn(mean.shape, generator=generator).to(mean.dtype)
    output = vae.decode(mean + torch.exp(0.5 * logvar) * noise).float()
    reconstruction = losses.rgba_reconstruction_loss(output, target)
    kl = losses.kl_loss(mean.float(), logvar.float())
    error = (output.detach().clamp(-1, 1) - target).square().mean() / 4
    figures = {"reconstruction": reconstruction, "kl": kl, "psnr": -10 * error.log10()}
    total = weights["reconstruction"] * reconstruction + weights["kl"] * kl
    return total, {name: float(value.detach()) for name, value in figures.items()}


class ImageToLayersStage:
    """Picture (and caption) to layers: flow matching on the layers' latents, pixel losses, stop tokens (stage 3).

    Stages can mix in the earlier tasks: with a ``reconstruction`` weight above 0 the RGBA-VAE goes on learning from a
    few of the batch's pictures, otherwise it is frozen.
    """

    WEIGHTS: Mapping[str, float] = {
        "alpha": 2.0,
        "colour": 3.0,
        "ownership": 1.0,
        "level": 0.5,
        "recomposition": 0.2,
        "flow": 0.3,
        "stop": 0.5,
        "reconstruction": 0.0,
        "kl": 1e-5,
    }
    GROUP_TERMS = ("alpha", "colour", "ownership", "recomposition", "flow", "level")
    PURE_NOISE_SHARE = 0.5
    VAE_PICTURES = 6

    def __init__(self, recipe: Recipe) -> None:
        config = LayerModelConfig() if recipe.model == "default" else layer_model.tiny()
        self.model: LayerModel = LayerModel(config)
        if recipe.start_from:
            self._start_from(Path(recipe.start_from))
        self.weights = _weights(self.WEIGHTS, recipe)
        self.model.vae.requires_grad_(self.weights["reconstruction"] > 0)
        _freeze_all_but(self.model, recipe.only)
        for convolutional in (self.model.vae, self.model.encoder, self.model.pixel_decoder, self.model.decoder):
            convolutional.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _start_from(self, folder: Path) -> None:
        loaded = checkpoint.load_model(folder)
        if isinstance(loaded, RGBAVAE):
            self.model.vae = loaded
            self.model.config = _with_vae(self.model.config, loaded)
        elif isinstance(loaded, LayerModel):
            self.model = loaded
        else:
            raise ConfigError(
                f"{folder}: start_from must be an RGBAVAE or a LayerModel, found {type(loaded).__name__}."
            )

    def trainable(self) -> Iterable[tuple[str, nn.Parameter]]:
        return [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        reading = self.model.read(batch.picture_B3HW, batch.captions)
        layered = any(self.weights[name] for name in self.GROUP_TERMS)  # else no layer pass: training the stop tokens
        parts: dict[str, list[Tensor]] = {name: [] for name in self.GROUP_TERMS if layered}
        for index, layers in batch.groups if layered else ():
            for name, value in self._group_losses(reading.select(index), layers, generator).items():
                parts[name].append(value)
        terms = {name: torch.stack(values).mean() for name, values in parts.items()}
        terms["stop"] = stop_loss(reading.stop_logits_BK, batch.count_B)
        total = torch.stack([self.weights[name] * value for name, value in terms.items()]).sum()
        figures = {name: float(value.detach()) for name, value in terms.items()}
        guess = count_log_probabilities(reading.stop_logits_BK).argmax(dim=1) + 1
        figures["count_exact"] = float((guess == batch.count_B).float().mean())
        if self.weights["reconstruction"] > 0:
            pictures = pictures_and_layers(batch, generator)
            chosen = torch.randperm(len(pictures), generator=generator)[: self.VAE_PICTURES]
            extra, vae_figures = vae_loss(self.model.vae, pictures[chosen], generator, self.weights)
            total, figures = total + extra, figures | vae_figures
        return total, figures

    def _group_losses(self, reading: Reading, layers: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        n, K = layers.shape[:2]
        with torch.no_grad():
            x_0 = self.model.encode(layers.flatten(0, 1)).float().unflatten(0, (n, K))
        t = shift_time(torch.rand(n, generator=generator), self.model.config.flow_shift)
        t = torch.where(torch.rand(n, generator=generator) < self.PURE_NOISE_SHARE, torch.ones_like(t), t)
        x_t = add_noise(x_0, torch.randn(x_0.shape, generator=generator), t)
        prediction, tokens = self.model.denoise(x_t, t, reading)
        decoded = self.model.decode(tokens, reading)
        alpha, rgb = layers[:, :, 3], 2 * layers[:, :, :3] - 1
        logits = decoded.alpha_logits_BKHW.float()
        return {
            "alpha": losses.alpha_loss(logits[:, 1:], alpha[:, 1:]),
            "colour": losses.colour_loss(decoded.rgb_BK3HW.float(), rgb, alpha) / 2,
            "ownership": losses.ownership_loss(logits, alpha),
            "recomposition": losses.recomposition_loss(
                logits.sigmoid(), decoded.rgb_BK3HW.float(), reading.picture_B3HW
            )
            / 2,
            "flow": (prediction.float() - x_0).square().mean(),
            "level": losses.level_loss(reading.pixels.level_logits_BLhw, alpha),
        }

    def finish(self, batches: Iterable[Batch]) -> None:
        """Nothing to do: the averaged weights are the model."""


def _weights(defaults: Mapping[str, float], recipe: Recipe) -> dict[str, float]:
    unknown = set(recipe.loss_weights) - set(defaults)
    if unknown:
        raise ConfigError(f"recipe: unknown loss weight {sorted(unknown)[0]!r}; known: {', '.join(defaults)}.")
    return {**defaults, **recipe.loss_weights}


def _freeze_all_but(model: nn.Module, beginnings: tuple[str, ...]) -> None:
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


def _with_vae(config: LayerModelConfig, vae: RGBAVAE) -> LayerModelConfig:
    return replace(config, vae=vae.config)
