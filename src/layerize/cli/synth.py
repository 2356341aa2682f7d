"""``layerize synth make|show``: procedural designs with known layers."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerize.errors import UsageError

if TYPE_CHECKING:
    from layerize.synth.config import DesignConfig
    from layerize.synth.elements import ElementBank

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Draw procedural designs with known layers."
)

Size = Annotated[str, typer.Option(help="Canvas as WIDTHxHEIGHT; multiples of 16, at least 64.")]
Seed = Annotated[int, typer.Option(help="Seed of the first design.")]
Levels = Annotated[str, typer.Option(help="Number of layers, background included: N or N-M, from 2 to 8.")]
Elements = Annotated[
    Path | None, typer.Option(help="Dataset of 'layerize data extract' whose cut-outs are used besides the drawn ones.")
]
ElementShare = Annotated[float, typer.Option(help="Share of figures and pictures that are real cut-outs, 0 to 1.")]
Licence = Annotated[
    list[str] | None,
    typer.Option(help="SPDX licence of cut-outs that may be used, or 'any'; repeatable. Default: open ones."),
]
SystemFonts = Annotated[bool, typer.Option("--system-fonts", help="Also use this machine's fonts and emoji.")]


def parse_size(text: str) -> tuple[int, int]:
    """``128x160`` → (128, 160); ``128`` is a square.

    Raises:
        UsageError: It is neither.
    """
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip().lower())
    if not match:
        raise UsageError(f"--size {text}: expected WIDTHxHEIGHT, for example 128x160.")
    return int(match[1]), int(match[2] or match[1])


def parse_levels(text: str) -> tuple[int, int]:
    """``2-6`` → (2, 6); ``3`` → (3, 3).

    Raises:
        UsageError: It is neither.
    """
    match = re.fullmatch(r"(\d)(?:-(\d))?", text.strip())
    if not match:
        raise UsageError(f"--levels {text}: expected a number or a range, for example 2-6.")
    return int(match[1]), int(match[2] or match[1])


def _config(levels: str, system_fonts: bool, element_share: float) -> DesignConfig:
    from layerize.synth.config import DesignConfig

    fewest, most = parse_levels(levels)
    return DesignConfig(min_levels=fewest, max_levels=most, use_system_fonts=system_fonts, element_share=element_share)


def _bank(folder: Path | None, licences: list[str] | None) -> ElementBank | None:
    """The cut-outs that may be used, from every split."""
    if folder is None:
        if licences:
            raise UsageError("--licence chooses among the cut-outs of --elements DATASET; give that too.")
        return None
    from layerize.synth.elements import ElementBank
    from layerize.synth.licences import DEFAULT_LICENCES

    allowed = None if licences and "any" in licences else licences or DEFAULT_LICENCES
    return ElementBank.load(folder, licences=allowed, split=None)


@app.command()
def make(
    count: Annotated[int, typer.Argument(help="How many designs.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for one manifest folder per design.")],
    size: Size = "128x128",
    seed: Seed = 0,
    levels: Levels = "2-6",
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace designs that are there already.")] = False,
    system_fonts: SystemFonts = False,
    elements: Elements = None,
    element_share: ElementShare = 0.5,
    licence: Licence = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Draw designs and write each as a manifest folder: its layers, its composite and its caption."""
    from layerize.cli.progress import progress_bar
    from layerize.synth.make import make_designs

    start, made = time.perf_counter(), []
    with progress_bar(count) as bar:
        config, bank = _config(levels, system_fonts, element_share), _bank(elements, licence)
        designs = make_designs(
            count, out, size=parse_size(size), seed=seed, jobs=jobs, overwrite=overwrite, config=config, elements=bank
        )
        for design in designs:
            made.append(design)
            bar.show(len(made), f"design {design.seed}", "written", 0.0)
    seconds = time.perf_counter() - start
    tally = dict(sorted(Counter(design.layers for design in made).items()))
    result: dict[str, Any] = {
        "out": str(out),
        "designs": count,
        "seconds": round(seconds, 3),
        "layers": {str(number): times for number, times in tally.items()},
        "folders": [str(design.folder) for design in made],
        "sources": bank.sources if bank else [],
    }
    if as_json:
        typer.echo(json.dumps(result))
        return
    spread = ", ".join(f"{times} of {number} layers" for number, times in tally.items())
    typer.echo(f"{count} designs in {out} ({spread}), {seconds:.1f} s.")


@app.command()
def show(
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG file of the contact sheet.")] = Path("sheet.png"),
    count: Annotated[int, typer.Option(help="How many designs, 1 to 200.")] = 24,
    size: Size = "128x128",
    seed: Seed = 0,
    levels: Levels = "2-6",
    columns: Annotated[int, typer.Option(help="Designs side by side.")] = 2,
    system_fonts: SystemFonts = False,
    elements: Elements = None,
    element_share: ElementShare = 0.5,
    licence: Licence = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Draw one contact sheet: each design's picture, its layers on a checkerboard, their names and the caption."""
    import numpy as np

    from layerize.formats import write_image
    from layerize.synth.design import draw_design
    from layerize.synth.sheet import contact_sheet

    if not 1 <= count <= 200 or columns < 1:
        raise UsageError(f"--count {count} --columns {columns}: allowed are 1 to 200 designs and 1 column or more.")
    if out.suffix.lower() != ".png":
        raise UsageError(f"-o {out}: the contact sheet is a PNG; use a name that ends in .png.")
    config, canvas = _config(levels, system_fonts, element_share), parse_size(size)
    bank = _bank(elements, licence)
    designs = [draw_design(seed + i, canvas, config, bank) for i in range(count)]
    write_image(np.asarray(contact_sheet(designs, columns=columns).convert("RGBA")), out)
    layers = [len(design.names) for design in designs]
    typer.echo(json.dumps({"out": str(out), "designs": count, "layers": layers}) if as_json else str(out))
