"""``layerize train report``: one page with a run's curves and sheets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerize.cli.report import say


def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The page to write; default RUN/report.html.")] = None,
) -> None:
    """Write one self-contained HTML page: where the run stands, its curves, held-out sheets and troubles."""
    from layerize.cli.train_validation import SHEETS_FOLDER
    from layerize.evaluation.html import write_page
    from layerize.training.report import page_parts

    target = out or run / "report.html"
    write_page(target, f"Training of {run.name}", page_parts(run, run / SHEETS_FOLDER))
    say(str(target))
