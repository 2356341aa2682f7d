"""``layerize train RECIPE``: run a training recipe within a time budget."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from layerize.errors import UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_UNITS = {"s": 1 / 60, "m": 1.0, "h": 60.0}


def parse_minutes(text: str) -> float:
    """``90s``, ``25m``, ``1.5h`` to minutes.

    Raises:
        UsageError: Not a positive number with a unit.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if not match or float(match[1]) <= 0:
        raise UsageError(f"--max-time {text}: expected a number and a unit s, m or h, for example 25m.")
    return float(match[1]) * _UNITS[match[2]]


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe file (TOML), for example recipes/image_to_layers.toml.")],
    run: Annotated[
        Path | None, typer.Option("--run", "-o", help="Folder of the run; default runs/<recipe name>.")
    ] = None,
    max_time: Annotated[str, typer.Option(help="Budget of training time: 90s, 25m, 2h.")] = "25m",
    max_steps: Annotated[int, typer.Option(min=0, help="Stop after this many steps; 0 for no limit.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run's last state.")] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a recipe value: key=value.")] = None,
) -> None:
    """Train a recipe; the averaged weights land in RUN/model, the log in RUN/log.jsonl."""
    from layerize.training.loop import train as run_training
    from layerize.training.recipe_file import read_recipe

    minutes = parse_minutes(max_time)
    parsed = read_recipe(recipe, tuple(set_ or ()))
    folder = run or Path("runs") / recipe.stem
    model = run_training(parsed, folder, minutes=minutes, resume=resume, report=_Progress(minutes), max_steps=max_steps)
    typer.echo(str(model))


class _Progress:
    """A rich progress bar on a terminal; one line a minute in a log file."""

    LINE_EVERY_SECONDS = 60.0

    def __init__(self, minutes: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.console = Console(stderr=True)
        self.minutes = minutes
        self.last_line = -self.LINE_EVERY_SECONDS
        self.bar: Progress | None = None
        if self.console.is_terminal:
            columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            self.bar = Progress(*columns, console=self.console)
            self.task = self.bar.add_task("starting", total=minutes * 60)
            self.bar.start()

    def __call__(self, record: dict[str, Any]) -> None:
        names = ("loss", "psnr", "alpha", "ownership", "stop", "count_exact", "gradient_norm")
        figures = "  ".join(f"{name} {record[name]:.3f}" for name in names if name in record)
        text = f"step {record['step']}  {record['samples_per_second']} samples/s  {figures}"
        if self.bar:
            self.bar.update(self.task, completed=record["seconds"], description=text)
            if record["end"]:
                self.bar.stop()
        elif record["end"] or record["seconds"] - self.last_line >= self.LINE_EVERY_SECONDS:
            self.last_line = record["seconds"]
            self.console.print(f"{record['seconds'] / 60:6.1f} of {self.minutes:.0f} min  {text}", soft_wrap=True)
