"""``train``: a recipe in, a model folder out. Starts the processes of a run and listens to them.

With several processes on a CPU, each trains on its own batches with one thread, and gradients are averaged through
gloo: on small CPUs two processes of one thread beat one process of two (measured four to one under contention).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as mp
from torch.multiprocessing.spawn import ProcessException, spawn

from layerize import errors
from layerize.errors import LayerizeError
from layerize.training import checkpointing
from layerize.training.log import Report
from layerize.training.perceptual import Networks
from layerize.training.plan import check_memory
from layerize.training.processes import join, launched, leave
from layerize.training.recipe import Recipe
from layerize.training.schedule import Budget
from layerize.training.starting import model_config
from layerize.training.worker import Settings, Validate, Worker

RELEASE_FOLDER = "release"

# Freed blocks stay with the process: without this every step's large tensors are mapped and zeroed anew (5-8 % slower).
_MALLOC = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "20000000000", "MALLOC_TOP_PAD_": "67108864"}


def train(
    recipe: Recipe,
    run: Path,
    *,
    minutes: float,
    resume: bool = False,
    stable: bool = False,
    release: bool = False,
    report: Report | None = None,
    max_steps: int = 0,
    log_seconds: float = 15.0,
    validate: Validate | None = None,
    networks: Networks | None = None,
) -> Path:
    """Train a recipe for a budget and save the averaged weights.

    Args:
        recipe: What to train.
        run: Folder for state, log and the finished model (``run / "model"``).
        minutes: Budget of training time over all resumes; the learning rate decays to the end of it.
        resume: Continue from the state in ``run``.
        stable: Keep the learning rate at its peak: a release follows later.
        release: Decay from the run's last state within ``minutes``, in ``run / "release"``; the run itself stays as it
            is and can go on.
        report: Called with a record every few seconds and at the end (from the first process).
        max_steps: Stop after this many steps in all, whatever the time; 0 for no limit.
        log_seconds: Between two lines of the log; 0 logs every step.
        validate: Called with the model folder, the run folder and the step every ``validation_minutes``.
        networks: Perceptual networks beside the built-in one, as functions that build them.

    Returns:
        The folder of the saved model.

    Raises:
        LayerizeError: The recipe does not fit the model or the machine, there is nothing to resume, too many steps
            failed, or the result cannot be written.
    """
    budget = Budget(minutes=minutes, samples=0 if release else recipe.samples, stable=stable, release=release)
    settings = Settings(
        budget=budget, max_steps=max_steps, log_seconds=log_seconds, validate=validate, networks=networks or {}
    )
    settings = replace(settings, state=_state(run, resume, release))
    model_config(recipe)  # what is wrong with it is said here, once, and not by a process
    check_memory(recipe, recipe.processes, settings.networks)
    if release:
        run = run / RELEASE_FOLDER
        if not resume:  # an older release makes room
            shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True, exist_ok=True)
    for key, value in _MALLOC.items():
        os.environ.setdefault(key, value)
    count = min(recipe.processes, torch.cuda.device_count()) if torch.cuda.is_available() else recipe.processes
    if launched() or count == 1:
        _work(recipe, run, settings, report)
    else:
        _spawn(recipe, run, settings, report, count)
    return run / "model"


def _state(run: Path, resume: bool, release: bool) -> Path | None:
    """The state to go on from; None for a new run."""
    branch = run / RELEASE_FOLDER
    if not (resume or release) and checkpointing.find_state(run) is not None:
        raise LayerizeError(f"{run}: holds a run already. Go on with --resume, or choose another folder with --run.")
    found = checkpointing.find_state(branch) if release and resume else None
    if found is None and (resume or release):
        found = checkpointing.find_state(run)
        if found is None:
            raise LayerizeError(f"{run}: nothing to resume here. Leave out --resume to start a new run.")
    return found


def _work(recipe: Recipe, run: Path, settings: Settings, report: Report | None) -> None:
    processes = join()
    try:
        Worker(recipe, run, processes, settings, report if processes.first else None).run_to_end()
    finally:
        leave(processes)


def _spawn(recipe: Recipe, run: Path, settings: Settings, report: Report | None, count: int) -> None:
    """Start the processes, pass their records on, and say what went wrong in one of them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = mp.get_context("spawn")
    queue = context.Queue()
    running = spawn(_spawned, (count, port, recipe, run, settings, queue), nprocs=count, join=False)
    failures: list[LayerizeError] = []
    with _forwarded(signal.SIGTERM, running.processes):
        try:
            while not running.join(timeout=1):
                _drain(queue, report, failures)
        except ProcessException:
            _drain(queue, report, failures)
            if failures:
                raise failures[0] from None
            raise
    _drain(queue, report, failures)


def _spawned(index: int, count: int, port: int, recipe: Recipe, run: Path, settings: Settings, queue: Any) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    os.environ.update(RANK=str(index), LOCAL_RANK=str(index), WORLD_SIZE=str(count), LOCAL_WORLD_SIZE=str(count))
    try:
        _work(recipe, run, settings, queue.put)
    except LayerizeError as error:
        queue.put({"failed": type(error).__name__, "message": str(error)})
        raise


@contextmanager
def _forwarded(number: int, processes: list[Any]) -> Iterator[None]:
    """While training, a request to stop goes on to every process, which then saves and ends.

    A terminal's Ctrl-C reaches the processes by itself; this one waits for them.
    """

    def forward(*_: Any) -> None:
        for process in processes:
            if process.is_alive():
                os.kill(process.pid, number)

    previous = {number: signal.signal(number, forward), signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None)}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


def _drain(queue: Any, report: Report | None, failures: list[LayerizeError]) -> None:
    while not queue.empty():
        record = queue.get()
        if "failed" in record:
            kind = getattr(errors, record["failed"], LayerizeError)
            failures.append(
                kind(record["message"]) if kind is not errors.MissingExtraError else LayerizeError(record["message"])
            )
        elif report:
            report(record)
