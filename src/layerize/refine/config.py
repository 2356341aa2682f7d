"""Settings of refine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from layerize.errors import ConfigError

Progress: TypeAlias = Callable[[float], None]
Hidden: TypeAlias = Literal["model", "diffuse", "blend"]


@dataclass(frozen=True, kw_only=True)
class RefineConfig:
    """How predicted layers become native layers.

    Attributes:
        hidden: Where the colours of hidden parts come from: the ``model``'s, seamlessly joined to what is visible;
            ``diffuse``, a smooth continuation of the visible part of the same layer; ``blend``, the model's except
            where they merely repeat the object in front (a ghost), which are diffused.
        least_owned: A layer above the background that owns less than this share of the picture, and is nowhere
            translucent, gives it to those that claim it next and comes back empty.
        work_pixels: Ownership is decided at this many pixels at most (fewer for more than eight layers).
        tile: Side of the square tiles of the native pass, in pixels.
        max_pixels: Pictures with more pixels are refused.
        workers: Threads of the native pass.
    """

    hidden: Hidden = "blend"
    least_owned: float = 0.0
    work_pixels: int = 1_000_000
    tile: int = 512
    max_pixels: int = 64_000_000
    workers: int = 2

    def __post_init__(self) -> None:
        if self.hidden not in ("model", "diffuse", "blend"):
            raise ConfigError(f"refine: hidden is {self.hidden!r}; choose 'model', 'diffuse' or 'blend'.")
        if not 0 <= self.least_owned < 1:
            raise ConfigError(f"refine: least_owned is {self.least_owned}; it must be at least 0 and below 1.")
        for name in ("work_pixels", "tile", "max_pixels", "workers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"refine: {name} is {getattr(self, name)}; it must be at least 1.")
