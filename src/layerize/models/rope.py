"""Layer3D RoPE: rotary positions over (layer, y, x) for text, generated frames, stop tokens and the condition image.

Qwen-Image-Layered (arXiv 2512.15603), Sec. 3.3: generated frames have layer index 0..N, the condition image -1, y and
x are centred on the picture, and text continues on the diagonal after the largest index of any axis.

Positions are integer tensors of shape (L, 3); a table turns them into rotations. Shape letters: ``B`` batch,
``L`` tokens, ``H`` heads, ``E`` channels of one head.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor

Rotation: TypeAlias = Tensor
"""Unit complex number of every (token, channel pair), complex64 of shape (L, E / 2)."""

CONDITION_LAYER = -1


def centred(n: int, device: torch.device | None = None) -> Tensor:
    """Positions of ``n`` cells around the middle of the picture: ``-(n - n // 2) .. n // 2 - 1``."""
    return torch.arange(n, device=device) - (n - n // 2)


def frame_positions(layer_index: int, h: int, w: int, device: torch.device | None = None) -> Tensor:
    """Positions (h * w, 3) of one frame's tokens in reading order."""
    y = centred(h, device).view(h, 1).expand(h, w)
    x = centred(w, device).view(1, w).expand(h, w)
    layer = torch.full((h, w), layer_index, device=device)
    return torch.stack([layer, y, x], dim=-1).reshape(h * w, 3)


def point_positions(layer_indices: Tensor) -> Tensor:
    """Positions (n, 3) of tokens that stand for a whole layer: (layer index, 0, 0)."""
    zeros = torch.zeros_like(layer_indices)
    return torch.stack([layer_indices, zeros, zeros], dim=-1)


def text_positions(length: int, start: int, device: torch.device | None = None) -> Tensor:
    """Positions (length, 3) of text tokens: the same index ``start, start + 1, ...`` on all three axes."""
    return torch.arange(start, start + length, device=device).view(length, 1).expand(length, 3)


def text_start(h: int, w: int, frames: int) -> int:
    """First text index: after the largest index of any axis (``frames`` generated frames, an h x w token grid)."""
    return max(h // 2, w // 2, frames)


def rotation(positions: Tensor, axes: tuple[int, int, int], theta: float) -> Rotation:
    """Rotations for positions (L, 3).

    Args:
        positions: Integer (layer, y, x) of every token; negative values are allowed.
        axes: Channels of a head that belong to each axis; even numbers whose sum is the head size.
        theta: Base of the geometric series of wavelengths.

    Returns:
        complex64 of shape (L, sum(axes) / 2).
    """
    angles = []
    for axis, channels in enumerate(axes):
        exponent = torch.arange(0, channels, 2, dtype=torch.float32, device=positions.device) / channels
        angles.append(positions[:, axis, None].float() * (1.0 / torch.pow(theta, exponent)))
    angle = torch.cat(angles, dim=-1)
    return torch.polar(torch.ones_like(angle), angle)


def rotate(x_BLHE: Tensor, table: Rotation) -> Tensor:
    """Rotate neighbouring channel pairs (2i, 2i + 1) of queries or keys, in float32.

    One complex product: four times faster on CPUs than the same in real arithmetic on strided halves.
    """
    pairs = torch.view_as_complex(x_BLHE.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * table[None, :, None]).flatten(-2).to(x_BLHE.dtype)
