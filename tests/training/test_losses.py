"""Training losses: perfect predictions cost (almost) nothing, hidden colours do not matter."""

from __future__ import annotations

import pytest
import torch

from layerize.evaluation.measures import soft_iou
from layerize.stack.torch_over import visible_weights
from layerize.training import losses
from layerize.training.perceptual import FilterDistance


def scene(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Alpha (2, 3, 16, 16) with an opaque background, and straight colour (2, 3, 3, 16, 16)."""
    generator = torch.Generator().manual_seed(seed)
    alpha = (
        (torch.rand(2, 3, 4, 4, generator=generator) > 0.5).float().repeat_interleave(4, -1).repeat_interleave(4, -2)
    )
    alpha[:, 0] = 1
    return alpha, torch.rand(2, 3, 3, 16, 16, generator=generator)


def logits_of(alpha: torch.Tensor) -> torch.Tensor:
    return (alpha - 0.5) * 60


def test_visible_weights_sum_to_one_and_match_their_logs() -> None:
    alpha, _ = scene()
    soft = 0.1 + 0.8 * alpha
    soft[:, 0] = 1
    weights = visible_weights(soft)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, 16, 16))
    logs = losses.log_visible_weights(torch.logit(soft, eps=1e-7))
    torch.testing.assert_close(logs.exp(), weights, atol=1e-5, rtol=1e-4)


def test_perfect_layers_cost_nothing() -> None:
    alpha, rgb = scene()
    logits = logits_of(alpha)
    picture = (visible_weights(alpha)[:, :, None] * rgb).sum(dim=1)
    assert losses.alpha_loss(logits, alpha) < 1e-4
    assert losses.colour_loss(rgb, rgb, alpha) == 0
    assert losses.ownership_loss(logits, alpha) < 1e-4
    assert losses.recomposition_loss(logits.sigmoid(), rgb, picture) < 1e-4


def test_wrong_layers_cost_more() -> None:
    alpha, rgb = scene()
    swapped = alpha[:, [0, 2, 1]]
    assert losses.alpha_loss(logits_of(swapped), alpha) > 1
    assert losses.ownership_loss(logits_of(swapped), alpha) > 1
    assert losses.colour_loss(1 - rgb, rgb, alpha) > 0.1


def test_colours_under_zero_alpha_do_not_matter() -> None:
    alpha, rgb = scene()
    other = torch.where(alpha[:, :, None] > 0, rgb, torch.rand_like(rgb))
    assert losses.colour_loss(other, rgb, alpha) == 0
    target = torch.cat([(2 * rgb[:, 1] - 1) * alpha[:, 1:2], 2 * alpha[:, 1:2] - 1], dim=1)
    assert losses.rgba_reconstruction_loss(target, target, torch.Generator()) == 0


def test_the_soft_iou_is_that_of_the_evaluation_and_blind_to_size() -> None:
    generator = torch.Generator().manual_seed(3)
    given, target = torch.rand(2, 32, 32, generator=generator), torch.rand(2, 32, 32, generator=generator)
    measured = [soft_iou(a.numpy(), b.numpy()) for a, b in zip(given, target, strict=True)]
    assert float(losses.soft_iou_loss(given, target)) == pytest.approx(1 - sum(measured) / 2, abs=2e-3)
    small, large = torch.zeros(1, 64, 64), torch.ones(1, 64, 64)
    small[:, :8, :8] = 1
    assert losses.soft_iou_loss(small * 0.5, small) == pytest.approx(
        float(losses.soft_iou_loss(large * 0.5, large)), abs=0.01
    )


def test_level_loss_prefers_the_visible_layer() -> None:
    alpha, _ = scene()
    visible = torch.nn.functional.avg_pool2d(visible_weights(alpha), 2)
    right = torch.cat([20 * visible, torch.zeros(2, 2, 8, 8)], dim=1)
    assert losses.level_loss(right, alpha) < losses.level_loss(-right, alpha) - 1


def test_kl_is_zero_only_for_the_prior() -> None:
    zero = torch.zeros(2, 4, 3, 3)
    assert losses.kl_loss(zero, zero) == 0
    assert losses.kl_loss(zero + 1, zero) == pytest.approx(0.5)
    assert losses.kl_loss(zero, zero - 2) > 0.4


def test_small_layers_count_as_much_as_large_ones() -> None:
    """Missing a small layer on top of a large one must cost nearly as much as missing the large one."""
    alpha = torch.zeros(1, 3, 64, 64)
    alpha[:, 0] = 1
    alpha[:, 1, 8:56, 8:56] = 1
    alpha[:, 2, 24:36, 24:36] = 1
    right = logits_of(alpha)
    costs = []
    for missing in (1, 2):
        wrong = right.clone()
        wrong[:, missing] = logits_of(torch.zeros(1, 1, 64, 64))[:, 0]
        costs.append(float(losses.ownership_loss(wrong, alpha)))
    assert costs[1] > 0.25 * costs[0]  # by pixels alone the small layer, 1/16 of the area, would cost 1/15


def test_the_filter_distance_sees_structure_more_than_shade() -> None:
    torch.manual_seed(0)
    distance = FilterDistance()
    picture = torch.nn.functional.interpolate(torch.rand(2, 3, 16, 16), size=(64, 64), mode="nearest")
    same = distance(picture, picture)
    assert same.shape == (2,)
    assert same.abs().max() < 1e-6
    brighter = picture + 0.1
    blurred = torch.nn.functional.avg_pool2d(picture, 5, stride=1, padding=2, count_include_pad=False)
    assert (picture - brighter).abs().mean() > 0.5 * (picture - blurred).abs().mean()
    assert (distance(brighter, picture) / distance(blurred, picture)).max() < 0.05
    colours = picture[:, [1, 2, 0]]  # edges stay, hues change
    assert (distance(colours, picture) > distance(brighter, picture)).all()
    given = picture.clone().requires_grad_()
    distance(given, blurred).sum().backward()
    assert given.grad is not None
    assert given.grad.isfinite().all()
