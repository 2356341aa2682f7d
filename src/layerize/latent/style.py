"""Style by channel statistics: adaptive instance normalisation (arXiv 1703.06868) in latents, inside a mask."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST_STD = 1e-4


def statistics(latents_Chw: Tensor, weights_hw: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation per channel, each (C, 1, 1), of the cells by their weights.

    Args:
        latents_Chw: Latents.
        weights_hw: 0 (not of the layer) to 1 per cell; not all 0.
    """
    total = weights_hw.sum()
    mean = (latents_Chw * weights_hw).sum(dim=(1, 2), keepdim=True) / total
    variance = ((latents_Chw - mean).square() * weights_hw).sum(dim=(1, 2), keepdim=True) / total
    return mean, variance.sqrt()


def adain(content_Chw: Tensor, content_hw: Tensor, style_Chw: Tensor, style_hw: Tensor, strength: float) -> Tensor:
    """The content's latents with the style's mean and deviation in every channel.

    Args:
        content_Chw: Latents of what is to change.
        content_hw: Which cells belong to it, 0..1.
        style_Chw: Latents of the example, of any size.
        style_hw: Which of its cells count, 0..1.
        strength: 0 (nothing changes) to 1.
    """
    mean, std = statistics(content_Chw, content_hw)
    style_mean, style_std = statistics(style_Chw, style_hw)
    styled = (content_Chw - mean) / std.clamp_min(_LEAST_STD) * style_std + style_mean
    return torch.lerp(content_Chw, styled, strength)
