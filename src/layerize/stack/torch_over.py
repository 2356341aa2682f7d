"""The differentiable "over" for losses. The only module of this room that imports torch.

Shape letters: ``K`` layers bottom to top, ``C`` channels, ``H W`` pixels; leading dimensions are free. Values are 0..1,
alpha is straight.
"""

from __future__ import annotations

import torch
from torch import Tensor


def visible_weights(alpha_KHW: Tensor) -> Tensor:
    """How much of each layer is seen: ``w_k = a_k prod_(j>k) (1 - a_j)`` (arXiv 2512.15603, Eq. 1 unrolled).

    Args:
        alpha_KHW: (..., K, H, W).

    Returns:
        (..., K, H, W); the weights sum to the composite's alpha.
    """
    light = torch.ones_like(alpha_KHW[..., 0, :, :])
    weights: list[Tensor] = []
    for alpha_HW in reversed(alpha_KHW.unbind(-3)):  # a loop, as cumprod has no cheap gradient at zeros
        weights.append(alpha_HW * light)
        light = light * (1 - alpha_HW)
    return torch.stack(weights[::-1], dim=-3)


def composite_over(rgba_KCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Flatten straight RGBA layers with "over", differentiable everywhere (alpha 0 and 1 included).

    Args:
        rgba_KCHW: (..., K, 4, H, W), at least one layer.

    Returns:
        ``rgb`` (..., 3, H, W), premultiplied, which is the composite over black; ``alpha`` (..., 1, H, W). Over a
        background the picture is ``rgb + (1 - alpha) * background``.
    """
    weights_KHW = visible_weights(rgba_KCHW[..., 3, :, :])
    rgb = (weights_KHW.unsqueeze(-3) * rgba_KCHW[..., :3, :, :]).sum(dim=-4)
    return rgb, weights_KHW.sum(dim=-3, keepdim=True)
