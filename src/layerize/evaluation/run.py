"""Split a whole dataset with several methods and score every result; resumable, in parallel.

Everything is kept under one folder: ``run.json`` (the settings), ``predictions/METHOD/SAMPLE`` (a stack each, so that
scoring can be repeated), ``results/METHOD/SAMPLE.json`` and ``sheets/METHOD/SAMPLE.webp``. Each file appears whole or
not at all; what is there when a run starts again is not done again.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layerize.errors import CheckpointError, InputError, LayerizeError, MissingExtraError, OutputError, UsageError
from layerize.evaluation.baselines import BASELINES, PREFIX, load_splitter
from layerize.evaluation.case_sheet import case_sheet
from layerize.evaluation.layerd import MAX_EDITS, drop_faint, score_stacks
from layerize.evaluation.samples import Dataset, Problem, Sample, find_samples, on_white, rasters, source_of
from layerize.evaluation.stack_measures import measure
from layerize.formats.atomic import atomic_path
from layerize.formats.manifest import load_folder, save_folder
from layerize.splitter import Splitter
from layerize.stack import LayerStack
from layerize.stack.layer import U8

Result = dict[str, Any]
"""One method's figures on one sample, as in ``results/``."""

FLOOR = 8
"""Alpha below this (of 255) is set to 0 for the second set of figures."""
_SETTINGS = "run.json"
_UNFIT = (CheckpointError, UsageError, MissingExtraError)
"""What makes the whole run impossible, not one sample."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What to evaluate.

    Attributes:
        data: A folder, or ``synth:FIRST-LAST``.
        methods: Model names, folders or ``baseline:...``; the first is the one that the report is about.
        out: Folder of the run.
        limit: Only the first samples.
        jobs: Processes.
        steps: Denoising steps; None for the model's own.
        seed: Of the models' noise.
        true_count: Tell every method the true number of layers.
        device: Where models run.
        resume: Go on with a run that is in ``out`` already.
        split: Only the ``train``, ``val`` or ``test`` samples of an extracted dataset.
    """

    data: str
    methods: tuple[str, ...]
    out: Path
    limit: int | None = None
    jobs: int = 1
    steps: int | None = None
    seed: int = 0
    true_count: bool = False
    device: str = "auto"
    resume: bool = False
    split: str | None = None

    def settings(self) -> dict[str, Any]:
        """What results depend on; a resumed run must have the same."""
        return {
            "data": self.data,
            "split": self.split,
            "methods": list(self.methods),
            "steps": self.steps,
            "seed": self.seed,
            "true_count": self.true_count,
            "alpha_floor": FLOOR,
            "max_edits": MAX_EDITS,
        }


@dataclass(frozen=True)
class Finished:
    """All results of a run, by method and sample, and what went wrong."""

    results: dict[str, dict[str, Result]]
    problems: list[Problem]


@dataclass(frozen=True)
class _Task:
    method: str
    sample: Sample
    config: RunConfig

    def place(self, room: str, suffix: str = "") -> Path:
        return self.config.out / room / method_folder(self.method) / f"{self.sample.name}{suffix}"


def with_baselines(model: str, baselines: bool) -> tuple[str, ...]:
    """The model, and all baselines after it."""
    others = [PREFIX + name for name in BASELINES if baselines and PREFIX + name != model]
    return (model, *others)


def method_folder(method: str) -> str:
    """A method's name as a folder name."""
    return re.sub(r"[^\w.-]+", "-", method).strip("-.") or "model"


def run(config: RunConfig, progress: Callable[[int, int, str], None] | None = None) -> Finished:
    """Evaluate; ``progress`` is told the number of results that are done, of how many, and what was last.

    Raises:
        InputError: There is no dataset, or not one sample of it could be evaluated.
        OutputError: The folder holds something else, or another run.
        UsageError: The options of the run that is to be resumed were others, or make no sense.
        CheckpointError: A model does not exist or fit.
    """
    report = progress or (lambda done, total, what: None)
    dataset = find_samples(config.data, config.limit, config.split)
    _open_folder(config)
    tasks = [_Task(method, sample, config) for method in config.methods for sample in dataset.samples]
    results: dict[str, dict[str, Result]] = {method: {} for method in config.methods}
    waiting = []
    for task in tasks:
        stored = _stored(task)
        if stored is None:
            waiting.append(task)
        else:
            results[task.method][task.sample.name] = stored
    done = len(tasks) - len(waiting)
    report(done, len(tasks), "")
    for task, result in _work(waiting, config.jobs):
        done += 1
        results[task.method][task.sample.name] = result
        report(done, len(tasks), f"{task.method} {task.sample.name}")
    return _finish(dataset, config, results)


def _finish(dataset: Dataset, config: RunConfig, results: dict[str, dict[str, Result]]) -> Finished:
    """Sort failures from figures; a sample that no method could do is named once."""
    problems = list(dataset.problems)
    good: dict[str, dict[str, Result]] = {}
    for method, found in results.items():
        good[method] = {name: found[name] for name in sorted(found) if "error" not in found[name]}
    for sample in dataset.samples:
        errors = {
            method: found[sample.name]["error"] for method, found in results.items() if "error" in found[sample.name]
        }
        if len(errors) == len(results) and len(set(errors.values())) == 1:
            problems.append(Problem(sample.name, next(iter(errors.values()))))
        else:
            problems += [Problem(sample.name, reason, method) for method, reason in errors.items()]
    if not any(good.values()):
        first = problems[0]
        raise InputError(
            f"{config.data}: none of {len(dataset.samples)} samples could be evaluated; "
            f"the first, {first.sample}: {first.reason}"
        )
    return Finished(good, problems)


def _open_folder(config: RunConfig) -> None:
    if config.jobs < 1:
        raise UsageError(f"-j {config.jobs}: must be at least 1.")
    if len({method_folder(method) for method in config.methods}) < len(config.methods):
        raise UsageError(f"methods {', '.join(config.methods)}: two of them would share a folder; name them once each.")
    settings = config.out / _SETTINGS
    if settings.is_file():
        if not config.resume:
            raise OutputError(f"{config.out} holds a run already; go on with --resume, or choose another folder.")
        before, now = json.loads(settings.read_text(encoding="utf-8")), config.settings()
        other = [key for key in now if before.get(key) != now[key]]
        if other:
            told = ", ".join(f"{key} was {before.get(key)!r}" for key in other)
            raise UsageError(
                f"{config.out}: this run cannot be resumed with other options ({told}); use another folder."
            )
        return
    if config.out.exists() and (not config.out.is_dir() or any(config.out.iterdir())):
        raise OutputError(f"{config.out} exists and holds no run; choose another folder.")
    _write_json(settings, config.settings())


def _write_json(path: Path, document: Any) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def _stored(task: _Task) -> Result | None:
    """A finished result; failures are tried again."""
    path = task.place("results", ".json")
    if not path.is_file():
        return None
    result: Result = json.loads(path.read_text(encoding="utf-8"))
    return None if "error" in result else result


def _work(tasks: list[_Task], jobs: int) -> Iterator[tuple[_Task, Result]]:
    if jobs == 1 or len(tasks) < 2:
        for task in tasks:
            yield task, _evaluate(task)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context, initializer=_share, initargs=(jobs,)) as pool:
        running: dict[Future[Result], _Task] = {}
        remaining = iter(tasks)
        try:
            for task in remaining:
                running[pool.submit(_evaluate, task)] = task
                if len(running) >= 2 * jobs:
                    yield from _collect(running)
            while running:
                yield from _collect(running)
        except BrokenProcessPool as error:
            raise LayerizeError(
                "a worker process died (out of memory?); go on with --resume and a smaller -j."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _collect(running: dict[Future[Result], _Task]) -> Iterator[tuple[_Task, Result]]:
    finished, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in finished:
        yield running.pop(future), future.result()


def _share(jobs: int) -> None:
    """Divide the cores among the processes."""
    import cv2
    import torch

    threads = max(1, (os.cpu_count() or 1) // jobs)
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


_splitters: dict[tuple[str, str], Splitter] = {}


def _splitter(method: str, device: str) -> Splitter:
    if (method, device) not in _splitters:
        _splitters.clear()  # one model at a time: they may be large
        _splitters[method, device] = load_splitter(method, device)
    return _splitters[method, device]


def _evaluate(task: _Task) -> Result:
    """One method on one sample; what goes wrong with it becomes its result."""
    try:
        result = _split_and_score(task)
    except MissingExtraError as error:
        raise LayerizeError(str(error)) from None  # it cannot travel between processes as it is
    except _UNFIT:
        raise
    except LayerizeError as error:
        result = {"sample": task.sample.name, "error": str(error)}
    except (OSError, ValueError, ArithmeticError, MemoryError, RuntimeError) as error:
        result = {"sample": task.sample.name, "error": f"{type(error).__name__}: {error}"}
    _write_json(task.place("results", ".json"), result)
    return result


def _split_and_score(task: _Task) -> Result:
    truth = task.sample.load()
    gt = on_white(rasters(truth))
    if len(gt) < 2:
        raise InputError(f"the truth has {len(gt)} visible layer(s); at least 2 are needed.")
    picture = task.sample.picture(truth)
    stack, seconds = _predict(task, picture, len(gt))
    if stack.size != truth.size:
        raise InputError(
            f"the prediction is {stack.size[0]}x{stack.size[1]}, the truth {truth.size[0]}x{truth.size[1]}."
        )
    pred = rasters(stack)
    result = {
        "sample": task.sample.name,
        "source": source_of(task.sample, truth),
        "size": list(truth.size),
        "seconds": seconds,
        **score(pred, gt),
    }
    with atomic_path(task.place("sheets", ".webp")) as temporary:
        case_sheet(picture, pred, gt).save(temporary, "WEBP", quality=60, method=2)
    return result


def _predict(task: _Task, picture_HW4: U8, count: int) -> tuple[LayerStack, float]:
    """The stored prediction, or a new one that is stored."""
    place = task.place("predictions")
    if place.exists():
        stack = load_folder(place)
        return stack, float(stack.metadata.get("seconds", 0.0))
    config = task.config
    splitter = _splitter(task.method, config.device)
    start = time.perf_counter()
    stack = splitter.split(
        picture_HW4, layers=count if config.true_count else None, steps=config.steps, seed=config.seed
    )
    seconds = round(time.perf_counter() - start, 3)
    stack = LayerStack(size=stack.size, layers=stack.layers, metadata=stack.metadata | {"seconds": seconds})
    save_folder(stack, place)
    return stack, seconds


def score(pred: list[U8], gt: list[U8]) -> dict[str, Any]:
    """The protocol's states as they are and after the alpha floor, and all other measures.

    The protocol leaves out samples with a side of one layer. A prediction of one layer is scored here all the same, and
    counted: leaving out what a method could not split would flatter it.
    """
    scored = score_stacks(pred, gt)
    floored = score_stacks(drop_faint(pred, FLOOR), drop_faint(gt, FLOOR))
    figures = {name: _finite(value) for name, value in asdict(measure(scored)).items()}
    return {
        "one_layer": len(pred) < 2,
        "states": [asdict(state) for state in scored.states],
        "floored": [asdict(state) for state in floored.states],
        "measures": figures,
    }


def _finite(value: float | None) -> float | None:
    """JSON knows no infinity: equal pictures have 100 dB."""
    if value is None or np.isfinite(value):
        return value
    return 100.0 if value > 0 else None
