"""The small text encoders: one token for every 8 bytes, or for every word."""

from __future__ import annotations

import torch

from layerize.models.prompt import (
    ByteTextEncoder,
    ByteTextEncoderConfig,
    WordTextEncoder,
    gram_rows,
    text_encoder,
    words_of,
)

ENCODER = ByteTextEncoder(ByteTextEncoderConfig(dim=16, byte_dim=8, max_bytes=32))
WORDS = WordTextEncoder(ByteTextEncoderConfig(dim=16, max_bytes=64, word_rows=500))


def test_a_config_says_which() -> None:
    assert isinstance(text_encoder(ByteTextEncoderConfig()), ByteTextEncoder)
    assert isinstance(text_encoder(ByteTextEncoderConfig(word_rows=9)), WordTextEncoder)


@torch.no_grad()
def test_a_word_is_the_same_token_wherever_it_stands() -> None:
    first, _ = WORDS.encode(["red cat"])
    later, mask = WORDS.encode(["A big Red cat", ""])
    torch.testing.assert_close(first[0, 0] - WORDS.position[0], later[0, 2] - WORDS.position[2])
    assert mask.sum(dim=1).tolist() == [4, 1]
    torch.testing.assert_close(later[1, 0], WORDS.null)


@torch.no_grad()
def test_words_are_cut_where_the_places_end_and_any_script_is_read() -> None:
    features, mask = WORDS.encode(["a " * 400, "日本語のポスター", "!?"])
    assert features.shape == (3, 8, 16)
    assert mask.sum(dim=1).tolist() == [8, 1, 2]
    assert features.isfinite().all()


def test_words_of_one_stem_share_rows() -> None:
    assert words_of('A red-hot "Cat".') == ["a", "red", "-", "hot", '"', "cat", '"', "."]
    shared = set(gram_rows("flower", 1 << 20)) & set(gram_rows("flowers", 1 << 20))
    assert len(shared) >= 7
    assert not set(gram_rows("flower", 1 << 20)) & set(gram_rows("banjo", 1 << 20))


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
