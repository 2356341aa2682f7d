"""Text conditioning: strings in, token embeddings and their mask out.

Two implementations of one small interface: the byte-level encoder here, trained with the shipped model, and
Qwen2.5-VL for the published weights (``layerize.models.qwen_text``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn


class TextEncoder(Protocol):
    """Anything that turns prompts into conditioning tokens."""

    def encode(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return embeddings (B, T, D) and a boolean mask (B, T) that is true for real tokens."""
        ...


@dataclass(frozen=True, kw_only=True)
class ByteTextEncoderConfig:
    """A byte-level encoder: UTF-8 bytes, two strided convolutions, one token for every 8 bytes."""

    dim: int = 192
    byte_dim: int = 64
    max_bytes: int = 256

    def __post_init__(self) -> None:
        if self.max_bytes % 8:
            raise ValueError(f"max_bytes must be a multiple of 8, got {self.max_bytes}")


class ByteTextEncoder(nn.Module):
    """UTF-8 bytes to tokens; reads any script, needs no vocabulary file. An empty prompt is one learned null token."""

    BYTES_PER_TOKEN = 8

    def __init__(self, config: ByteTextEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.bytes = nn.Embedding(257, config.byte_dim)  # 256 byte values + padding
        self.narrow = nn.Conv1d(config.byte_dim, config.dim, kernel_size=4, stride=4)
        self.wide = nn.Conv1d(config.dim, config.dim, kernel_size=2, stride=2)
        self.position = nn.Parameter(torch.randn(config.max_bytes // self.BYTES_PER_TOKEN, config.dim) * 0.02)
        self.null = nn.Parameter(torch.randn(config.dim) * 0.02)

    def encode(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Embeddings (B, T, dim) and mask (B, T) for prompts; longer ones are cut after ``max_bytes`` bytes."""
        data = [prompt.encode()[: self.config.max_bytes] for prompt in prompts]
        lengths = [max(1, -(-len(item) // self.BYTES_PER_TOKEN)) for item in data]
        tokens = max(lengths)
        padded = [list(item) + [256] * (tokens * self.BYTES_PER_TOKEN - len(item)) for item in data]
        ids = torch.tensor(padded, device=self.null.device)
        features = self.narrow(self.bytes(ids).transpose(1, 2))
        features = self.wide(nn.functional.gelu(features)).transpose(1, 2) + self.position[:tokens]
        empty = torch.tensor([len(item) == 0 for item in data], device=self.null.device)
        features = torch.where(empty[:, None, None], self.null.to(features.dtype), features)
        mask = torch.arange(tokens, device=self.null.device) < torch.tensor(lengths, device=self.null.device)[:, None]
        return features, mask
