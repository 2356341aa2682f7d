"""Latents of pictures of any size: tiles leave no seam, and margins are what the networks really see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from layerize.errors import CheckpointError
from layerize.latent.coder import LatentCoder, decoder_margin, encoder_margin, load_coder
from layerize.models.checkpoint import save_model
from layerize.models.rgba_vae import RGBAVAE, RGBAVAEConfig, small


def plain(**changes: object) -> RGBAVAEConfig:
    """A small network without attention, of the shipped kind."""
    fields = {
        "base_dim": 4,
        "z_dim": 4,
        "dim_mult": (1, 1, 1),
        "num_res_blocks": 1,
        "norm": "none",
        "patch_size": 2,
        "mid_attention": False,
        "pixel_space": "premultiplied",
        "latents_mean": (0.0,) * 4,
        "latents_std": (1.0,) * 4,
    }
    return RGBAVAEConfig(**{**fields, **changes})  # type: ignore[arg-type]


def vae_of(config: RGBAVAEConfig) -> RGBAVAE:
    torch.manual_seed(0)
    vae = RGBAVAE(config).eval()
    for parameter in vae.parameters():  # residual branches start at zero and would hide what they see
        torch.nn.init.normal_(parameter, std=0.2)
    return vae


CONFIGS = [plain(), plain(patch_size=1, dim_mult=(1, 1, 1, 1)), plain(num_res_blocks=2, dim_mult=(1, 1))]


@pytest.mark.parametrize("config", CONFIGS)
def test_tiles_are_as_one_piece(config: RGBAVAEConfig) -> None:
    vae = vae_of(config)
    picture = np.random.default_rng(0).random((203, 331, 4), dtype=np.float32)
    whole, tiled = LatentCoder(vae, tile=None), LatentCoder(vae, tile=64)
    z, z_tiled = whole.encode(picture), tiled.encode(picture)
    assert z.shape == (4, -(-203 // config.factor), -(-331 // config.factor))
    assert torch.allclose(z, z_tiled, atol=1e-4)
    one, other = whole.decode(z, (331, 203)), tiled.decode(z, (331, 203))
    assert one.shape == (203, 331, 4)
    assert np.abs(one - other).max() <= 1 / 255


@pytest.mark.parametrize("config", [*CONFIGS, small()])
def test_margins_cover_what_the_networks_see(config: RGBAVAEConfig) -> None:
    vae = vae_of(config) if config.base_dim == 4 else RGBAVAE(config).eval()
    cells = 2 * max(encoder_margin(config), decoder_margin(config)) + 5
    middle, side = cells // 2, cells * config.factor
    pixels = torch.zeros(1, 4, side, side, requires_grad=True)
    vae.encode(pixels)[0][0, :, middle, middle].sum().backward()
    assert _reach(pixels.grad, middle * config.factor, config.factor) <= encoder_margin(config) * config.factor
    latents = torch.zeros(1, config.z_dim, cells, cells, requires_grad=True)
    vae.decode(latents)[0, :, middle * config.factor :][:, : config.factor].sum().backward()
    assert _reach(latents.grad, middle, 1) <= decoder_margin(config)


def _reach(gradient: torch.Tensor | None, start: int, length: int) -> int:
    """How many rows before ``start`` and after ``start + length`` matter."""
    assert gradient is not None
    rows = torch.nonzero(gradient[0].abs().amax(dim=(0, 2)))[:, 0]
    return max(start - int(rows.min()), int(rows.max()) - (start + length - 1))


def test_models_without_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such model"):
        load_coder(str(tmp_path / "absent"))
    folder = save_model(vae_of(CONFIGS[0]), tmp_path / "vae")
    assert load_coder(str(folder)).vae.config == CONFIGS[0]
