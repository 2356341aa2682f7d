"""RGBA-VAE against diffusers' AutoencoderKLQwenImage on tiny random weights, both ways."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from layerize.models import keys_diffusers
from layerize.models.rgba_vae import RGBAVAE, RGBAVAEConfig

diffusers = pytest.importorskip("diffusers")

CONFIGS: dict[str, dict[str, Any]] = {
    "published-shape": {"base_dim": 8, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2},
    "encoder-attention": {"base_dim": 8, "z_dim": 6, "dim_mult": [1, 2, 2], "num_res_blocks": 1, "attn_scales": [0.5]},
    "f16": {"base_dim": 6, "z_dim": 4, "dim_mult": [1, 1, 2, 2, 3], "num_res_blocks": 1},
}


def pair(options: dict[str, Any], seed: int = 0) -> tuple[Any, RGBAVAE]:
    """A random diffusers VAE (gains and biases too) and ours with the same weights."""
    torch.manual_seed(seed)
    halvings = len(options["dim_mult"]) - 1
    z = options["z_dim"]
    mean, std = [0.1 * i for i in range(z)], [1.0 + 0.1 * i for i in range(z)]
    temporal = [False] + [True] * (halvings - 1)
    theirs = diffusers.AutoencoderKLQwenImage(
        **options, temperal_downsample=temporal, input_channels=4, latents_mean=mean, latents_std=std
    ).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if name.endswith(("gamma", "bias")):
                parameter.add_(0.3 * torch.randn_like(parameter))
    options = {**options, "dim_mult": tuple(options["dim_mult"]), "attn_scales": tuple(options.get("attn_scales", ()))}
    ours = RGBAVAE(RGBAVAEConfig(**options, latents_mean=tuple(mean), latents_std=tuple(std))).eval()
    ours.load_state_dict(keys_diffusers.from_diffusers(theirs.state_dict(), keys_diffusers.VAE))
    return theirs, ours


def their_moments(theirs: Any, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log variance; around ``encode`` where that crashes (0.42.1 passes a cache to encoder attention)."""
    if theirs.config.attn_scales:
        mean, logvar = theirs.quant_conv(theirs.encoder(picture[:, :, None]))[:, :, 0].chunk(2, dim=1)
        return mean, logvar.clamp(-30, 20)
    posterior = theirs.encode(picture[:, :, None]).latent_dist
    return posterior.mean[:, :, 0], posterior.logvar[:, :, 0]


@pytest.mark.parametrize("options", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("cells", [(2, 3), (5, 1)], ids=str)
def test_encode_and_decode_agree(options: dict[str, Any], cells: tuple[int, int]) -> None:
    theirs, ours = pair(options)
    factor = ours.config.factor
    picture = torch.rand(2, 4, cells[0] * factor, cells[1] * factor) * 2 - 1
    with torch.no_grad():
        their_mean, their_logvar = their_moments(theirs, picture)
        mean, logvar = ours.encode(picture)
        decoded = theirs.decode(their_mean[:, :, None]).sample[:, :, 0]
        differences = {
            "mean": (mean - their_mean).abs(),
            "logvar": (logvar - their_logvar).abs(),
            "decoded": (ours.decode(mean).clamp(-1, 1) - decoded).abs(),
        }
    assert decoded.std() > 0.01, "the oracle's output must not be flat"
    for what, difference in differences.items():
        assert difference.max() <= 1e-4, f"{what}: max {difference.max():.2e}, mean {difference.mean():.2e}"


@pytest.mark.parametrize("options", CONFIGS.values(), ids=CONFIGS)
def test_export_gives_back_every_byte_that_a_still_image_uses(options: dict[str, Any]) -> None:
    theirs, ours = pair(options)
    original = theirs.state_dict()
    exported = keys_diffusers.to_diffusers(ours.state_dict(), keys_diffusers.VAE)
    exported |= keys_diffusers.vae_time_convolutions(exported, tuple(theirs.config.temperal_downsample))
    assert set(exported) == set(original)
    for key, tensor in original.items():
        back = exported[key]
        assert back.shape == tensor.shape, key
        if "time_conv" in key:
            assert not back.any(), key
        elif tensor.dim() == 5:
            assert torch.equal(back[:, :, -1], tensor[:, :, -1]), key
            assert not back[:, :, :-1].any(), key
        else:
            assert torch.equal(back, tensor), key


def test_exported_weights_decode_the_same_picture_in_diffusers() -> None:
    theirs, ours = pair(CONFIGS["published-shape"])
    latent = torch.randn(1, 16, 1, 2, 3)
    with torch.no_grad():
        before = theirs.decode(latent).sample
        exported = keys_diffusers.to_diffusers(ours.state_dict(), keys_diffusers.VAE)
        exported |= keys_diffusers.vae_time_convolutions(exported, tuple(theirs.config.temperal_downsample))
        theirs.load_state_dict(exported)
        after = theirs.decode(latent).sample
    assert (after - before).abs().max() <= 1e-5


def test_unknown_keys_survive_the_table_so_that_strict_loading_sees_them() -> None:
    renamed = keys_diffusers.from_diffusers({"encoder.surprise.weight": torch.zeros(1)}, keys_diffusers.VAE)
    assert list(renamed) == ["encoder.surprise.weight"]
    with pytest.raises(KeyError, match="picture_in"):
        keys_diffusers.to_diffusers({"picture_in.weight": torch.zeros(1)}, keys_diffusers.TRANSFORMER)
