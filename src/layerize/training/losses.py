"""Losses of the training stages, as pure functions.

Alpha and colour are 0..1 unless a name says otherwise; colour is straight. Layers are bottom to top, layer 0 is the
background. Shape letters: ``B`` batch, ``K`` layers, ``H W`` pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from layerize.stack.torch_over import visible_weights

LEAST_PIXELS = 16.0
"""A layer that shows fewer pixels than about this many counts for less than a whole layer."""


def alpha_loss(logits_BKHW: Tensor, target_BKHW: Tensor) -> Tensor:
    """Three parts cross-entropy and one part soft IoU, mean over layers."""
    cross_entropy = F.binary_cross_entropy_with_logits(logits_BKHW, target_BKHW)
    p = logits_BKHW.sigmoid()
    overlap = (p * target_BKHW).sum(dim=(-1, -2))
    union = p.sum(dim=(-1, -2)) + target_BKHW.sum(dim=(-1, -2)) - overlap
    return 3 * cross_entropy + (1 - (overlap + 1) / (union + 1)).mean()


def soft_iou_loss(alpha_NHW: Tensor, target_NHW: Tensor) -> Tensor:
    """One minus the mean of ``sum min / sum max`` of two alphas: small and thin layers count as much as large ones."""
    both = torch.minimum(alpha_NHW, target_NHW).sum(dim=(-1, -2))
    either = torch.maximum(alpha_NHW, target_NHW).sum(dim=(-1, -2))
    return 1 - ((both + 1) / (either + 1)).mean()


def colour_loss(rgb_BK3HW: Tensor, target_BK3HW: Tensor, alpha_BKHW: Tensor) -> Tensor:
    """L1 of straight colour where the true layer is; what lies under zero alpha does not count."""
    error = (rgb_BK3HW - target_BK3HW).abs().mean(dim=2) * alpha_BKHW
    return (error.sum(dim=(-1, -2)) / (alpha_BKHW.sum(dim=(-1, -2)) + 1)).mean()


def log_visible_weights(logits_BKHW: Tensor) -> Tensor:
    """``log w_k`` with ``w_k = a_k prod_(j>k) (1 - a_j)`` from alpha logits; the background's alpha counts as 1."""
    above = F.logsigmoid(-logits_BKHW).flip(1).cumsum(dim=1).flip(1)  # sum over j >= k
    above = torch.cat([above[:, 1:], torch.zeros_like(above[:, :1])], dim=1)
    own = torch.cat([torch.zeros_like(logits_BKHW[:, :1]), F.logsigmoid(logits_BKHW[:, 1:])], dim=1)
    return own + above


def ownership_loss(logits_BKHW: Tensor, target_alpha_BKHW: Tensor) -> Tensor:
    """Cross-entropy of the visible weights against the true ones; half the mean over pixels, half that over layers."""
    return _by_pixel_and_layer(visible_weights(target_alpha_BKHW), log_visible_weights(logits_BKHW))


def level_loss(level_logits_BLhw: Tensor, target_alpha_BKHW: Tensor) -> Tensor:
    """Cross-entropy of the picture's per-pixel level logits (1/2 size) against the layers visible there."""
    weights = F.avg_pool2d(visible_weights(target_alpha_BKHW), 2)
    log_p = level_logits_BLhw.float().log_softmax(dim=1)[:, : weights.shape[1]]
    return _by_pixel_and_layer(weights, log_p)


def _by_pixel_and_layer(weights_BKHW: Tensor, log_p_BKHW: Tensor) -> Tensor:
    """Cross-entropy, half as the mean over pixels and half as the mean over layers, whatever their size.

    High levels are small: a mean over pixels alone learns backgrounds and panels and never names a level above 2.
    """
    costs = -(weights_BKHW * log_p_BKHW)
    by_layer = costs.sum(dim=(-1, -2)) / (weights_BKHW.sum(dim=(-1, -2)) + LEAST_PIXELS)
    return (costs.sum(dim=1).mean() + by_layer.mean()) / 2


def recomposition_loss(alpha_BKHW: Tensor, rgb_BK3HW: Tensor, picture_B3HW: Tensor) -> Tensor:
    """L1 between the layers' composite and the picture."""
    weights = visible_weights(torch.cat([torch.ones_like(alpha_BKHW[:, :1]), alpha_BKHW[:, 1:]], dim=1))
    return ((weights[:, :, None] * rgb_BK3HW).sum(dim=1) - picture_B3HW).abs().mean()


def gradient_loss(x_N1HW: Tensor, y_N1HW: Tensor) -> Tensor:
    """L1 of horizontal and vertical differences at three scales: edges weigh more than flat areas."""
    total = x_N1HW.new_zeros(())
    for _ in range(3):
        total = total + (x_N1HW.diff(dim=-1) - y_N1HW.diff(dim=-1)).abs().mean()
        total = total + (x_N1HW.diff(dim=-2) - y_N1HW.diff(dim=-2)).abs().mean()
        x_N1HW, y_N1HW = F.avg_pool2d(x_N1HW, 2), F.avg_pool2d(y_N1HW, 2)
    return total


def over_random_backgrounds(
    output_N4HW: Tensor, target_N4HW: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Both sides, premultiplied -1..1 with alpha -1..1, over the same random solid backgrounds; RGB in -1..1.

    Colours under zero alpha cannot matter then (AlphaVAE, arXiv 2507.09308).
    """
    count, device = output_N4HW.shape[0], output_N4HW.device
    background = (2 * torch.rand(count, 3, 1, 1, generator=generator) - 1).to(device)
    first, second = (x[:, :3] + background * (1 - (x[:, 3:] + 1) / 2) for x in (output_N4HW, target_N4HW))
    return first, second


def rgba_reconstruction_loss(output_N4HW: Tensor, target_N4HW: Tensor, generator: torch.Generator) -> Tensor:
    """RGBA-VAE reconstruction in premultiplied -1..1 space: colour over two random backgrounds, alpha and edges.

    L1 throughout, and a squared error that lets colours be learned early (L1 alone stays grey for long).

    Args:
        output_N4HW: (2 RGB - 1) * A and 2 A - 1 as predicted.
        target_N4HW: The same of the truth.
        generator: Of the backgrounds.
    """
    alpha_error = (output_N4HW[:, 3:] - target_N4HW[:, 3:]).abs().mean() / 2
    loss = 3 * alpha_error + 4 * (output_N4HW - target_N4HW).square().mean()
    for _ in range(2):
        first, second = over_random_backgrounds(output_N4HW, target_N4HW, generator)
        loss = loss + (first - second).abs().mean()
    edges = gradient_loss(output_N4HW.flatten(0, 1)[:, None], target_N4HW.flatten(0, 1)[:, None])
    return loss + edges


def kl_loss(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(logvar)) from N(0, 1), mean over elements, in nats."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
