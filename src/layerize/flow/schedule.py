"""Times at which the flow is solved: from 1 (pure noise) down to 0 (data), shifted towards noise.

All published shifts are one function: ``t -> s t / (1 + (s - 1) t)``. FlowMatchEulerDiscreteScheduler's constant shift
uses s as given, its dynamic "exponential" shift s = exp(mu), its dynamic "linear" shift s = mu.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_BASE_TOKENS = 256  # a 256 x 256 picture in tokens of 16 x 16 pixels, where the published mu is 1


def shift_time(t: Tensor, shift: float) -> Tensor:
    """Move times 0..1 towards 1 (shift > 1) or 0 (shift < 1); 0 and 1 stay. ``1 / shift`` undoes ``shift``."""
    return shift * t / (1.0 + (shift - 1.0) * t)


def layered_mu(condition_tokens: int) -> float:
    """The Qwen-Image-Layered pipeline's dynamic mu: the square root of the condition image's tokens over 256."""
    return math.sqrt(condition_tokens / _BASE_TOKENS)


def stretch_to_terminal(t: Tensor, terminal: float) -> Tensor:
    """Stretch decreasing times (1-D) about 1 so that the last one is ``terminal``."""
    return 1.0 - (1.0 - t) * (1.0 - terminal) / (1.0 - t[-1])


def solver_times(steps: int, shift: float = 1.0, terminal: float | None = None) -> Tensor:
    """``steps + 1`` decreasing times from 1 to 0, float32.

    Args:
        steps: Solver steps, at least 1.
        shift: See ``shift_time``.
        terminal: Time of the last evaluation (``shift_terminal`` of the published schedulers); None leaves it.

    Raises:
        ValueError: ``steps`` is below 1.
    """
    if steps < 1:
        raise ValueError(f"solver steps must be at least 1, got {steps}")
    t = shift_time(torch.linspace(1.0, 0.0, steps + 1, dtype=torch.float64)[:-1], shift)
    if terminal and steps > 1:
        t = stretch_to_terminal(t, terminal)
    return torch.cat([t, t.new_zeros(1)]).float()
