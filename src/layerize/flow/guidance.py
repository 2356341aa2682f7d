"""Classifier-free guidance with optional norm rescaling."""

from __future__ import annotations

import torch
from torch import Tensor

_SMALLEST_NORM = 1e-12


def guide(conditional: Tensor, unconditional: Tensor, scale: float, *, keep_norm: bool = False) -> Tensor:
    """``unconditional + scale * (conditional - unconditional)``.

    Args:
        conditional: Prediction with the prompt, (..., C).
        unconditional: Prediction with the negative prompt, same shape.
        scale: 1 gives ``conditional``.
        keep_norm: Rescale every token (last axis) to the norm of ``conditional``, as ``cfg_normalize`` of the
            Qwen-Image-Layered pipeline does: guidance then turns predictions but does not lengthen them.
    """
    guided = unconditional + scale * (conditional - unconditional)
    if not keep_norm:
        return guided
    wanted = torch.linalg.vector_norm(conditional, dim=-1, keepdim=True)
    actual = torch.linalg.vector_norm(guided, dim=-1, keepdim=True)
    rescaled: Tensor = guided * (wanted / actual.clamp_min(_SMALLEST_NORM))
    return rescaled
