"""``layerize train``: run a recipe, plan what it costs, report what it did. A recipe's name alone runs it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from layerize.cli.train_plan import plan
from layerize.cli.train_report import report
from layerize.errors import UsageError

RUN = "run"
_UNITS = {"s": 1 / 60, "m": 1.0, "h": 60.0, "d": 1440.0}


class RecipeFirst(TyperGroup):
    """``layerize train RECIPE`` is short for ``layerize train run RECIPE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = [RUN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=RecipeFirst,
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Train a model from a recipe: layerize train RECIPE.",
)


def parse_minutes(text: str, option: str = "--max-time") -> float:
    """``90s``, ``25m``, ``1.5h``, ``3d`` to minutes.

    Raises:
        UsageError: Not a positive number with a unit.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if not match or float(match[1]) <= 0:
        raise UsageError(f"{option} {text}: expected a number and a unit s, m, h or d, for example 25m.")
    return float(match[1]) * _UNITS[match[2]]


@app.command(RUN)
def run(
    recipe: Annotated[Path, typer.Argument(help="A recipe file (TOML), for example recipes/image_to_layers.toml.")],
    run: Annotated[
        Path | None, typer.Option("--run", "-o", help="Folder of the run; default runs/<recipe name>.")
    ] = None,
    max_time: Annotated[
        str | None, typer.Option(help="Budget of training time over all resumes: 90s, 25m, 2h, 3d; default 25m.")
    ] = None,
    max_steps: Annotated[int, typer.Option(min=0, help="Stop after this many steps; 0 for no limit.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run's last state.")] = False,
    stable: Annotated[
        bool, typer.Option("--stable", help="Keep the learning rate at its peak; release later with --release.")
    ] = False,
    release: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Decay from the run's last state within TIME, into RUN/release."),
    ] = None,
    perceptual_weights: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Weights of LPIPS for perceptual = 'lpips'; repeatable.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a recipe value: key=value.")] = None,
) -> None:
    """Train a recipe; the averaged weights land in RUN/model, the log in RUN/log.jsonl."""
    if release is not None and (stable or max_time is not None):
        raise UsageError("--release TIME is a budget of its own; leave out --stable and --max-time.")
    minutes = parse_minutes(max_time or "25m") if release is None else parse_minutes(release, "--release")
    from layerize.cli.report import warnings_on_stderr
    from layerize.cli.train_progress import TrainProgress
    from layerize.cli.train_validation import networks, validation
    from layerize.training.loop import train
    from layerize.training.recipe_file import read_recipe

    parsed = read_recipe(recipe, tuple(set_ or ()))
    with warnings_on_stderr(), TrainProgress(minutes) as progress:
        model = train(
            parsed,
            run or Path("runs") / recipe.stem,
            minutes=minutes,
            resume=resume,
            stable=stable,
            release=release is not None,
            report=progress,
            max_steps=max_steps,
            validate=validation(parsed),
            networks=networks(perceptual_weights or []),
        )
    if os.environ.get("RANK", "0") == "0":  # the others of a launch say nothing
        typer.echo(str(model))


app.command("plan")(plan)
app.command("report")(report)
