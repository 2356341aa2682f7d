"""Perceptual distances for the RGBA-VAE: feature networks that compare what a picture shows, not its pixels.

``filters`` needs no weights: oriented derivatives and their local energy at three scales of luminance and two colour
differences, each divided by the local contrast of the truth. ``lpips`` needs weights that nobody may ship, so this
room does not know it: whoever starts a run hands it in (``Networks``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layerize.errors import ConfigError

Networks: TypeAlias = Mapping[str, Callable[[], nn.Module]]
"""Name to a function that builds a module: (B, 3, H, W), (B, 3, H, W), 0..1, to distances (B,)."""

_OPPONENT = ((0.299, 0.587, 0.114), (0.5, -0.25, -0.25), (0.25, 0.25, -0.5))  # luminance, red-cyan, yellow-blue
_SCALES = 3
_CONTRAST_FLOOR = 0.05
"""Differences below this much local contrast are not amplified further."""


class FilterDistance(nn.Module):
    """Distance of oriented filter responses, normalised by local contrast; no weights, about 1 ms for 128 x 128."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("opponent", torch.tensor(_OPPONENT)[:, :, None, None], persistent=False)
        self.register_buffer("filters", _oriented_filters(), persistent=False)

    def forward(self, a_B3HW: Tensor, b_B3HW: Tensor) -> Tensor:
        """Distances (B,) of pictures (B, 3, H, W) in 0..1 (training may leave the range a little)."""
        B = a_B3HW.shape[0]
        x = F.conv2d(torch.cat([a_B3HW, b_B3HW]), self.get_buffer("opponent").to(a_B3HW.dtype))
        total = a_B3HW.new_zeros(B)
        for scale in range(_SCALES):
            if scale:
                x = F.avg_pool2d(x, 2)
            responses = self._responses(x)
            energy = F.avg_pool2d(responses.square(), 5, stride=2, padding=2)
            contrast = (energy[B:].detach() + _CONTRAST_FLOOR**2).sqrt()
            texture = (energy[:B] + 1e-6).sqrt() - (energy[B:] + 1e-6).sqrt()
            total = total + (texture.abs() / contrast).mean(dim=(1, 2, 3))
            local = F.interpolate(contrast, size=responses.shape[-2:], mode="nearest")
            total = total + ((responses[:B] - responses[B:]).abs() / local).mean(dim=(1, 2, 3))
        return total / (2 * _SCALES)

    def _responses(self, x_N3HW: Tensor) -> Tensor:
        filters = self.get_buffer("filters").to(x_N3HW.dtype)
        N, C, H, W = x_N3HW.shape
        padded = F.pad(x_N3HW.reshape(N * C, 1, H, W), (2, 2, 2, 2), mode="replicate")
        return F.conv2d(padded, filters).reshape(N, C * len(filters), H, W)


def _oriented_filters() -> Tensor:
    """First and second derivatives of a Gaussian (sigma 1) in four directions, (6, 1, 5, 5), each of L1 norm 1."""
    axis = torch.arange(-2.0, 3.0)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    gauss = torch.exp(-(x * x + y * y) / 2)
    bank = [x * gauss, y * gauss, (x + y) * gauss, (x - y) * gauss, (x * x - 1) * gauss, (y * y - 1) * gauss]
    centred = [f - f.mean() for f in bank]
    return torch.stack([f / f.abs().sum() for f in centred])[:, None]


def perceptual_network(name: str, networks: Networks) -> nn.Module | None:
    """The feature network of a recipe, frozen; None for ``none``.

    Raises:
        ConfigError: Nobody handed in a network of this name.
    """
    if name == "none":
        return None
    known: dict[str, Callable[[], nn.Module]] = {"filters": FilterDistance, **networks}
    if name not in known:
        raise ConfigError(f"recipe: perceptual {name!r} is not available here; available: none, {', '.join(known)}.")
    return known[name]().requires_grad_(False).eval()
