"""VLD-MMDiT in full attention against diffusers' QwenImageTransformer2DModel on tiny random weights, both ways."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from layerize.models import keys_diffusers
from layerize.models.vld_mmdit import VLDMMDiT, VLDMMDiTConfig

diffusers = pytest.importorskip("diffusers")

CONFIGS = {
    "one-block": VLDMMDiTConfig(latent_channels=4, depth=1, heads=2, head_dim=16, text_dim=12, rope_axes=(8, 4, 4)),
    "three-blocks": VLDMMDiTConfig(
        latent_channels=6, depth=3, heads=3, head_dim=24, text_dim=20, rope_axes=(4, 10, 10)
    ),
    "published-head": VLDMMDiTConfig(latent_channels=16, depth=2, heads=1, text_dim=32),
    "no-flag-zero-time": VLDMMDiTConfig(
        latent_channels=4,
        depth=2,
        heads=2,
        head_dim=16,
        text_dim=12,
        rope_axes=(8, 4, 4),
        composite_flag=False,
        zero_condition_time=True,
    ),
}


def pair(config: VLDMMDiTConfig, seed: int = 0) -> tuple[Any, VLDMMDiT]:
    """A random diffusers transformer (norm gains too) and ours with the same weights."""
    torch.manual_seed(seed)
    theirs = diffusers.QwenImageTransformer2DModel(
        patch_size=config.patch_size,
        in_channels=config.token_channels,
        out_channels=config.latent_channels,
        num_layers=config.depth,
        attention_head_dim=config.head_dim,
        num_attention_heads=config.heads,
        joint_attention_dim=config.text_dim,
        axes_dims_rope=config.rope_axes,
        zero_cond_t=config.zero_condition_time,
        use_additional_t_cond=config.composite_flag,
        use_layer3d_rope=True,
    ).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "norm" in name and parameter.dim() == 1:
                parameter.add_(0.3 * torch.randn_like(parameter))
    ours = VLDMMDiT(config).eval()
    ours.load_state_dict(keys_diffusers.from_diffusers(theirs.state_dict(), keys_diffusers.TRANSFORMER))
    return theirs, ours


def compare(config: VLDMMDiTConfig, frames: int, grid: tuple[int, int], mask: torch.Tensor | None) -> None:
    """Assert that both predict the same for every generated frame."""
    theirs, ours = pair(config)
    batch, length = (2, 7) if mask is None else mask.shape
    cells = grid[0] * grid[1]
    tokens = torch.randn(batch, frames, cells, config.token_channels)
    condition = torch.randn(batch, cells, config.token_channels)
    text = torch.randn(batch, length, config.text_dim)
    t = torch.tensor([0.93, 0.21])[:batch]
    flag = torch.tensor([0, 1])[:batch] if config.composite_flag else None
    with torch.no_grad():
        expected = theirs(
            hidden_states=torch.cat([tokens.flatten(1, 2), condition], dim=1),
            encoder_hidden_states=text,
            encoder_hidden_states_mask=mask,
            timestep=t,
            img_shapes=[[(1, *grid)] * (frames + 1)] * batch,
            additional_t_cond=flag,
        ).sample[:, : frames * cells]
        got = ours(tokens, condition, text, t, grid=grid, text_mask_BT=mask, composite_flag_B=flag)
    difference = (got.flatten(1, 2) - expected).abs()
    assert expected.std() > 0.1, "the oracle's output must not be flat"
    assert difference.max() <= 1e-4, f"max {difference.max():.2e}, mean {difference.mean():.2e}"


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("grid", [(2, 2), (3, 5), (1, 4)], ids=str)
def test_predictions_agree_at_odd_sizes(config: VLDMMDiTConfig, grid: tuple[int, int]) -> None:
    compare(config, frames=3, grid=grid, mask=None)


@pytest.mark.parametrize("frames", [2, 3, 4, 5, 6, 7])
def test_predictions_agree_for_one_to_six_layers_and_their_composite(frames: int) -> None:
    compare(CONFIGS["three-blocks"], frames, grid=(2, 3), mask=None)


@pytest.mark.parametrize(
    "mask",
    [[[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], [[0, 1, 0, 1, 1], [1, 0, 0, 0, 1]]],
    ids=["padding", "holes"],
)
@pytest.mark.parametrize("name", ["one-block", "published-head"])
def test_predictions_agree_with_masked_text(name: str, mask: list[list[int]]) -> None:
    compare(CONFIGS[name], frames=3, grid=(3, 2), mask=torch.tensor(mask).bool())


def test_masked_text_has_no_influence() -> None:
    _, ours = pair(CONFIGS["one-block"])
    tokens, condition, text = torch.randn(1, 2, 4, 16), torch.randn(1, 4, 16), torch.randn(1, 5, 12)
    mask = torch.tensor([[True, True, True, False, False]])
    other = torch.where(mask[..., None], text, 100.0)
    with torch.no_grad():
        first, second = (
            ours(tokens, condition, words, torch.tensor([0.5]), grid=(2, 2), text_mask_BT=mask)
            for words in (text, other)
        )
    assert torch.equal(first, second)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_export_gives_back_every_byte(config: VLDMMDiTConfig) -> None:
    theirs, ours = pair(config)
    original = theirs.state_dict()
    exported = keys_diffusers.to_diffusers(ours.state_dict(), keys_diffusers.TRANSFORMER)
    assert set(exported) == set(original)
    assert all(torch.equal(tensor, original[key]) for key, tensor in exported.items())
