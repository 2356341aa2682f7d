"""Edits of words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from layerize.edits.operation import Edit, Operation
from layerize.errors import UsageError

if TYPE_CHECKING:
    from layerize.stack import LayerStack


def with_font(edits: Sequence[Edit], font: Path | None) -> list[Edit]:
    """The edits with ``font=FILE`` at every ``--text`` that names none itself.

    Raises:
        UsageError: There is no ``--text``.
    """
    if font is not None and not any(edit.option == "--text" for edit in edits):
        raise UsageError("--font is the font of --text, which is not given.")
    return [
        edit._replace(settings=(*edit.settings, ("font", str(font))))
        if font is not None and edit.option == "--text" and "font" not in dict(edit.settings)
        else edit
        for edit in edits
    ]


def _text(stack: LayerStack, layer: str, words: str, font: str | None = None, shrink: str = "no") -> LayerStack:
    from layerize.text.edit_text import edit_text

    if shrink not in ("yes", "no"):
        raise UsageError(f"shrink={shrink}: write yes or no.")
    return edit_text(stack, layer, words.replace("\\n", "\n"), font=font, shrink=shrink == "yes")


TEXT = {
    "--text": Operation(
        words=("LAYER", "WORDS"),
        summary="Set other words in its typeface, size, colour and place; \\n begins a new line.",
        apply=_text,
        settings={"font": "FILE", "shrink": "yes"},
    ),
}
