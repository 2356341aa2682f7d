"""Make all variants of a table: in several processes, each output in one step, finished ones kept."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from layerize.errors import LayerizeError, LayerizeWarning, OutputError, UsageError
from layerize.formats import FORMATS, load, save, write_image
from layerize.formats.image_write import IMAGE_EXTENSIONS
from layerize.variants.journal import Journal, Keys
from layerize.variants.recipe import Recipe, edited, lay_out, recipe_of
from layerize.variants.table import Row

if TYPE_CHECKING:
    from layerize.stack import LayerStack

# Fewer variants than this are not worth the second that a further process needs to start.
WORTH_A_PROCESS = 3
THUMBNAIL = 240
"""Longer side of a small picture for the contact sheet, in pixels."""
LAYOUTS_KEPT = 6
"""Laid-out stacks that a process keeps: a campaign has few sizes."""

Status = Literal["made", "kept", "failed"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one row.

    Attributes:
        row: The row.
        status: "made", "kept" (made by an earlier run, nothing has changed) or "failed".
        out: Its file, whether made now or before; None if it failed.
        error: Why it failed.
        warnings: What the person should know.
        seconds: Of work.
    """

    row: Row
    status: Status
    out: Path | None = None
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class _Task:
    row: Row
    recipe: Recipe
    key: str
    out: Path
    thumbnail: Path


class Variants:
    """All variants of a stack by a table; iterate over it to make them, in the order in which they are finished.

    Args:
        stack: A manifest folder or a layered file.
        rows: The table's rows.
        folder: Of the table; pictures are named relative to it.
        out: Folder of the results; made if missing.
        extension: ".png" or another of a flat picture, or one of a layered format such as ".psd".
        jobs: Processes.
        restart: Make finished variants again, too.

    Raises:
        InputError: The stack cannot be read.
        OutputError: Unknown extension, or the folder cannot be written.
        UsageError: ``jobs`` below 1.
    """

    def __init__(
        self,
        stack: Path,
        rows: list[Row],
        *,
        folder: Path,
        out: Path,
        extension: str = ".png",
        jobs: int = 1,
        restart: bool = False,
    ) -> None:
        if jobs < 1:
            raise UsageError(f"-j {jobs}: must be at least 1.")
        if extension not in (*IMAGE_EXTENSIONS, *FORMATS):
            known = ", ".join(dict.fromkeys((*IMAGE_EXTENSIONS, *FORMATS)))
            raise OutputError(f"unknown extension {extension!r}; use one of {known}.")
        self._loaded: LayerStack | None = load(stack)  # a broken one is an error of the whole run, not of every row
        self.rows, self.out, self._stack = rows, out, stack
        self.journal = Journal(out)
        self._outcomes: list[Outcome] = []
        self._tasks: list[_Task] = []
        keys = Keys(stack, extension)
        for row in rows:
            self._plan(row, folder, keys, extension, restart)
        self._jobs = max(1, min(jobs, len(self._tasks) // WORTH_A_PROCESS))
        if self._jobs > 1:
            self._loaded = None  # every process loads its own

    def __iter__(self) -> Iterator[Outcome]:
        yield from self._outcomes
        work = self._alone() if self._jobs == 1 else self._together()
        for task, outcome in work:
            if outcome.status == "made":
                self.journal.add(task.row.name, task.key, task.out)
            yield outcome

    def _plan(self, row: Row, folder: Path, keys: Keys, extension: str, restart: bool) -> None:
        try:
            if row.problem is not None:
                raise UsageError(row.problem)
            recipe = recipe_of(row, folder)
            key = keys.of(recipe)
        except LayerizeError as error:
            self._outcomes.append(Outcome(row=row, status="failed", error=str(error)))
            return
        out = self.out / f"{row.name}{extension}"
        if not restart and self.journal.is_done(row.name, key):
            self._outcomes.append(Outcome(row=row, status="kept", out=out))
        else:
            self._tasks.append(_Task(row, recipe, key, out, self.journal.thumbnail(row.name)))

    def _alone(self) -> Iterator[tuple[_Task, Outcome]]:
        for task in self._tasks:
            yield task, _make(task, self._loaded)

    def _together(self) -> Iterator[tuple[_Task, Outcome]]:
        context = multiprocessing.get_context("spawn")
        start = ProcessPoolExecutor(self._jobs, mp_context=context, initializer=_start, initargs=(self._stack,))
        with start as pool:
            futures: dict[Future[Outcome], _Task] = {pool.submit(_make, task): task for task in self._tasks}
            try:
                for future in as_completed(futures):
                    try:
                        outcome = future.result()
                    except BrokenProcessPool:
                        text = "a worker process died (out of memory?); run it again with a smaller -j."
                        outcome = Outcome(row=futures[future].row, status="failed", error=text)
                    yield futures[future], outcome
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


_loaded: LayerStack | None = None
"""The stack of a worker process."""


def _start(path: Path) -> None:
    """Processes are the parallelism; OpenCV's threads would only get in each other's way."""
    global _loaded
    import cv2

    cv2.setNumThreads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerizeWarning)
        _loaded = load(path)


@lru_cache(maxsize=LAYOUTS_KEPT)
def _laid_out(stack: LayerStack, size: tuple[int, int], rules: tuple[tuple[str, str, str], ...]) -> LayerStack:
    return lay_out(stack, Recipe(size=size, rules=rules))


def _make(task: _Task, stack: LayerStack | None = None) -> Outcome:
    """Make one variant; every mistake of a row is a failed outcome, and nothing is written then."""
    start = time.perf_counter()
    base = stack or _loaded
    assert base is not None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LayerizeWarning)
        try:
            if task.recipe.size is not None:
                base = _laid_out(base, task.recipe.size, task.recipe.rules)
            _write(edited(base, task.recipe), task)
            status: Status = "made"
            error = None
        except Exception as problem:  # whatever is wrong with a row, the others still run
            status, error = "failed", _reason(problem)
    texts = list(dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, LayerizeWarning)))
    out = task.out if status == "made" else None
    seconds = time.perf_counter() - start
    return Outcome(row=task.row, status=status, out=out, error=error, warnings=texts, seconds=seconds)


def _reason(problem: Exception) -> str:
    if isinstance(problem, MemoryError):
        return "out of memory; use fewer processes (-j)."
    if isinstance(problem, LayerizeError | OSError):
        return str(problem)
    return f"internal error, {type(problem).__name__}: {problem} (please report it)"


def _write(stack: LayerStack, task: _Task) -> None:
    from PIL import Image

    from layerize.stack import flatten

    flat = flatten(stack)
    if task.out.suffix in IMAGE_EXTENSIONS:
        write_image(flat, task.out)
    else:
        save(stack, task.out)
    small = Image.fromarray(flat)
    small.thumbnail((THUMBNAIL, THUMBNAIL), reducing_gap=2.0)
    paper = Image.new("RGBA", small.size, (255, 255, 255, 255))
    paper.alpha_composite(small)
    paper.convert("RGB").save(task.thumbnail, quality=88)
