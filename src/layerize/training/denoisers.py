"""The two families of models as one thing to train on latents: read (text, picture), then predict noisy frames.

A :class:`LayerModel` reads once (prefix) and predicts clean latents; a :class:`PublishedModel` attends to everything at
once, predicts velocity, and its first frame is the regenerated composite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from layerize.flow.path import add_noise, velocity
from layerize.flow.schedule import layered_mu
from layerize.models.layer_model import LayerModel, Reading, TextReading
from layerize.models.published import PublishedModel
from layerize.models.rgba_vae import RGBAVAE
from layerize.models.vld_mmdit import pack
from layerize.training.prompts import PromptEncoder
from layerize.training.tasks import encode_layers, opaque


class Read(Protocol):
    """What a family knows before it sees a frame."""

    @property
    def stop_logits_BK(self) -> Tensor | None:  # noqa: N802
        """One for each layer count; None for a model that cannot count."""
        ...


class Denoiser(Protocol):
    """A family of models."""

    vae: RGBAVAE
    composite_frame: bool
    """Whether the composite is generated too, as the first frame."""

    def read(self, texts: Sequence[str], picture_B3HW: Tensor, shown: bool) -> Read:
        """Read texts and, if ``shown``, the pictures; their size is the canvas in any case."""
        ...

    def flow_loss(self, x_0: Tensor, noise: Tensor, t: Tensor, read: Read, index_n: Tensor) -> Tensor:
        """Flow matching of frames (n, F, z, h, w) that belong to places ``index_n`` of the reading."""
        ...

    def shift(self, tokens: int) -> float:
        """Time shift for frames of so many tokens."""
        ...


class PrefixDenoiser:
    """A LayerModel."""

    composite_frame = False

    def __init__(self, model: LayerModel) -> None:
        self.model, self.vae = model, model.vae

    def read(self, texts: Sequence[str], picture_B3HW: Tensor, shown: bool) -> Reading | TextReading:
        if shown:
            return self.model.read(picture_B3HW, texts)
        H, W = picture_B3HW.shape[-2:]
        return self.model.read_text(texts, (H // LayerModel.PIXELS_PER_TOKEN, W // LayerModel.PIXELS_PER_TOKEN))

    def flow_loss(self, x_0: Tensor, noise: Tensor, t: Tensor, read: Read, index_n: Tensor) -> Tensor:
        assert isinstance(read, Reading | TextReading)
        prediction, _ = self.model.denoise(add_noise(x_0, noise, t), t, read.select(index_n))
        return (prediction.float() - x_0).square().mean()

    def shift(self, tokens: int) -> float:
        return self.model.config.flow_shift


@dataclass(frozen=True, kw_only=True)
class _Sequence:
    """Text embeddings and condition tokens (none without a picture), which take part in every step."""

    text_BTD: Tensor
    mask_BT: Tensor | None
    condition_BSC: Tensor
    stop_logits_BK: Tensor | None
    grid: tuple[int, int]


class FullDenoiser:
    """A PublishedModel."""

    def __init__(self, model: PublishedModel, prompts: PromptEncoder, *, count: bool) -> None:
        """Take the model, its text encoder, and whether its stop head is to be run (a pass of its own)."""
        self.model, self.vae, self.prompts, self.count = model, model.vae, prompts, count
        self.composite_frame = model.config.transformer.composite_frame

    def read(self, texts: Sequence[str], picture_B3HW: Tensor, shown: bool) -> _Sequence:
        text, mask = self.prompts.encode(texts, picture_B3HW.device)
        pixels = self.vae.config.factor * self.model.config.transformer.patch_size
        grid = (picture_B3HW.shape[-2] // pixels, picture_B3HW.shape[-1] // pixels)
        condition = text.new_zeros((len(texts), 0, self.model.config.transformer.token_channels))
        if shown:
            condition = pack(encode_layers(self.vae, opaque(picture_B3HW)[:, None]))[:, 0]
        logits = None
        if self.count:
            prefix = self.model.transformer.prefix(condition, text, grid=grid, text_mask_BT=mask)
            assert prefix.stop_logits_BK is not None
            logits = prefix.stop_logits_BK.float()
        return _Sequence(text_BTD=text, mask_BT=mask, condition_BSC=condition, stop_logits_BK=logits, grid=grid)

    def flow_loss(self, x_0: Tensor, noise: Tensor, t: Tensor, read: Read, index_n: Tensor) -> Tensor:
        assert isinstance(read, _Sequence)
        predicted = self.model.transformer(
            pack(add_noise(x_0, noise, t)),
            read.condition_BSC[index_n],
            read.text_BTD[index_n],
            t,
            grid=read.grid,
            text_mask_BT=None if read.mask_BT is None else read.mask_BT[index_n],
        )
        wanted: Tensor = pack(velocity(x_0, noise))
        loss: Tensor = (predicted.float() - wanted).square().mean()
        return loss

    def shift(self, tokens: int) -> float:
        return self.model.config.schedule.effective_shift(layered_mu(tokens))


def denoiser_of(model: torch.nn.Module, prompts: PromptEncoder, *, count: bool) -> Denoiser:
    """The family that a model belongs to; ``count``: whether its stop head takes part."""
    if isinstance(model, LayerModel):
        return PrefixDenoiser(model)
    assert isinstance(model, PublishedModel)
    return FullDenoiser(model, prompts, count=count and bool(model.config.transformer.max_layers))
