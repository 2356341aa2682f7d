"""A plain Qwen-Image pipeline as a base: its transformer predicts the same single frame, its VAE the same colours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from layerize.errors import CheckpointError
from layerize.models import checkpoint
from layerize.models.published import PublishedModel
from layerize.models.vld_mmdit import pack

diffusers = pytest.importorskip("diffusers")


def base_folder(root: Path, name: str = "QwenImagePipeline") -> tuple[Any, Any]:
    """A tiny text-to-image pipeline without its text encoder; returns transformer and VAE."""
    torch.manual_seed(3)
    transformer = diffusers.QwenImageTransformer2DModel(
        in_channels=32,
        out_channels=8,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        axes_dims_rope=(8, 4, 4),
    ).eval()
    vae = diffusers.AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=8,
        dim_mult=[1, 1, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 8,
        latents_std=[1.0] * 8,
    ).eval()
    transformer.save_pretrained(root / "transformer")
    vae.save_pretrained(root / "vae")
    diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True).save_pretrained(root / "scheduler")
    (root / "model_index.json").write_text(json.dumps({"_class_name": name}))
    return transformer, vae


def test_text_to_image_weights_predict_the_same_single_frame(tmp_path: Path) -> None:
    theirs, vae = base_folder(tmp_path / "base")
    ours = checkpoint.import_diffusers(tmp_path / "base")
    assert isinstance(ours, PublishedModel)
    assert not ours.config.transformer.composite_flag
    latents, text, t = torch.randn(1, 1, 8, 8, 12), torch.randn(1, 5, 16), torch.tensor([0.6])
    tokens = pack(latents)
    with torch.no_grad():
        expected = theirs(
            hidden_states=tokens[:, 0],
            encoder_hidden_states=text,
            encoder_hidden_states_mask=torch.ones(1, 5, dtype=torch.bool),
            timestep=t,
            img_shapes=[[(1, 4, 6)]],
            return_dict=False,
        )[0]
        found = ours.transformer(tokens, tokens[:, 0, :0], text, t, grid=(4, 6))[:, 0]
        picture = 2 * torch.rand(1, 3, 32, 48) - 1
        colours = vae.decode(vae.encode(picture[:, :, None]).latent_dist.mode()).sample[:, :, 0]
        opaque = torch.cat([picture, torch.ones_like(picture[:, :1])], dim=1)
        rgba = ours.vae.decode(ours.vae.encode(opaque)[0])
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(rgba[:, :3].clamp(-1, 1), colours, atol=2e-5, rtol=1e-4)
    assert (rgba[:, 3] - 1).abs().max() < 1e-6


def test_a_layered_pipeline_still_needs_layered_positions(tmp_path: Path) -> None:
    base_folder(tmp_path / "wrong", "QwenImageLayeredPipeline")
    with pytest.raises(CheckpointError, match="use_layer3d_rope is False"):
        checkpoint.import_diffusers(tmp_path / "wrong")
