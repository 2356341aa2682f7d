"""``layerize convert``: the same layers in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerize.cli.report import layer_lines, say, warn, warnings_on_stderr


def convert(
    stack: Annotated[
        Path, typer.Argument(metavar="STACK", readable=False, help="A manifest folder or a layered file.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Its extension decides the format; none means a folder.")],
    live_text: Annotated[
        str | None,
        typer.Option("--live-text", metavar="MODE", help="Text as text in .pptx and .svg: replace, over or off."),
    ] = None,
) -> None:
    """Write a stack of layers in another format, or flat (.png, .jpg, .avif ...). What is lost is reported."""
    from layerize.formats import load, save, write_image
    from layerize.formats.image_write import IMAGE_EXTENSIONS
    from layerize.formats.live_text import as_mode
    from layerize.formats.registry import WRITABLE
    from layerize.stack import flatten

    mode = None if live_text is None else as_mode(live_text)
    suffix = out.suffix.lower()
    flat = suffix in IMAGE_EXTENSIONS and suffix not in WRITABLE and not out.is_dir()
    with warnings_on_stderr():
        layers = load(stack)
        if flat:
            write_image(flatten(layers), out)
        else:
            save(layers, out, live_text=mode)
    if flat:
        warn(f"{out} is a flat picture: the layers are merged in it; keep {stack}.")
    say(f"{stack} -> {out}")
    for line in layer_lines(layers):
        say(line)
