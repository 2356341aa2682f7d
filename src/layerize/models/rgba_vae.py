"""RGBA-VAE: one auto-encoder for opaque pictures and RGBA layers, f8, 16 latent channels.

The network is that of the Qwen-Image VAE (4 input and output channels) restricted to still images. For a single
frame every causal 3D convolution sees zeros at all temporal taps but the last, and the temporal resampling convolutions
do not run at all, so a 2D convolution with the last tap's weights gives the same output with a third of the arithmetic.
``keys_diffusers.py`` holds the table that converts weights both ways. Knows nothing of files, flow or training.

Shape letters: ``B`` batch, ``C`` channels, ``H W`` pixels, ``h w`` latent cells.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LOGVAR_RANGE = (-30.0, 20.0)  # the published posterior's limits
_FIRST_LOGVAR = -8.0  # of a new network without norms
_ALPHA_FLOOR = 1.0 / 255.0  # below this the colour of a premultiplied pixel carries no information

# Mean and standard deviation of the published VAE's latents, per channel (class defaults of diffusers 0.42.1).
_QWEN_LATENTS_MEAN = (
    *(-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508),
    *(0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921),
)
_QWEN_LATENTS_STD = (
    *(2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743),
    *(3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160),
)


@dataclass(frozen=True, kw_only=True)
class RGBAVAEConfig:
    """Everything that decides the network's shape and the meaning of its numbers.

    Attributes:
        base_dim: Channels at the finest scale.
        z_dim: Latent channels.
        dim_mult: Channel multiplier per scale, fine to coarse; each step halves the resolution.
        num_res_blocks: Residual blocks per scale in the encoder (the decoder has one more, as published).
        attn_scales: Encoder scales (1.0, 0.5, ...) that get attention after each residual block.
        channels: Picture channels, in and out.
        norm: ``rms`` as published, or ``none`` (cheap on a CPU; residual branches then start at zero).
        patch_size: Pixels are folded into channels by this factor first (Wan 2.2), divides the cost by its square.
        mid_attention: Self-attention at the coarsest scale, as published.
        pixel_space: What the channels hold, all in -1..1. ``straight``: 2 * RGBA - 1. ``premultiplied``: colour
            (2 * RGB - 1) * A, so that transparent pixels are 0, and alpha 2 * A - 1.
        latents_mean: Per channel, subtracted by ``encode_latent``.
        latents_std: Per channel, divides in ``encode_latent``.
    """

    base_dim: int
    z_dim: int = 16
    dim_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    attn_scales: tuple[float, ...] = ()
    channels: int = 4
    norm: Literal["rms", "none"] = "rms"
    patch_size: int = 1
    mid_attention: bool = True
    pixel_space: Literal["straight", "premultiplied"] = "straight"
    latents_mean: tuple[float, ...] = (0.0,) * 16
    latents_std: tuple[float, ...] = (1.0,) * 16

    def __post_init__(self) -> None:
        for name in ("latents_mean", "latents_std"):
            if len(getattr(self, name)) != self.z_dim:
                raise ValueError(f"{name} has {len(getattr(self, name))} values, z_dim is {self.z_dim}")
        if self.norm not in ("rms", "none") or self.pixel_space not in ("straight", "premultiplied"):
            raise ValueError(f"norm {self.norm!r} or pixel_space {self.pixel_space!r} is not one of those allowed")

    @property
    def factor(self) -> int:
        """Pixels per latent cell along one axis."""
        return int(2 ** (len(self.dim_mult) - 1) * self.patch_size)


def qwen_image_layered() -> RGBAVAEConfig:
    """The published RGBA-VAE: 4 channels, base 96, f8, z 16."""
    return RGBAVAEConfig(base_dim=96, latents_mean=_QWEN_LATENTS_MEAN, latents_std=_QWEN_LATENTS_STD)


def small() -> RGBAVAEConfig:
    """The shipped size: 1.6 M parameters, f8, z 16, norm-free and folded 2 x 2 so that a CPU core can train it.

    Measured on one idle core, 128 x 128, bf16, forward and backward: 90 images/s (base 40: 50, dim_mult (1, 2, 4): 75).
    AdamW at 1e-3 is stable; 2e-3 is not.
    """
    return RGBAVAEConfig(
        base_dim=32,
        dim_mult=(1, 2, 3),
        num_res_blocks=1,
        norm="none",
        patch_size=2,
        mid_attention=False,
        pixel_space="premultiplied",
    )


def tiny() -> RGBAVAEConfig:
    """A test size with every part of the published network: f8, z 8, 0.1 M parameters."""
    return RGBAVAEConfig(
        base_dim=8, z_dim=8, dim_mult=(1, 1, 2, 2), num_res_blocks=1, latents_mean=(0.0,) * 8, latents_std=(1.0,) * 8
    )


class RMSNorm2d(nn.Module):
    """Divides each pixel's channel vector by its root mean square; statistics in fp32, one learned gain per channel."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        x = x_BCHW.float()
        mean_square = x.square().mean(dim=1, keepdim=True)
        return (x * mean_square.clamp_min(1e-24).rsqrt() * self.gamma[:, None, None]).to(x_BCHW.dtype)


def _norm(kind: str, dim: int) -> nn.Module:
    return RMSNorm2d(dim) if kind == "rms" else nn.Identity()


class ResidualBlock(nn.Module):
    """norm, SiLU, 3x3, norm, SiLU, 3x3, plus the input. Without norms the branch starts at zero to keep it stable."""

    def __init__(self, in_dim: int, out_dim: int, norm: str) -> None:
        super().__init__()
        self.norm1 = _norm(norm, in_dim)
        self.conv1 = nn.Conv2d(in_dim, out_dim, 3, padding=1)
        self.norm2 = _norm(norm, out_dim)
        self.conv2 = nn.Conv2d(out_dim, out_dim, 3, padding=1)
        self.shortcut = nn.Conv2d(in_dim, out_dim, 1) if in_dim != out_dim else nn.Identity()
        if norm == "none":
            nn.init.kaiming_normal_(self.conv1.weight, nonlinearity="relu")
            nn.init.zeros_(self.conv2.weight)
            for bias in (self.conv1.bias, self.conv2.bias):
                assert bias is not None
                nn.init.zeros_(bias)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x_BCHW)))
        y = self.conv2(F.silu(self.norm2(y)))
        return y + self.shortcut(x_BCHW)  # type: ignore[no-any-return]


class AttentionBlock(nn.Module):
    """Single-head self-attention over all cells of one picture, with a residual connection."""

    def __init__(self, dim: int, norm: str) -> None:
        super().__init__()
        self.norm = _norm(norm, dim)
        self.qkv = nn.Conv2d(dim, 3 * dim, 1)
        self.proj = nn.Conv2d(dim, dim, 1)
        if norm == "none":
            nn.init.zeros_(self.proj.weight)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        q, k, v = (part.flatten(2).transpose(1, 2) for part in self.qkv(self.norm(x_BCHW)).chunk(3, dim=1))
        y = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
        y_BCHW = y.transpose(1, 2).reshape(x_BCHW.shape)
        return x_BCHW + self.proj(y_BCHW)  # type: ignore[no-any-return]


class Downsample(nn.Module):
    """3x3 convolution of stride 2; pads only below and to the right, as published."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dim, dim, 3, stride=2)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.conv(F.pad(x_BCHW, (0, 1, 0, 1)))  # type: ignore[no-any-return]


class Upsample(nn.Module):
    """Doubles the size by repetition, then a 3x3 convolution that halves the channels."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dim, dim // 2, 3, padding=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.conv(F.interpolate(x_BCHW, scale_factor=2.0, mode="nearest"))  # type: ignore[no-any-return]


def _middle(dim: int, config: RGBAVAEConfig) -> nn.Sequential:
    parts: OrderedDict[str, nn.Module] = OrderedDict(first=ResidualBlock(dim, dim, config.norm))
    if config.mid_attention:
        parts["attention"] = AttentionBlock(dim, config.norm)
    parts["second"] = ResidualBlock(dim, dim, config.norm)
    return nn.Sequential(parts)


class Encoder(nn.Module):
    """Pixels (folded by ``patch_size``) to 2 * z_dim channels: the posterior's mean and log variance."""

    def __init__(self, config: RGBAVAEConfig) -> None:
        super().__init__()
        dims = [config.base_dim * m for m in (1, *config.dim_mult)]
        self.conv_in = nn.Conv2d(config.channels * config.patch_size**2, dims[0], 3, padding=1)
        self.down = nn.Sequential()
        for level, (in_dim, out_dim) in enumerate(pairwise(dims)):
            for block in range(config.num_res_blocks):
                self.down.append(ResidualBlock(in_dim if block == 0 else out_dim, out_dim, config.norm))
                if 0.5**level in config.attn_scales:
                    self.down.append(AttentionBlock(out_dim, config.norm))
            if level < len(config.dim_mult) - 1:
                self.down.append(Downsample(out_dim))
        self.mid = _middle(dims[-1], config)
        self.norm_out = _norm(config.norm, dims[-1])
        self.conv_out = nn.Conv2d(dims[-1], 2 * config.z_dim, 3, padding=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        x = self.mid(self.down(self.conv_in(x_BCHW)))
        return self.conv_out(F.silu(self.norm_out(x)))  # type: ignore[no-any-return]


class UpStage(nn.Module):
    """The decoder's residual blocks of one scale, then the step to the next finer scale (not at the finest)."""

    def __init__(self, in_dim: int, out_dim: int, config: RGBAVAEConfig, *, upsample: bool) -> None:
        super().__init__()
        dims = (in_dim, *[out_dim] * config.num_res_blocks)
        self.blocks = nn.Sequential(*(ResidualBlock(dim, out_dim, config.norm) for dim in dims))
        self.upsample = Upsample(out_dim) if upsample else nn.Identity()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.upsample(self.blocks(x_BCHW))  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """z_dim latent channels to pixels (still folded by ``patch_size``)."""

    def __init__(self, config: RGBAVAEConfig) -> None:
        super().__init__()
        dims = [config.base_dim * m for m in (config.dim_mult[-1], *reversed(config.dim_mult))]
        self.conv_in = nn.Conv2d(config.z_dim, dims[0], 3, padding=1)
        self.mid = _middle(dims[0], config)
        last = len(config.dim_mult) - 1
        self.up = nn.Sequential(
            *(
                UpStage(dims[i] if i == 0 else dims[i] // 2, dims[i + 1], config, upsample=i < last)
                for i in range(last + 1)
            )
        )
        self.norm_out = _norm(config.norm, dims[-1])
        self.conv_out = nn.Conv2d(dims[-1], config.channels * config.patch_size**2, 3, padding=1)

    def forward(self, z_BChw: Tensor) -> Tensor:
        x = self.up(self.mid(self.conv_in(z_BChw)))
        return self.conv_out(F.silu(self.norm_out(x)))  # type: ignore[no-any-return]


class RGBAVAE(nn.Module):
    """RGBA pictures to latents and back (paper, Sec. 3.2).

    H and W must be multiples of ``config.factor`` (8 for the presets); the latent size may be odd.
    """

    def __init__(self, config: RGBAVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.quant_conv = nn.Conv2d(2 * config.z_dim, 2 * config.z_dim, 1)
        self.post_quant_conv = nn.Conv2d(config.z_dim, config.z_dim, 1)
        self.decoder = Decoder(config)
        if config.norm == "none":
            self._start_as_thumbnail()

    def _start_as_thumbnail(self) -> None:
        """Start as a crude thumbnail coder: every convolution outside the residual branches passes its first channels
        on, plus a little noise. Without norms, any unstructured start that was tried learned brightness long before
        colour (after 15,000 pictures: still grey). The posterior starts narrow, or its noise drowns the thumbnail."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv2d) and not name.endswith(("conv1", "conv2", "proj")):
                noise = torch.empty_like(module.weight)
                nn.init.kaiming_normal_(noise, nonlinearity="linear")
                nn.init.dirac_(module.weight)
                with torch.no_grad():
                    module.weight.add_(noise, alpha=0.2)
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        assert self.quant_conv.bias is not None
        nn.init.constant_(self.quant_conv.bias[self.config.z_dim :], _FIRST_LOGVAR)

    def encode(self, rgba_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior moments of pictures in the model's pixel space.

        Args:
            rgba_BCHW: -1..1, see ``RGBAVAEConfig.pixel_space`` and ``to_pixel_space``.

        Returns:
            Mean and log variance (clamped to -30..20), each (B, z_dim, H / factor, W / factor), not normalised.

        Raises:
            ValueError: The channel count is wrong or H or W is not a multiple of ``config.factor``.
        """
        config = self.config
        if rgba_BCHW.shape[1] != config.channels or any(side % config.factor for side in rgba_BCHW.shape[2:]):
            raise ValueError(
                f"RGBAVAE.encode got shape {tuple(rgba_BCHW.shape)}; it needs (B, {config.channels}, H, W) "
                f"with H and W multiples of {config.factor}"
            )
        x = F.pixel_unshuffle(rgba_BCHW, config.patch_size) if config.patch_size > 1 else rgba_BCHW
        mean, logvar = self.quant_conv(self.encoder(x)).chunk(2, dim=1)
        return mean, logvar.clamp(*_LOGVAR_RANGE)

    def encode_latent(self, rgba_BCHW: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Normalised latents: the posterior's mean, or with a generator a sample of it: (z - mean) / std."""
        mean, logvar = self.encode(rgba_BCHW)
        if generator is not None:
            noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
            mean = mean + torch.exp(0.5 * logvar) * noise
        shift, scale = self._latent_statistics(mean)
        return (mean - shift) / scale

    def decode(self, z_BChw: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in the model's pixel space from latents that are not normalised.

        Values may leave -1..1 a little: training needs their gradient there, everyone else clamps.
        """
        x = self.decoder(self.post_quant_conv(z_BChw))
        return F.pixel_shuffle(x, self.config.patch_size) if self.config.patch_size > 1 else x

    def decode_latent(self, z_BChw: Tensor) -> Tensor:
        """``decode`` of normalised latents, the inverse of ``encode_latent``."""
        shift, scale = self._latent_statistics(z_BChw)
        return self.decode(z_BChw * scale + shift)

    def set_latent_statistics(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Replace the normalisation of latents in the config (measured once, after training)."""
        self.config = replace(self.config, latents_mean=tuple(mean), latents_std=tuple(std))

    def _latent_statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (1, z_dim, 1, 1); made from the config, so that it alone holds them."""
        shift, scale = (
            torch.tensor(values, dtype=like.dtype, device=like.device).view(1, -1, 1, 1)
            for values in (self.config.latents_mean, self.config.latents_std)
        )
        return shift, scale

    def to_pixel_space(self, straight_BCHW: Tensor) -> Tensor:
        """Straight RGBA in 0..1 to what ``encode`` takes."""
        x = 2.0 * straight_BCHW - 1.0
        if self.config.pixel_space == "straight":
            return x
        return torch.cat([x[:, :3] * straight_BCHW[:, 3:], x[:, 3:]], dim=1)

    def from_pixel_space(self, pixels_BCHW: Tensor) -> Tensor:
        """What ``decode`` returns to straight RGBA in 0..1 (clamped); transparent premultiplied pixels turn grey."""
        alpha = ((pixels_BCHW[:, 3:] + 1.0) / 2.0).clamp(0.0, 1.0)
        colour = pixels_BCHW[:, :3]
        if self.config.pixel_space == "premultiplied":
            colour = torch.where(alpha >= _ALPHA_FLOOR, colour / alpha.clamp_min(_ALPHA_FLOOR), 0.0)
        return torch.cat([((colour + 1.0) / 2.0).clamp(0.0, 1.0), alpha], dim=1)


def rgba_from_rgb(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn the state dict of a 3-channel VAE into that of a 4-channel one (paper, Sec. 3.2).

    The encoder's new input slice and the decoder's new output slice are 0 and the new output bias is 1: colours are
    reconstructed as before and every pixel comes out opaque. Channels folded by ``patch_size`` work the same way.
    """
    out = dict(state)
    weight_in, weight_out = state["encoder.conv_in.weight"], state["decoder.conv_out.weight"]
    extra = weight_in.shape[1] // 3
    out["encoder.conv_in.weight"] = torch.cat([weight_in, torch.zeros_like(weight_in[:, :extra])], dim=1)
    out["decoder.conv_out.weight"] = torch.cat([weight_out, torch.zeros_like(weight_out[:extra])], dim=0)
    bias = state["decoder.conv_out.bias"]
    out["decoder.conv_out.bias"] = torch.cat([bias, torch.ones_like(bias[:extra])], dim=0)
    return out
