"""Which steps not to take: gradients that are not finite, or far larger than usual. Bad luck is skipped, a trend stops.

All processes see the same averaged gradient, so all decide alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from layerize.errors import LayerizeError
from layerize.training.recipe import OptimiserConfig

WINDOW = 200
"""Steps over which skipped ones are counted."""

_CALM_STEPS = 50
"""Steps of a task before its mean gradient norm means anything."""

_MEMORY = 0.98


@dataclass(kw_only=True)
class Guard:
    """Counts and running means; plain values, so that a checkpoint can hold them.

    Attributes:
        skipped: Steps skipped in all.
        recent: Numbers of the steps skipped within the last ``WINDOW``.
        means: Running mean of the gradient norm, and number of steps, by task.
    """

    skipped: int = 0
    recent: list[int] = field(default_factory=list)
    means: dict[str, list[float]] = field(default_factory=dict)

    def admits(self, config: OptimiserConfig, step: int, task: str, loss: float, norm: float) -> bool:
        """Whether to take this step.

        Raises:
            LayerizeError: More than ``skip_limit`` of the last ``WINDOW`` steps were skipped.
        """
        mean, count = self.means.get(task, (0.0, 0.0))
        finite = math.isfinite(loss) and math.isfinite(norm)
        spike = bool(config.spike) and count >= _CALM_STEPS and norm > config.spike * mean
        if finite and not spike:
            weight = max(1 - _MEMORY, 1 / (count + 1))
            self.means[task] = [mean + weight * (norm - mean), count + 1]
            return True
        self.skipped += 1
        self.recent = [s for s in self.recent if s > step - WINDOW] + [step]
        if len(self.recent) > config.skip_limit:
            what = f"a gradient norm of {norm:.3g}, usually {mean:.3g}" if finite else f"loss {loss}, gradient {norm}"
            raise LayerizeError(
                f"step {step}: {len(self.recent)} of the last {WINDOW} steps could not be taken (the last had {what}); "
                f"the last checkpoint is kept. Lower optimiser.learning_rate (now {config.learning_rate:g}) or look "
                "at the data, then go on with --resume."
            )
        return False
