"""``layerize split STACK --layer NAME``: layers of a saved stack are split again, each into a group in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerize.cli.inputs import FOLDER_SUFFIX, check_target
from layerize.errors import OutputError, UsageError

if TYPE_CHECKING:
    from layerize.splitter import Splitter
    from layerize.stack import LayerStack
    from layerize.stack.layer import U8

Progress = Callable[[str, float], None]


def stack_and_target(images: Sequence[Path], out: Path | None, extension: str | None) -> tuple[Path, Path]:
    """The stack to read and where the result goes: without OUT, ``NAME-split`` in the stack's own format.

    Raises:
        UsageError: Not exactly one stack.
        OutputError: The default name is taken, or nothing can be written there.
    """
    if len(images) != 1:
        raise UsageError(f"--layer splits a layer of one stack; {len(images)} were given.")
    source = images[0].parent if images[0].name == "manifest.json" else images[0]
    target = out or Path(f"{source.stem}-split{extension or _own_extension(source)}")
    if out is None and target.exists():
        raise OutputError(f"{target} exists already; say with -o where the result goes ({source} itself is allowed).")
    check_target(target)
    return source, target


def split_layers(
    source: Path, refs: Sequence[str], load_splitter: Callable[[], Splitter], options: dict[str, Any], report: Progress
) -> tuple[LayerStack, U8]:
    """The stack with the named layers split, one after the other, and its composite before.

    Raises:
        InputError: The stack cannot be read, or is a flat picture.
        EditError: A layer does not exist.
        UsageError: A layer is a group.
    """
    from layerize.formats import load
    from layerize.recursion import layer_to_split
    from layerize.stack import flatten

    report("read", 0.0)
    stack = load(source, max_pixels=options["max_pixels"])
    layers = [layer_to_split(stack, ref).id for ref in refs]  # all names are checked before the work
    before = flatten(stack)
    splitter = load_splitter()
    for number, layer in enumerate(layers):
        stack = splitter.split_layer(
            stack, layer, **options, progress=lambda step, share, n=number: report(step, (n + share) / len(layers))
        )
    return stack, before


def _own_extension(source: Path) -> str:
    from layerize.formats import FORMATS

    suffix = source.suffix.lower()
    chosen = FORMATS.get(suffix)
    return suffix if chosen is not None and chosen.save is not None and not source.is_dir() else FOLDER_SUFFIX
