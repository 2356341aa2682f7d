"""What every task of a run is: a loss on one batch, with named terms; and what tasks share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from layerize.errors import ConfigError
from layerize.flow.schedule import shift_time
from layerize.models.rgba_vae import RGBAVAE
from layerize.training.batches import Batch

Figures = dict[str, Tensor]
"""Detached scalars to log."""


class Task(Protocol):
    """A loss that can be mixed with others on one model."""

    WEIGHTS: ClassVar[Mapping[str, float]]
    """Terms of the loss and their default weights."""

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        """Loss to minimise and figures to log; ``generator`` lives on the CPU."""
        ...


def task_weights(defaults: Mapping[str, float], overrides: Mapping[str, float]) -> dict[str, float]:
    """The weights of a task's terms; overrides of other tasks' terms are ignored."""
    return {name: overrides.get(name, weight) for name, weight in defaults.items()}


def check_weights(tasks: Sequence[Task], overrides: Mapping[str, float]) -> None:
    """Refuse weights of terms that no task of the run has.

    Raises:
        ConfigError: There is one.
    """
    known = sorted({name for task in tasks for name in task.WEIGHTS})
    for name in overrides:
        if name not in known:
            raise ConfigError(f"recipe: unknown loss weight {name!r}; known: {', '.join(known)}.")


def weighted(weights: Mapping[str, float], terms: Mapping[str, Tensor]) -> tuple[Tensor, Figures]:
    """The weighted sum of a loss's terms, and the terms to log."""
    total = torch.stack([weights[name] * value for name, value in terms.items()]).sum()
    return total, {name: value.detach() for name, value in terms.items()}


def drop_texts(captions: Sequence[str], rate: float, generator: torch.Generator) -> tuple[str, ...]:
    """Classifier-free text dropout: each caption is left out with probability ``rate``."""
    draws = torch.rand(len(captions), generator=generator).tolist()
    return tuple("" if draw < rate else caption for draw, caption in zip(draws, captions, strict=True))


def draw_times(n: int, shift: float, pure_noise_share: float, generator: torch.Generator) -> Tensor:
    """Times (n,) of flow matching: a share at exactly 1 (pure noise), the rest uniform, then shifted towards 1."""
    t = shift_time(torch.rand(n, generator=generator), shift)
    return torch.where(torch.rand(n, generator=generator) < pure_noise_share, torch.ones_like(t), t)


@torch.no_grad()
def encode_layers(vae: RGBAVAE, layers_nK4HW: Tensor) -> Tensor:
    """Normalised latents (n, K, z, h, w), float32, of straight RGBA layers in 0..1."""
    n, K = layers_nK4HW.shape[:2]
    latents = vae.encode_latent(vae.to_pixel_space(layers_nK4HW.flatten(0, 1))).float()
    grouped: Tensor = latents.unflatten(0, (n, K))
    return grouped


def opaque(picture_B3HW: Tensor) -> Tensor:
    """RGB pictures as RGBA with alpha 1."""
    return torch.cat([picture_B3HW, torch.ones_like(picture_B3HW[:, :1])], dim=1)


def vae_of(model: nn.Module) -> RGBAVAE:
    """The model's auto-encoder, or the model itself where it is one."""
    vae = model if isinstance(model, RGBAVAE) else model.vae
    assert isinstance(vae, RGBAVAE)
    return vae
