"""The published model, Qwen-Image-Layered: RGBA-VAE and full-attention VLD-MMDiT with its schedule, as one module.

Its text encoder (Qwen2.5-VL, ``qwen_text.py``) is 7B parameters of somebody else's: it stays where it came from and is
named by folder or hub id. ``layerize.flow.layered`` runs the denoising loop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from torch import nn

from layerize.models import rgba_vae, vld_mmdit
from layerize.models.rgba_vae import RGBAVAE, RGBAVAEConfig
from layerize.models.vld_mmdit import VLDMMDiT, VLDMMDiTConfig


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """What a FlowMatchEulerDiscreteScheduler says about its times.

    Attributes:
        dynamic: Shift by the picture's size (``use_dynamic_shifting``) and not by ``shift``.
        shift: Constant shift, used when not dynamic.
        time_shift: How the dynamic mu becomes a shift: exp(mu) or mu.
        terminal: Time of the last evaluation, 0 to leave it.
    """

    dynamic: bool = True
    shift: float = 1.0
    time_shift: Literal["exponential", "linear"] = "exponential"
    terminal: float = 0.0

    def effective_shift(self, mu: float) -> float:
        """The shift s of ``t -> s t / (1 + (s - 1) t)`` for the pipeline's mu."""
        if not self.dynamic:
            return self.shift
        return math.exp(mu) if self.time_shift == "exponential" else mu


@dataclass(frozen=True, kw_only=True)
class PublishedConfig:
    """The networks, the schedule, and where the text encoder lies (folder or hub id; empty: prompts come encoded)."""

    vae: RGBAVAEConfig = field(default_factory=rgba_vae.qwen_image_layered)
    transformer: VLDMMDiTConfig = field(default_factory=vld_mmdit.qwen_image_layered)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    text_encoder: str = ""

    def __post_init__(self) -> None:
        if self.transformer.prefix_attention:
            raise ValueError("a PublishedModel's transformer has full attention, not prefix_attention")
        if self.transformer.latent_channels != self.vae.z_dim:
            raise ValueError(
                f"transformer.latent_channels {self.transformer.latent_channels} and vae.z_dim {self.vae.z_dim} differ"
            )


class PublishedModel(nn.Module):
    """The networks of a QwenImageLayeredPipeline without its text encoder."""

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        self.config = config
        self.vae = RGBAVAE(config.vae)
        self.transformer = VLDMMDiT(config.transformer)
