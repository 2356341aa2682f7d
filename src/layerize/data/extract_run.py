"""A whole dataset: find the files, extract what is not yet there, reject duplicates, caption, split.

Every step can be killed at any moment and goes on where it stopped: the index holds one line per finished file.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from layerize import __version__
from layerize.data.captioner import Captioner, caption_samples
from layerize.data.dataset_folder import DatasetFolder, IndexEntry
from layerize.data.expression import parse_expression
from layerize.data.extract import PRELOAD, ExtractOptions, extract_job, failed_entry
from layerize.data.filters import check_names
from layerize.data.isolated import Limits, Outcome, run_isolated
from layerize.data.near_duplicates import reject_duplicates
from layerize.data.sources import SourceFile, find_sources, hashed
from layerize.data.splits import DEFAULT_SHARES, split_of
from layerize.errors import MissingExtraError, UsageError

NEEDED = ("imagehash", "resvg_py", "defusedxml")
"""Packages of the extra ``data`` without which every file, or every SVG, would fail one by one."""

Report = Callable[[int, int, str, str], None]
"""(finished files, all files, the file's name, what became of it)."""


class Runner(Protocol):
    """Calls ``extract_job`` on jobs somewhere and yields (index of the job, outcome) as they end."""

    def __call__(self, jobs: Iterable[dict[str, Any]], limits: Limits) -> Iterator[tuple[int, Outcome]]: ...


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run is done; nothing here changes a sample, so a run may go on with other values.

    Attributes:
        workers: Processes on this machine.
        limits: Time and memory per file.
        licence: SPDX of files whose source says none.
        restart: Throw the dataset in the folder away first.
        retry: Extract again what failed (did not end) the last time.
        shares: Percent of the repositories for train, val, test.
    """

    workers: int = 1
    limits: Limits = field(default_factory=Limits)
    licence: str = ""
    restart: bool = False
    retry: bool = False
    shares: tuple[int, int, int] = DEFAULT_SHARES


def extract_dataset(
    sources: Sequence[Path],
    out: Path,
    options: ExtractOptions,
    run: RunOptions | None = None,
    *,
    runner: Runner | None = None,
    captioner: Captioner | None = None,
    report: Report | None = None,
) -> list[IndexEntry]:
    """Extract all design files of the sources into a dataset.

    Args:
        sources: Folders and files (``sources.find_sources``).
        out: The dataset's folder: new, empty, or one that was made with the same options.
        options: What decides how samples look.
        run: How it is done.
        runner: Where files are extracted; default: processes on this machine.
        captioner: Writes captions of the accepted samples; default: those made from names, texts and colours stay.
        report: Told after every file.

    Returns:
        The index, old entries first.

    Raises:
        UsageError: A filter cannot be read, or the dataset was made with other options.
        InputError: A source does not exist or its index is damaged.
        OutputError: The folder cannot be written.
        MissingExtraError: The extra ``data`` is not installed.
    """
    for package in NEEDED:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError("Extracting design files", package, "data")
    run = run or RunOptions()
    for text in options.filters:
        parse_expression(text)
    check_names(options.skip)
    files = find_sources(sources, licence=run.licence)
    dataset = _prepared(DatasetFolder(out), options, restart=run.restart)
    with dataset.locked():
        dataset.sweep()
        _extract_missing(dataset, files, options, run, runner, report or _silent)
        _finish(dataset, files, options, run)
        if captioner is not None:
            caption_samples(dataset, captioner)
        return dataset.entries()


def pool_runner(workers: int) -> Runner:
    """Processes on this machine, one per file."""

    def runner(jobs: Iterable[dict[str, Any]], limits: Limits) -> Iterator[tuple[int, Outcome]]:
        return run_isolated(extract_job, jobs, workers=workers, limits=limits, preload=PRELOAD)

    return runner


def _silent(done: int, total: int, name: str, status: str) -> None: ...


def _prepared(dataset: DatasetFolder, options: ExtractOptions, *, restart: bool) -> DatasetFolder:
    """The folder with a dataset of these options in it."""
    if dataset.exists and restart:
        dataset.clear()
    if not dataset.exists:
        dataset.create(options.to_json(), f"layerize {__version__}")
        return dataset
    before, now = dataset.options(), options.to_json()
    changed = [key for key in now if before.get(key) != now[key]]
    if changed:
        listed = ", ".join(f"{key} was {before.get(key)!r}, is {now[key]!r}" for key in changed)
        raise UsageError(
            f"{dataset.root} was made with other options ({listed}); use the same, choose another folder, or begin "
            "again with --restart."
        )
    return dataset


def _extract_missing(
    dataset: DatasetFolder,
    files: Sequence[SourceFile],
    options: ExtractOptions,
    run: RunOptions,
    runner: Runner | None,
    report: Report,
) -> None:
    """Extract every file that the index does not have with this content, one line of the index after the other."""
    entries = [entry for entry in dataset.entries() if not (run.retry and entry.status == "failed")]
    dataset.rewrite(entries)
    plan = _plan(files, entries)
    for _, name in plan:
        dataset.discard(name)  # of a run that was killed between writing a sample and its line
    root = str(dataset.root.resolve())
    jobs = [
        {"source": source.to_json(), "options": options.to_json(), "root": root, "id": name} for source, name in plan
    ]
    done = len(files) - len(plan)
    for index, outcome in (runner or pool_runner(run.workers))(jobs, run.limits):
        entry = _entry_of(*plan[index], outcome)
        dataset.append(entry)
        done += 1
        report(done, len(files), entry.source, entry.status)


def _plan(files: Sequence[SourceFile], entries: Sequence[IndexEntry]) -> list[tuple[SourceFile, str]]:
    """The files that are still to be extracted, and the ids of their samples."""
    known = {(entry.source, entry.sha256) for entry in entries}
    names = {entry.id for entry in entries}
    plan: list[tuple[SourceFile, str]] = []
    for file in files:
        source = hashed(file)
        if (source.source, source.sha256) in known:
            continue
        known.add((source.source, source.sha256))
        numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
        name = next(name for number in numbers if (name := f"{source.id}{number}") not in names)
        names.add(name)
        plan.append((source, name))
    return plan


def _entry_of(source: SourceFile, name: str, outcome: Outcome) -> IndexEntry:
    if outcome.value is not None:
        return IndexEntry.model_validate(outcome.value)
    entry = failed_entry(source, name, outcome.failure, outcome.message)
    return entry.model_copy(update={"seconds": round(outcome.seconds, 3)})


def _finish(dataset: DatasetFolder, files: Sequence[SourceFile], options: ExtractOptions, run: RunOptions) -> None:
    """What needs the whole dataset: the order of the sources, however their files ended; duplicates; splits."""
    place = {file.source: index for index, file in enumerate(files)}
    entries = sorted(dataset.entries(), key=lambda entry: place.get(entry.source, -1))
    entries = reject_duplicates(entries, skip=options.skip)
    entries = [entry.model_copy(update={"split": split_of(entry.repository, run.shares)}) for entry in entries]
    dataset.rewrite(entries)
    for entry in entries:
        if entry.status != "accepted":
            dataset.discard(entry.id)
