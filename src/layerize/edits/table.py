"""All edits in words, and how a list of them is applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from layerize.edits.arrange import ARRANGE
from layerize.edits.colours import COLOURS
from layerize.edits.latent import LATENT
from layerize.edits.operation import Edit, Operation, check_settings
from layerize.edits.pictures import PICTURES
from layerize.edits.text import TEXT
from layerize.errors import EditError, InputError, UsageError

if TYPE_CHECKING:
    from layerize.stack import LayerStack

OPERATIONS: dict[str, Operation] = {**ARRANGE, **COLOURS, **PICTURES, **LATENT, **TEXT}


def apply_edits(stack: LayerStack, edits: Sequence[Edit]) -> LayerStack:
    """The stack after all edits, first to last. What was measured on the unedited stack is no longer claimed.

    Raises:
        UsageError: A word cannot be read; the message names the edit, here and below.
        EditError: A layer does not exist or a value is out of range.
        InputError: A picture cannot be read.
    """
    for edit in edits:
        stack = apply_edit(stack, edit)
    return replace(stack, metadata={key: value for key, value in stack.metadata.items() if key != "recompose_error"})


def apply_edit(stack: LayerStack, edit: Edit) -> LayerStack:
    """The stack after one edit; raises as ``apply_edits``."""
    operation = OPERATIONS[edit.option]
    settings = check_settings(edit.option, operation, edit.settings)
    try:
        return operation.apply(stack, *edit.words, **settings)
    except (UsageError, EditError, InputError) as error:
        text = str(error)
        raise type(error)(text if text.startswith(edit.option) else f"{edit.option}: {text}") from error
