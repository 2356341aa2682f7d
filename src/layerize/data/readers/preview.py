"""The merged picture that a file carries, checked before anybody relies on it."""

from __future__ import annotations

from layerize.data.readers.notes import Notes
from layerize.stack.layer import U8


def on_canvas(picture: U8 | None, size: tuple[int, int], notes: Notes) -> U8 | None:
    """The picture if it is of the canvas size, else None; what is wrong with it is noted.

    Args:
        picture: ``u8`` (H, W, 4) or None.
        size: (width, height) of the canvas.
        notes: Gets "no-preview", "blank-preview" or "preview-size".
    """
    if picture is not None and (picture.shape[1], picture.shape[0]) != size:
        notes.add("preview-size", detail=f"{picture.shape[1]}x{picture.shape[0]} for a canvas of {size[0]}x{size[1]}")
        picture = None
    notes.judge_preview(picture)
    return picture
