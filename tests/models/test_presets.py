"""Sizes by name: what they weigh, and that they are models."""

from __future__ import annotations

import pytest
import torch

from layerize.errors import ConfigError
from layerize.models import presets
from layerize.models.layer_model import LayerModel, LayerModelConfig
from layerize.models.published import PublishedModel

MILLIONS = {
    "tiny": (0.1, 0.5),
    "sketch": (4.8, 5.3),
    "default": (10, 30),
    "base": (270, 330),
    "tiny-full": (0.1, 0.5),
    "full": (20e3, 21e3),
}


@pytest.mark.parametrize("name", presets.PRESETS)
def test_a_size_weighs_what_its_name_promises(name: str) -> None:
    config = presets.preset(name)
    with torch.device("meta"):
        model = LayerModel(config) if isinstance(config, LayerModelConfig) else PublishedModel(config)
    low, high = MILLIONS[name]
    assert low <= sum(p.numel() for p in model.parameters()) / 1e6 <= high


def test_an_unknown_size_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'base'"):
        presets.preset("bsae")


def test_text_alone_makes_layers_of_the_model() -> None:
    """No picture: an empty condition; the same text gives the same prediction, whatever else is in the batch."""
    torch.manual_seed(0)
    model = LayerModel(presets.preset("tiny")).eval()
    x = torch.randn(2, 3, 4, 8, 8)
    t = torch.tensor([0.7, 0.7])
    with torch.no_grad():
        both = model.read_text(["a red cat", "two dogs on a blue ground with a tree"], (4, 4))
        first = model.read_text(["a red cat"], (4, 4))
        together, _ = model.denoise(x, t, both)
        alone, _ = model.denoise(x[:1], t[:1], first)
    assert together.shape == x.shape
    assert both.stop_logits_BK.shape == (2, 8)
    torch.testing.assert_close(together[:1], alone, atol=1e-5, rtol=1e-4)
    other = both.select(torch.tensor([1]))
    assert not torch.allclose(model.denoise(x[:1], t[:1], other)[0], alone, atol=1e-4)


def test_full_attention_works_without_a_condition_and_with_stop_tokens() -> None:
    from dataclasses import replace

    torch.manual_seed(0)
    config = presets.tiny_full()
    counting = replace(config, transformer=replace(config.transformer, max_layers=6))
    model = PublishedModel(counting).eval()
    frames, nothing, text = torch.randn(1, 3, 16, 32), torch.zeros(1, 0, 32), torch.randn(1, 5, 16)
    with torch.no_grad():
        out = model.transformer(frames, nothing, text, torch.tensor([0.5]), grid=(4, 4))
        prefix = model.transformer.prefix(frames[:, 0], text, grid=(4, 4))
    assert out.shape == frames.shape
    assert prefix.stop_logits_BK is not None
    assert prefix.stop_logits_BK.shape == (1, 6)
    assert {name for name, _ in model.named_parameters()} - {
        name for name, _ in PublishedModel(config).named_parameters()
    } == {
        "transformer.stop_tokens",
        "transformer.stop_head.weight",
        "transformer.stop_head.bias",
    }
