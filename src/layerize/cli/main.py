"""The ``layerize`` command: finds the command's file when it is called, and turns every error into one line.

A command's module loads only when that command runs, and a command loads torch only inside its function, so that
``layerize --help`` answers at once.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import signal
import sys
import traceback
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperGroup

from layerize import __version__
from layerize.cli.report import complain, describe
from layerize.errors import UsageError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class Entry(NamedTuple):
    """Where a command lives and what ``layerize --help`` says of it."""

    module: str
    summary: str


COMMANDS = {
    "split": Entry("layerize.cli.split", "Split flat pictures into editable layers."),
    "join": Entry("layerize.cli.join", "Flatten a stack of layers into one picture."),
    "convert": Entry("layerize.cli.convert", "Write a stack of layers in another format."),
    "edit": Entry("layerize.cli.edit", "Move, recolour, replace ... layers of a stack."),
    "generate": Entry("layerize.cli.generate", "Draw layers from a text."),
    "variants": Entry("layerize.cli.variants", "Make variants of a design from a table of edits."),
    "synth": Entry("layerize.cli.synth", "Draw procedural designs with known layers."),
    "data": Entry("layerize.cli.data", "Collect, extract, shard and look at layered designs."),
    "train": Entry("layerize.cli.train", "Train a model from a recipe."),
    "eval": Entry("layerize.cli.eval", "Measure layers against the truth."),
    "model": Entry("layerize.cli.model", "List, describe, import and export models."),
}


class LazyCommands(TyperGroup):
    """A group that imports a command's module when it is called, and ends every failure in one line on stderr."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        return load_command(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            if _belongs_to_typer(error):
                raise
            fail(error, debug=bool(ctx.params.get("debug")))


def load_command(name: str) -> Any:
    """Import a command's module: its ``app`` where it has one (groups, own parsing), else the function of its name."""
    module = importlib.import_module(COMMANDS[name].module)
    single = getattr(module, "app", None)
    if single is None:
        single = typer.Typer(rich_markup_mode=None, add_completion=False)
        single.command()(getattr(module, name))
    command = typer.main.get_command(single)
    command.name = name
    return command


def _belongs_to_typer(error: BaseException) -> bool:
    """Exits, usage errors (both carry an exit code) and a reader that closed the pipe are handled above us."""
    closed_pipe = isinstance(error, OSError) and error.errno == errno.EPIPE
    return hasattr(error, "exit_code") or isinstance(error, typer.Abort) or closed_pipe


def fail(error: BaseException, *, debug: bool) -> NoReturn:
    """Print ``error`` on stderr and leave with the exit code that belongs to it.

    Raises:
        typer.Exit: Always: 2 for a usage error, 130 for an interruption, else 1.
    """
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    complain(describe(error))
    if isinstance(error, KeyboardInterrupt):
        raise typer.Exit(EXIT_INTERRUPTED)
    raise typer.Exit(EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED)


app = typer.Typer(cls=LazyCommands, rich_markup_mode=None, no_args_is_help=True, add_completion=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"layerize {__version__}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Layerize: a flat picture into editable RGBA layers.

    Results go to stdout, progress and errors to stderr. Exit codes: 0 done, 1 something failed, 2 wrong usage,
    130 interrupted.
    """


def _terminate(signum: int, frame: object) -> NoReturn:
    os.write(2, b"layerize: terminated.\n")
    sys.exit(EXIT_TERMINATED)


def main() -> None:
    """Entry point of the console script. A termination signal unwinds, so that temporary files are removed."""
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):  # names that the terminal's encoding lacks are shown, not an error
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="layerize")


if __name__ == "__main__":
    main()
