"""The composed model: shapes, counts, prefix attention really is a prefix, layers are independent of batch mates."""

from __future__ import annotations

import pytest
import torch

from layerize.models import layer_model, vld_mmdit
from layerize.models.layer_model import LayerModel, level_evidence
from layerize.models.stop import most_likely_count
from layerize.models.vld_mmdit import VLDMMDiT, VLDMMDiTConfig, pack, unpack


@pytest.fixture(scope="module")
def model() -> LayerModel:
    torch.manual_seed(0)
    return LayerModel(layer_model.tiny()).eval()


def pictures(n: int, h: int = 32, w: int = 48) -> torch.Tensor:
    return torch.rand(n, 3, h, w, generator=torch.Generator().manual_seed(n))


@pytest.mark.parametrize("layers", [1, 2, 5])
@torch.no_grad()
def test_shapes_for_any_layer_count(model: LayerModel, layers: int) -> None:
    reading = model.read(pictures(2))
    x_0, tokens = model.denoise(torch.randn(2, layers, 4, 4, 6), torch.ones(2), reading)
    decoded = model.decode(tokens, reading)
    assert x_0.shape == (2, layers, 4, 4, 6)
    assert decoded.alpha_BKHW.shape == (2, layers, 32, 48)
    assert decoded.rgb_BK3HW.shape == (2, layers, 3, 32, 48)
    assert reading.stop_logits_BK.shape == (2, 8)


@torch.no_grad()
def test_a_picture_does_not_see_its_batch_mates(model: LayerModel) -> None:
    both = pictures(2)
    noise = torch.randn(2, 3, 4, 4, 6)
    reading = model.read(both, ["a red cat on a mat", ""])
    _, together = model.denoise(noise, torch.tensor([1.0, 0.4]), reading)
    alone_reading = model.read(both[1:], [""])
    _, alone = model.denoise(noise[1:], torch.tensor([0.4]), alone_reading)
    torch.testing.assert_close(alone, together[1:], rtol=1e-4, atol=1e-5)
    _, selected = model.denoise(noise[1:], torch.tensor([0.4]), reading.select(torch.tensor([1])))
    torch.testing.assert_close(selected, together[1:], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("levels", [1, 3, 8])
def test_the_level_map_speaks_for_its_number_of_levels(levels: int) -> None:
    shown = torch.arange(64).reshape(1, 8, 8) % levels
    logits = 12 * torch.nn.functional.one_hot(shown.repeat_interleave(4, 1).repeat_interleave(4, 2), 8).movedim(-1, 1)
    evidence = level_evidence(logits.float(), 8)
    assert evidence.shape == (1, 8, 2)
    assert most_likely_count(-evidence[..., 0] - 4).tolist() == [levels]  # no evidence of more, no reason to go on
    assert (evidence[0].diff(dim=0) <= 1e-6).all()


@torch.no_grad()
def test_prompt_and_picture_change_the_reading(model: LayerModel) -> None:
    picture = pictures(1)
    plain, told = model.read(picture), model.read(picture, ["three cats"])
    assert (plain.stop_logits_BK - told.stop_logits_BK).abs().max() > 1e-6
    other = model.read(1 - picture)
    assert (plain.stop_logits_BK - other.stop_logits_BK).abs().max() > 1e-6


def test_every_parameter_learns(model: LayerModel) -> None:
    reading = model.read(pictures(1), ["text"])
    x_0, tokens = model.denoise(torch.randn(1, 3, 4, 4, 6), torch.ones(1), reading)
    decoded = model.decode(tokens, reading)
    empty = model.read(pictures(1))
    loss = x_0.square().mean() + decoded.alpha_logits_BKHW.square().mean() + decoded.rgb_BK3HW.square().mean()
    loss = loss + reading.stop_logits_BK.square().mean() + reading.pixels.level_logits_BLhw.square().mean()
    (loss + empty.stop_logits_BK.square().mean()).backward()
    frozen = [name for name, p in model.named_parameters() if p.grad is None and not name.startswith("vae.")]
    model.zero_grad(set_to_none=True)
    last = f"transformer.blocks.{model.config.transformer.depth - 1}.text."
    assert [name for name in frozen if not name.startswith(last)] == []  # the last text tokens are read by nobody


def test_pack_and_unpack_are_inverses() -> None:
    latents = torch.randn(2, 3, 4, 6, 10)
    assert torch.equal(unpack(pack(latents), (3, 5)), latents)


def test_configs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="must agree"):
        layer_model.LayerModelConfig(text=layer_model.ByteTextEncoderConfig(dim=64))
    with pytest.raises(ValueError, match="rope_axes"):
        VLDMMDiTConfig(head_dim=64)
    with pytest.raises(ValueError, match="prefix_attention"):
        layer_model.LayerModelConfig(
            transformer=VLDMMDiTConfig(
                depth=1, heads=8, head_dim=32, rope_axes=(8, 12, 12), text_dim=192, picture_features=256
            )
        )


@torch.no_grad()
def test_fused_and_plain_attention_agree() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, n, 3, 8, generator=generator) for n in (5, 7, 7))
    mask = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    plain = vld_mmdit.attention(q, k, v, mask)
    fused = torch.nn.functional.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask[:, None, None]
    )
    torch.testing.assert_close(plain, fused.transpose(1, 2).flatten(2))


def test_the_shipped_size_fits_its_budget() -> None:
    with torch.device("meta"):
        model = LayerModel(layer_model.LayerModelConfig())
        published = VLDMMDiT(vld_mmdit.qwen_image_layered())
    assert sum(p.numel() for p in model.parameters()) * 2 < 48e6
    assert 20.4e9 < sum(p.numel() for p in published.parameters()) < 20.5e9
