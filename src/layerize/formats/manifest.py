"""The manifest folder: ``manifest.json`` beside ``layers/NN.png`` and ``composite.png``.

The same description serves a dataset sample, a result and a saved project, in a folder or in a ZIP (``zip.py``). What
is read here is untrusted: sizes are budgeted before pixels are decoded, and no path leaves the folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np

from layerize.errors import InputError, LimitError, OutputError
from layerize.formats.atomic import atomic_folder
from layerize.formats.image import DEFAULT_MAX_PIXELS, check_pixels, decode_image, read_bytes
from layerize.formats.image_write import encode_png
from layerize.formats.manifest_model import FILE_KEYS, GroupEntry, LayerEntry, Manifest, parse_manifest
from layerize.stack.composite import flatten, ink_box, iter_nodes
from layerize.stack.layer import U8, Group, Layer, LayerStack, Node

MANIFEST = "manifest.json"

Read: TypeAlias = Callable[[str], bytes]
"""A relative path from the manifest to the file's bytes; raises InputError."""

# All layers together may hold this many times ``max_pixels``: 50 full-size layers of the largest picture.
STACK_BUDGET = 50
# A manifest describes at most some thousand layers; 64 MiB of JSON is something else.
MAX_MANIFEST_BYTES = 64 * 2**20


def save_folder(stack: LayerStack, path: str | Path, *, crop: bool = True) -> None:
    """Write the stack as a manifest folder, atomically; an existing manifest folder is replaced.

    Args:
        stack: Any stack.
        path: The folder; its parents are made.
        crop: Cut each layer to its inked box and move its offset (an empty layer becomes one transparent pixel).

    Raises:
        OutputError: The path holds something else than a manifest folder, or the system refuses (disk full).
    """
    manifest, images = describe(stack, crop=crop)
    with atomic_folder(path, may_replace=is_manifest_folder) as folder:
        (folder / "layers").mkdir()
        for name, data in encoded(stack, manifest, images):
            (folder / name).write_bytes(data)


def load_folder(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> LayerStack:
    """Read a manifest folder.

    Raises:
        LimitError: The canvas, one layer or all layers together are over the limits.
        InputError: Broken JSON, an unknown key, a missing or foreign file, a path that leaves the folder.
    """
    folder = Path(path)
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise InputError(f"{folder} holds no {MANIFEST}; give a folder that layerize has written.")
    root = folder.resolve()
    if manifest.stat().st_size > MAX_MANIFEST_BYTES:
        raise LimitError(f"{manifest} is larger than {MAX_MANIFEST_BYTES >> 20} MiB; that is no manifest.")

    def read(name: str) -> bytes:
        target = (folder / name).resolve()
        if not target.is_relative_to(root):
            raise InputError(
                f"{manifest}: {name!r} leads out of the folder through a link; put the file into the folder."
            )
        return read_bytes(target)

    return build(parse_manifest(read_bytes(manifest), str(manifest)), read, str(folder), max_pixels=max_pixels)


def is_manifest_folder(path: Path) -> bool:
    """Whether replacing this folder loses nothing but an older result: only what ``save_folder`` writes is in it."""
    if not (path / MANIFEST).is_file():
        return False
    mine = {MANIFEST, "layers", "composite.png"}
    return {entry.name for entry in path.iterdir()} <= mine


def describe(stack: LayerStack, *, crop: bool) -> tuple[Manifest, list[U8]]:
    """The manifest of a stack and the pixels of its layers, in the manifest's order."""
    leaves = list(stack.walk())
    digits = max(2, len(str(len(leaves) - 1)))
    images: list[U8] = []
    layers: list[LayerEntry] = []
    parents = {member.id: group.id for group in _groups(stack.layers) for member in group.layers}
    _refuse_duplicates(stack)
    for number, layer in enumerate(leaves):
        pixels, offset = cropped(layer) if crop else (layer.pixels, layer.offset)
        images.append(pixels)
        name = f"layers/{number:0{digits}d}.png"
        layers.append(LayerEntry.of(layer, image=name, offset=offset, group=parents.get(layer.id)))
    groups = [
        GroupEntry.of(group, parent=parents.get(group.id), index=None if any(_leaves(group)) else index)
        for group, index in _places(stack.layers)
    ]
    return Manifest.of(stack, layers, groups), images


def encoded(stack: LayerStack, manifest: Manifest, images: list[U8]) -> Iterator[tuple[str, bytes]]:
    """(relative path, bytes) of every file of a saved stack, the manifest last."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        composite = pool.submit(lambda: encode_png(flatten(stack)))
        futures = [pool.submit(encode_png, pixels) for pixels in images]
        for entry, future in zip(manifest.layers, futures, strict=True):
            yield entry.image, future.result()
        yield "composite.png", composite.result()
    yield MANIFEST, manifest.to_json().encode()


def build(manifest: Manifest, read: Read, where: str, *, max_pixels: int) -> LayerStack:
    """Decode the layers and put the tree together."""
    width, height = manifest.size
    check_pixels(f"{where}: the canvas", width, height, max_pixels)
    budget = STACK_BUDGET * max_pixels
    leaves: list[tuple[str | None, Layer]] = []
    for entry in manifest.layers:
        label = f"{where}/{entry.image}"
        picture = decode_image(read(entry.image), label, max_pixels=max_pixels, formats=("PNG",))
        budget -= picture.pixels.shape[0] * picture.pixels.shape[1]
        if budget < 0:
            raise LimitError(
                f"{where}: its layers hold more than {STACK_BUDGET} times {max_pixels / 1e6:g} megapixels together; "
                "raise --max-pixels to read it."
            )
        leaves.append((entry.group, entry.layer(picture.pixels)))
    return assemble(manifest, leaves)


def assemble(manifest: Manifest, leaves: list[tuple[str | None, Layer]]) -> LayerStack:
    """The stack of a manifest from its layers at hand, each with the id of its group."""
    metadata = {key: value for key in FILE_KEYS if (value := getattr(manifest, key)) is not None}
    return LayerStack(size=manifest.size, layers=_tree(manifest.groups, leaves), metadata=metadata | manifest.extra)


def _tree(groups: list[GroupEntry], leaves: list[tuple[str | None, Layer]]) -> tuple[Node, ...]:
    """Members in file order; a group stands where its lowest leaf stands, an empty one at its ``index``."""

    def members(parent: str | None) -> list[tuple[int, Node]]:
        placed: list[tuple[int, Node]] = [(i, layer) for i, (group, layer) in enumerate(leaves) if group == parent]
        empty: list[tuple[int, Group]] = []
        for entry in (entry for entry in groups if entry.parent == parent):
            inner = members(entry.id)
            group = entry.group(tuple(node for _, node in inner))
            lowest = min((place for place, _ in inner if place >= 0), default=-1)
            if lowest >= 0:
                placed.append((lowest, group))
            else:
                empty.append((len(leaves) if entry.index is None else entry.index, group))
        placed.sort(key=lambda item: item[0])
        for index, group in sorted(empty, key=lambda item: item[0]):
            placed.insert(index, (-1, group))
        return placed

    return tuple(node for _, node in members(None))


def cropped(layer: Layer) -> tuple[U8, tuple[int, int]]:
    """A layer's pixels cut to their ink, and their offset; one transparent pixel if there is none."""
    box = ink_box(layer)
    if box is None:
        return np.zeros((1, 1, 4), np.uint8), layer.offset
    return layer.pixels[box.slices(*layer.offset)], (box.x0, box.y0)


def _groups(nodes: tuple[Node, ...]) -> list[Group]:
    return [node for node in iter_nodes(nodes) if isinstance(node, Group)]


def _leaves(group: Group) -> Iterator[Layer]:
    return (node for node in iter_nodes(group.layers) if isinstance(node, Layer))


def _places(nodes: tuple[Node, ...]) -> Iterator[tuple[Group, int]]:
    """Every group with its index among its siblings."""
    for index, node in enumerate(nodes):
        if isinstance(node, Group):
            yield node, index
            yield from _places(node.layers)


def _refuse_duplicates(stack: LayerStack) -> None:
    seen: set[str] = set()
    for node in iter_nodes(stack.layers):
        if node.id in seen:
            raise OutputError(f"two layers have the id {node.id!r}; give one of them a new id before saving.")
        seen.add(node.id)
