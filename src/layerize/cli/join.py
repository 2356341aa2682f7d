"""``layerize join``: a stack of layers back into one flat picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerize.cli.report import say, warnings_on_stderr


def join(
    stack: Annotated[Path, typer.Argument(metavar="STACK", help="A manifest folder or a layered file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture to write: .png, .webp, .tif, .jpg ...")],
    background: Annotated[
        str | None, typer.Option(metavar="IMAGE|COLOUR", help="What lies below all layers; a picture is cut to fit.")
    ] = None,
) -> None:
    """Flatten a stack of layers into one picture, with blend modes, opacity and visibility as they are."""
    from layerize.cli import values
    from layerize.formats import load, write_image
    from layerize.stack.composite import flatten

    with warnings_on_stderr():
        layers = load(stack)
        below = values.background(background, layers.size) if background is not None else None
        write_image(flatten(layers, background=below), out)
    say(f"{stack} -> {out}  ({layers.size[0]}x{layers.size[1]})")
