"""The differentiable over: laws, agreement with the NumPy composite, gradients."""

from __future__ import annotations

import numpy as np
import torch

from layerize.stack import Layer, LayerStack, flatten
from layerize.stack.torch_over import composite_over, visible_weights


def random_layers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_recursion_of_the_paper() -> None:
    rgba = random_layers(2, 5, 4, 3, 6)
    rgb, alpha = composite_over(rgba)
    expected_rgb, expected_alpha = torch.zeros_like(rgb), torch.zeros_like(alpha)
    for layer in rgba.unbind(1):
        a = layer[:, 3:]
        expected_rgb = a * layer[:, :3] + (1 - a) * expected_rgb
        expected_alpha = a + (1 - a) * expected_alpha
    torch.testing.assert_close(rgb, expected_rgb)
    torch.testing.assert_close(alpha, expected_alpha)


def test_weights_sum_to_alpha_and_hide_what_is_covered() -> None:
    alpha = random_layers(4, 2, 2)
    alpha[2] = 1
    weights = visible_weights(alpha)
    assert not weights[:2].any()
    torch.testing.assert_close(weights.sum(0), 1 - (1 - alpha).prod(0))
    torch.testing.assert_close(weights[3], alpha[3])


def test_agrees_with_the_numpy_composite() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 9, 4), np.uint8)
    flat = flatten(LayerStack(size=(9, 8), layers=tuple(Layer(pixels=p) for p in pixels)), background=(10, 200, 30))
    rgb, alpha = composite_over(torch.from_numpy(pixels).permute(0, 3, 1, 2).double() / 255)
    background = torch.tensor([10, 200, 30]).double().reshape(3, 1, 1) / 255
    picture = (rgb + (1 - alpha) * background) * 255
    assert np.abs(picture.permute(1, 2, 0).numpy() - flat[..., :3]).max() <= 0.501


def test_gradients_also_at_alpha_zero_and_one() -> None:
    rgba = random_layers(1, 3, 4, 2, 2)
    rgba[0, 0, 3] = 1
    rgba[0, 1, 3] = 0
    rgba.requires_grad_()
    assert torch.autograd.gradcheck(composite_over, (rgba,))
