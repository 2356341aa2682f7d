"""Where an evaluation's samples come from: folders of manifests and ZIPs, or synthetic seeds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from layerize.data.dataset_folder import DATASET, DatasetFolder, Split
from layerize.errors import InputError, UsageError
from layerize.formats import load, read_image
from layerize.stack import Group, LayerStack, Node, flatten
from layerize.stack.layer import U8

LEAST_SEEN = 0.01
"""Share of the canvas that must show through the layers to count as a background of its own."""

TRAINED_FROM = 1_000_000
"""Synthetic seeds from here on are training data."""


@dataclass(frozen=True)
class Sample:
    """One true stack that can be loaded.

    Attributes:
        name: Unique in its dataset; a relative path without spaces in it, usable as a folder.
        place: The manifest folder or ZIP; None for a synthetic design.
        seed: Of the synthetic design; None for a file.
        folder: The sub-folder of the dataset that it is in, for the breakdown by source; empty at the top.
    """

    name: str
    place: Path | None = None
    seed: int | None = None
    folder: str = ""

    def load(self) -> LayerStack:
        """The true stack.

        Raises:
            InputError: The file is damaged.
            MissingExtraError: Drawing designs needs skia-python.
        """
        if self.place is not None:
            return load(self.place)
        from layerize.synth.design import draw_design

        assert self.seed is not None
        return draw_design(self.seed).to_stack()

    def picture(self, stack: LayerStack) -> U8:
        """The flat picture to split, ``u8`` (H, W, 4): the stack over white.

        For ``DATASET/stacks/NAME`` an existing ``DATASET/composite/NAME.png`` is taken, as ``data import`` writes it.

        Raises:
            InputError: The stored composite is damaged or of another size.
        """
        if self.place is not None and self.place.parent.name == "stacks":
            stored = self.place.parent.parent / "composite" / f"{self.place.name.removesuffix('.zip')}.png"
            if stored.is_file():
                pixels = read_image(stored).pixels
                if pixels.shape[:2] != (stack.size[1], stack.size[0]):
                    raise InputError(f"{stored}: not of the stack's size, {stack.size[0]}x{stack.size[1]}.")
                return pixels
        return flatten(stack, background=(255, 255, 255))


@dataclass(frozen=True)
class Problem:
    """Something that could not be evaluated, and why; ``method`` is empty where no method got so far."""

    sample: str
    reason: str
    method: str = ""


@dataclass(frozen=True)
class Dataset:
    """What there is to evaluate, and what is there but cannot be."""

    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...] = ()


def find_samples(data: str, limit: int | None = None, split: str | None = None) -> Dataset:
    """The samples of ``synth:START-END`` (both included), or of a folder.

    A folder's samples are all manifest folders and ZIPs in it, at any depth, in the order of their names; with
    ``split``, those accepted ones that ``layerize data extract`` has put into that split.

    Raises:
        UsageError: The seeds make no sense or are training data; a split of what has none.
        InputError: No such folder, or nothing in it.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"--limit {limit}: must be at least 1.")
    if split is not None:
        return Dataset(tuple(_of_split(data, split)[:limit]))
    if data.startswith("synth:"):
        return Dataset(tuple(Sample(f"{seed:07d}", seed=seed) for seed in _seeds(data)[:limit]))
    root = Path(data)
    if not root.is_dir():
        raise InputError(f"{data}: no such folder; give a folder of manifests, or seeds like synth:0-99.")
    samples: list[Sample] = []
    problems: list[Problem] = []
    for found in _search(root, root):
        (samples if isinstance(found, Sample) else problems).append(found)  # type: ignore[arg-type]
    if not samples:
        raise InputError(f"{data}: holds no folder with a manifest.json and no ZIP; see docs/evaluation.md.")
    return Dataset(tuple(samples[:limit]), tuple(problems))


def _of_split(data: str, split: str) -> list[Sample]:
    if split not in get_args(Split):
        raise UsageError(f"--split {split}: must be one of {', '.join(get_args(Split))}.")
    if not (Path(data) / DATASET).is_file():
        raise UsageError(f"--split {split}: {data} is no dataset of 'layerize data extract'; leave the option out.")
    folder = DatasetFolder.open(Path(data))
    found = [Sample(entry.id, place=folder.folder_of(entry)) for entry in folder.accepted() if entry.split == split]
    if not found:
        raise InputError(f"{data}: the split {split!r} holds no sample.")
    return sorted(found, key=lambda sample: sample.name)


def _seeds(data: str) -> range:
    match = re.fullmatch(r"synth:(\d{1,9})(?:-(\d{1,9}))?", data)
    if match is None:
        raise UsageError(f"--data {data}: seeds are written synth:FIRST-LAST, for example synth:0-499.")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first or last >= TRAINED_FROM:
        raise UsageError(
            f"--data {data}: FIRST must not be above LAST, and seeds from {TRAINED_FROM} on are training data."
        )
    return range(first, last + 1)


def _search(folder: Path, root: Path) -> Iterator[Sample | Problem]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (path.name == "composite" and (folder / "stacks").is_dir()):
            continue
        name = path.relative_to(root).as_posix()
        inside = path.parent.relative_to(root).as_posix().removeprefix(".")
        if path.suffix.lower() == ".zip" or (path / "manifest.json").is_file():
            yield Sample(re.sub(r"[^\w./-]", "_", name.removesuffix(".zip")), place=path, folder=inside)
        elif not path.is_dir():
            yield Problem(name, "not a sample: neither a manifest folder nor a ZIP")
        elif not any(path.iterdir()):
            yield Problem(name, "the folder is empty")
        else:
            before = list(_search(path, root))
            if any(isinstance(found, Sample) for found in before):
                yield from before
            else:
                yield Problem(name, "the folder has no manifest.json")


def rasters(stack: LayerStack) -> list[U8]:
    """The visible layers as canvas-sized rasters, bottom to top, ready for "over".

    Groups are opened where that changes nothing; a translucent or isolated group is one layer.

    Raises:
        InputError: A layer's blend mode is not normal: such a stack is no "over" of rasters.
    """

    def leaves(nodes: tuple[Node, ...]) -> Iterator[Node]:
        for node in nodes:
            if not node.visible:
                continue
            plain = isinstance(node, Group) and node.opacity == 1 and node.blend in ("pass-through", "normal")
            if isinstance(node, Group) and plain:
                yield from leaves(node.layers)
            else:
                yield node

    result = []
    for node in leaves(stack.layers):
        if node.blend not in ("normal", "pass-through"):
            raise InputError(f"layer {node.name!r} has the blend mode {node.blend}; only normal layers can be scored.")
        result.append(flatten(LayerStack(size=stack.size, layers=(node,))))
    return result


def source_of(sample: Sample, stack: LayerStack) -> str:
    """What the breakdown by source calls a sample: its sub-folder, else the first words of the manifest's source."""
    if sample.folder:
        return sample.folder
    first = str(stack.metadata.get("source") or "").split(",")[0].strip()
    return first or "no source given"


def on_white(layers: list[U8]) -> list[U8]:
    """The layers of the flat picture that is handed over: with a white sheet at the bottom if they let it through.

    Stickers and logos lie on a transparent canvas; ``Sample.picture`` shows them on white, and who is to split that
    picture finds the white.

    Args:
        layers: Rasters ``u8`` (H, W, 4) of one size, bottom to top.
    """
    if not layers:
        return layers
    light = np.ones(layers[0].shape[:2], np.float32)
    for layer in layers:
        light *= 1 - layer[..., 3].astype(np.float32) / 255
    if light.mean() < LEAST_SEEN:
        return layers
    return [np.full_like(layers[0], 255), *layers]
