"""Picture encoder and guided decoder: sharp layers from coarse tokens, with the picture itself as guide.

Latent cells are 8 px wide; designs have 1-px edges and text. A small convolutional encoder turns the picture into
features: the coarsest join the transformer's condition tokens, the finer ones come back as skips. After the prefix
pass a pixel decoder, run once per picture, gives every pixel an embedding that knows the global context; then each
layer's tokens are decoded on a 1/4 grid into queries, and a layer's alpha at a pixel is the product of its cell's
query and its embedding (in the spirit of MaskFormer's mask head and of LayerDiffuse's latent-transparency decoder).
Colours are the picture's own through a capped copy gate, or the decoder's where the layer is hidden. The cost of one
more layer is small, and the number of layers is free.

Shape letters: ``B`` batch, ``K`` layers, ``C`` channels, ``H W`` pixels, ``S`` tokens of a frame, ``D`` transformer
width. Pictures are -1..1. No norm layers: they cost as much as the convolutions on CPUs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layerize.stack.torch_over import visible_weights


@dataclass(frozen=True, kw_only=True)
class GuidedDecoderConfig:
    """Widths of the pyramid at 1/1, 1/2, 1/4, 1/8 of the picture and of the heads.

    Attributes:
        widths: Channels at 1/1, 1/2, 1/4 and 1/8.
        token_features: Channels of the encoder's 1/16 features, one vector per token.
        width: Transformer width (channels of condition and layer tokens).
        pixel_dim: Channels of a pixel's embedding and of a layer's queries.
        layer_width: Channels of the per-layer decoder at 1/4.
        copy_limit: Largest share of the picture's own colour in a layer's colour; below 1 so that gradients reach both.
        max_levels: Classes of the auxiliary visible-level head.
    """

    widths: tuple[int, int, int, int] = (16, 32, 96, 160)
    token_features: int = 256
    width: int = 256
    pixel_dim: int = 24
    layer_width: int = 48
    copy_limit: float = 0.95
    max_levels: int = 16


class ResidualConv(nn.Module):
    """Two 3x3 convolutions around an identity, scaled to start as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.gain = nn.Parameter(torch.full((channels, 1, 1), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        branch: Tensor = self.second(F.silu(self.first(F.silu(x))))
        return x + self.gain.to(x.dtype) * branch


@dataclass(frozen=True, kw_only=True)
class PictureFeatures:
    """The encoder's pyramid: ``tokens`` (B, S, token_features) and skips at 1/1, 1/2, 1/4, 1/8."""

    tokens_BSF: Tensor
    skips: tuple[Tensor, Tensor, Tensor, Tensor]


class PictureEncoder(nn.Module):
    """RGB picture (B, 3, H, W), -1..1, H and W multiples of 16, to features at five scales."""

    def __init__(self, config: GuidedDecoderConfig) -> None:
        super().__init__()
        a, b, c, d = config.widths
        self.stem = nn.Conv2d(3, a, 3, padding=1)
        self.down = nn.ModuleList(
            [nn.Conv2d(n, m, 3, stride=2, padding=1) for n, m in ((a, b), (b, c), (c, d), (d, config.token_features))]
        )
        depths = ((b, 1), (c, 2), (d, 2), (config.token_features, 1))
        self.stages = nn.ModuleList([nn.Sequential(*[ResidualConv(n) for _ in range(count)]) for n, count in depths])

    def forward(self, picture_B3HW: Tensor) -> PictureFeatures:
        x = self.stem(picture_B3HW.contiguous(memory_format=torch.channels_last))
        skips = [x]
        for down, stage in zip(self.down, self.stages, strict=True):
            x = stage(down(F.silu(x)))
            skips.append(x)
        tokens = skips.pop().flatten(2).transpose(1, 2)
        return PictureFeatures(tokens_BSF=tokens, skips=(skips[0], skips[1], skips[2], skips[3]))


@dataclass(frozen=True, kw_only=True)
class PixelFeatures:
    """Per-pixel embeddings (B, pixel_dim, H, W), 1/4 features (B, C, H/4, W/4), visible-level logits at 1/2."""

    pixels_BEHW: Tensor
    quarter_BChw: Tensor
    level_logits_BLhw: Tensor


class PixelDecoder(nn.Module):
    """Condition tokens after the prefix pass, with the encoder's skips, to per-pixel embeddings; once per picture."""

    def __init__(self, config: GuidedDecoderConfig) -> None:
        super().__init__()
        a, b, c, d = config.widths
        self.tokens_in = nn.Linear(config.width, d)
        self.at_eighth = nn.Sequential(ResidualConv(d), ResidualConv(d))
        self.to_quarter = nn.Conv2d(d, c, 1)
        self.at_quarter = nn.Sequential(ResidualConv(c), ResidualConv(c))
        self.to_half = nn.Conv2d(c, b, 1)
        self.at_half = ResidualConv(b)
        self.levels = nn.Conv2d(b, config.max_levels, 1)
        self.to_full = nn.Conv2d(b, a, 1)
        self.at_full = nn.Conv2d(a + 3, config.pixel_dim, 3, padding=1)
        self.out = nn.Conv2d(config.pixel_dim, config.pixel_dim, 1)

    def forward(
        self, condition_BSD: Tensor, grid: tuple[int, int], features: PictureFeatures, picture_B3HW: Tensor
    ) -> PixelFeatures:
        full, half, quarter, eighth = features.skips
        x = self.tokens_in(condition_BSD).transpose(1, 2).unflatten(2, grid)
        x = self.at_eighth(_grow(x) + eighth)
        x = quarter = self.at_quarter(_grow(self.to_quarter(x)) + quarter)
        x = half = self.at_half(_grow(self.to_half(x)) + half)
        x = F.silu(_grow(self.to_full(x)) + full)
        x = self.out(F.silu(self.at_full(torch.cat([x, picture_B3HW.to(x.dtype)], dim=1))))
        return PixelFeatures(pixels_BEHW=x, quarter_BChw=quarter, level_logits_BLhw=self.levels(half))


def _grow(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


@dataclass(frozen=True, kw_only=True)
class DecodedLayers:
    """Layers from the guided decoder.

    Attributes:
        alpha_logits_BKHW: Alpha before the sigmoid.
        rgb_BK3HW: Straight colour, -1..1.
    """

    alpha_logits_BKHW: Tensor
    rgb_BK3HW: Tensor

    @property
    def alpha_BKHW(self) -> Tensor:  # noqa: N802
        return self.alpha_logits_BKHW.sigmoid()


class GuidedDecoder(nn.Module):
    """Layer tokens (B, K, S, D) to sharp RGBA layers, one layer at a time, any number of layers."""

    def __init__(self, config: GuidedDecoderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.layer_width
        self.tokens_in = nn.Linear(config.width, 16 * width)  # a 4x4 patch at 1/4 for each 16-px token
        self.quarter_in = nn.Conv2d(config.widths[2], width, 1)
        self.body = nn.Sequential(ResidualConv(width), ResidualConv(width))
        self.out = nn.Conv2d(width, 2 * config.pixel_dim + 5, 1)

    def forward(
        self, layers_BKSD: Tensor, grid: tuple[int, int], pixels: PixelFeatures, picture_B3HW: Tensor
    ) -> DecodedLayers:
        """Decode ``layers_BKSD`` with the picture (-1..1) and its pixel features as guide."""
        B, K = layers_BKSD.shape[:2]
        E = self.config.pixel_dim
        size = picture_B3HW.shape[-2:]
        x = _patches(self.tokens_in(layers_BKSD.flatten(0, 1)), grid, self.config.layer_width)
        guide = self.quarter_in(pixels.quarter_BChw)
        x = self.body(x + guide.repeat_interleave(K, dim=0))
        heads = self.out(F.silu(x))
        queries, coarse = heads.split([2 * E, 5], dim=1)
        products = _per_cell_products(queries.unflatten(0, (B, K)).unflatten(2, (2, E)), pixels.pixels_BEHW)
        coarse = F.interpolate(coarse.float(), size=size, mode="bilinear", align_corners=False).unflatten(0, (B, K))
        alpha_logits = products[:, :, 0] + coarse[:, :, 3]
        gate = self.config.copy_limit * (products[:, :, 1:] + coarse[:, :, 4:]).sigmoid()
        copy = gate * visible_share(alpha_logits)[:, :, None]
        rgb = coarse[:, :, :3] + copy * (picture_B3HW[:, None] - coarse[:, :, :3])
        return DecodedLayers(alpha_logits_BKHW=alpha_logits, rgb_BK3HW=rgb)


@torch.no_grad()
def visible_share(alpha_logits_BKHW: Tensor) -> Tensor:
    """How much of each layer is seen, 0..1 and sum 1 at every pixel; the bottom layer counts as opaque.

    No gradient: colours must not be learned by moving alphas.
    """
    alpha = alpha_logits_BKHW.sigmoid()
    return visible_weights(torch.cat([torch.ones_like(alpha[:, :1]), alpha[:, 1:]], dim=1))


def _per_cell_products(queries_BKQEhw: Tensor, pixels_BEHW: Tensor) -> Tensor:
    """Product of every pixel's embedding with the queries of its 4x4 cell, (B, K, Q, H, W), float32.

    One small matrix product for each cell, (K Q x E) by (E x 16): no query is ever upsampled.
    """
    B, K, Q, E, h, w = queries_BKQEhw.shape
    left = queries_BKQEhw.permute(0, 4, 5, 1, 2, 3).reshape(B * h * w, K * Q, E)
    right = pixels_BEHW.reshape(B, E, h, 4, w, 4).permute(0, 2, 4, 1, 3, 5).reshape(B * h * w, E, 16)
    out = torch.bmm(left, right).float().reshape(B, h, w, K, Q, 4, 4)
    return out.permute(0, 3, 4, 1, 5, 2, 6).reshape(B, K, Q, h * 4, w * 4)


def _patches(tokens_NSP: Tensor, grid: tuple[int, int], channels: int) -> Tensor:
    """Tokens (N, S, 16 * channels) to a grid (N, channels, 4 rows, 4 columns): each token is a 4x4 patch."""
    x = tokens_NSP.unflatten(1, grid).unflatten(3, (4, 4, channels))  # N, rows, columns, 4, 4, C
    x = x.permute(0, 5, 1, 3, 2, 4)
    cells: Tensor = x.reshape(x.shape[0], channels, grid[0] * 4, grid[1] * 4)
    return cells.contiguous(memory_format=torch.channels_last)
