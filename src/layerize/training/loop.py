"""The training loop, shared by all stages: one or several processes, time budget, EMA, resume, JSONL log.

With several processes, each trains on its own batches with one thread, and gradients are averaged through gloo: on
small CPUs two processes of one thread beat one process of two (measured four to one under contention).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from layerize.errors import LayerizeError
from layerize.models import checkpoint
from layerize.training import checkpointing
from layerize.training.batches import draw_batch
from layerize.training.checkpointing import Progress
from layerize.training.recipe import OptimiserConfig, Recipe
from layerize.training.stages import build_stage

LOG_EVERY_SECONDS = 15.0
STATISTICS_BATCHES = 8
HOLD_OUT_STEP = 1 << 40  # batches of ``finish`` come from steps that no run reaches

Report = Callable[[dict[str, Any]], None]

# Freed blocks stay with the process: without this every step's large tensors are mapped and zeroed anew (5-8 % slower).
_MALLOC = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "20000000000", "MALLOC_TOP_PAD_": "67108864"}


def train(
    recipe: Recipe, run: Path, *, minutes: float, resume: bool = False, report: Report | None = None, max_steps: int = 0
) -> Path:
    """Train a recipe for a time budget and save the averaged weights.

    Args:
        recipe: What to train.
        run: Folder for state, log and the finished model (``run / "model"``).
        minutes: Budget of training time over all resumes; the learning rate decays to the end of it.
        resume: Continue from the state in ``run``.
        report: Called with a record every few seconds and at the end (from the first process).
        max_steps: Stop after this many steps in all, whatever the time; 0 for no limit.

    Returns:
        The folder of the saved model.
    """
    if resume and checkpointing.find_state(run) is None:
        raise LayerizeError(f"{run}: nothing to resume here. Leave out --resume to start a new run.")
    build_stage(recipe)  # what is wrong with it is said here, once, and not by a process
    run.mkdir(parents=True, exist_ok=True)
    for key, value in _MALLOC.items():
        os.environ.setdefault(key, value)
    settings = {"minutes": minutes, "resume": resume, "max_steps": max_steps}
    if recipe.processes == 1:
        _Worker(recipe, run, 0, settings, report).run_to_end()
    else:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(probe.getsockname()[1]))
        context = mp.get_context("spawn")
        queue = context.Queue()
        running = spawn(_spawned, (recipe, run, settings, queue), nprocs=recipe.processes, join=False)
        with _forwarded(signal.SIGTERM, running.processes):
            while not running.join(timeout=1):
                _drain(queue, report)
        _drain(queue, report)
    return run / "model"


@contextmanager
def _forwarded(number: int, processes: list[Any]) -> Iterator[None]:
    """While training, a request to stop goes on to every process, which then saves and ends."""

    def forward(*_: Any) -> None:
        for process in processes:
            if process.is_alive():
                os.kill(process.pid, number)

    previous = signal.signal(number, forward)
    try:
        yield
    finally:
        signal.signal(number, previous)


def _drain(queue: Any, report: Report | None) -> None:
    while not queue.empty():
        record = queue.get()
        if report:
            report(record)


def _spawned(process: int, recipe: Recipe, run: Path, settings: dict[str, Any], queue: Any) -> None:
    dist.init_process_group("gloo", rank=process, world_size=recipe.processes)
    _Worker(recipe, run, process, settings, queue.put if process == 0 else None).run_to_end()
    dist.destroy_process_group()


def learning_rate_factor(config: OptimiserConfig, step: int, share: float) -> float:
    """Warm-up by steps, stable, then linear decay over the last ``decay_share`` of the budget (``share`` in 0..1)."""
    warm = min(1.0, (step + 1) / max(config.warmup_steps, 1))
    left = max(0.0, 1.0 - share) / max(config.decay_share, 1e-9)
    return warm * (config.final_factor + (1 - config.final_factor) * min(1.0, left))


class _Worker:
    """One process of a run."""

    def __init__(
        self, recipe: Recipe, run: Path, process: int, settings: dict[str, Any], report: Report | None
    ) -> None:
        torch.set_num_threads(1 if recipe.processes > 1 else torch.get_num_threads())
        torch.manual_seed(recipe.data.seed)  # every process starts from the same weights
        self.recipe, self.run, self.process, self.settings, self.report = recipe, run, process, settings, report
        self.stage = build_stage(recipe)
        self.names = [name for name, _ in self.stage.trainable()]
        self.parameters = [parameter for _, parameter in self.stage.trainable()]
        self.ema = [parameter.detach().clone() for parameter in self.parameters]
        config = recipe.optimiser
        matrices = [(name, p) for name, p in self.stage.trainable() if p.ndim > 1]
        others = [(name, p) for name, p in self.stage.trainable() if p.ndim <= 1]
        groups = [
            {"params": [p for _, p in matrices], "weight_decay": config.weight_decay},
            {"params": [p for _, p in others], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, eps=1e-8, fused=True)
        self.optimiser_names = [name for name, _ in (*matrices, *others)]
        self.progress = Progress()
        self.stopping = False
        self.sums: dict[str, list[float]] = defaultdict(list)
        if settings["resume"]:
            self._load()

    def run_to_end(self) -> None:
        """Train until the budget is spent or a signal asks to stop."""
        previous = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        try:
            self._steps()
        finally:
            signal.signal(signal.SIGTERM, previous)

    def _ask_to_stop(self, *_: Any) -> None:
        self.stopping = True

    def _steps(self) -> None:
        recipe, progress = self.recipe, self.progress
        budget = self.settings["minutes"] * 60
        begun, before = time.monotonic(), progress.seconds
        logged = saved = before
        samples = recipe.processes * recipe.data.groups * recipe.data.group_size
        while True:
            progress.seconds = before + time.monotonic() - begun
            seconds, stop = self._agree(progress.seconds, self.stopping)
            limit = self.settings["max_steps"]
            if stop or seconds >= budget or (limit and progress.step >= limit):
                break
            self._step(seconds / budget)
            progress.step += 1
            progress.samples += samples
            if seconds - logged > LOG_EVERY_SECONDS:
                self._log()
                logged = seconds
            # by the agreed clock: a process that saves alone waits for the other forever
            if seconds - saved > recipe.checkpoint_minutes * 60:
                self._save()
                saved = seconds
        if not stop:
            progress.finished = True
        self._save()
        self._log(end=True)

    def _step(self, share: float) -> None:
        recipe, progress = self.recipe, self.progress
        config = recipe.optimiser
        for group in self.optimiser.param_groups:
            group["lr"] = config.learning_rate * learning_rate_factor(config, progress.step, share)
        generator = torch.Generator().manual_seed(recipe.data.seed + progress.step * 64 + self.process)
        torch.manual_seed(recipe.data.seed + progress.step * 64 + self.process)
        batch = draw_batch(recipe.data, progress.step, self.process, recipe.processes)
        half = torch.autocast("cpu", torch.bfloat16) if recipe.precision == "bf16" else nullcontext()
        with half:
            loss, figures = self.stage.loss(batch, generator)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(self._average_gradients())
        finite = norm == norm and norm != float("inf")
        if finite:
            nn.utils.clip_grads_with_norm_(self.parameters, config.clip, torch.tensor(norm))
            self.optimiser.step()
            decay = min(config.ema, (progress.step + 1) / (progress.step + 10))
            torch._foreach_lerp_(self.ema, [p.detach() for p in self.parameters], 1 - decay)
        figures |= {"loss": float(loss.detach()), "gradient_norm": norm, "skipped": float(not finite)}
        for name, value in figures.items():
            self.sums[name].append(value)

    def _average_gradients(self) -> Tensor:
        """All-reduce one flat buffer; the norm of the averaged gradient."""
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        if self.recipe.processes > 1:
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            dist.all_reduce(flat)
            flat /= self.recipe.processes
            parts = flat.split([gradient.numel() for gradient in gradients])
            for gradient, part in zip(gradients, parts, strict=True):
                gradient.copy_(part.view_as(gradient))
        return nn.utils.get_total_norm(gradients)

    def _agree(self, seconds: float, stop: bool) -> tuple[float, bool]:
        """The first process's clock and whether any process was asked to stop, the same everywhere."""
        if self.recipe.processes == 1:
            return seconds, stop
        flags = torch.tensor([seconds if self.process == 0 else 0.0, float(stop)], dtype=torch.float64)
        dist.all_reduce(flags)
        return float(flags[0]), bool(flags[1] > 0)

    def _log(self, end: bool = False) -> None:
        if self.process:
            self.sums.clear()
            return
        record: dict[str, Any] = {name: sum(values) / len(values) for name, values in self.sums.items()}
        self.sums.clear()
        record |= {
            "step": self.progress.step,
            "samples": self.progress.samples,
            "seconds": round(self.progress.seconds, 1),
            "samples_per_second": round(self.progress.samples / max(self.progress.seconds, 1e-9), 2),
            "learning_rate": self.optimiser.param_groups[0]["lr"],
            "end": end,
        }
        with (self.run / "log.jsonl").open("a") as log:
            log.write(json.dumps(record) + "\n")
        if self.report:
            self.report(record)

    def _save(self) -> None:
        if self.process == 0:
            weights = {name: p.detach() for name, p in zip(self.names, self.parameters, strict=True)}
            ema = dict(zip(self.names, self.ema, strict=True))
            moments = checkpointing.moments_of(self.optimiser, self.optimiser_names)
            checkpointing.save_state(self.run, self.progress, weights, ema, moments, asdict(self.recipe))
            self._save_model(ema)
        if self.recipe.processes > 1:
            dist.barrier()

    def _save_model(self, ema: dict[str, Tensor]) -> None:
        """The averaged weights as a model folder; the training weights come back afterwards."""
        kept = [parameter.detach().clone() for parameter in self.parameters]
        with torch.no_grad():
            for name, parameter in zip(self.names, self.parameters, strict=True):
                parameter.copy_(ema[name])
            self.stage.finish(self._held_out())
            checkpoint.save_model(self.stage.model, self.run / "model", card=self._card())
            for parameter, value in zip(self.parameters, kept, strict=True):
                parameter.copy_(value)

    def _held_out(self) -> Iterator[Any]:
        return (draw_batch(self.recipe.data, HOLD_OUT_STEP + i, 0, 1) for i in range(STATISTICS_BATCHES))

    def _card(self) -> str:
        progress = self.progress
        return (
            f"# {self.recipe.stage}\n\nTrained with `layerize train` on {progress.samples} procedural designs in "
            f"{progress.seconds / 60:.0f} minutes ({self.recipe.processes} processes of one CPU thread, "
            f"{progress.step} steps).\n"
        )

    def _load(self) -> None:
        state = checkpointing.find_state(self.run)
        assert state is not None
        self.progress, weights, ema, moments, _ = checkpointing.load_state(state)
        self.progress.finished = False
        with torch.no_grad():
            for i, name in enumerate(self.names):
                self.parameters[i].copy_(weights[name])
                self.ema[i].copy_(ema[name])
        checkpointing.restore_moments(self.optimiser, self.optimiser_names, moments)
