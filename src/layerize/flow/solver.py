"""Euler's method along the flow, from noise to data."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
"""(x_t, scalar t) to the velocity at that point."""

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""


def euler(velocity: Velocity, x: Tensor, times: Tensor, progress: Progress | None = None) -> Tensor:
    """Solve ``dx/dt = velocity(x, t)`` from ``times[0]`` to ``times[-1]``.

    Args:
        velocity: The model.
        x: State at ``times[0]``; pure noise when that is 1. The state keeps its dtype, use float32.
        times: Decreasing, 1-D, at least two values: one step between each pair (``schedule.solver_times``).
        progress: Called after each step.

    Returns:
        The state at ``times[-1]``. Exact for straight paths at any number of steps.
    """
    steps = len(times) - 1
    spans = (times[1:] - times[:-1]).tolist()
    for step, span in enumerate(spans):
        x = x + span * velocity(x, times[step]).to(x.dtype)
        if progress is not None:
            progress(step + 1, steps)
    return x
