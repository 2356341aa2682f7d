"""``layerize edit``: changes to layers, in the order in which they are written.

Option parsers gather equal options and forget their order, and order matters here (``--resize`` before or after
``--replace``). So the edits are taken out of the raw arguments first; the usual parser gets the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand

from layerize.cli import values
from layerize.cli.report import layer_lines, say, warnings_on_stderr
from layerize.errors import UsageError

if TYPE_CHECKING:
    from layerize.stack import LayerStack


class Operation(NamedTuple):
    """One kind of edit: the words it takes, what it does, and the change itself."""

    words: tuple[str, ...]
    summary: str
    apply: Callable[..., LayerStack]


class Edit(NamedTuple):
    """One edit as written: ``--move``, ("Text", "40,0")."""

    option: str
    words: tuple[str, ...]


def _move(stack: LayerStack, layer: str, shift: str) -> LayerStack:
    from layerize.stack import edit

    dx, dy = values.whole_pair(shift, "--move")
    return edit.move(stack, layer, dx=dx, dy=dy)


def _resize(stack: LayerStack, layer: str, amount: str) -> LayerStack:
    from layerize.stack import edit

    if "x" in amount.lower():
        return edit.resize(stack, layer, size=values.size(amount, "--resize"))
    return edit.resize(stack, layer, scale=values.number(amount, "--resize"))


def _recolor(stack: LayerStack, layer: str, colour: str) -> LayerStack:
    from layerize.stack import edit

    return edit.recolor(stack, layer, colour)


def _opacity(stack: LayerStack, layer: str, value: str) -> LayerStack:
    from layerize.stack import edit

    return edit.opacity(stack, layer, values.number(value, "--opacity"))


def _hide(stack: LayerStack, layer: str) -> LayerStack:
    from layerize.stack import edit

    return edit.hide(stack, layer)


def _show(stack: LayerStack, layer: str) -> LayerStack:
    from layerize.stack import edit

    return edit.show(stack, layer)


def _rename(stack: LayerStack, layer: str, name: str) -> LayerStack:
    from layerize.stack import edit

    return edit.rename(stack, layer, name)


def _delete(stack: LayerStack, layer: str) -> LayerStack:
    from layerize.stack import edit

    return edit.delete(stack, layer)


def _reorder(stack: LayerStack, layer: str, place: str) -> LayerStack:
    from layerize.stack import edit

    return edit.reorder(stack, layer, values.whole(place, "--reorder"))


def _replace(stack: LayerStack, layer: str, picture: str) -> LayerStack:
    from layerize.formats import read_image
    from layerize.stack import edit

    return edit.replace(stack, layer, read_image(picture).pixels)


def _background(stack: LayerStack, value: str) -> LayerStack:
    from layerize.stack import edit

    return edit.background(stack, values.colour_or_picture(value, "--background"))


OPERATIONS = {
    "--move": Operation(("LAYER", "DX,DY"), "Shift by whole pixels, right and down.", _move),
    "--resize": Operation(("LAYER", "SCALE|WxH"), "Resize about its centre: 1.5, 80% or 400x300.", _resize),
    "--recolor": Operation(("LAYER", "COLOUR"), "Give it another colour and keep its shading.", _recolor),
    "--opacity": Operation(("LAYER", "VALUE"), "0 (invisible) to 1 (opaque), or 50%.", _opacity),
    "--hide": Operation(("LAYER",), "Leave it out of the composite.", _hide),
    "--show": Operation(("LAYER",), "Undo --hide.", _show),
    "--rename": Operation(("LAYER", "NAME"), "Give it another name.", _rename),
    "--delete": Operation(("LAYER",), "Take it out of the stack.", _delete),
    "--reorder": Operation(("LAYER", "INDEX"), "Put it at another place; 0 is the bottom.", _reorder),
    "--replace": Operation(("LAYER", "IMAGE"), "Put a picture in its place, as large as fits.", _replace),
    "--background": Operation(("IMAGE|COLOUR",), "Another background for the whole stack.", _background),
}


def take_edits(arguments: Sequence[str]) -> tuple[list[Edit], list[str]]:
    """Separate the edits, in their order, from all other arguments. ``--move=Text 40,0`` is ``--move Text 40,0``.

    Raises:
        UsageError: An edit has too few words.
    """
    edits: list[Edit] = []
    rest: list[str] = []
    words: Iterator[str] = iter(arguments)
    for argument in words:
        if argument == "--":
            rest += [argument, *words]
            break
        option, equals, first = argument.partition("=")
        if option not in OPERATIONS:
            rest.append(argument)
            continue
        wanted = OPERATIONS[option].words
        given = [first] if equals else []
        while len(given) < len(wanted) and (word := next(words, None)) is not None:
            given.append(word)
        if len(given) < len(wanted):
            raise UsageError(f"{option} takes {' '.join(wanted)}; {' '.join(given) or 'nothing'} was given.")
        edits.append(Edit(option, tuple(given)))
    return edits, rest


def apply_edits(stack: LayerStack, edits: Sequence[Edit]) -> LayerStack:
    """The stack after all edits, first to last. What was measured on the unedited stack is no longer claimed.

    Raises:
        UsageError: A layer or value does not exist; the message names the edit.
    """
    for edit in edits:
        try:
            stack = OPERATIONS[edit.option].apply(stack, *edit.words)
        except UsageError as error:
            text = str(error)
            raise UsageError(text if text.startswith(edit.option) else f"{edit.option}: {text}") from error
    return replace(stack, metadata={key: value for key, value in stack.metadata.items() if key != "recompose_error"})


class OrderedEdits(TyperCommand):
    """A command that takes the edits out of the arguments before they are parsed, and lists them in its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta["edits"], rest = take_edits(args)
        return super().parse_args(ctx, rest)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Edits, applied in the order in which they are written"):
            rows = [(" ".join((option, *entry.words)), entry.summary) for option, entry in OPERATIONS.items()]
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
) -> None:
    """Change layers of a stack. LAYER is an index (0 = bottom), an id or a name."""
    from layerize.formats import load, save

    edits: list[Edit] = ctx.meta["edits"]
    if not edits:
        raise UsageError(f"there is nothing to do; give one of {', '.join(OPERATIONS)}.")
    with warnings_on_stderr():
        changed = apply_edits(load(stack), edits)
        save(changed, out)
    say(f"{stack} -> {out}  ({len(edits)} edit{'s' if len(edits) > 1 else ''})")
    for line in layer_lines(changed):
        say(line)
