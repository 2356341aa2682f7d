"""``layerize variants``: one design and a table of edits, many pictures."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerize.cli.inputs import check_sheet
from layerize.cli.report import complain, printable, say, say_json, warn, warnings_on_stderr

if TYPE_CHECKING:
    from layerize.variants.make import Outcome, Variants

CONTACT_SHEET = "contact-sheet.jpg"


def variants(
    stack: Annotated[
        Path, typer.Argument(metavar="STACK", readable=False, help="A manifest folder or a layered file.")
    ],
    table: Annotated[Path, typer.Argument(metavar="TABLE", readable=False, help="A .csv or .json file, a row each.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the results.")],
    format_name: Annotated[
        str, typer.Option("--format", metavar="EXT", help="png, jpg, webp ... or a layered format: psd, ora ...")
    ] = "png",
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes. Default: all cores.")] = os.cpu_count() or 1,
    sheet: Annotated[Path | None, typer.Option(help=f"The contact sheet. Default: {CONTACT_SHEET} in OUT.")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Make finished variants again, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")] = False,
) -> None:
    """Make one variant of a design for each row of a table.

    Columns are LAYER:EDIT (Text:recolor, Shoe:replace, Logo:hide ...), background, size, name; cells are what the edit
    takes. Finished variants are kept, so that a stopped run goes on.
    """
    from layerize.variants.make import Variants
    from layerize.variants.sheet import write_sheet
    from layerize.variants.table import read_table

    start = time.perf_counter()
    rows = read_table(table)
    extension = f".{format_name.removeprefix('.').lower()}".replace(".folder", ".layers")
    where = sheet or out / CONTACT_SHEET
    check_sheet(where)
    with warnings_on_stderr():
        run = Variants(stack, rows, folder=table.parent, out=out, extension=extension, jobs=jobs, restart=restart)
    outcomes = _outcomes(run, quiet=as_json)
    write_sheet(outcomes, run.journal, where)
    _report(outcomes, out, where, time.perf_counter() - start, as_json)
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)


def _outcomes(run: Variants, *, quiet: bool) -> list[Outcome]:
    """Make all; failures and warnings are said as they come, results are in the table's order."""
    from layerize.cli.progress import progress_bar

    outcomes: list[Outcome] = []
    with progress_bar(len(run.rows)) as bar:
        for outcome in run:
            outcomes.append(outcome)
            bar.show(len(outcomes), outcome.row.name, outcome.status, 0.0)
            if not quiet and (outcome.error or outcome.warnings):
                with bar.aside():
                    for text in outcome.warnings:
                        warn(f"row {outcome.row.number} ({printable(outcome.row.name)}): {text}")
                    if outcome.error:
                        text = " ".join(outcome.error.split())
                        complain(f"row {outcome.row.number} ({printable(outcome.row.name)}): {text}")
    return sorted(outcomes, key=lambda outcome: outcome.row.number)


def _report(outcomes: list[Outcome], out: Path, sheet: Path, seconds: float, as_json: bool) -> None:
    counts = {status: sum(o.status == status for o in outcomes) for status in ("made", "kept", "failed")}
    if as_json:
        results: list[dict[str, Any]] = [
            {
                "row": outcome.row.number,
                "name": outcome.row.name,
                "status": outcome.status,
                "out": str(outcome.out) if outcome.out else None,
                "error": outcome.error,
                "warnings": outcome.warnings,
                "seconds": round(outcome.seconds, 3),
            }
            for outcome in outcomes
        ]
        document = {"out": str(out), "sheet": str(sheet), **counts, "seconds": round(seconds, 3), "results": results}
        say_json(document)
        return
    say(
        f"{len(outcomes)} variants in {out}: {counts['made']} made, {counts['kept']} kept, {counts['failed']} failed, "
        f"{seconds:.1f} s; {sheet}"
    )
