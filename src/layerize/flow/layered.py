"""The published way from a picture to layers: denoise a composite and N layers together, beside the condition image.

Follows the inference of Qwen-Image-Layered (arXiv 2512.15603; diffusers' QwenImageLayeredPipeline): all frames start as
noise, the whole sequence (text, frames, condition) attends to itself at every step, the first frame is the regenerated
composite and is dropped. The layer count is an argument; the published weights cannot choose it, those that were given
a stop head can (``count``). Without a picture there is no condition image: text to layers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from layerize.flow.guidance import guide
from layerize.flow.schedule import layered_mu, solver_times
from layerize.flow.solver import Progress, euler
from layerize.models.prompt import TextEncoder
from layerize.models.published import PublishedModel
from layerize.models.qwen_text import QwenTextEncoder
from layerize.models.stop import count_log_probabilities
from layerize.models.vld_mmdit import pack, unpack

_ROUNDING = 32  # published: sides are rounded to multiples of 32 pixels


@dataclass(frozen=True, kw_only=True)
class EncodedPrompt:
    """Text conditioning: embeddings (1, T, D) and a boolean mask (1, T) of real tokens, None for all."""

    embeddings: Tensor
    mask: Tensor | None = None


class LayeredPredictor:
    """Imported weights as a predictor of layers."""

    def __init__(self, model: PublishedModel, text_encoder: TextEncoder | None = None) -> None:
        """Take the networks and, to override the one that the model's config names, a text encoder."""
        self.model = model
        self._text_encoder = text_encoder

    @torch.no_grad()
    def predict(
        self,
        picture_3HW: Tensor,
        *,
        layers: int = 4,
        steps: int = 50,
        seed: int = 0,
        prompt: str | EncodedPrompt = "",
        negative_prompt: str | EncodedPrompt = " ",
        guidance: float = 4.0,
        keep_norm: bool = False,
        area_side: int = 640,
        progress: Progress | None = None,
    ) -> Tensor:
        """Layers of a picture.

        Args:
            picture_3HW: RGB, or RGBA with straight alpha, 0..1, any size.
            layers: How many; more than there are come back empty or doubled.
            steps: Euler steps.
            seed: Of the noise; the same as ``torch.Generator().manual_seed(seed)`` for the published pipeline.
            prompt: What the whole picture shows, or its encoding. Empty works worse than a description.
            negative_prompt: For guidance.
            guidance: Classifier-free guidance scale; 1 turns it off and halves the time.
            keep_norm: See ``guidance.guide``.
            area_side: The model works at about ``area_side ** 2`` pixels (published: 640 or 1024).
            progress: Called after each step.

        Returns:
            (layers, h, w, 4) float32, straight alpha, 0..1, bottom to top, at the working size.
        """
        condition = self._condition(picture_3HW, area_side)[:, None]
        prompts = [self._encoded(prompt)] + ([self._encoded(negative_prompt)] if guidance > 1 else [])
        return self._layers(condition, prompts, layers, steps, seed, guidance, keep_norm, progress)

    @torch.no_grad()
    def generate(
        self,
        prompt: str | EncodedPrompt,
        *,
        size: tuple[int, int],
        layers: int = 4,
        steps: int = 50,
        seed: int = 0,
        negative_prompt: str | EncodedPrompt = " ",
        guidance: float = 4.0,
        progress: Progress | None = None,
    ) -> Tensor:
        """Layers from text alone; ``size`` is (height, width) in pixels, rounded to 32. Otherwise as ``predict``."""
        vae, transformer = self.model.vae.config, self.model.config.transformer
        high, wide = (max(_ROUNDING, round(side / _ROUNDING) * _ROUNDING) // vae.factor for side in size)
        device = self.model.transformer.image_in.weight.device
        nothing = torch.zeros((1, 0, transformer.latent_channels, high, wide), device=device)
        prompts = [self._encoded(prompt)] + ([self._encoded(negative_prompt)] if guidance > 1 else [])
        return self._layers(nothing, prompts, layers, steps, seed, guidance, False, progress)

    @torch.no_grad()
    def count(
        self, prompt: str | EncodedPrompt, *, picture_3HW: Tensor | None = None, area_side: int = 640
    ) -> tuple[float, ...] | None:
        """P(N = 1), P(N = 2), ... of a picture or of text alone; None without a stop head. A pass of its own."""
        if not self.model.config.transformer.max_layers:
            return None
        text, weight = self._encoded(prompt), self.model.transformer.image_in.weight
        if picture_3HW is None:
            side = area_side // self.model.vae.config.factor
            condition = weight.new_zeros((1, 0, self.model.config.transformer.latent_channels, side, side))
        else:
            condition = self._condition(picture_3HW, area_side)[:, None]
        prefix = self.model.transformer.prefix(
            pack(condition).flatten(1, 2).to(weight.dtype),
            text.embeddings.to(weight),
            grid=(condition.shape[-2] // 2, condition.shape[-1] // 2),
            text_mask_BT=None if text.mask is None else text.mask.to(weight.device),
        )
        assert prefix.stop_logits_BK is not None
        probabilities: list[float] = count_log_probabilities(prefix.stop_logits_BK)[0].exp().tolist()
        return tuple(probabilities)

    def _layers(
        self,
        condition: Tensor,
        prompts: list[EncodedPrompt],
        layers: int,
        steps: int,
        seed: int,
        guidance: float,
        keep_norm: bool,
        progress: Progress | None,
    ) -> Tensor:
        """Denoise a composite and ``layers`` layers beside the condition latents (1, 1 or 0, z, h, w), and decode."""
        grid = (condition.shape[-2] // 2, condition.shape[-1] // 2)
        tokens = pack(condition, self.model.config.transformer.patch_size).flatten(1, 2)
        dtype = self.model.transformer.image_in.weight.dtype

        def velocity(x_BKSC: Tensor, t: Tensor) -> Tensor:
            predictions: list[Tensor] = [
                self.model.transformer(
                    x_BKSC.to(dtype),
                    tokens.to(dtype),
                    text.embeddings.to(device=tokens.device, dtype=dtype),
                    t.to(tokens.device)[None],
                    grid=grid,
                    text_mask_BT=None if text.mask is None else text.mask.to(tokens.device),
                ).float()
                for text in prompts
            ]
            if len(predictions) == 1:
                return predictions[0]
            return guide(predictions[0], predictions[1], guidance, keep_norm=keep_norm)

        noise = torch.randn((1, layers + 1, *condition.shape[2:]), generator=torch.Generator().manual_seed(seed)).to(
            tokens.device
        )
        schedule = self.model.config.schedule
        times = solver_times(steps, schedule.effective_shift(layered_mu(grid[0] * grid[1])), schedule.terminal)
        x = euler(velocity, pack(noise), times, progress)
        return self._decoded(unpack(x, grid)[0, 1:])

    def _condition(self, picture_3HW: Tensor, area_side: int) -> Tensor:
        """Normalised condition latents (1, z, h, w), float32, at the working size."""
        vae = self.model.vae
        size = working_size(picture_3HW.shape[-2], picture_3HW.shape[-1], area_side, 2 * vae.config.factor)
        picture = picture_3HW[None].float()
        if picture.shape[1] == 3:
            picture = torch.cat([picture, torch.ones_like(picture[:, :1])], dim=1)
        if tuple(picture.shape[-2:]) != size:
            picture = F.interpolate(picture, size, mode="bicubic", antialias=True).clamp(0.0, 1.0)
        weight = vae.quant_conv.weight
        pixels = vae.to_pixel_space(picture).to(device=weight.device, dtype=weight.dtype)
        return vae.encode_latent(pixels).float()

    def _decoded(self, latents_Kzhw: Tensor) -> Tensor:
        """Layers (K, H, W, 4), 0..1; one at a time, so that memory does not grow with their number."""
        vae = self.model.vae
        dtype = vae.quant_conv.weight.dtype
        layers = [vae.from_pixel_space(vae.decode_latent(z[None].to(dtype)).float())[0] for z in latents_Kzhw]
        return torch.stack(layers).permute(0, 2, 3, 1).cpu()

    def _encoded(self, prompt: str | EncodedPrompt) -> EncodedPrompt:
        if isinstance(prompt, EncodedPrompt):
            return prompt
        if self._text_encoder is None and not self.model.config.text_encoder and not prompt.strip():
            # as these weights are trained where no text encoder is at hand: one zero token
            nothing = torch.zeros(1, 1, self.model.config.transformer.text_dim)
            return EncodedPrompt(embeddings=nothing)
        if self._text_encoder is None:
            dtype = self.model.transformer.text_in.weight.dtype
            self._text_encoder = QwenTextEncoder.open(self.model.config.text_encoder, dtype)
        embeddings, mask = self._text_encoder.encode([prompt or " "])
        return EncodedPrompt(embeddings=embeddings, mask=None if bool(mask.all()) else mask)


def working_size(height: int, width: int, area_side: int, multiple: int) -> tuple[int, int]:
    """(height, width) of about ``area_side ** 2`` pixels in the picture's aspect, as published.

    Sides are rounded to multiples of 32, then down to multiples of ``multiple``, and at least ``multiple``.
    """
    wide = math.sqrt(area_side * area_side * width / height)
    sides = (wide * height / width, wide)
    high, wide = (max(multiple, round(side / _ROUNDING) * _ROUNDING // multiple * multiple) for side in sides)
    return high, wide
