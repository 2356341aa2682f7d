"""What a row's columns mean: the canvas, and edits in the order of the columns."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from layerize.edits import values
from layerize.edits.operation import Edit, Operation, as_setting
from layerize.edits.table import OPERATIONS, apply_edits
from layerize.errors import EditError, InputError, UsageError

if TYPE_CHECKING:
    from layerize.stack import LayerStack
    from layerize.variants.table import Row

LAYOUT_RULES = ("anchor", "fit")
"""Columns ``LAYER:anchor`` and ``LAYER:fit`` belong to ``size``."""

T = TypeVar("T")

PICTURE_EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif"})
_LAST_WORD = re.compile(r'(?:^|\s)([a-z]+(?::\S+)?=(?:"[^"]*"|\S+))\s*$')


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What makes a variant.

    Attributes:
        size: (width, height) of the canvas that the design is laid out on first; None: its own.
        rules: (("anchor" or "fit", layer, value), ...) of that layout.
        edits: Then, in this order; pixels in them are those of the new canvas.
        columns: The column that each edit was written in, for messages.
    """

    size: tuple[int, int] | None = None
    rules: tuple[tuple[str, str, str], ...] = ()
    edits: tuple[Edit, ...] = ()
    columns: tuple[str, ...] = ()

    def files(self) -> list[Path]:
        """The pictures that it reads."""
        words = [
            word
            for edit in self.edits
            for word, kind in zip(edit.words, OPERATIONS[edit.option].words, strict=True)
            if "IMAGE" in kind
        ]
        return [Path(word) for word in words if Path(word).is_file()]


def recipe_of(row: Row, folder: Path) -> Recipe:
    """The meaning of a row's cells.

    Args:
        row: Its cells; edits apply in their order.
        folder: Of the table; pictures are named relative to it.

    Raises:
        UsageError: An unknown column, or a cell that cannot be read; the message names it.
    """
    size: tuple[int, int] | None = None
    rules: list[tuple[str, str, str]] = []
    edits: list[Edit] = []
    columns: list[str] = []
    for column, cell in row.cells.items():
        layer, colon, what = column.rpartition(":")
        if column == "size":
            size = _size(column, cell)
        elif colon and what in LAYOUT_RULES:
            rules.append((what, layer.strip(), cell))
        else:
            edit = _edit(column, cell, folder)
            if edit is not None:
                edits.append(edit)
                columns.append(column)
    return Recipe(size=size, rules=tuple(rules), edits=tuple(edits), columns=tuple(columns))


def edited(stack: LayerStack, recipe: Recipe) -> LayerStack:
    """A stack that is laid out already after the recipe's edits.

    Raises:
        UsageError: A cell cannot be read; the message names the column, here and below.
        EditError: A layer does not exist, or a value is out of range.
        InputError: A picture cannot be read.
    """
    for column, edit in zip(recipe.columns, recipe.edits, strict=True):
        try:
            stack = apply_edits(stack, [edit])
        except (UsageError, EditError, InputError) as error:
            raise type(error)(f"column {column!r}: {str(error).removeprefix(f'{edit.option}: ')}") from error
    return stack


def lay_out(stack: LayerStack, recipe: Recipe) -> LayerStack:
    """The stack on the recipe's canvas, before its edits.

    Raises:
        EditError: A rule's layer, anchor or fit does not exist.
    """
    if recipe.size is None:
        return stack
    kinds: dict[str, dict[int | str, str]] = {kind: {} for kind in LAYOUT_RULES}
    for kind, layer, value in recipe.rules:
        kinds[kind][layer] = value
    try:
        return stack.relayout(recipe.size, anchors=kinds["anchor"], fits=kinds["fit"])  # type: ignore[arg-type]
    except EditError as error:
        raise EditError(f"column 'size' and its rules: {error}") from error


def known_columns() -> list[str]:
    """All columns that a table can have, as shown to people."""
    whole = [option[2:] for option, operation in OPERATIONS.items() if operation.words[0] != "LAYER"]
    of_layer = [option[2:] for option, operation in OPERATIONS.items() if operation.words[0] == "LAYER"]
    whole = [name for name in whole if name != "layout"]
    return ["name", "size", *whole, *(f"LAYER:{name}" for name in (*of_layer, *LAYOUT_RULES))]


def _operation(column: str) -> tuple[str, str | None]:
    """(option, layer) that a column means.

    Raises:
        UsageError: None that is known; the message lists some, nearest first.
    """
    layer, colon, what = column.rpartition(":")
    wanted = ("LAYER:" if colon else "") + what.strip()
    if wanted in known_columns() and (not colon or layer.strip()):
        return f"--{what.strip()}", layer.strip() if colon else None
    known = known_columns()
    known.sort(key=lambda name: -difflib.SequenceMatcher(None, name, wanted).ratio())
    raise UsageError(f"unknown column {column!r}; known are {', '.join(known[:6])} and {len(known) - 6} more.")


def _edit(column: str, cell: str, folder: Path) -> Edit | None:
    """The edit that a cell means; None where it says no."""
    option, layer = _operation(column)
    operation = OPERATIONS[option]
    text, settings = _split(cell, operation)
    placeholders = operation.words[0 if layer is None else 1 :]
    if not placeholders:
        agreed = bool(settings) and not text
        if not (agreed or _read(column, lambda: values.yes(text))):
            return None
        words: list[str] = []
    elif len(placeholders) == 1:
        words = [text]
    else:
        words = _read(column, lambda: shlex.split(text))
        if len(words) != len(placeholders):
            raise UsageError(f"column {column!r}: {cell!r} should be {' '.join(placeholders)}.")
    words = [_resolved(w, kind, folder) for w, kind in zip(words, placeholders, strict=True)]
    return Edit(option, tuple(words if layer is None else [layer, *words]), settings)


def _size(column: str, cell: str) -> tuple[int, int]:
    return _read(column, lambda: values.size(cell))


def _read(column: str, how: Callable[[], T]) -> T:
    try:
        return how()
    except (UsageError, ValueError) as error:
        raise UsageError(f"column {column!r}: {error}") from error


def _split(cell: str, operation: Operation) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The cell's text, and the ``key=value`` settings of this edit at its end."""
    settings: list[tuple[str, str]] = []
    while (match := _LAST_WORD.search(cell)) is not None:
        setting = as_setting(match[1].replace('"', ""))
        if setting is None or not _is_known(setting[0], operation.settings):
            break
        settings.insert(0, setting)
        cell = cell[: match.start()]
    return cell.strip(), tuple(settings)


def _is_known(key: str, known: Mapping[str, str]) -> bool:
    return (key.partition(":")[0] + ":" if ":" in key else key) in known


def _resolved(word: str, kind: str, folder: Path) -> str:
    """A picture's path from the table's folder on; other words stay."""
    if "IMAGE" not in kind:
        return word
    path = folder / word
    looks_like_one = path.suffix.lower() in PICTURE_EXTENSIONS
    return str(path) if kind == "IMAGE" or looks_like_one or path.is_file() else word
