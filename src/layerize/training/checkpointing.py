"""Resumable training state: weights, EMA and moments as safetensors, counters as JSON; replaced atomically."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from layerize.errors import CheckpointError, OutputError

STATE_FOLDER = "state"
_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(kw_only=True)
class Progress:
    """Where a run stands: steps done, samples seen, training seconds, whether it ended."""

    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    finished: bool = False


def save_state(
    run: Path,
    progress: Progress,
    weights: Mapping[str, Tensor],
    ema: Mapping[str, Tensor],
    moments: Mapping[str, Tensor],
    recipe: Mapping[str, Any],
) -> None:
    """Write the state beside the old one and swap; a kill at any moment leaves one whole state."""
    fresh, current, old = run / f".{STATE_FOLDER}.new", run / STATE_FOLDER, run / f".{STATE_FOLDER}.old"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        for name, tensors in (("weights", weights), ("ema", ema), ("optimiser", moments)):
            save_file({key: value.contiguous() for key, value in tensors.items()}, fresh / f"{name}.safetensors")
        (fresh / "progress.json").write_text(json.dumps({"recipe": recipe, **vars(progress)}, indent=1))
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise OutputError(
            f"{run}: cannot write the training state ({error.strerror}); the last one is kept."
        ) from error
    shutil.rmtree(old, ignore_errors=True)
    if current.exists():
        current.replace(old)
    fresh.replace(current)
    shutil.rmtree(old, ignore_errors=True)


def find_state(run: Path) -> Path | None:
    """The newest whole state of a run, also after a kill between the two renames of a swap."""
    for name in (STATE_FOLDER, f".{STATE_FOLDER}.old"):
        if (run / name / "progress.json").exists():
            return run / name
    return None


def load_state(state: Path) -> tuple[Progress, dict[str, Tensor], dict[str, Tensor], dict[str, Tensor], dict[str, Any]]:
    """Progress, weights, EMA, optimiser moments and the recipe of a saved state.

    Raises:
        CheckpointError: A file is missing or damaged.
    """
    try:
        table = json.loads((state / "progress.json").read_text())
        recipe = table.pop("recipe")
        tensors = [load_file(state / f"{name}.safetensors") for name in ("weights", "ema", "optimiser")]
    except Exception as error:  # safetensors has its own exception types
        raise CheckpointError(
            f"{state}: the training state cannot be read ({error}). Start without --resume."
        ) from error
    return Progress(**table), tensors[0], tensors[1], tensors[2], recipe


def moments_of(optimiser: torch.optim.AdamW, names: list[str]) -> dict[str, Tensor]:
    """AdamW's moments by parameter name."""
    result = {}
    for name, parameter in zip(names, _parameters(optimiser), strict=True):
        for key, value in optimiser.state.get(parameter, {}).items():
            result[f"{key}:{name}"] = value.detach().clone() if value.ndim == 0 else value
    return result


@torch.no_grad()
@torch.no_grad()
def restore_moments(optimiser: torch.optim.AdamW, names: list[str], moments: Mapping[str, Tensor]) -> None:
    """The inverse of :func:`moments_of`. The fused kernel needs moments in the memory format of their parameter."""
    for name, parameter in zip(names, _parameters(optimiser), strict=True):
        if f"step:{name}" in moments:
            found = {key: torch.empty_like(parameter).copy_(moments[f"{key}:{name}"]) for key in _MOMENTS}
            optimiser.state[parameter] = {"step": moments[f"step:{name}"], **found}


def _parameters(optimiser: torch.optim.AdamW) -> list[torch.nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
