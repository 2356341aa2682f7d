"""One process of a run: steps, checkpoints, log. All processes do the same, and agree on when to stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor

from layerize.errors import LayerizeError
from layerize.models.config_json import config_to_dict
from layerize.training import checkpointing, finished
from layerize.training.batches import HOLD_OUT_BATCH, Batch, Source, batch_number, batches
from layerize.training.checkpointing import SavedState
from layerize.training.log import Log, Report
from layerize.training.perceptual import Networks
from layerize.training.processes import Processes, local
from layerize.training.recipe import Recipe
from layerize.training.schedule import Budget, learning_rate_factor
from layerize.training.sharding import shard
from layerize.training.sources import open_source
from layerize.training.stages import Stage, build_stage

STATISTICS_BATCHES = 8

Validate = Callable[[Path, Path, int], Mapping[str, float]]
"""(model folder, run folder, step) to figures; called by the first process, may write sheets into the run."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the caller, not the recipe, decides; must travel to other processes.

    Attributes:
        budget: When the run ends.
        max_steps: Stop after this many steps in all; 0 for no limit.
        state: Go on from this state; None begins anew.
        log_seconds: Between two lines of the log; 0 logs every step.
        validate: Looks at the model every ``validation_minutes``.
        networks: Perceptual networks beside the built-in one.
    """

    budget: Budget
    max_steps: int = 0
    state: Path | None = None
    log_seconds: float = 15.0
    validate: Validate | None = None
    networks: Networks = field(default_factory=dict)


class Worker:
    """Trains until the budget is spent or a signal asks to stop."""

    def __init__(
        self, recipe: Recipe, run: Path, processes: Processes, settings: Settings, report: Report | None
    ) -> None:
        self.recipe, self.run, self.processes, self.settings = recipe, run, processes, settings
        if processes.device.type == "cpu":
            torch.set_num_threads(1 if processes.count > 1 else torch.get_num_threads())
        else:
            torch.backends.cuda.matmul.allow_tf32 = True
        torch.manual_seed(recipe.data.seed)  # every process starts from the same weights
        self.stage: Stage = build_stage(recipe, settings.networks).to(processes.device)
        self.sharded = recipe.sharding == "full" and processes.count > 1
        if self.sharded:
            shard(self.stage, processes)
        self.source: Source = open_source(recipe.data)
        self.names = [name for name, _ in self.stage.trainable()]
        self.parameters = [parameter for _, parameter in self.stage.trainable()]
        self.ema = [parameter.detach().clone() for parameter in self.parameters]
        self.optimiser, self.optimiser_names = self._build_optimiser()
        self.progress = checkpointing.Progress()
        self.log = Log(run, writes=processes.first, report=report)
        self.stopping = False
        self._named_bad: set[str] = set()
        if settings.state is not None:
            self._load(SavedState(settings.state))

    def _build_optimiser(self) -> tuple[torch.optim.AdamW, list[str]]:
        """AdamW with weight decay on matrices only, and the names of its parameters in its own order."""
        config = self.recipe.optimiser
        matrices = [(name, p) for name, p in self.stage.trainable() if p.ndim > 1]
        others = [(name, p) for name, p in self.stage.trainable() if p.ndim <= 1]
        groups = [
            {"params": [p for _, p in matrices], "weight_decay": config.weight_decay},
            {"params": [p for _, p in others], "weight_decay": 0.0},
        ]
        fused = not self.sharded
        optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, eps=1e-8, fused=fused)
        return optimiser, [name for name, _ in (*matrices, *others)]

    def run_to_end(self) -> None:
        """Train, save, log; a request to stop (SIGTERM, Ctrl-C) saves first."""
        numbers = (signal.SIGTERM, signal.SIGINT)
        previous = {number: signal.signal(number, self._ask_to_stop) for number in numbers}
        try:
            self._steps()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            self.log.close()

    def _ask_to_stop(self, *_: Any) -> None:
        self.stopping = True

    def _steps(self) -> None:
        recipe, progress, budget = self.recipe, self.progress, self.settings.budget
        begun, before = time.monotonic(), progress.seconds
        logged = saved = validated = before
        per_step = self.processes.count * recipe.optimiser.accumulate * recipe.data.batch_size
        ahead = batches(self.source, self._keys(progress.step), recipe.data.workers)
        self.log.begin(progress.samples)
        while True:
            progress.seconds = before + time.monotonic() - begun
            # by the first process's clock: a process that saves alone would wait for the others forever
            seconds, stop = self.processes.total(progress.seconds * self.processes.first, float(self.stopping))
            share = budget.share(seconds - (progress.released_at or 0.0), progress.samples)
            if stop or share >= 1 or 0 < self.settings.max_steps <= progress.step:
                break
            self._step(share, ahead)
            progress.step += 1
            progress.samples += per_step
            if seconds - logged >= self.settings.log_seconds:
                self._write_log()
                logged = seconds
            validating = recipe.validation_minutes and seconds - validated > recipe.validation_minutes * 60
            if validating or seconds - saved > recipe.checkpoint_minutes * 60:
                self._save_or_warn()
                saved = seconds
            if validating:
                self._validate()
                validated = seconds
        progress.finished = not stop
        self._save()
        if recipe.validation_minutes:
            self._validate()
        self._write_log(end=True)

    def _keys(self, first_step: int) -> Iterator[tuple[int, bool]]:
        """Number of every batch that this process needs, and whether it is one of the easy first ones."""
        accumulate, step = self.recipe.optimiser.accumulate, first_step
        while True:
            for part in range(accumulate):
                number = batch_number(step, self.processes.index, self.processes.count, accumulate, part)
                yield number, step < self.recipe.data.easy_steps
            step += 1

    def _step(self, share: float, ahead: Iterator[Batch]) -> None:
        recipe, progress = self.recipe, self.progress
        config = recipe.optimiser
        factor = learning_rate_factor(config, progress.step, share, self.settings.budget)
        for group in self.optimiser.param_groups:
            group["lr"] = config.learning_rate * factor
        task = self.stage.task_of(progress.step)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self._gradients(task, ahead)
        norm = self._average_gradients()
        loss = self.processes.total(loss)[0] / self.processes.count
        taken = progress.guard.admits(config, progress.step, task, loss, norm)
        if taken:
            gradients = [local(p.grad) for p in self.parameters if p.grad is not None]
            torch._foreach_mul_(gradients, min(1.0, config.clip / (norm + 1e-6)))
            self.optimiser.step()
            decay = min(config.ema, (progress.step + 1) / (progress.step + 10))
            current = [local(p.detach()) for p in self.parameters]
            torch._foreach_lerp_([local(average) for average in self.ema], current, 1 - decay)
        own = "" if task == recipe.stage else f"{task}/"
        self.log.add({f"{own}loss": loss, f"{own}gradient_norm": norm, "skipped": float(not taken)})

    def _gradients(self, task: str, ahead: Iterator[Batch]) -> float:
        """Accumulate gradients of all batches of the step; their mean loss in this process."""
        recipe, total = self.recipe, 0.0
        accumulate = recipe.optimiser.accumulate
        own = "" if task == recipe.stage else f"{task}/"
        for part in range(accumulate):
            number = batch_number(self.progress.step, self.processes.index, self.processes.count, accumulate, part)
            batch = next(ahead)
            self._name_bad(batch)
            torch.manual_seed(recipe.data.seed + number)  # for dropout; all else draws from the generator
            generator = torch.Generator().manual_seed(recipe.data.seed + number)
            with self._autocast():
                loss, figures = self.stage(task, batch.to(self.processes.device), generator)
            (loss / accumulate).backward()
            total += float(loss.detach()) / accumulate
            values = torch.stack([value.float() for value in figures.values()]).tolist()  # one wait for the device
            self.log.add({f"{own}{name}": value for name, value in zip(figures, values, strict=True)})
        return total

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.recipe.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.processes.device.type, torch.bfloat16)

    def _average_gradients(self) -> float:
        """The norm of the gradient, averaged over all processes (sharded ones already are).

        What no process has a gradient for stays without one, so that the optimiser leaves it alone: zeros would move a
        part that only a mixed-in task trains at every other step, by what is left of its momentum.
        """
        used = self.processes.total(*(float(parameter.grad is not None) for parameter in self.parameters))
        for parameter, processes in zip(self.parameters, used, strict=True):
            if parameter.grad is None and processes:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        if not self.sharded:
            self.processes.average_(gradients)
        norm = nn.utils.get_total_norm(gradients)
        return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)

    def _name_bad(self, batch: Batch) -> None:
        """Say once which samples of the dataset could not be read; others take their places."""
        for name, reason in batch.bad:
            if name not in self._named_bad:
                self._named_bad.add(name)
                self.log.note(self.progress.step, {"quarantined": name, "reason": reason})
                with (self.run / "quarantine.tsv").open("a", encoding="utf-8") as listed:
                    listed.write(f"{name}\t{' '.join(reason.split())}\n")

    def _write_log(self, end: bool = False) -> None:
        self.log.write(self.progress, self.optimiser.param_groups[0]["lr"], end=end)

    def _save_or_warn(self) -> None:
        try:
            self._save()
        except LayerizeError as error:
            self.log.note(self.progress.step, {"warning": f"{error} Training goes on."})

    def _save(self) -> None:
        weights = {name: p.detach() for name, p in zip(self.names, self.parameters, strict=True)}
        ema = dict(zip(self.names, self.ema, strict=True))
        moments = checkpointing.moments_of(self.optimiser, self.optimiser_names)
        tensors = {"weights": weights, "ema": ema, "optimiser": moments}
        checkpointing.save_state(self.run, self.progress, tensors, self._about(), self.processes)
        finished.save_finished(self, ema)
        self.processes.wait()

    def _about(self) -> dict[str, Any]:
        """What makes a state explain itself. All randomness follows from the seed and the step."""
        model = self.stage.model
        return {
            "recipe": asdict(self.recipe),
            "model": {"class": type(model).__name__, "config": config_to_dict(model.config)},
            "loader": {"next_step": self.progress.step, "processes": self.processes.count},
            "random": {"seed": self.recipe.data.seed, "rule": "seed + number of the batch"},
            "metrics": self.log.last,
        }

    def held_out(self) -> Iterator[Batch]:
        """Batches that no step trains on."""
        return (self.source.batch(HOLD_OUT_BATCH + i, False) for i in range(STATISTICS_BATCHES))

    def _validate(self) -> None:
        if self.processes.first and self.settings.validate is not None:
            try:
                figures = self.settings.validate(self.run / "model", self.run, self.progress.step)
                self.log.note(self.progress.step, {f"val/{name}": value for name, value in figures.items()})
            except LayerizeError as error:
                self.log.note(self.progress.step, {"warning": f"validation failed: {error}"})
        self.processes.wait()

    def _load(self, state: SavedState) -> None:
        state.check(dict(zip(self.names, self.parameters, strict=True)), f"this recipe's {self.recipe.model}")
        self.progress = state.progress
        self.progress.finished = False
        if self.settings.budget.release and self.progress.released_at is None:
            self.progress.released_at = self.progress.seconds
        for name, parameter, average in zip(self.names, self.parameters, self.ema, strict=True):
            checkpointing.fill(parameter, state.read("weights", name))
            checkpointing.fill(average, state.read("ema", name))
        checkpointing.restore_moments(self.optimiser, self.optimiser_names, state)
