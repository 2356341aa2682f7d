"""Text conditioning of the published weights: last hidden states of Qwen2.5-VL, through transformers (extra ``hub``).

transformers is imported when an encoder is opened, not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from layerize.errors import CheckpointError, MissingExtraError

_TEMPLATE = (
    "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, spatial "
    "relationships of the objects and background:<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
)
"""The published prompt; its first tokens carry no information about the picture and are dropped."""

_TEMPLATE_TOKENS = 34
_MOST_TOKENS = 512


class QwenTextEncoder:
    """Prompts to the conditioning that Qwen-Image-Layered was trained with; a ``prompt.TextEncoder``."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Take a ``Qwen2_5_VLForConditionalGeneration`` and its ``Qwen2Tokenizer``."""
        self.model = model.eval()
        self.tokenizer = tokenizer

    @classmethod
    def open(cls, source: str, dtype: torch.dtype = torch.bfloat16) -> QwenTextEncoder:
        """Open the folders ``text_encoder`` and ``tokenizer`` of a pipeline.

        Args:
            source: A local folder, or a hub id (loaded through the hub's cache).
            dtype: Type of the parameters in memory.

        Raises:
            MissingExtraError: transformers is not installed.
            CheckpointError: The folders are absent or hold something else.
        """
        try:
            from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration
        except ImportError as error:
            raise MissingExtraError("The Qwen2.5-VL text encoder", "transformers", "hub") from error
        if not source:
            raise CheckpointError(
                "This model names no text encoder: pass encoded prompts, or import it again with one."
            )
        local = Path(source).is_dir()
        parts = [
            {"pretrained_model_name_or_path": str(Path(source, part))}
            if local
            else {"pretrained_model_name_or_path": source, "subfolder": part}
            for part in ("text_encoder", "tokenizer")
        ]
        try:
            model = Qwen2_5_VLForConditionalGeneration.from_pretrained(**parts[0], dtype=dtype)
            tokenizer = AutoTokenizer.from_pretrained(**parts[1])
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{source}: holds no readable text_encoder and tokenizer ({error}).") from error
        return cls(model, tokenizer)

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Embeddings (B, T, D), zero where padded, and a boolean mask (B, T); T is at most 512."""
        tokens = self.tokenizer([_TEMPLATE.format(prompt) for prompt in prompts], padding=True, return_tensors="pt")
        tokens = tokens.to(self.model.device)
        hidden = self.model.model(
            input_ids=tokens.input_ids, attention_mask=tokens.attention_mask
        ).last_hidden_state  # the language model's head would cost more than it tells
        mask = tokens.attention_mask.bool()
        rows = [states[keep][_TEMPLATE_TOKENS:][:_MOST_TOKENS] for states, keep in zip(hidden, mask, strict=True)]
        lengths = torch.tensor([len(row) for row in rows], device=hidden.device)
        embeddings = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return embeddings, torch.arange(embeddings.shape[1], device=hidden.device) < lengths[:, None]
