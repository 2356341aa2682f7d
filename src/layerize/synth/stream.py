"""An endless, resumable stream of batches of designs, drawn in worker processes.

Batch ``i`` depends on the seed, the sizes, the config and ``i`` only: not on the number of workers, nor on the start.
"""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt

from layerize.errors import LayerizeError, UsageError
from layerize.synth.config import DesignConfig
from layerize.synth.design import TRAIN_SEED_START, draw_design
from layerize.synth.dice import Dice
from layerize.synth.elements import ElementBank

U8: TypeAlias = npt.NDArray[np.uint8]
Size: TypeAlias = tuple[int, int]

_AHEAD = 4
"""Batches that each worker may finish before they are asked for."""

_PATIENCE = 0.5
"""Seconds between two checks that a worker still lives."""

_FAREWELL = 5.0
"""Seconds that a worker gets to end by itself."""


class DesignBatch(TypedDict):
    """Designs of one size.

    ``image``: ``u8`` (B, H, W, 3). ``layers``: ``u8`` (B, K, H, W, 4), straight RGBA bottom to top, zero above each
    design's count. ``count``: int64 (B,). ``captions``: B sentences. ``seeds``: int64 (B,).
    """

    image: U8
    layers: U8
    count: npt.NDArray[np.int64]
    captions: list[str]
    seeds: npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class _Plan:
    batch_size: int
    sizes: tuple[Size, ...]
    seed: int
    config: DesignConfig
    elements: ElementBank | None = None


def design_batches(
    *,
    batch_size: int,
    sizes: Sequence[Size] = ((128, 128),),
    seed: int = TRAIN_SEED_START,
    config: DesignConfig | None = None,
    elements: ElementBank | None = None,
    workers: int = 0,
    start: int = 0,
) -> Iterator[DesignBatch]:
    """Batches without end. Close the iterator (or let it go) to end the workers.

    Args:
        batch_size: Designs per batch.
        sizes: (width, height); each batch has one of them, equally likely.
        seed: The first design's seed; batch i uses ``seed + i * batch_size`` and the ``batch_size - 1`` after it.
        config: Difficulty and variety.
        elements: Real cut-outs to use besides the drawn ones.
        workers: Processes that draw; 0 draws in this one.
        start: Index of the first batch, to go on where a run ended.

    Raises:
        UsageError: An argument is out of range.
        LayerizeError: A worker process died.
    """
    if batch_size < 1 or workers < 0 or start < 0 or not sizes:
        raise UsageError(
            f"batch_size is {batch_size}, workers {workers}, start {start}, sizes {list(sizes)}; "
            "allowed: at least 1, 0, 0 and one size."
        )
    plan = _Plan(
        batch_size=batch_size, sizes=tuple(sizes), seed=seed, config=config or DesignConfig(), elements=elements
    )
    return _in_workers(plan, workers, start) if workers else _inline(plan, start)


def draw_batch(plan: _Plan, index: int) -> DesignBatch:
    """Batch ``index`` of a plan."""
    size = Dice(f"size {plan.seed} {index}").pick(plan.sizes)
    seeds = [plan.seed + index * plan.batch_size + i for i in range(plan.batch_size)]
    designs = [draw_design(seed, size, plan.config, plan.elements) for seed in seeds]
    count = np.array([len(design.names) for design in designs], np.int64)
    layers = np.zeros((plan.batch_size, int(count.max()), size[1], size[0], 4), np.uint8)
    for target, design in zip(layers, designs, strict=True):
        target[: len(design.names)] = design.layers_u8_KHW4
    return DesignBatch(
        image=np.stack([design.image_u8_HW3 for design in designs]),
        layers=layers,
        count=count,
        captions=[design.caption for design in designs],
        seeds=np.array(seeds, np.int64),
    )


def _inline(plan: _Plan, start: int) -> Iterator[DesignBatch]:
    index = start
    while True:
        yield draw_batch(plan, index)
        index += 1


def _work(plan: _Plan, first: int, step: int, out: Any, stop: Any) -> None:
    """Body of a worker: every ``step``-th batch, until told to stop; an error travels to the reader."""
    index = first
    while not stop.is_set():
        try:
            made: DesignBatch | Exception = draw_batch(plan, index)
        except Exception as error:
            made = error
        while not stop.is_set():
            try:
                out.put(made, timeout=_PATIENCE)
                break
            except queue.Full:
                continue
        if isinstance(made, Exception):
            return
        index += step
    out.cancel_join_thread()


def _in_workers(plan: _Plan, workers: int, start: int) -> Iterator[DesignBatch]:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    queues = [context.Queue(_AHEAD) for _ in range(workers)]
    processes = [
        context.Process(
            target=_work, args=(plan, start + i, workers, queues[i], stop), daemon=True, name=f"designs-{i}"
        )
        for i in range(workers)
    ]
    for process in processes:
        process.start()
    try:
        turn = 0
        while True:
            yield _receive(queues[turn], processes[turn])
            turn = (turn + 1) % workers
    finally:
        stop.set()
        for process, waiting in zip(processes, queues, strict=True):
            _end(process, waiting)


def _receive(waiting: Any, process: BaseProcess) -> DesignBatch:
    while True:
        alive = process.is_alive()
        try:
            made = waiting.get(timeout=_PATIENCE)
        except queue.Empty:
            if alive:
                continue
            raise LayerizeError(
                f"The process {process.name} that draws designs ended with exit code {process.exitcode}; "
                "start again with the index of the batch."
            ) from None
        if isinstance(made, Exception):
            raise made
        result: DesignBatch = made
        return result


def _end(process: BaseProcess, waiting: Any) -> None:
    waiting.cancel_join_thread()
    while process.is_alive():
        try:
            waiting.get_nowait()
        except queue.Empty:
            break
    process.join(_FAREWELL)
    if process.is_alive():
        process.terminate()
        process.join(_FAREWELL)
    waiting.close()
