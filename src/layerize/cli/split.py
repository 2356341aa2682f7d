"""``layerize split``: pictures in, stacks of layers out."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerize.cli.inputs import Job, check_sheet, check_target, plan
from layerize.cli.progress import progress_bar
from layerize.cli.report import collected_warnings, complain, describe, layer_lines, layer_names, say, say_json, warn
from layerize.cli.split_layer import split_layers, stack_and_target
from layerize.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from layerize.splitter import Splitter
    from layerize.stack import LayerStack
    from layerize.stack.layer import U8

Progress = Callable[[str, float], None]


@dataclass
class Result:
    """What became of one picture; the fields of its entry in ``--json``, except the tree."""

    path: str
    out: str | None = None
    sheet: str | None = None
    layers: list[str] = field(default_factory=list)
    count: int = 0
    size: tuple[int, int] | None = None
    seconds: float = 0.0
    recompose_error: int | None = None
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    tree: list[str] = field(default_factory=list)
    compared: str = "picture"

    def describe(self, stack: LayerStack) -> None:
        """Take from a stack what is to be told of it, not its pixels."""
        self.layers, self.count, self.size = layer_names(stack), len(stack), stack.size
        self.recompose_error = stack.metadata.get("recompose_error")
        self.tree = layer_lines(stack)

    def as_json(self) -> dict[str, Any]:
        """Everything but what only the text says."""
        return {name: value for name, value in asdict(self).items() if name not in ("tree", "compared")}


def split(
    ctx: typer.Context,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE", readable=False, help="Pictures, or folders of pictures; with --layer one stack of layers."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Where the result goes; its extension decides the format, none means a folder with a manifest. For "
            "several pictures: the folder that gets one result each. Default: NAME.layers in the current folder.",
        ),
    ] = None,
    layers: Annotated[
        int | None, typer.Option(min=1, help="How many layers, background included. Default: the model decides.")
    ] = None,
    model: Annotated[str, typer.Option(help="A shipped model, a checkpoint folder, baseline:regions ...")] = "default",
    steps: Annotated[int | None, typer.Option(min=1, help="Denoising steps. Default: the model's own.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same layers.")] = 0,
    prompt: Annotated[str | None, typer.Option(help="What the picture shows, in words.")] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LAYER",
            help="Split this layer (index, id or name) of a saved stack into a group in its place; repeatable. OUT "
            "defaults to NAME-split in the stack's format.",
        ),
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="Split layers again into groups, this many levels deep.")] = 1,
    parts: Annotated[bool, typer.Option("--parts", help="Make a group of a layer's unconnected parts.")] = False,
    text: Annotated[
        str,
        typer.Option(
            metavar="auto|off|only",
            help="Words as layers of their own: auto where the extra 'text' is installed, only without the model.",
        ),
    ] = "auto",
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where the model runs.")] = "auto",
    max_pixels: Annotated[int, typer.Option(min=1, help="Refuse larger pictures.")] = 64_000_000,
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="EXT", help="Write NAME.EXT: psd, zip ...; folder for a folder.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Also draw a contact sheet: input, layers, composite, difference. For several: a folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")] = False,
) -> None:
    """Split flat pictures into editable layers whose composite is the picture.

    A picture that fails does not stop the others; the exit code is then 1.
    """
    from layerize.formats import WRITABLE

    extension = _extension(file_format, WRITABLE)
    if layer:
        jobs = [Job(*stack_and_target(images, out, extension), sheet)]
    else:
        jobs = plan(images, out=out, extension=extension, sheet=sheet, extensions=WRITABLE)
    options = {"layers": layers, "steps": steps, "seed": seed, "prompt": prompt, "parts": parts, "depth": depth}
    _check_text(text)
    options |= {"text": text, "max_pixels": max_pixels}
    worker = _Worker(model, device, options, debug=ctx.find_root().params["debug"])
    worker.layers = layer or []
    results = []
    with progress_bar(len(jobs)) as bar:
        for index, job in enumerate(jobs):
            results.append(worker.attempt(job, partial(bar.show, index, job.source.name)))
            with bar.aside():
                _print(results[-1], quiet=as_json)
    failed = sum(result.error is not None for result in results)
    if as_json:
        say_json({"results": [result.as_json() for result in results], "failed": failed})
    if failed:
        raise typer.Exit(1)


class _Worker:
    """Splits one picture after another with one model, which loads when the first picture needs it."""

    def __init__(self, model: str, device: str, options: dict[str, Any], *, debug: bool) -> None:
        self._model, self._device, self._options, self._debug = model, device, options, debug
        self._splitter: Splitter | None = None
        self.layers: list[str] = []  # of a stack, to be split again

    def attempt(self, job: Job, progress: Progress) -> Result:
        """The result of one job; every failure of this picture alone becomes ``Result.error``.

        Raises:
            CheckpointError, UsageError: No picture can be split like this: the model or an option is wrong.
        """
        start = time.perf_counter()
        result = Result(path=str(job.source))
        with collected_warnings() as result.warnings:
            try:
                self._run(job, result, progress)
            except (UsageError, CheckpointError):
                raise
            except Exception as error:
                result.error = describe(error)
                if self._debug:
                    traceback.print_exception(error)
        result.seconds = round(time.perf_counter() - start, 2)
        return result

    def _run(self, job: Job, result: Result, progress: Progress) -> None:
        from layerize.formats import save

        if job.error is not None:
            raise job.error
        assert job.out is not None
        check_target(job.out)
        if job.sheet is not None:
            check_sheet(job.sheet)
        picture, stack = (
            self._split_layers(job, result, progress) if self.layers else self._split(job, result, progress)
        )
        progress("write", 1.0)
        save(stack, job.out)
        result.out = str(job.out)
        if job.sheet is not None:
            _draw_sheet(picture, stack, job.sheet)
            result.sheet = str(job.sheet)

    def _split(self, job: Job, result: Result, progress: Progress) -> tuple[U8, LayerStack]:
        from layerize.formats import read_image
        from layerize.splitter import split_text

        progress("read", 0.0)
        image = read_image(job.source, max_pixels=self._options["max_pixels"])
        if image.note:
            result.warnings.append(image.note)
        if self._options["text"] == "only":
            stack = split_text(image, max_pixels=self._options["max_pixels"], progress=progress)
        else:
            stack = self._loaded(progress).split(image, **self._options, progress=progress)
        result.describe(stack)
        return image.pixels, stack

    def _split_layers(self, job: Job, result: Result, progress: Progress) -> tuple[U8, LayerStack]:
        from layerize.splitter import recompose_error
        from layerize.stack import flatten

        loaded = partial(self._loaded, progress)
        stack, before = split_layers(job.source, self.layers, loaded, self._options, progress)
        result.describe(stack)
        result.recompose_error, result.compared = recompose_error(before, flatten(stack)), "old one"
        return before, stack

    def _loaded(self, progress: Progress) -> Splitter:
        if self._splitter is None:
            progress("load the model", 0.0)
            self._splitter = _load(self._model, self._device)
        return self._splitter


def _check_text(mode: str) -> None:
    """Refuse an unknown mode, and ``only`` without the extra, before any work."""
    from layerize.text.mode import TEXT_MODES
    from layerize.text.ocr import require

    if mode not in TEXT_MODES:
        raise UsageError(f"--text {mode} is unknown; choose one of {', '.join(TEXT_MODES)}.")
    if mode == "only":
        require()


def _load(model: str, device: str) -> Splitter:
    from layerize.evaluation.baselines import load_splitter

    return load_splitter(model, device)


def _draw_sheet(pixels: U8, stack: LayerStack, path: Path) -> None:
    import numpy as np

    from layerize.formats import write_image
    from layerize.sheet import contact_sheet

    write_image(np.asarray(contact_sheet(pixels, stack).convert("RGBA")), path)


def _extension(file_format: str | None, writable: Collection[str]) -> str | None:
    """``psd`` or ``.PSD`` → ``.psd``; ``folder`` or nothing → None.

    Raises:
        UsageError: No such format.
    """
    if file_format is None or file_format.lower() == "folder":
        return None
    extension = f".{file_format.lower().lstrip('.')}"
    if extension not in writable:
        names = ", ".join(["folder", *sorted(name.lstrip(".") for name in writable if name)])
        raise UsageError(f"--format {file_format} is unknown; choose one of {names}.")
    return extension


def _print(result: Result, *, quiet: bool) -> None:
    for text in result.warnings:
        warn(f"{result.path}: {text}")
    if result.error is not None:
        complain(result.error if result.error.startswith(result.path) else f"{result.path}: {result.error}")
    if quiet or result.out is None:
        return
    exact = f"composite within {result.recompose_error}/255 of the {result.compared}"
    say(f"{result.path} -> {result.out}  ({result.seconds:.1f} s, {exact})")
    for line in result.tree:
        say(line)
    if result.sheet:
        say(f"  sheet: {result.sheet}")
