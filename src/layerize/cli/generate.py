"""``layerize generate``: a text in, a stack of layers out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layerize.cli.inputs import check_sheet, check_target
from layerize.cli.progress import progress_bar
from layerize.cli.report import layer_lines, layer_names, say, say_json, warnings_on_stderr
from layerize.cli.row_sheet import row_of
from layerize.errors import UsageError

if TYPE_CHECKING:
    from layerize.stack import LayerStack

SHEET_CELL = 320
"""Height of the sheet's pictures, in pixels."""


def generate(
    text: Annotated[str, typer.Argument(help="What the picture shows, in words.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Where the layers go; the extension decides the format, none a folder.")
    ],
    model: Annotated[str, typer.Option(help="A shipped model or a checkpoint folder.")] = "sketch",
    layers: Annotated[
        int | None, typer.Option(min=1, help="How many layers, background included. Default: the model decides.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Canvas in pixels, multiples of 32. Default: the model's own.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Denoising steps. Default: the model's own.")] = None,
    guidance: Annotated[
        float | None, typer.Option(min=0.0, help="How strongly the text counts; 1 is as learned. Default: the model's.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same layers.")] = 0,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where the model runs.")] = "auto",
    sheet: Annotated[Path | None, typer.Option(help="Also draw all layers and their composite side by side.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")] = False,
) -> None:
    """Draw layers from a text, with a model that has learned to."""
    wanted = None if size is None else parse_size(size)
    check_target(out)
    if sheet is not None:
        check_sheet(sheet)
    from layerize.formats import save
    from layerize.generator import generate as draw
    from layerize.generator import load_text_model

    loaded = load_text_model(model, device)
    with warnings_on_stderr(), progress_bar(1) as bar:
        stack = draw(
            text,
            loaded,
            size=wanted,
            layers=layers,
            steps=steps,
            seed=seed,
            guidance=guidance,
            progress=lambda share: bar.show(0, loaded.name, "draw", share),
        )
        save(stack, out)
        if sheet is not None:
            _draw_sheet(stack, sheet)
    if as_json:
        say_json({"out": str(out), "count": len(stack), "layers": layer_names(stack), "size": list(stack.size)})
        return
    say(f"{out}: {len(stack)} layers, {stack.size[0]}x{stack.size[1]}")
    for line in layer_lines(stack):
        say(line)


def parse_size(text: str) -> tuple[int, int]:
    """``512x768`` → (512, 768).

    Raises:
        UsageError: No width and height.
    """
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text.strip())
    if match is None:
        raise UsageError(f"--size {text}: expected a width and a height in pixels, for example 512x512.")
    return int(match[1]), int(match[2])


def _draw_sheet(stack: LayerStack, path: Path) -> None:
    import numpy as np

    from layerize.formats import write_image

    write_image(np.asarray(row_of(None, stack, cell=SHEET_CELL).convert("RGBA")), path)
