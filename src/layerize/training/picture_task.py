"""Task ``image-to-layers`` of a LayerModel: flow matching on the layers' latents, pixel losses, stop tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from layerize.flow.path import add_noise
from layerize.models.layer_model import LayerModel, Reading
from layerize.models.stop import count_log_probabilities, stop_loss
from layerize.training import losses
from layerize.training.batches import Batch
from layerize.training.tasks import Figures, draw_times, drop_texts, encode_layers, task_weights, weighted


class PictureTask:
    """Picture (and caption) to layers, through the guided decoder."""

    WEIGHTS: ClassVar[Mapping[str, float]] = {
        "alpha": 2.0,
        "colour": 3.0,
        "ownership": 1.0,
        "level": 0.5,
        "recomposition": 0.2,
        "flow": 0.3,
        "stop": 0.5,
    }
    GROUP_TERMS = ("alpha", "colour", "ownership", "recomposition", "flow", "level")

    def __init__(
        self, model: LayerModel, overrides: Mapping[str, float], text_dropout: float, pure_noise_share: float
    ) -> None:
        self.model, self.text_dropout, self.pure_noise_share = model, text_dropout, pure_noise_share
        self.weights = task_weights(self.WEIGHTS, overrides)

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        texts = batch.captions if batch.captioned else ("",) * len(batch.captions)
        reading = self.model.read(batch.picture_B3HW, drop_texts(texts, self.text_dropout, generator))
        layered = any(self.weights[name] for name in self.GROUP_TERMS)  # else no layer pass: training the stop tokens
        parts: dict[str, list[Tensor]] = {name: [] for name in self.GROUP_TERMS if layered}
        for index, layers in batch.groups if layered else ():
            for name, value in self._group_losses(reading.select(index), layers, generator).items():
                parts[name].append(value)
        terms = {name: torch.stack(values).mean() for name, values in parts.items()}
        terms["stop"] = stop_loss(reading.stop_logits_BK, batch.count_B)
        total, figures = weighted(self.weights, terms)
        return total, {**figures, "count_exact": count_exact(reading.stop_logits_BK, batch.count_B)}

    def _group_losses(self, reading: Reading, layers: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        x_0 = encode_layers(self.model.vae, layers)
        t = draw_times(len(layers), self.model.config.flow_shift, self.pure_noise_share, generator).to(x_0)
        x_t = add_noise(x_0, torch.randn(x_0.shape, generator=generator).to(x_0), t)
        prediction, tokens = self.model.denoise(x_t, t, reading)
        decoded = self.model.decode(tokens, reading)
        alpha, rgb = layers[:, :, 3], 2 * layers[:, :, :3] - 1
        logits, colour = decoded.alpha_logits_BKHW.float(), decoded.rgb_BK3HW.float()
        return {
            "alpha": losses.alpha_loss(logits[:, 1:], alpha[:, 1:]),
            "colour": losses.colour_loss(colour, rgb, alpha) / 2,
            "ownership": losses.ownership_loss(logits, alpha),
            "recomposition": losses.recomposition_loss(logits.sigmoid(), colour, reading.picture_B3HW) / 2,
            "flow": (prediction.float() - x_0).square().mean(),
            "level": losses.level_loss(reading.pixels.level_logits_BLhw, alpha),
        }


def count_exact(stop_logits_BK: Tensor, count_B: Tensor) -> Tensor:
    """Share of pictures whose most likely layer count is the true one."""
    guess = count_log_probabilities(stop_logits_BK.detach()).argmax(dim=1) + 1
    return (guess == count_B).float().mean()
