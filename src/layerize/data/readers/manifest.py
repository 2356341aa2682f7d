"""Manifest folders as design files: the stack as it is, and the composite that was saved beside it."""

from __future__ import annotations

from pathlib import Path

from layerize.data.design_file import DesignFile
from layerize.data.readers.notes import Notes
from layerize.data.readers.preview import on_canvas
from layerize.formats.image import decode_image, read_bytes
from layerize.formats.manifest import MANIFEST, load_folder
from layerize.formats.manifest_model import parse_manifest
from layerize.stack.layer import U8


def read(path: Path, max_pixels: int) -> DesignFile:
    """Read a manifest folder or its ``manifest.json``.

    Raises:
        InputError: Damaged; LimitError if it is too large.
    """
    folder = path.parent if path.name == MANIFEST else path
    notes = Notes()
    with notes.listening():
        stack = load_folder(folder, max_pixels=max_pixels)
    preview = on_canvas(_composite(folder, max_pixels), stack.size, notes)
    notes.survey(stack)
    return DesignFile(
        stack=stack, preview=preview, preview_has_alpha=preview is not None, flags=notes.flags, format="manifest"
    )


def _composite(folder: Path, max_pixels: int) -> U8 | None:
    """The saved composite, if the manifest names one; ``load_folder`` has checked the manifest."""
    named = parse_manifest(read_bytes(folder / MANIFEST), str(folder)).composite
    target = (folder / named).resolve() if named else None
    if target is None or not target.is_relative_to(folder.resolve()) or not target.is_file():
        return None
    return decode_image(read_bytes(target), str(target), max_pixels=max_pixels, formats=("PNG",)).pixels
