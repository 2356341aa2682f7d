"""``layerize edit``: changes to layers, in the order in which they are written.

Option parsers gather equal options and forget their order, and order matters here (``--resize`` before or after
``--replace``). So the edits are taken out of the raw arguments first; the usual parser gets the rest. What the edits
are is the business of the room ``edits``.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from layerize.cli.report import layer_lines, say, warnings_on_stderr
from layerize.edits.operation import Edit, as_setting, check_settings
from layerize.edits.table import OPERATIONS, apply_edits
from layerize.edits.text import with_font
from layerize.errors import UsageError

__all__ = ["OPERATIONS", "Edit", "app", "apply_edits", "edit", "take_edits"]


def take_edits(arguments: Sequence[str]) -> tuple[list[Edit], list[str]]:
    """Separate the edits, in their order, from all other arguments. ``--move=Text 40,0`` is ``--move Text 40,0``.

    Raises:
        UsageError: An edit has too few words or an unknown setting.
    """
    edits: list[Edit] = []
    rest: list[str] = []
    words = list(arguments)
    while words:
        argument = words.pop(0)
        if argument == "--":
            return edits, [*rest, argument, *words]
        option, equals, first = argument.partition("=")
        if option not in OPERATIONS:
            rest.append(argument)
            continue
        wanted = OPERATIONS[option].words
        given = [first] if equals else []
        while words and len(given) < len(wanted):
            given.append(words.pop(0))
        if len(given) < len(wanted):
            raise UsageError(f"{option} takes {' '.join(wanted)}; {' '.join(given) or 'nothing'} was given.")
        edits.append(Edit(option, tuple(given), _take_settings(option, words)))
    return edits, rest


def _take_settings(option: str, words: list[str]) -> tuple[tuple[str, str], ...]:
    """The ``key=value`` words that follow an edit which has settings; they leave the list."""
    settings: list[tuple[str, str]] = []
    while OPERATIONS[option].settings and words and (setting := as_setting(words[0])) is not None:
        settings.append(setting)
        words.pop(0)
    check_settings(option, OPERATIONS[option], settings)
    return tuple(settings)


def _refuse_near_misses(rest: Sequence[str], known: set[str]) -> None:
    """An unknown option that is nearly an edit's name is told so.

    Raises:
        UsageError: There is one.
    """
    for word in rest:
        option = word.partition("=")[0]
        if option == "--":
            return
        near = difflib.get_close_matches(option, OPERATIONS, n=3) if option.startswith("--") else []
        if near and option not in known and option != "--help":
            raise UsageError(f"there is no edit {option}; did you mean {' or '.join(near)}?")


class OrderedEdits(TyperCommand):
    """A command that takes the edits out of the arguments before they are parsed, and lists them in its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta["edits"], rest = take_edits(args)
        _refuse_near_misses(rest, {option for parameter in self.params for option in parameter.opts})
        return super().parse_args(ctx, rest)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Edits, applied in the order in which they are written"):
            rows = [(f"{option} {entry.usage}", entry.summary) for option, entry in OPERATIONS.items()]
            formatter.write_dl(rows)
        super().format_options(ctx, formatter)


app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=OrderedEdits)
def edit(
    ctx: typer.Context,
    stack: Annotated[
        Path, typer.Argument(metavar="STACK", readable=False, help="A manifest folder or a layered file.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The stack to write; may be STACK itself.")],
    font: Annotated[Path | None, typer.Option("--font", metavar="FILE", help="The font of --text.")] = None,
) -> None:
    """Change layers of a stack. LAYER is an index (0 = bottom), an id or a name.

    What stands in brackets may follow an edit: --resize Logo 50% about=top-left.
    """
    from layerize.formats import load, save

    edits = with_font(ctx.meta["edits"], font)
    if not edits:
        raise UsageError(f"there is nothing to do; give one of {', '.join(OPERATIONS)}.")
    with warnings_on_stderr():
        changed = apply_edits(load(stack), edits)
        save(changed, out)
    say(f"{stack} -> {out}  ({len(edits)} edit{'s' if len(edits) > 1 else ''})")
    for line in layer_lines(changed):
        say(line)
