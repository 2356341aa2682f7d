"""GIMP files as design files. XCF holds no merged picture, so there is nothing to check the layers against."""

from __future__ import annotations

from pathlib import Path

from layerize.data.design_file import DesignFile
from layerize.data.readers.notes import Notes
from layerize.formats.xcf_read import load_xcf


def read(path: Path, max_pixels: int) -> DesignFile:
    """Read an XCF file, packed or not.

    Raises:
        InputError: Damaged; LimitError if it is too large.
    """
    notes = Notes()
    with notes.listening():
        stack = load_xcf(path, max_pixels=max_pixels)
    notes.judge_preview(None, "XCF holds none")
    notes.survey(stack)
    return DesignFile(stack=stack, preview=None, preview_has_alpha=False, flags=notes.flags, format="xcf")
