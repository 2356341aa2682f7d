"""The task ``vae``: what its decoder is shown."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from layerize.models.rgba_vae import RGBAVAE, RGBAVAEConfig
from layerize.training.batches import Batch
from layerize.training.vae_task import VAETask


def shown_twice(task: VAETask, monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The latents that are decoded in two rounds with other noise."""
    pictures = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    batch = Batch(
        picture_B3HW=pictures,
        groups=((torch.tensor([0]), torch.rand(1, 2, 4, 16, 16)),),
        count_B=torch.tensor([2]),
        captions=("",),
        names=(("", ""),),
    )
    shown: list[Tensor] = []
    decode = task.vae.decode
    monkeypatch.setattr(task.vae, "decode", lambda latents: (shown.append(latents[:1]), decode(latents))[1])
    for seed in (1, 2):
        task.loss(batch, torch.Generator().manual_seed(seed))
    return shown


@pytest.mark.parametrize("frozen", [False, True])
def test_a_frozen_encoder_is_decoded_from_its_mean(frozen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    vae = RGBAVAE(RGBAVAEConfig(base_dim=8, dim_mult=(1, 2), num_res_blocks=1))
    vae.encoder.requires_grad_(not frozen)
    one, other = shown_twice(VAETask(vae, {}, None), monkeypatch)
    assert torch.equal(one, other) == frozen
