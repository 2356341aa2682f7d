"""Task ``vae``: flat pictures and single layers through the RGBA-VAE and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from layerize.models.rgba_vae import RGBAVAE
from layerize.training import losses
from layerize.training.batches import Batch
from layerize.training.tasks import Figures, opaque, task_weights

LAYERS_PER_DESIGN = 2


class VAETask:
    """Reconstruction (L1, squares, edges, over random backgrounds), soft IoU of alpha, perceptual distance and KL."""

    WEIGHTS: ClassVar[Mapping[str, float]] = {
        "reconstruction": 1.0,
        "alpha_iou": 1.0,
        "perceptual": 0.2,
        "kl": 1e-4,
    }

    def __init__(self, vae: RGBAVAE, overrides: Mapping[str, float], network: nn.Module | None) -> None:
        self.vae, self.network = vae, network
        self.weights = task_weights(self.WEIGHTS, overrides)

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        target = self.vae.to_pixel_space(pictures_and_layers(batch, generator))
        target = target.contiguous(memory_format=torch.channels_last)
        mean, logvar = self.vae.encode(target)
        output = self.vae.decode(self._latents(mean, logvar, generator)).float()
        output, target = (self._premultiplied(x) for x in (output, target.float()))
        terms = {
            "reconstruction": losses.rgba_reconstruction_loss(output, target, generator),
            "alpha_iou": losses.soft_iou_loss(*(((x[:, 3] + 1) / 2).clamp(0, 1) for x in (output, target))),
            "kl": losses.kl_loss(mean.float(), logvar.float()),
        }
        if self.network is not None and self.weights["perceptual"]:
            pair = losses.over_random_backgrounds(output, target, generator)
            terms["perceptual"] = self.network(*((x + 1) / 2 for x in pair)).mean()
        total = torch.stack([self.weights[name] * value for name, value in terms.items()]).sum()
        error = (output.detach().clamp(-1, 1) - target).square().mean() / 4
        figures = {name: value.detach() for name, value in terms.items()}
        return total, {**figures, "psnr": -10 * error.log10()}

    def _latents(self, mean: Tensor, logvar: Tensor, generator: torch.Generator) -> Tensor:
        """A sample of the posterior; of a frozen encoder its mean, which is all that is ever decoded afterwards."""
        if not any(weight.requires_grad for weight in self.vae.encoder.parameters()):
            return mean
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        return mean + torch.exp(0.5 * logvar) * noise

    def _premultiplied(self, pixels_N4HW: Tensor) -> Tensor:
        """The VAE's pixel space as premultiplied colour and alpha, -1..1."""
        if self.vae.config.pixel_space == "premultiplied":
            return pixels_N4HW
        alpha = ((pixels_N4HW[:, 3:] + 1) / 2).clamp(0, 1)
        return torch.cat([pixels_N4HW[:, :3] * alpha, pixels_N4HW[:, 3:]], dim=1)

    @torch.no_grad()
    def measure_latents(self, batches: Iterable[Batch], device: torch.device) -> None:
        """Set mean and standard deviation of the latents in the config, so that the flow sees unit variance."""
        generator = torch.Generator().manual_seed(0)
        found = []
        for batch in batches:
            pictures = pictures_and_layers(batch.to(device), generator)
            found.append(self.vae.encode(self.vae.to_pixel_space(pictures))[0].float())
        flat = torch.cat([mean.transpose(0, 1).flatten(1) for mean in found], dim=1)
        self.vae.set_latent_statistics(flat.mean(dim=1).tolist(), flat.std(dim=1).tolist())


def pictures_and_layers(batch: Batch, generator: torch.Generator) -> Tensor:
    """The flat pictures as opaque RGBA, and some layers of each design, (N, 4, H, W) straight 0..1."""
    pictures = [opaque(batch.picture_B3HW)]
    for _, layers in batch.groups:
        n, K = layers.shape[:2]
        chosen = torch.rand(n, K, generator=generator).argsort(dim=1)[:, :LAYERS_PER_DESIGN].to(layers.device)
        pictures.append(layers[torch.arange(n, device=layers.device)[:, None], chosen].flatten(0, 1))
    return torch.cat(pictures)
