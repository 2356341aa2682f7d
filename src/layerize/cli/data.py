"""``layerize data``: datasets of layered designs; ``import crello`` turns a published one into manifests."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from layerize.cli import data_collect, data_extract
from layerize.cli.progress import progress_bar
from layerize.cli.report import say, say_json, warn
from layerize.errors import UsageError

MOST_NAMED = 20
"""Failures that are printed; ``--json`` names all."""

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Datasets of layered designs."
)
importing = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Turn a published dataset into manifests."
)
app.add_typer(importing, name="import")
data_collect.register(app)
data_extract.register(app)


@app.callback()
def root() -> None:
    """Datasets of layered designs."""


@importing.callback()
def import_root() -> None:
    """Turn a published dataset into manifests."""


@importing.command()
def crello(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder that gets stacks/ and composite/.")],
    parquet: Annotated[list[Path] | None, typer.Option(help="A parquet file of the split; repeatable.")] = None,
    hub: Annotated[bool, typer.Option("--hub", help="Download the split from the Hugging Face hub.")] = False,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    limit: Annotated[int | None, typer.Option(help="Only the first N designs.")] = None,
    short_side: Annotated[int, typer.Option(help="Shorter side of the canvas, in pixels.")] = 512,
    fonts: Annotated[
        Path | None, typer.Option(help="Folder of font files; without it texts are drawn as the dataset has them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Build LayerD's ground truth from the dataset cyberagent/crello, revision 5.1.0."""
    from layerize.data.crello import download, import_crello

    if bool(parquet) == hub:
        raise UsageError("give the dataset either as --parquet FILE (repeatable) or with --hub.")
    files = download(split) if hub else list(parquet or [])
    with progress_bar(1) as bar:
        result = import_crello(
            files,
            out,
            split=split,
            limit=limit,
            short_side=short_side,
            fonts=fonts,
            progress=lambda done, total, name: bar.show(0, f"{done}/{total}", name, done / max(total, 1)),
        )
    for name, reason in result.failed[:MOST_NAMED]:
        warn(f"{name}: {reason}")
    for family in result.fallbacks:
        warn(f"font {family}: not in {fonts}; its texts are in another font.")
    if as_json:
        say_json({"out": str(out), **asdict(result)})
        return
    say(
        f"{len(result.written)} designs in {out / 'stacks'}, {len(result.dropped)} left out by LayerD's rules, "
        f"{len(result.failed)} could not be read."
    )
