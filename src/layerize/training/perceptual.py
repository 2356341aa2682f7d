"""Perceptual distances for the RGBA-VAE: feature networks that compare what a picture shows, not its pixels.

``filters`` needs no weights: oriented differences and their local energy at three scales of luminance and two colour
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
    """Distance of oriented differences, normalised by local contrast; no weights.

    A third as much work for a CPU as the shipped auto-encoder's own pass (4 against 13 ms for 128 x 128, one core).
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("opponent", torch.tensor(_OPPONENT)[:, :, None, None], persistent=False)

    def forward(self, a_B3HW: Tensor, b_B3HW: Tensor) -> Tensor:
        """Distances (B,) of pictures (B, 3, H, W) in 0..1 (training may leave the range a little)."""
        B = a_B3HW.shape[0]
        x = F.avg_pool2d(torch.cat([a_B3HW, b_B3HW]), 2)  # L1 of edges sees to the finest scale
        x = F.conv2d(x, self.get_buffer("opponent").to(x.dtype))
        total = a_B3HW.new_zeros(B)
        for scale in range(_SCALES):
            if scale:
                x = F.avg_pool2d(x, 2)
            total = total + self._at_one_scale(_oriented_differences(x), B)
        return total / (2 * _SCALES)

    def _at_one_scale(self, responses: Tensor, B: int) -> Tensor:
        """Differences of the responses, and of their energy in cells of 4 x 4 (texture, wherever exactly it lies)."""
        energy = F.avg_pool2d(responses.square(), 4)
        texture = (energy[:B] + 1e-6).sqrt() - (energy[B:] + 1e-6).sqrt()
        contrast = (energy[B:].detach() + _CONTRAST_FLOOR**2).sqrt()
        local = F.interpolate(contrast, size=responses.shape[-2:], mode="nearest")
        exact = (responses[:B] - responses[B:]).abs() / local
        return (texture.abs() / contrast).mean(dim=(1, 2, 3)) + exact.mean(dim=(1, 2, 3))


def _oriented_differences(x_NCHW: Tensor) -> Tensor:
    """First differences in four directions and second ones in two, (N, 6 C, H - 2, W - 2)."""

    def at(down: int, across: int) -> Tensor:
        H, W = x_NCHW.shape[-2:]
        return x_NCHW[..., 1 + down : H - 1 + down, 1 + across : W - 1 + across]

    centre = 2 * at(0, 0)
    first = [(0, 1), (1, 0), (1, 1), (1, -1)]
    found = [at(down, across) - at(-down, -across) for down, across in first]
    found += [at(0, 1) + at(0, -1) - centre, at(1, 0) + at(-1, 0) - centre]
    return torch.cat(found, dim=1) / 2


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
