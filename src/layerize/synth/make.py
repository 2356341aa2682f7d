"""Write many designs to disk, one manifest folder each, in several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from layerize.errors import OutputError, UsageError
from layerize.synth.config import DesignConfig
from layerize.synth.design import draw_design
from layerize.synth.elements import ElementBank

_PER_TASK = 8
"""Designs that a process draws before it reports."""


@dataclass(frozen=True)
class Made:
    """One design on disk.

    Attributes:
        seed: What it was drawn from.
        folder: Its manifest folder.
        layers: How many layers it has.
    """

    seed: int
    folder: Path
    layers: int


@dataclass(frozen=True)
class _Task:
    seed: int
    folder: Path
    size: tuple[int, int]
    config: DesignConfig
    elements: ElementBank | None


def make_designs(
    count: int,
    out: Path,
    *,
    size: tuple[int, int] = (128, 128),
    seed: int = 0,
    jobs: int = 1,
    overwrite: bool = False,
    config: DesignConfig | None = None,
    elements: ElementBank | None = None,
) -> Iterator[Made]:
    """Draw the designs of seeds ``seed`` .. ``seed + count - 1`` into ``out/<seed>``; yields each as it is written.

    Args:
        count: How many.
        out: Folder; made if missing.
        size: (width, height) in pixels.
        seed: First seed.
        jobs: Processes.
        overwrite: Replace designs that are there already.
        config: Difficulty and variety.
        elements: Real cut-outs to use besides the drawn ones.

    Raises:
        UsageError: Count, jobs, seed or size is out of range.
        OutputError: A design is there already, or the folder cannot be written.
    """
    if count < 1 or jobs < 1:
        raise UsageError(f"{count} designs in {jobs} processes were asked for; both must be at least 1.")
    tasks = [_Task(seed + i, out / f"{seed + i:07d}", size, config or DesignConfig(), elements) for i in range(count)]
    there = [task.folder for task in tasks if task.folder.exists()]
    if there and not overwrite:
        raise OutputError(
            f"{there[0]} and {len(there) - 1} more exist already; choose another folder or seed, or --overwrite."
        )
    if jobs == 1 or count <= _PER_TASK:
        yield from map(_make_one, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, -(-count // _PER_TASK)), mp_context=context) as pool:
        yield from pool.map(_make_one, tasks, chunksize=_PER_TASK)


def _make_one(task: _Task) -> Made:
    from layerize.formats import save

    design = draw_design(task.seed, task.size, task.config, task.elements)
    save(design.to_stack(), task.folder)
    return Made(task.seed, task.folder, len(design.names))
