"""Krita documents as design files: the stack of ``formats.kra_read`` and ``mergedimage.png``."""

from __future__ import annotations

from pathlib import Path

from layerize.data.design_file import DesignFile
from layerize.data.readers.notes import Notes
from layerize.data.readers.ora import MERGED, merged_picture
from layerize.data.readers.preview import on_canvas
from layerize.formats.kra_read import load_kra
from layerize.formats.zip_read import open_members


def read(path: Path, max_pixels: int) -> DesignFile:
    """Read a Krita document.

    Raises:
        InputError: Damaged; LimitError if it is too large.
    """
    notes = Notes()
    with notes.listening():
        stack = load_kra(path, max_pixels=max_pixels)
    with open_members(path) as members:
        preview = on_canvas(merged_picture(members, MERGED, path, max_pixels), stack.size, notes)
    notes.survey(stack)
    return DesignFile(
        stack=stack, preview=preview, preview_has_alpha=preview is not None, flags=notes.flags, format="kra"
    )
