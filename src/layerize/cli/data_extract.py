"""``layerize data extract``, ``show`` and ``validate``: design files to a dataset, and a look at what came out."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerize.cli.progress import progress_bar
from layerize.cli.report import say, say_json, warn
from layerize.errors import UsageError

if TYPE_CHECKING:
    from layerize.data.dataset_folder import IndexEntry

MOST_NAMED = 20
"""Files that are named one by one; ``--json`` names all."""


def register(app: typer.Typer) -> None:
    """Add this module's commands to ``layerize data``."""
    for command in (extract, validate, show):
        app.command()(command)


def extract(
    sources: Annotated[list[Path], typer.Argument(metavar="SRC...", help="Folders (also of 'data collect') or files.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the dataset; an interrupted run goes on there.")],
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Files at a time.")] = 1,
    max_layers: Annotated[int, typer.Option(min=1, help="Merge samples down to this many layers.")] = 20,
    min_layers: Annotated[int, typer.Option(min=1, help="Reject samples with fewer layers.")] = 2,
    merge: Annotated[str, typer.Option(help="auto (only above --max-layers), groups, levels or none.")] = "auto",
    filters: Annotated[list[str] | None, typer.Option("--filter", help="Keep only where true; repeatable.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Leave a filter out; repeatable.")] = None,
    licence: Annotated[str, typer.Option(help="SPDX of files of which the source says no licence.")] = "",
    captioner: Annotated[str | None, typer.Option(help="qwen2.5-vl, a local folder or a hub id.")] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds per file.")] = 120.0,
    memory: Annotated[float, typer.Option(min=0.25, help="GiB of memory per file.")] = 4.0,
    max_pixels: Annotated[float, typer.Option(min=0.001, help="Millions of pixels of the canvas.")] = 64.0,
    splits: Annotated[str, typer.Option(help="Percent of the repositories for train, val, test.")] = "80,10,10",
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on a Ray cluster; 'local' starts one.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try failed files again.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Throw away the dataset in the folder first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Turn layered design files into samples, and say of every file what became of it."""
    from layerize.data.extract import ExtractOptions
    from layerize.data.extract_run import RunOptions, extract_dataset
    from layerize.data.isolated import Limits
    from layerize.data.normalise import MERGES

    if merge not in MERGES:
        raise UsageError(f"--merge {merge}: use one of {', '.join(MERGES)}.")
    options = ExtractOptions(
        max_layers=max_layers,
        min_layers=min_layers,
        merge=merge,
        filters=tuple(filters or ()),
        skip=tuple(skip or ()),
        max_pixels=round(max_pixels * 1e6),
    )
    run = RunOptions(
        workers=jobs,
        limits=Limits(seconds=timeout, bytes=round(memory * 2**30)),
        licence=licence,
        restart=restart,
        retry=retry,
        shares=_shares(splits),
    )
    runner, captions = _on_ray(ray, jobs, captioner) if ray else (None, _captioner(captioner))
    with progress_bar(1) as bar:

        def report(done: int, total: int, name: str, status: str) -> None:
            bar.show(0, f"{done}/{total}", f"{name} {status}", done / max(total, 1))

        entries = extract_dataset(sources, out, options, run, runner=runner, captioner=captions, report=report)
    _tell(entries, out, as_json)


def validate(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder that 'data extract' has written.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check every sample again and name what is broken; exit code 1 if anything is."""
    from layerize.data.validate import validate_dataset

    with progress_bar(1) as bar:
        report = validate_dataset(
            dataset, report=lambda done, total, name: bar.show(0, f"{done}/{total}", name, done / max(total, 1))
        )
    if as_json:
        problems = [{"id": problem.id, "problem": problem.text} for problem in report.problems]
        say_json({"dataset": str(dataset), "checked": report.checked, "problems": problems})
    else:
        for problem in report.problems:
            say(f"{problem.id}: {problem.text}")
        say(f"{report.checked} samples checked, {len(report.problems)} problems.")
    if report.problems:
        raise typer.Exit(1)


def show(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder that 'data extract' has written.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="HTML file; default: DATASET.html beside it.")] = None,
    sheets: Annotated[int, typer.Option(min=0, help="Samples that are drawn, spread over the dataset.")] = 200,
) -> None:
    """Write one HTML page: samples with their layers, histograms, sources, licences, rejections, flags."""
    from layerize.data.show import write_page

    target = out or dataset.resolve().with_name(f"{dataset.resolve().name}.html")
    with progress_bar(1) as bar:
        write_page(
            dataset,
            target,
            sheets=sheets,
            report=lambda done, total, name: bar.show(0, f"{done}/{total}", name, done / max(total, 1)),
        )
    say(str(target))


def _shares(text: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"(\d{1,3}),(\d{1,3}),(\d{1,3})", text)
    if match is None or sum(map(int, match.groups())) != 100:
        raise UsageError(f"--splits {text}: give three whole numbers that make 100, like 80,10,10.")
    return int(match[1]), int(match[2]), int(match[3])


def _captioner(source: str | None) -> Any:
    if source is None:
        return None
    from layerize.data.captioner import QwenCaptioner

    return QwenCaptioner.open(source)


def _on_ray(address: str, jobs: int, captioner: str | None) -> tuple[Any, Any]:
    from layerize.data.ray_extract import ray_captioner, ray_runner, start_ray

    start_ray(address, jobs)
    return ray_runner(), None if captioner is None else ray_captioner(captioner)


def _tell(entries: list[IndexEntry], out: Path, as_json: bool) -> None:
    count = Counter(entry.status for entry in entries)
    if as_json:
        say_json(
            {
                "out": str(out),
                **{status: count[status] for status in ("accepted", "rejected", "failed")},
                "files": [entry.model_dump(mode="json") for entry in entries],
            }
        )
        return
    for entry in [entry for entry in entries if entry.status == "failed"][:MOST_NAMED]:
        warn(f"{entry.source}: {entry.reasons[0].detail}")
    reasons = Counter(entry.reasons[0].filter for entry in entries if entry.status == "rejected")
    why = ", ".join(f"{name} {number}" for name, number in reasons.most_common())
    say(
        f"{out}: {count['accepted']} accepted, {count['rejected']} rejected{f' ({why})' if why else ''}, "
        f"{count['failed']} failed."
    )
