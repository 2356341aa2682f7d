"""``layerize data validate``: every sample is opened again and held against the index and the rules it was made by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from layerize.data.contribution import contributions
from layerize.data.dataset_folder import DatasetFolder, IndexEntry
from layerize.data.gate import NEAR
from layerize.data.normalise import TOLERANCE
from layerize.errors import LayerizeError
from layerize.formats.image import read_image
from layerize.formats.manifest_model import FILE_KEYS
from layerize.sheet import levels_apart
from layerize.stack.composite import flatten
from layerize.stack.layer import Group, Layer, LayerStack

LEAST_CHANGE = 0.5
"""Levels of 255 that a layer must change somewhere in the picture."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something broken: the sample's id (or a file of the dataset) and what is wrong with it."""

    id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a validation found."""

    checked: int
    problems: tuple[Problem, ...]


def validate_dataset(root: Path, *, report: Callable[[int, int, str], None] | None = None) -> Report:
    """Check a whole dataset.

    Args:
        root: Its folder.
        report: Told (checked, all, id) after every sample.

    Raises:
        InputError: There is no dataset, or its index cannot be read.
    """
    dataset = DatasetFolder.open(root)
    dataset.options()
    entries = dataset.entries()
    problems = list(_strays(dataset, entries))
    accepted = [entry for entry in entries if entry.status == "accepted"]
    for number, entry in enumerate(accepted, 1):
        problems += [Problem(id=entry.id, text=text) for text in check_sample(dataset, entry)]
        if report is not None:
            report(number, len(accepted), entry.id)
    return Report(checked=len(accepted), problems=tuple(problems))


def check_sample(dataset: DatasetFolder, entry: IndexEntry) -> list[str]:
    """Everything that is wrong with one accepted sample."""
    try:
        stack = dataset.load(entry)
        saved = read_image(dataset.folder_of(entry) / "composite.png").pixels
    except LayerizeError as error:
        return [str(error)]
    return [*_against_index(entry, stack), *_layers(stack), *_picture(stack, saved)]


def _strays(dataset: DatasetFolder, entries: list[IndexEntry]) -> Iterator[Problem]:
    """Between index and folder: samples without a line, files that are there twice, impossible lines."""
    paths = {Path(entry.path).name for entry in entries if entry.status == "accepted" and entry.path}
    there = {path.name for path in dataset.samples.iterdir()} if dataset.samples.is_dir() else set()
    for name in sorted(there - paths):
        yield Problem(id=name, text="lies between the samples, but the index has no accepted file for it")
    twice = Counter((entry.source, entry.sha256) for entry in entries)
    for (source, _), count in twice.items():
        if count > 1:
            yield Problem(id=source, text=f"is in the index {count} times")
    splits: dict[str, set[str]] = {}
    for entry in entries:
        splits.setdefault(entry.repository.lower(), set()).add(entry.split)
        if entry.status != "accepted" and not entry.reasons:
            yield Problem(id=entry.id, text=f"is {entry.status} without a reason")
    for repository, names in splits.items():
        if len(names) > 1:
            yield Problem(id=repository, text=f"one repository in several splits: {', '.join(sorted(names))}")


def _against_index(entry: IndexEntry, stack: LayerStack) -> Iterator[str]:
    if entry.reasons:
        yield f"is accepted, but has a reason against it: {entry.reasons[0].detail}"
    if stack.size != entry.canvas:
        yield f"the canvas is {stack.size[0]}x{stack.size[1]}, the index says {entry.canvas[0]}x{entry.canvas[1]}"
    count = sum(1 for _ in stack.walk())
    if count != entry.layers:
        yield f"has {count} layers, the index says {entry.layers}"
    if entry.mad is not None and entry.mad > NEAR:
        yield f"differs from its preview by {entry.mad:.2f} levels, {NEAR:g} are allowed"
    for key, value in (("source", entry.source), ("licence", entry.licence), ("caption", entry.caption)):
        assert key in FILE_KEYS
        if (stack.metadata.get(key) or "") != value:
            yield f"the manifest's {key} is {stack.metadata.get(key)!r}, the index says {value!r}"


def _layers(stack: LayerStack) -> Iterator[str]:
    for node in stack.layers:
        if isinstance(node, Group):
            yield f"{node.name!r} is a group; samples have plain layers"
        elif node.blend != "normal" or node.opacity != 1 or not node.visible:
            yield f"{node.name!r} is not a plain layer: {node!r}"
    leaves: list[Layer] = [node for node in stack.layers if isinstance(node, Layer)]
    for layer, fact in zip(leaves, contributions(leaves, stack.size), strict=True):
        if fact.change < LEAST_CHANGE:
            yield f"{layer.name!r} changes nothing in the picture"
    for layer in leaves:
        if bool(np.any(layer.pixels[..., :3].max(2)[layer.pixels[..., 3] == 0])):
            yield f"{layer.name!r} has colours where it is wholly transparent"


def _picture(stack: LayerStack, saved: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Iterator[str]:
    if saved.shape[:2] != (stack.size[1], stack.size[0]):
        yield f"composite.png is {saved.shape[1]}x{saved.shape[0]}, the canvas {stack.size[0]}x{stack.size[1]}"
        return
    apart = int(levels_apart(saved, flatten(stack)).max(initial=0))
    if apart > TOLERANCE:
        yield f"composite.png differs from the layers by up to {apart} levels"
