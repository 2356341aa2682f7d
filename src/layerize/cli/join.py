"""``layerize join``: a stack of layers back into one flat picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layerize.cli.report import say, warnings_on_stderr

if TYPE_CHECKING:
    from layerize.edits.values import RGB
    from layerize.stack.layer import U8


def join(
    stack: Annotated[
        Path, typer.Argument(metavar="STACK", readable=False, help="A manifest folder or a layered file.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture to write: .png, .webp, .tif, .jpg ...")],
    background: Annotated[
        str | None, typer.Option(metavar="IMAGE|COLOUR", help="What lies below all layers; a picture is cut to fit.")
    ] = None,
) -> None:
    """Flatten a stack of layers into one picture, with blend modes, opacity and visibility as they are."""
    from layerize.edits.values import colour_or_picture
    from layerize.formats import load, write_image
    from layerize.stack.composite import flatten

    with warnings_on_stderr():
        layers = load(stack)
        below = None
        if background is not None:
            below = _cover(colour_or_picture(background), layers.size)
        write_image(flatten(layers, background=below), out)
    say(f"{stack} -> {out}  ({layers.size[0]}x{layers.size[1]})")


def _cover(value: RGB | U8, size: tuple[int, int]) -> RGB | U8:
    """A picture scaled to cover ``size`` = (width, height) and cut at the middle; a colour as it is."""
    if isinstance(value, tuple):
        return value
    import numpy as np
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.fit(Image.fromarray(value), size, Image.Resampling.LANCZOS), np.uint8)
