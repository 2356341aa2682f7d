"""The byte-level text encoder."""

from __future__ import annotations

import torch

from layerize.models.prompt import ByteTextEncoder, ByteTextEncoderConfig

ENCODER = ByteTextEncoder(ByteTextEncoderConfig(dim=16, byte_dim=8, max_bytes=32))


@torch.no_grad()
def test_lengths_masks_and_any_script() -> None:
    features, mask = ENCODER.encode(["", "abc", "日本語のポスター", "x" * 1000])
    assert features.shape == (4, 4, 16)
    assert mask.sum(dim=1).tolist() == [1, 1, 3, 4]


@torch.no_grad()
def test_padding_does_not_change_a_prompt() -> None:
    alone, _ = ENCODER.encode(["a red cat"])
    padded, mask = ENCODER.encode(["a red cat", "a much longer prompt of words"])
    torch.testing.assert_close(padded[0, : alone.shape[1]], alone[0])
    assert mask[0].tolist() == [True, True, False, False]
