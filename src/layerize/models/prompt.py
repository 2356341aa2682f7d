"""Text conditioning: strings in, token embeddings and their mask out.

Three implementations of one small interface: a byte-level and a word-level encoder here, trained with our models, and
Qwen2.5-VL for the published weights (``layerize.models.qwen_text``).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
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
    """A small text encoder.

    Attributes:
        dim: Channels of a token.
        byte_dim: Channels of a byte.
        max_bytes: What lies beyond so many bytes of UTF-8 is not read; a multiple of 8.
        word_rows: 0: one token for every 8 bytes. Else one token for every word, made of a table of so many rows
            (``WordTextEncoder``): a colour is then the same token wherever it stands.
    """

    dim: int = 192
    byte_dim: int = 64
    max_bytes: int = 256
    word_rows: int = 0

    def __post_init__(self) -> None:
        if self.max_bytes % 8:
            raise ValueError(f"max_bytes must be a multiple of 8, got {self.max_bytes}")
        if self.word_rows < 0:
            raise ValueError(f"word_rows must be 0 or more, got {self.word_rows}")


def text_encoder(config: ByteTextEncoderConfig) -> ByteTextEncoder | WordTextEncoder:
    """The encoder that a config asks for."""
    return WordTextEncoder(config) if config.word_rows else ByteTextEncoder(config)


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


class WordTextEncoder(nn.Module):
    """One token for every word or sign: the mean of its character n-grams' rows in a hashed table.

    Words that share their stem share most of their token, and no vocabulary file is needed (subword information of
    fastText, Bojanowski et al. 2017, arXiv 1607.04606). Case is ignored; an empty prompt is one learned null token.
    """

    def __init__(self, config: ByteTextEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.grams = nn.Embedding(config.word_rows + 1, config.dim)  # the last row is padding
        self.position = nn.Parameter(torch.randn(config.max_bytes // 8, config.dim) * 0.02)
        self.null = nn.Parameter(torch.randn(config.dim) * 0.02)

    def encode(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Embeddings (B, T, dim) and mask (B, T); read are ``max_bytes`` bytes and an eighth as many words."""
        rows, most = self.config.word_rows, len(self.position)
        cut = [prompt.encode()[: self.config.max_bytes].decode(errors="ignore") for prompt in prompts]
        data = [[gram_rows(word, rows) for word in words_of(text)[:most]] for text in cut]
        tokens = max(1, *(len(words) for words in data))
        grams = max(1, *(len(word) for words in data for word in (*words, ())))
        device = self.null.device
        ids = torch.full((len(data), tokens, grams), rows, dtype=torch.int64)
        for b, words in enumerate(data):
            for t, word in enumerate(words):
                ids[b, t, : len(word)] = torch.tensor(word)
        ids = ids.to(device)
        real = (ids < rows).to(self.null.dtype)[..., None]
        features = (self.grams(ids) * real).sum(2) / real.sum(2).clamp_min(1) + self.position[:tokens]
        empty = torch.tensor([not words for words in data], device=device)
        features = torch.where(empty[:, None, None], self.null.to(features.dtype), features)
        lengths = torch.tensor([max(1, len(words)) for words in data], device=device)
        return features, torch.arange(tokens, device=device) < lengths[:, None]


def words_of(text: str) -> list[str]:
    """Words and single signs in lower case."""
    return re.findall(r"\w+|[^\w\s]", text.lower())


@lru_cache(maxsize=1 << 14)
def gram_rows(word: str, rows: int) -> tuple[int, ...]:
    """Rows of the word itself and of its n-grams of three and four characters, the ends marked."""
    marked = f"<{word}>"
    grams = [marked, *(marked[i : i + n] for n in (3, 4) for i in range(len(marked) - n + 1))]
    return tuple(zlib.crc32(gram.encode()) % rows for gram in dict.fromkeys(grams))
