"""The whole layer model: RGBA-VAE, text encoder, picture encoder, VLD-MMDiT, guided decoder under one roof.

Three calls make a decomposition, and training and inference use the same three:

* ``read``: picture (and prompt) to a :class:`Reading`: one prefix pass, layer-count logits, per-pixel features;
* ``denoise``: noisy latents at time t to the clean latents (x_0-prediction) and layer tokens;
* ``decode``: layer tokens to sharp RGBA layers with the picture as guide.

Without a picture ``read_text`` takes the place of ``read``, and the RGBA-VAE alone that of ``decode``.

Shape letters as in ``vld_mmdit``; pictures are RGB 0..1, latents are normalised. Knows nothing of files or schedules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layerize.models import rgba_vae, vld_mmdit
from layerize.models.guided_decoder import (
    DecodedLayers,
    GuidedDecoder,
    GuidedDecoderConfig,
    PictureEncoder,
    PixelDecoder,
    PixelFeatures,
)
from layerize.models.prompt import ByteTextEncoderConfig, text_encoder
from layerize.models.rgba_vae import RGBAVAE, RGBAVAEConfig
from layerize.models.vld_mmdit import VLDMMDiT, VLDMMDiTConfig, pack, unpack


@dataclass(frozen=True, kw_only=True)
class LayerModelConfig:
    """The four networks and how the model was trained to be sampled.

    Attributes:
        vae: RGBA-VAE.
        transformer: VLD-MMDiT with prefix attention.
        text: Small text encoder.
        decoder: Picture encoder and guided decoder.
        flow_shift: Time shift of the training and sampling schedule.
        area_side: The model works on pictures of about ``area_side ** 2`` pixels.
    """

    vae: RGBAVAEConfig = field(default_factory=rgba_vae.small)
    transformer: VLDMMDiTConfig = field(default_factory=vld_mmdit.default)
    text: ByteTextEncoderConfig = field(default_factory=ByteTextEncoderConfig)
    decoder: GuidedDecoderConfig = field(default_factory=GuidedDecoderConfig)
    flow_shift: float = 12.0
    area_side: int = 128

    def __post_init__(self) -> None:
        pairs = {
            "transformer.latent_channels and vae.z_dim": (self.transformer.latent_channels, self.vae.z_dim),
            "transformer.text_dim and text.dim": (self.transformer.text_dim, self.text.dim),
            "transformer.picture_features and decoder.token_features": (
                self.transformer.picture_features,
                self.decoder.token_features,
            ),
            "transformer width and decoder.width": (self.transformer.width, self.decoder.width),
            "pixels per token and 16": (self.vae.factor * self.transformer.patch_size, 16),
        }
        for what, (left, right) in pairs.items():
            if left != right:
                raise ValueError(f"{what} must agree, got {left} and {right}")
        if not self.transformer.prefix_attention or not self.transformer.max_layers:
            raise ValueError("a LayerModel's transformer needs prefix_attention and max_layers > 0")


def tiny() -> LayerModelConfig:
    """A random-weight model for tests: every part, about 0.2 M parameters."""
    return LayerModelConfig(
        vae=RGBAVAEConfig(
            base_dim=8,
            z_dim=4,
            dim_mult=(1, 1, 1),
            num_res_blocks=1,
            norm="none",
            patch_size=2,
            mid_attention=False,
            pixel_space="premultiplied",
            latents_mean=(0.0,) * 4,
            latents_std=(1.0,) * 4,
        ),
        transformer=VLDMMDiTConfig(
            latent_channels=4,
            depth=2,
            heads=2,
            head_dim=16,
            text_dim=32,
            rope_axes=(4, 6, 6),
            composite_flag=False,
            composite_frame=False,
            text_mlp_ratio=1.0,
            prefix_attention=True,
            condition_concat=True,
            picture_features=24,
            max_layers=8,
        ),
        text=ByteTextEncoderConfig(dim=32, byte_dim=16, max_bytes=64),
        decoder=GuidedDecoderConfig(
            widths=(4, 8, 16, 16), token_features=24, width=32, pixel_dim=8, layer_width=8, max_levels=8
        ),
        area_side=64,
    )


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the model knows of a picture before any layer.

    Attributes:
        prefix: Keys and values for the denoising steps.
        pixels: Per-pixel features for the guided decoder.
        picture_B3HW: The picture, -1..1.
        stop_logits_BK: One for each layer count 1..K: the stop tokens' logits plus the level map's evidence.
    """

    prefix: vld_mmdit.Prefix
    pixels: PixelFeatures
    picture_B3HW: Tensor
    stop_logits_BK: Tensor

    def select(self, index_n: Tensor) -> Reading:
        """The same for some of the pictures; ``index_n`` holds their positions in the batch."""
        pixels = self.pixels

        def pick(x: Tensor) -> Tensor:
            return x.index_select(0, index_n)

        return Reading(
            prefix=select_prefix(self.prefix, index_n),
            pixels=PixelFeatures(
                pixels_BEHW=pick(pixels.pixels_BEHW),
                quarter_BChw=pick(pixels.quarter_BChw),
                level_logits_BLhw=pick(pixels.level_logits_BLhw),
            ),
            picture_B3HW=pick(self.picture_B3HW),
            stop_logits_BK=pick(self.stop_logits_BK),
        )


@dataclass(frozen=True, kw_only=True)
class TextReading:
    """What the model knows from text alone: keys and values, and a stop logit for each layer count 1..K."""

    prefix: vld_mmdit.Prefix
    stop_logits_BK: Tensor

    def select(self, index_n: Tensor) -> TextReading:
        """The same for some of the texts."""
        return TextReading(
            prefix=select_prefix(self.prefix, index_n), stop_logits_BK=self.stop_logits_BK.index_select(0, index_n)
        )


def select_prefix(prefix: vld_mmdit.Prefix, index_n: Tensor) -> vld_mmdit.Prefix:
    """Some of a batch; ``index_n`` holds their positions."""

    def pick(x: Tensor) -> Tensor:
        return x.index_select(0, index_n)

    return vld_mmdit.Prefix(
        context=tuple((pick(k), pick(v)) for k, v in prefix.context),
        mask_BS=None if prefix.mask_BS is None else pick(prefix.mask_BS),
        condition_BSD=pick(prefix.condition_BSD),
        layer_input_BSD=None if prefix.layer_input_BSD is None else pick(prefix.layer_input_BSD),
        latents_BSC=pick(prefix.latents_BSC),
        stop_logits_BK=None if prefix.stop_logits_BK is None else pick(prefix.stop_logits_BK),
        grid=prefix.grid,
    )


def level_evidence(level_logits_BLhw: Tensor, counts: int) -> Tensor:
    """What the picture's level map says against stopping at N = k, (B, counts, 2).

    Log of the largest and of the mean probability that a pixel shows a level of index k or higher; with N layers the
    highest index is N - 1.
    """
    probability = level_logits_BLhw.float().softmax(dim=1)
    higher = probability.flip(1).cumsum(dim=1).flip(1)[:, 1 : counts + 1]
    higher = F.pad(higher, (0, 0, 0, 0, 0, counts - higher.shape[1])).clamp_min(1e-4)
    largest = F.avg_pool2d(higher, 2).amax(dim=(2, 3))
    return torch.stack([largest.log(), higher.mean(dim=(2, 3)).log()], dim=-1)


def _if_needed(mask_BT: Tensor) -> Tensor | None:
    """The mask; None where it hides nothing (a mask without memory, for counting, is taken to hide nothing)."""
    return None if mask_BT.is_meta or bool(mask_BT.all()) else mask_BT


class LayerModel(nn.Module):
    """Everything that the shipped model is made of. Picture sides must be multiples of 16."""

    PIXELS_PER_TOKEN = 16

    def __init__(self, config: LayerModelConfig) -> None:
        super().__init__()
        self.config = config
        self.vae = RGBAVAE(config.vae)
        self.text = text_encoder(config.text)
        self.transformer = VLDMMDiT(config.transformer)
        self.encoder = PictureEncoder(config.decoder)
        self.pixel_decoder = PixelDecoder(config.decoder)
        self.decoder = GuidedDecoder(config.decoder)
        self.level_evidence = nn.Linear(2, 1)
        with torch.no_grad():
            self.level_evidence.weight.copy_(torch.tensor([[-1.0, 0.0]]))
            self.level_evidence.bias.fill_(-1.0)

    def encode(self, rgba_NCHW: Tensor) -> Tensor:
        """Normalised latents (N, z, H/8, W/8) of straight RGBA in 0..1."""
        return self.vae.encode_latent(self.vae.to_pixel_space(rgba_NCHW))

    def read(self, picture_B3HW: Tensor, prompts: Sequence[str] | None = None) -> Reading:
        """The prefix pass.

        Args:
            picture_B3HW: RGB, 0..1, sides multiples of 16.
            prompts: One text for each picture; None or empty strings for none.
        """
        B, _, H, W = picture_B3HW.shape
        grid = (H // self.PIXELS_PER_TOKEN, W // self.PIXELS_PER_TOKEN)
        picture = 2.0 * picture_B3HW - 1.0
        with torch.no_grad():
            opaque = torch.cat([picture_B3HW, torch.ones_like(picture_B3HW[:, :1])], dim=1)
            latents = self.encode(opaque)
        features = self.encoder(picture)
        text, mask = self.text.encode(prompts if prompts is not None else [""] * B)
        prefix = self.transformer.prefix(
            pack(latents[:, None])[:, 0],
            text,
            grid=grid,
            text_mask_BT=_if_needed(mask),
            picture_BSF=features.tokens_BSF,
        )
        pixels = self.pixel_decoder(prefix.condition_BSD, grid, features, picture)
        assert prefix.stop_logits_BK is not None
        evidence = self.level_evidence(
            level_evidence(pixels.level_logits_BLhw.detach(), prefix.stop_logits_BK.shape[1])
        )
        stop_logits = prefix.stop_logits_BK.float() + evidence.float().squeeze(-1)
        return Reading(prefix=prefix, pixels=pixels, picture_B3HW=picture, stop_logits_BK=stop_logits)

    def read_text(self, prompts: Sequence[str], grid: tuple[int, int]) -> TextReading:
        """The prefix pass of text alone, for a canvas of ``grid`` (rows, columns) tokens of 16 x 16 pixels."""
        text, mask = self.text.encode(prompts)
        nothing = text.new_zeros((len(prompts), 0, self.config.transformer.token_channels))
        prefix = self.transformer.prefix(nothing, text, grid=grid, text_mask_BT=_if_needed(mask))
        assert prefix.stop_logits_BK is not None
        return TextReading(prefix=prefix, stop_logits_BK=prefix.stop_logits_BK.float())

    def denoise(self, x_t_BKChw: Tensor, t_B: Tensor, reading: Reading | TextReading) -> tuple[Tensor, Tensor]:
        """Predicted clean latents (B, K, z, h, w) and layer tokens (B, K, S, D) at time t (1 is pure noise)."""
        prediction, tokens = self.transformer.denoise(pack(x_t_BKChw), t_B, reading.prefix)
        return unpack(prediction, reading.prefix.grid), tokens

    def decode(self, tokens_BKSD: Tensor, reading: Reading) -> DecodedLayers:
        """Sharp layers from layer tokens."""
        decoded: DecodedLayers = self.decoder(tokens_BKSD, reading.prefix.grid, reading.pixels, reading.picture_B3HW)
        return decoded
