"""``layerize data collect`` and ``layerize data shard``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from layerize.cli.progress import progress_bar
from layerize.cli.report import say, say_json, warn
from layerize.errors import UsageError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
MOST_NAMED = 20
"""Samples left out that are printed; ``--json`` names all."""

Licences = Annotated[
    list[str] | None, typer.Option("--licence", help="SPDX licence that may be used, repeatable. Default: all.")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to ``layerize data``."""
    for command in (collect, shard):
        app.command()(command)


def parse_bytes(text: str, option: str) -> int:
    """``256MB`` → 256,000,000; ``1GiB`` → 2**30.

    Raises:
        UsageError: It is no size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?i?)b?", text.strip().lower())
    if match is None or match[2] not in _UNITS:
        raise UsageError(f"{option} {text}: expected a size like 256MB, 1GiB or 100000.")
    return int(float(match[1]) * _UNITS[match[2]])


def collect(
    sources: Annotated[list[str], typer.Argument(metavar="SRC...", help="Folders, git repositories, web pages.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the collection; run again, it adds what is new.")],
    licence: Licences = None,
    max_size: Annotated[str, typer.Option(help="Largest file.")] = "512MB",
    domain: Annotated[
        list[str] | None, typer.Option(help="Further host to visit, with subdomains; repeatable.")
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="Links to follow from a first page.")] = 3,
    rate: Annotated[float, typer.Option(help="Most requests per second to one host.")] = 1.0,
    max_files: Annotated[int, typer.Option(min=1, help="Stop a crawl after so many new files.")] = 10_000,
    timeout: Annotated[float, typer.Option(help="Seconds for one download.")] = 180.0,
    contact: Annotated[str, typer.Option(help="Your web or mail address, shown to the hosts.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Gather layered design files with their licences; robots.txt is obeyed."""
    from layerize.data.collect.collection import REASONS, CollectOptions
    from layerize.data.collect.run import collect as run
    from layerize.data.collect.web import WebOptions

    options = CollectOptions(
        licences=tuple(licence) if licence else None, max_bytes=parse_bytes(max_size, "--max-size")
    )
    pages = tuple(source for source in sources if source.startswith(("http://", "https://")))
    web = None
    if pages:
        web = WebOptions(
            urls=pages,
            domains=tuple(domain or ()),
            depth=depth,
            rate=rate,
            max_files=max_files,
            timeout=timeout,
            contact=contact,
        )
    with progress_bar(len(sources)) as bar:
        tally = run(
            sources, out, options, web=web, progress=lambda n, source, file: bar.show(n, source, file or "...", 0.0)
        )
    for message in tally.messages:
        warn(message)
    if as_json:
        counts = {"skipped": dict(tally.skipped), "licences": dict(tally.licences)}
        say_json({"out": str(out), **vars(tally), **counts})
        return
    licences = ", ".join(f"{count} {name}" for name, count in tally.licences.most_common())
    say(f"{tally.kept} files in {out}{f' ({licences})' if licences else ''}, {tally.known} known before.")
    for reason, count in tally.skipped.most_common():
        say(f"{count} skipped: {REASONS[reason]}.")


def shard(
    dataset: Annotated[Path, typer.Argument(help="Folder of 'layerize data extract'.")],
    out: Annotated[str, typer.Option("--out", "-o", help="Folder or fsspec URL (s3://, gs:// ...) for the shards.")],
    format_name: Annotated[str, typer.Option("--format", help="webdataset or parquet.")] = "webdataset",
    shard_size: Annotated[str, typer.Option(help="A shard ends with the first sample beyond this.")] = "256MiB",
    longest: Annotated[int | None, typer.Option(help="Shrink designs to this longer side, in pixels.")] = None,
    licence: Licences = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace shards that are there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write a dataset's accepted samples as WebDataset or Parquet shards, each split by itself."""
    from layerize.data.shards import ShardOptions, write_shards

    options = ShardOptions(
        format=format_name,  # type: ignore[arg-type]  # checked there
        shard_bytes=parse_bytes(shard_size, "--shard-size"),
        longest=longest,
        licences=tuple(licence) if licence else None,
    )
    with progress_bar(1) as bar:
        index = write_shards(
            dataset,
            out,
            options,
            overwrite=overwrite,
            progress=lambda done, total, name: bar.show(0, f"{done}/{total}", name, done / max(total, 1)),
        )
    for left in index.left_out[:MOST_NAMED]:
        warn(f"{left['id']} is left out: {left['reason']}")
    if as_json:
        say_json({"out": out, **index.model_dump()})
        return
    splits = ", ".join(f"{count} {split}" for split, count in index.splits.items())
    size = sum(one.bytes for one in index.shards) / 1e6
    say(f"{len(index.shards)} shards in {out}: {splits}, {size:.1f} MB; {len(index.left_out)} samples left out.")
