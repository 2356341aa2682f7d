"""RGBA-VAE: shapes, pixel spaces, initialisation from an RGB VAE, bad input."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from layerize.models import rgba_vae
from layerize.models.rgba_vae import RGBAVAE, RGBAVAEConfig


def randomised(config: RGBAVAEConfig, seed: int = 0) -> RGBAVAE:
    """A model whose zero-initialised weights are random too, so that every path shows in the output."""
    torch.manual_seed(seed)
    model = RGBAVAE(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.abs().max() == 0:
                parameter.normal_(std=0.02)
    return model


@pytest.mark.parametrize("config", [rgba_vae.tiny(), rgba_vae.small()], ids=["tiny", "small"])
def test_latents_are_an_eighth_of_the_picture_also_at_odd_sizes(config: RGBAVAEConfig) -> None:
    model = randomised(config)
    with torch.no_grad():
        mean, logvar = model.encode(torch.rand(2, 4, 40, 56) * 2 - 1)
        assert mean.shape == logvar.shape == (2, config.z_dim, 5, 7)
        assert model.decode(mean).shape == (2, 4, 40, 56)


def test_small_is_small_and_published_is_f8() -> None:
    with torch.device("meta"):
        small, published = RGBAVAE(rgba_vae.small()), RGBAVAE(rgba_vae.qwen_image_layered())
    assert 1.0e6 < sum(p.numel() for p in small.parameters()) < 1.6e6
    assert small.config.factor == published.config.factor == 8
    assert (published.config.z_dim, published.config.channels) == (16, 4)


@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (1, 4, 16, 20)], ids=["channels", "size"])
def test_wrong_pictures_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiples of 8"):
        RGBAVAE(rgba_vae.tiny()).encode(torch.zeros(shape))


def test_config_refuses_statistics_of_another_length() -> None:
    with pytest.raises(ValueError, match="latents_mean has 16 values, z_dim is 4"):
        RGBAVAEConfig(base_dim=8, z_dim=4)


def test_latent_normalisation_round_trips_and_follows_new_statistics() -> None:
    model = randomised(rgba_vae.tiny())
    picture = torch.rand(1, 4, 16, 24) * 2 - 1
    with torch.no_grad():
        before = model.encode_latent(picture)
        model.set_latent_statistics([0.5] * 8, [2.0] * 8)
        after = model.encode_latent(picture)
        assert torch.allclose(after, (before - 0.5) / 2.0, atol=1e-6)
        assert torch.allclose(model.decode_latent(after), model.decode(before), atol=1e-5)
    assert model.config.latents_std == (2.0,) * 8


def test_sampling_the_posterior_is_seeded_and_differs_from_its_mean() -> None:
    model = randomised(rgba_vae.tiny())
    picture = torch.rand(1, 4, 16, 16) * 2 - 1
    with torch.no_grad():
        first, second = (model.encode_latent(picture, torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(first, second)
        assert (first - model.encode_latent(picture)).abs().max() > 0.1


@pytest.mark.parametrize("space", ["straight", "premultiplied"])
def test_pixel_spaces_round_trip_where_there_is_colour(space: str) -> None:
    model = RGBAVAE(replace(rgba_vae.tiny(), pixel_space=space))
    straight = torch.rand(1, 4, 8, 8)
    straight[:, 3, :2] = 0.0
    straight[:, 3, 2:4] = 1.0
    pixels = model.to_pixel_space(straight)
    assert pixels.abs().max() <= 1.0
    back = model.from_pixel_space(pixels)
    seen = (straight[:, 3:] > 1 / 255).expand_as(straight)
    assert (back - straight)[seen].abs().max() < 1e-4
    assert torch.allclose(back[:, 3:], straight[:, 3:], atol=1e-6)
    if space == "premultiplied":
        assert (pixels[:, :3, :2] == 0).all()
        assert (back[:, :3, :2] == 0.5).all()


def test_norm_free_blocks_start_as_their_shortcut() -> None:
    block = rgba_vae.ResidualBlock(8, 8, "none")
    x = torch.randn(1, 8, 4, 4)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("patch_size", [1, 2])
def test_rgb_weights_become_rgba_with_the_same_colours_and_opaque_alpha(patch_size: int) -> None:
    config = replace(rgba_vae.tiny(), patch_size=patch_size, dim_mult=(1, 2, 2))
    rgb = randomised(replace(config, channels=3))
    rgba = RGBAVAE(config).eval()
    rgba.load_state_dict(rgba_vae.rgba_from_rgb(rgb.state_dict()))
    picture = torch.rand(1, 4, 16, 24) * 2 - 1
    with torch.no_grad():
        expected = rgb.decode(rgb.encode(picture[:, :3])[0])
        got = rgba.decode(rgba.encode(picture)[0])
    assert (got[:, :3] - expected).abs().max() < 1e-6
    assert (got[:, 3] == 1.0).all()
