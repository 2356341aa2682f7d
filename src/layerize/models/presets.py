"""Sizes by name: what a recipe's ``model`` may be. Every family has a tiny one for tests and rehearsals.

| name | class | parameters | for |
| --- | --- | --- | --- |
| ``tiny`` | LayerModel | 0.2 M | tests: seconds |
| ``default`` | LayerModel | 19 M | the shipped model: two CPU cores, or minutes of a GPU |
| ``sketch`` | LayerModel | 5 M | text to layers, small: what draws from words in the package |
| ``base`` | LayerModel | 0.3 G | one GPU for days |
| ``tiny-full`` | PublishedModel | 0.2 M | rehearsal of ``full`` |
| ``full`` | PublishedModel | 20.5 G | the published architecture |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from layerize.errors import ConfigError
from layerize.models import layer_model, rgba_vae
from layerize.models.config_json import suggestion
from layerize.models.guided_decoder import GuidedDecoderConfig
from layerize.models.layer_model import LayerModelConfig
from layerize.models.prompt import ByteTextEncoderConfig
from layerize.models.published import PublishedConfig
from layerize.models.rgba_vae import RGBAVAEConfig
from layerize.models.vld_mmdit import VLDMMDiTConfig

ModelConfig: TypeAlias = LayerModelConfig | PublishedConfig


def sketch() -> LayerModelConfig:
    """About 5 M parameters for text to layers at 128 x 128: 4 blocks of width 160; next to nothing reads pictures."""
    return LayerModelConfig(
        transformer=VLDMMDiTConfig(
            depth=4,
            heads=5,
            head_dim=32,
            text_dim=160,
            rope_axes=(8, 12, 12),
            composite_flag=False,
            composite_frame=False,
            text_mlp_ratio=1.0,
            prefix_attention=True,
            condition_concat=True,
            picture_features=32,
            max_layers=16,
        ),
        text=ByteTextEncoderConfig(dim=160, word_rows=1600),
        decoder=GuidedDecoderConfig(widths=(8, 8, 16, 16), token_features=32, width=160, pixel_dim=8, layer_width=8),
        flow_shift=3.0,
    )


def base() -> LayerModelConfig:
    """About 300 M parameters: 14 blocks of width 768, pictures of 512 x 512."""
    return LayerModelConfig(
        vae=RGBAVAEConfig(base_dim=64, pixel_space="premultiplied"),
        transformer=VLDMMDiTConfig(
            depth=14,
            heads=12,
            head_dim=64,
            text_dim=512,
            rope_axes=(16, 24, 24),
            composite_flag=False,
            composite_frame=False,
            text_mlp_ratio=1.0,
            prefix_attention=True,
            condition_concat=True,
            picture_features=512,
            max_layers=24,
        ),
        text=ByteTextEncoderConfig(dim=512, byte_dim=128, max_bytes=512),
        decoder=GuidedDecoderConfig(
            widths=(32, 64, 160, 256),
            token_features=512,
            width=768,
            pixel_dim=48,
            layer_width=96,
            max_levels=24,
        ),
        area_side=512,
    )


def tiny_full() -> PublishedConfig:
    """Every part of the published network, small enough for tests."""
    return PublishedConfig(
        vae=rgba_vae.tiny(),
        transformer=VLDMMDiTConfig(
            latent_channels=8, depth=2, heads=2, head_dim=16, text_dim=16, rope_axes=(8, 4, 4), composite_flag=True
        ),
    )


PRESETS: dict[str, Callable[[], ModelConfig]] = {
    "tiny": layer_model.tiny,
    "default": LayerModelConfig,
    "sketch": sketch,
    "base": base,
    "tiny-full": tiny_full,
    "full": PublishedConfig,
}


def preset(name: str) -> ModelConfig:
    """The config of a size.

    Raises:
        ConfigError: There is no such size; the nearest name is proposed.
    """
    if name not in PRESETS:
        raise ConfigError(f"model {name!r} is no size{suggestion(name, PRESETS)}.")
    return PRESETS[name]()
