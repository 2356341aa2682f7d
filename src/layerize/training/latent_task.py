"""Tasks on latents alone: ``text-to-image``, ``text-to-layers``, and ``image-to-layers`` of a PublishedModel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from layerize.models.stop import stop_loss
from layerize.training.batches import Batch
from layerize.training.denoisers import Denoiser, Read
from layerize.training.picture_task import count_exact
from layerize.training.tasks import Figures, draw_times, drop_texts, encode_layers, opaque, task_weights, weighted

ON_TRANSPARENCY = ", on a transparent background"
"""Ends the text of a single RGBA layer, so that words decide between a picture and a cut-out."""

Shows = Literal["text", "picture"]


class ImageTask:
    """Text to one RGB picture or one RGBA layer."""

    WEIGHTS: ClassVar[Mapping[str, float]] = {"flow": 1.0}

    def __init__(
        self, denoiser: Denoiser, overrides: Mapping[str, float], text_dropout: float, rgba_share: float
    ) -> None:
        self.denoiser, self.text_dropout, self.rgba_share = denoiser, text_dropout, rgba_share
        self.weights = task_weights(self.WEIGHTS, overrides)

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        pictures, texts = self._pictures(batch, generator)
        read = self.denoiser.read(drop_texts(texts, self.text_dropout, generator), batch.picture_B3HW, False)
        places = torch.arange(len(pictures), device=pictures.device)
        flow = _flow(self.denoiser, pictures[:, None], read, places, generator)
        return weighted(self.weights, {"flow": flow})

    def _pictures(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, list[str]]:
        """RGBA (B, 4, H, W), whole pictures and single layers above the background, and the text of each."""
        pictures, texts = opaque(batch.picture_B3HW), list(batch.captions)
        place = -1  # groups follow one another in the batch
        for _, layers in batch.groups:
            for stack in layers:
                place += 1
                single, which = torch.rand(2, generator=generator).tolist()
                if single < self.rgba_share and len(stack) > 1:
                    chosen = 1 + int(which * (len(stack) - 1))
                    pictures[place] = stack[chosen]
                    texts[place] = batch.names[place][chosen] + ON_TRANSPARENCY
        return pictures, texts


class LayersTask:
    """Text, or picture and text, to all layers at once, and their number."""

    WEIGHTS: ClassVar[Mapping[str, float]] = {"flow": 1.0, "stop": 0.5}

    def __init__(self, denoiser: Denoiser, overrides: Mapping[str, float], text_dropout: float, shows: Shows) -> None:
        self.denoiser, self.text_dropout, self.shows = denoiser, text_dropout, shows
        self.weights = task_weights(self.WEIGHTS, overrides)

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        texted = self.shows == "text" or batch.captioned
        texts = batch.captions if texted else ("",) * len(batch.captions)
        texts = drop_texts(texts, self.text_dropout, generator)
        read = self.denoiser.read(texts, batch.picture_B3HW, self.shows == "picture")
        terms: dict[str, Tensor] = {}
        if self.weights["flow"]:
            parts = []
            for index, layers in batch.groups:
                frames = layers
                if self.denoiser.composite_frame:
                    frames = torch.cat([opaque(batch.picture_B3HW[index])[:, None], layers], dim=1)
                parts.append(_flow(self.denoiser, frames, read, index, generator))
            terms["flow"] = torch.stack(parts).mean()
        logits = read.stop_logits_BK
        if logits is None:
            return weighted(self.weights, terms)
        terms["stop"] = stop_loss(logits, batch.count_B)
        total, figures = weighted(self.weights, terms)
        return total, {**figures, "count_exact": count_exact(logits, batch.count_B)}


def _flow(denoiser: Denoiser, frames_nF4HW: Tensor, read: Read, index_n: Tensor, generator: torch.Generator) -> Tensor:
    x_0 = encode_layers(denoiser.vae, frames_nF4HW)
    tokens = x_0.shape[-1] * x_0.shape[-2] // 4
    t = draw_times(len(x_0), denoiser.shift(tokens), 0.0, generator).to(x_0)
    noise = torch.randn(x_0.shape, generator=generator).to(x_0)
    return denoiser.flow_loss(x_0, noise, t, read, index_n)
