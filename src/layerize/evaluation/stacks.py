"""Two folders of stacks, predictions and truth, compared sample by sample, over several processes.

Nothing is skipped silently: every sample that could not be scored is named with its reason.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2

from layerize.errors import InputError, LayerizeError, MissingExtraError, UsageError
from layerize.evaluation.layerd import MAX_EDITS, Scored, State, aggregate, check_sizes, drop_faint, score_stacks
from layerize.evaluation.stack_files import find_samples, read_layers
from layerize.evaluation.stack_measures import Distance, StackMeasures, count_confusion, measure, summarise
from layerize.stack.layer import U8

DEFAULT_FLOOR = 8
"""Alpha below this (of 255) counts as nothing in the second scoring; the same level at which refine drops alpha."""

_PER_TASK = 4  # samples that a process scores before it reports
_WORTH_A_PROCESS = 8  # a new process takes about as long to start as so many samples to score


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """What to compute.

    Attributes:
        max_edits: Merges the protocol may make.
        floor: Alpha below this is dropped in a second scoring; 0 for no second scoring.
        measures: Also compute what the protocol leaves out.
        lpips_weights: Weight files for LPIPS of the composites; empty: no LPIPS.
    """

    max_edits: int = MAX_EDITS
    floor: int = DEFAULT_FLOOR
    measures: bool = True
    lpips_weights: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.max_edits < 0 or not 0 <= self.floor <= 255:
            raise UsageError(
                f"{self.max_edits} merges and an alpha floor of {self.floor} were asked for; merges must be at least 0 "
                "and the floor 0 to 255."
            )


@dataclass(frozen=True, kw_only=True)
class SampleResult:
    """One sample: its scores, or why it has none.

    Attributes:
        name: Of its folder.
        states: The protocol's scores per number of merges, empty if skipped.
        floored: The same after the alpha floor on both sides.
        measures: What the protocol leaves out, if asked for.
        odd: Things that a person should know about its files.
        skipped: The reason, or None.
    """

    name: str
    states: list[State] = field(default_factory=list)
    floored: list[State] = field(default_factory=list)
    measures: StackMeasures | None = None
    odd: list[str] = field(default_factory=list)
    skipped: str | None = None


@dataclass(frozen=True)
class _Task:
    name: str
    pred: Path | None
    gt: Path | None
    options: StackOptions


class StackEvaluation:
    """An evaluation of two folders: iterate over it for its results, then ask for the report.

    Args:
        pred: One folder of layers per sample.
        gt: As ``pred``; samples belong together by name.
        options: What to compute.
        jobs: Processes.

    Raises:
        InputError: A folder is missing or there is no sample at all.
        MissingExtraError: Measures need scipy.
        CheckpointError: The LPIPS weights do not fit.
    """

    def __init__(self, pred: Path, gt: Path, options: StackOptions | None = None, *, jobs: int = 1) -> None:
        self.options = options or StackOptions()
        if self.options.measures and find_spec("scipy") is None:
            raise MissingExtraError("Matching layers one to one", "scipy", "eval")
        _lpips(self.options.lpips_weights)  # broken weights are an error of the whole evaluation, not of each sample
        found, true = find_samples(pred), find_samples(gt)
        self.odd = found.odd + true.odd
        names = sorted(found.samples.keys() | true.samples.keys())
        if not names:
            raise InputError(f"{pred} and {gt} hold no sample folders, so there is nothing to evaluate.")
        self._tasks = [_Task(name, found.samples.get(name), true.samples.get(name), self.options) for name in names]
        self.jobs = max(1, min(jobs, len(names) // _WORTH_A_PROCESS))
        self.results: list[SampleResult] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[SampleResult]:
        self.results.clear()
        for result in self._run():
            self.results.append(result)
            yield result

    def _run(self) -> Iterator[SampleResult]:
        if self.jobs == 1:
            yield from map(_evaluate, self._tasks)
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.jobs, mp_context=context, initializer=_one_thread) as pool:
            try:
                yield from pool.map(_evaluate, self._tasks, chunksize=_PER_TASK)
            except BrokenProcessPool as error:
                raise LayerizeError(
                    "a worker process died (out of memory?); run it again with a smaller -j."
                ) from error
            finally:
                pool.shutdown(cancel_futures=True)

    def report(self) -> dict[str, Any]:
        """The whole result, JSON-able; ``samples`` and ``aggregate`` have the schema of LayerD's evaluator.

        Raises:
            InputError: Not one sample could be scored; the message gives the first reasons.
        """
        scored = [result for result in self.results if result.skipped is None]
        skipped = [result for result in self.results if result.skipped is not None]
        if not scored:
            reasons = "; ".join(f"{result.name}: {result.skipped}" for result in skipped[:3])
            raise InputError(f"none of {len(skipped)} samples could be scored ({reasons}), so there is no result.")
        floor, measured = self.options.floor, {r.name: r.measures for r in scored if r.measures is not None}
        return {
            **_protocol({result.name: result.states for result in scored}, self.options.max_edits),
            "floor": {
                "alpha": floor,
                **_protocol({result.name: result.floored for result in scored}, self.options.max_edits),
            }
            if floor
            else None,
            "measures": {
                "mean": summarise(list(measured.values())),
                "count_confusion": count_confusion(list(measured.values())),
                "samples": {name: asdict(sample) for name, sample in measured.items()},
            }
            if measured
            else None,
            "skipped": [{"sample": result.name, "reason": result.skipped} for result in skipped],
            "odd": self.odd + [note for result in self.results for note in result.odd],
        }


def _protocol(samples: dict[str, list[State]], max_edits: int) -> dict[str, Any]:
    return {
        "samples": {name: [asdict(state) for state in states] for name, states in samples.items()},
        "aggregate": aggregate(list(samples.values()), max_edits=max_edits),
    }


def evaluate_layers(pred: Sequence[U8], gt: Sequence[U8], options: StackOptions) -> SampleResult:
    """One sample from its layers, ``u8`` (H, W, 4) bottom to top, straight alpha; the name stays empty.

    Raises:
        InputError: A side is empty or the sizes differ.
    """
    scored = score_stacks(pred, gt, max_edits=options.max_edits)
    return SampleResult(
        name="",
        states=scored.states,
        floored=_floored(pred, gt, scored, options) if options.floor else [],
        measures=measure(scored, lpips=_lpips(options.lpips_weights)) if options.measures else None,
    )


def _floored(pred: Sequence[U8], gt: Sequence[U8], scored: Scored, options: StackOptions) -> list[State]:
    """The protocol once more without faint alpha; the same result where there was none."""
    kept_pred, kept_gt = drop_faint(pred, options.floor), drop_faint(gt, options.floor)
    if all(a is b for a, b in zip((*kept_pred, *kept_gt), (*pred, *gt), strict=True)):
        return scored.states
    return score_stacks(kept_pred, kept_gt, max_edits=options.max_edits).states


def _evaluate(task: _Task) -> SampleResult:
    odd: list[str] = []
    try:
        sides = []
        for folder, what in ((task.pred, "prediction"), (task.gt, "ground truth")):
            if folder is None:
                return SampleResult(name=task.name, skipped=f"no {what} of that name")
            layers, notes = read_layers(folder)
            odd += notes
            sides.append(layers)
        pred, gt = sides
        if min(len(pred), len(gt)) < 2:
            reason = f"{len(pred)} predicted and {len(gt)} true layers; the protocol needs at least 2 of both"
            return SampleResult(name=task.name, odd=odd, skipped=reason)
        check_sizes(pred, gt)
        result = evaluate_layers(pred, gt, task.options)
    except (LayerizeError, OSError) as error:
        return SampleResult(name=task.name, odd=odd, skipped=str(error))
    return SampleResult(name=task.name, states=result.states, floored=result.floored, measures=result.measures, odd=odd)


@cache
def _lpips(files: tuple[Path, ...]) -> Distance | None:
    if not files:
        return None
    from layerize.evaluation.lpips import load_lpips

    return load_lpips(files).distance_u8


def _one_thread() -> None:
    """Processes are the parallelism; OpenCV's and torch's threads would only get in each other's way."""
    cv2.setNumThreads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
