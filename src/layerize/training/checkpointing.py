"""Resumable training state: weights, EMA and moments as safetensors, everything else as JSON; replaced atomically.

The folder explains itself: ``progress.json`` holds the recipe, the model's config, where the run stands and its last
figures. A sharded run writes one set of tensor files per process; any number of processes can read them again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.distributed.tensor import DTensor

from layerize import __version__
from layerize.errors import CheckpointError, OutputError
from layerize.training.guard import Guard
from layerize.training.processes import Processes, local

STATE_FOLDER = "state"
KINDS = ("weights", "ema", "optimiser")
_MOMENTS = ("exp_avg", "exp_avg_sq")
_PROGRESS = "progress.json"


@dataclass(kw_only=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: Steps done.
        samples: Samples seen.
        seconds: Of training, over all resumes.
        finished: Whether the budget was used up.
        released_at: Value of ``seconds`` at which a release branched off; None in a run.
        guard: Steps that were skipped.
    """

    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    finished: bool = False
    released_at: float | None = None
    guard: Guard = field(default_factory=Guard)


def save_state(
    run: Path,
    progress: Progress,
    tensors: Mapping[str, Mapping[str, Tensor]],
    about: Mapping[str, Any],
    processes: Processes | None = None,
) -> None:
    """Write the state beside the old one and swap; a kill at any moment leaves one whole state.

    Args:
        run: Folder of the run.
        progress: Where it stands.
        tensors: ``weights``, ``ema`` and ``optimiser`` by name; sharded tensors are written by all processes.
        about: JSON values that explain the state: recipe, model, last figures.
        processes: This one and the others; every process must call.

    Raises:
        OutputError: A process could not write; the last state is kept.
    """
    processes = processes or Processes()
    sharded = any(isinstance(tensor, DTensor) for tensor in tensors["weights"].values())
    fresh = run / f".{STATE_FOLDER}.new"
    failed = _attempt(lambda: _empty(fresh) if processes.first else None)
    processes.wait()
    if not failed and (processes.first or sharded):
        failed = _attempt(lambda: _write_tensors(fresh, tensors, processes if sharded else Processes()))
    if not failed and processes.first:
        facts = {"format": 2, "made_with": f"layerize {__version__}", "shards": processes.count if sharded else 1}
        failed = _attempt(lambda: _write_progress(fresh, {**facts, **about, **_plain(progress)}))
    if processes.total(float(bool(failed)))[0]:
        if processes.first:
            shutil.rmtree(fresh, ignore_errors=True)
        raise OutputError(
            f"{run}: cannot write the training state ({failed or 'another process failed'}); the last one is kept."
        )
    if processes.first:
        _swap(run, fresh)
    processes.wait()


def _attempt(write: Any) -> str:
    """Run it; why it failed, or ""."""
    try:
        write()
    except (OSError, SafetensorError) as error:
        return str(getattr(error, "strerror", None) or error)
    return ""


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _plain(progress: Progress) -> dict[str, Any]:
    return {**vars(progress), "guard": vars(progress.guard)}


def _write_tensors(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], processes: Processes) -> None:
    for kind in KINDS:
        path = folder / _file_name(kind, processes.index, processes.count)
        save_file({name: local(value).detach().contiguous().cpu() for name, value in tensors[kind].items()}, path)
        _sync(path)


def _write_progress(folder: Path, facts: Mapping[str, Any]) -> None:
    path = folder / _PROGRESS
    path.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _swap(run: Path, fresh: Path) -> None:
    current, old = run / STATE_FOLDER, run / f".{STATE_FOLDER}.old"
    shutil.rmtree(old, ignore_errors=True)
    if current.exists():
        current.replace(old)
    fresh.replace(current)
    shutil.rmtree(old, ignore_errors=True)


def _file_name(kind: str, index: int, count: int) -> str:
    return f"{kind}.safetensors" if count == 1 else f"{kind}-{index + 1:05d}-of-{count:05d}.safetensors"


def find_state(run: Path) -> Path | None:
    """The newest whole state of a run, also after a kill between the two renames of a swap."""
    for name in (STATE_FOLDER, f".{STATE_FOLDER}.old"):
        if (run / name / _PROGRESS).exists():
            return run / name
    return None


class SavedState:
    """A state on disk: its facts at once, its tensors one by one.

    Attributes:
        progress: Where the run stood.
        about: Everything else in ``progress.json``: recipe, model, last figures.
    """

    def __init__(self, folder: Path) -> None:
        """Open it.

        Raises:
            CheckpointError: A file is missing or damaged.
        """
        self.folder = folder
        try:
            table = json.loads((folder / _PROGRESS).read_text(encoding="utf-8"))
            guard = Guard(**table.pop("guard", {}))
            known = {name: table.pop(name) for name in ("step", "samples", "seconds", "finished")}
            self.progress = Progress(**known, guard=guard, released_at=table.pop("released_at", None))
            self.about: dict[str, Any] = table
            shards = table.get("shards", 1)
            self._files: dict[str, list[Any]] = {
                kind: [safe_open(folder / _file_name(kind, i, shards), framework="pt") for i in range(shards)]
                for kind in KINDS
            }
            self._names: dict[str, set[str]] = {kind: set(files[0].keys()) for kind, files in self._files.items()}
        except Exception as error:  # safetensors has its own exception types
            raise CheckpointError(
                f"{folder}: the training state cannot be read ({error}). Start without --resume."
            ) from error

    def names(self, kind: str) -> set[str]:
        """Names of the tensors of a kind (``weights``, ``ema``, ``optimiser``)."""
        return self._names[kind]

    def read(self, kind: str, name: str) -> Tensor:
        """One whole tensor, put together from the processes' slices (first axis)."""
        parts: list[Tensor] = [file.get_tensor(name) for file in self._files[kind]]
        return parts[0] if len(parts) == 1 or not parts[0].ndim else torch.cat(parts)

    def check(self, expected: Mapping[str, Tensor], what: str) -> None:
        """Refuse a state of another model.

        Raises:
            CheckpointError: Names or shapes differ; the first ones are listed.
        """
        found = self.names("weights")
        problems = [f"{name} is missing" for name in sorted(expected.keys() - found)]
        problems += [f"{name} is left over" for name in sorted(found - expected.keys())]
        for name in sorted(expected.keys() & found):
            shape = tuple(self.read("weights", name).shape)
            if shape != tuple(expected[name].shape):
                problems.append(f"{name} is {shape}, must be {tuple(expected[name].shape)}")
        if problems:
            more = f" and {len(problems) - 4} more" if len(problems) > 4 else ""
            raise CheckpointError(
                f"{self.folder}: the state is of another model than {what}: {'; '.join(problems[:4])}{more}."
            )


@torch.no_grad()
def fill(target: Tensor, value: Tensor) -> None:
    """Copy a whole tensor into a tensor, or this process's slice of it into its slice of a sharded one."""
    if isinstance(target, DTensor):
        chunks = value.chunk(target.device_mesh.size())
        index = target.device_mesh.get_local_rank()
        value = chunks[index] if index < len(chunks) else value[:0]
        target = target.to_local()
    target.copy_(value)


def moments_of(optimiser: torch.optim.Optimizer, names: list[str]) -> dict[str, Tensor]:
    """AdamW's moments by parameter name."""
    result = {}
    for name, parameter in zip(names, _parameters(optimiser), strict=True):
        for key, value in optimiser.state.get(parameter, {}).items():
            result[f"{key}:{name}"] = value.detach().clone() if value.ndim == 0 else value
    return result


@torch.no_grad()
def restore_moments(optimiser: torch.optim.Optimizer, names: list[str], state: SavedState) -> None:
    """The inverse of :func:`moments_of`. The fused kernel needs moments in the memory format of their parameter."""
    stored = state.names("optimiser")
    for name, parameter in zip(names, _parameters(optimiser), strict=True):
        if f"step:{name}" in stored:
            found = {key: torch.empty_like(parameter) for key in _MOMENTS}
            for key, moment in found.items():
                fill(moment, state.read("optimiser", f"{key}:{name}"))
            step = state.read("optimiser", f"step:{name}")
            where = parameter.device if optimiser.defaults.get("fused") else "cpu"
            optimiser.state[parameter] = {"step": step.to(where), **found}


def _parameters(optimiser: torch.optim.Optimizer) -> list[torch.nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
