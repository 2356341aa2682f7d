"""Texts for a PublishedModel while it trains: its text encoder is frozen, opened once, and asked once for each text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor

from layerize.errors import ConfigError
from layerize.models.qwen_text import QwenTextEncoder

_KEPT = 4096
"""Encoded texts that are kept; at 100 tokens of 3,584 channels in bf16 each takes 0.7 MB."""


class PromptEncoder:
    """Prompts to embeddings, remembered. Without an encoder only the absence of text can be encoded: one zero token."""

    def __init__(self, source: str, channels: int) -> None:
        """Take the folder or hub id of the text encoder ("" for none) and the embeddings' channels."""
        self.source, self.channels = source, channels
        self._encoder: QwenTextEncoder | None = None
        self._known: OrderedDict[str, Tensor] = OrderedDict()

    def encode(self, texts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Embeddings (B, T, D) and a mask (B, T) of real tokens, None where all are.

        Raises:
            ConfigError: There are texts and no text encoder.
        """
        rows = [self._row(text).to(device) for text in texts]
        lengths = torch.tensor([len(row) for row in rows], device=device)
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = torch.arange(padded.shape[1], device=device) < lengths[:, None]
        return padded, None if bool(mask.all()) else mask

    def _row(self, text: str) -> Tensor:
        if not self.source:
            if text:
                raise ConfigError(
                    "recipe: the model names no text encoder, so it cannot read captions; set data.caption_rate = 0, "
                    "or import the weights with their text_encoder folder."
                )
            return torch.zeros(1, self.channels)
        if text not in self._known:
            if self._encoder is None:
                self._encoder = QwenTextEncoder.open(self.source)
            embeddings, _ = self._encoder.encode([text or " "])
            self._known[text] = embeddings[0].float().cpu()
        self._known.move_to_end(text)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return self._known[text]
