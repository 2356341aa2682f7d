"""OpenRaster files as design files: the stack of ``formats.ora_read`` and ``mergedimage.png``."""

from __future__ import annotations

from pathlib import Path

from layerize.data.design_file import DesignFile
from layerize.data.readers.notes import Notes
from layerize.data.readers.preview import on_canvas
from layerize.formats.image import decode_image
from layerize.formats.ora_read import load_ora
from layerize.formats.zip_read import Members, open_members, picture_limit
from layerize.stack.layer import U8

MERGED = "mergedimage.png"


def read(path: Path, max_pixels: int) -> DesignFile:
    """Read an OpenRaster file.

    Raises:
        InputError: Damaged; LimitError if it is too large.
    """
    notes = Notes()
    with notes.listening():
        stack = load_ora(path, max_pixels=max_pixels)
    with open_members(path) as members:
        preview = on_canvas(merged_picture(members, MERGED, path, max_pixels), stack.size, notes)
    notes.survey(stack)
    return DesignFile(
        stack=stack, preview=preview, preview_has_alpha=preview is not None, flags=notes.flags, format="ora"
    )


def merged_picture(members: Members, name: str, path: Path, max_pixels: int) -> U8 | None:
    """A PNG member of an archive; None where it is missing."""
    if name not in members.infos:
        return None
    data = members.read(name, picture_limit(max_pixels))
    return decode_image(data, f"{path}/{name}", max_pixels=max_pixels, formats=("PNG",)).pixels
