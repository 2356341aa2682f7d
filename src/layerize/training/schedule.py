"""When a run ends and how fast it learns: warm-up by steps, stable, and a linear decay at the end of a budget.

The stable phase can go on for as long as there is time; a release is a branch that decays from its last state.
"""

from __future__ import annotations

from dataclasses import dataclass

from layerize.training.recipe import OptimiserConfig


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a run may use up.

    Attributes:
        minutes: Of training time, over all resumes.
        samples: In all; 0 for no limit.
        stable: Keep the learning rate at its peak to the end: a release follows later.
        release: This run is a release: it decays from its first minute to its last.
    """

    minutes: float
    samples: int = 0
    stable: bool = False
    release: bool = False

    def share(self, seconds: float, samples: int) -> float:
        """How much of the budget is used up, 0..1 (1 or more: it is over)."""
        by_samples = samples / self.samples if self.samples else 0.0
        return max(seconds / (60 * self.minutes), by_samples)


def learning_rate_factor(config: OptimiserConfig, step: int, share: float, budget: Budget | None = None) -> float:
    """The learning rate over its peak after ``share`` (0..1) of the budget."""
    warm = min(1.0, (step + 1) / max(config.warmup_steps, 1))
    if budget is not None and budget.stable:
        return warm
    decay_share = 1.0 if budget is not None and budget.release else config.decay_share
    left = max(0.0, 1.0 - share) / max(decay_share, 1e-9)
    return warm * (config.final_factor + (1 - config.final_factor) * min(1.0, left))
