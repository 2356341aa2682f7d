"""Straight paths of flow matching: ``x_t = (1 - t) x_0 + t noise`` with velocity ``noise - x_0`` (the published sign).

``t`` is one value per sample, shape (B,), or a scalar; every other tensor has shape (B, ...).
"""

from __future__ import annotations

from torch import Tensor

_SMALLEST_TIME = 1e-4  # below it x_t holds no noise to divide by


def _like(t: Tensor, x: Tensor) -> Tensor:
    return t.to(x.dtype).reshape(-1, *[1] * (x.dim() - 1)) if t.dim() else t.to(x.dtype)


def add_noise(x_0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """x_t, the point at time t (0: data, 1: noise) between a sample and its noise."""
    t = _like(t, x_0)
    return (1.0 - t) * x_0 + t * noise


def velocity(x_0: Tensor, noise: Tensor) -> Tensor:
    """The derivative of x_t with respect to t; the same all along the path."""
    return noise - x_0


def x_0_from_velocity(x_t: Tensor, v: Tensor, t: Tensor) -> Tensor:
    """The clean sample that a velocity implies."""
    return x_t - _like(t, x_t) * v


def noise_from_velocity(x_t: Tensor, v: Tensor, t: Tensor) -> Tensor:
    """The noise that a velocity implies."""
    return x_t + (1.0 - _like(t, x_t)) * v


def velocity_from_x_0(x_t: Tensor, x_0: Tensor, t: Tensor) -> Tensor:
    """The velocity that a clean sample implies; t is held above 1e-4."""
    return (x_t - x_0) / _like(t, x_t).clamp_min(_SMALLEST_TIME)
