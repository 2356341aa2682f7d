"""Folders of stacks: which samples there are, and each sample's layers on the full canvas. What is odd is named.

A sample is a folder with layers as PNG files, sorted by name, bottom first; or one that holds our ``manifest.json``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from layerize.errors import InputError
from layerize.formats import DEFAULT_MAX_PIXELS, load
from layerize.formats.image import check_pixels
from layerize.stack.composite import Box, box_of
from layerize.stack.layer import U8, Group, Layer, LayerStack, Node

SUFFIX = ".layers"
"""Left off a sample's name, so that ``poster.layers`` as split writes it is the sample ``poster``."""

MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Found:
    """The samples of a folder by name, and what else lies there."""

    samples: dict[str, Path] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)


def find_samples(root: Path) -> Found:
    """The sample folders directly in ``root``, sorted by name.

    Raises:
        InputError: No such folder, or it is a single sample.
    """
    if not root.is_dir():
        raise InputError(f"{root}: there is no such folder; give one that holds a folder per sample.")
    if (root / MANIFEST).is_file():
        raise InputError(f"{root} is one sample itself; give the folder that holds it.")
    found = Found()
    for entry in sorted(root.iterdir(), key=lambda path: path.name):
        name = entry.name.removesuffix(SUFFIX)
        if not entry.is_dir():
            found.odd.append(f"{entry}: a file between the sample folders, ignored")
        elif name in found.samples:
            found.odd.append(f"{entry}: a second sample of the name {name!r}, ignored")
        else:
            found.samples[name] = entry
    return found


def read_layers(folder: Path) -> tuple[list[U8], list[str]]:
    """A sample's layers, ``u8`` (H, W, 4) bottom to top, and what was odd about it.

    Raises:
        InputError: A file is damaged or too large.
    """
    if (folder / MANIFEST).is_file():
        layers, notes = canvas_layers(load(folder))
        return layers, [f"{folder}: {note}" for note in notes]
    layers, notes = [], []
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.suffix == ".png" and path.is_file():
            layers.append(_read_png(path))
        else:
            notes.append(f"{path}: no .png file, ignored")
    return layers, notes


def canvas_layers(stack: LayerStack) -> tuple[list[U8], list[str]]:
    """Every visible layer of a stack on its own transparent canvas, groups opened, opacities applied.

    Returns:
        ``u8`` (H, W, 4) layers bottom to top, and a note for each thing that a list of layers cannot hold.
    """
    notes: list[str] = []
    layers = [_on_canvas(layer, opacity, stack.size) for layer, opacity in _leaves(stack.layers, 1.0, notes)]
    return layers, notes


def _leaves(nodes: tuple[Node, ...], opacity: float, notes: list[str]) -> list[tuple[Layer, float]]:
    found: list[tuple[Layer, float]] = []
    for node in nodes:
        if not node.visible:
            notes.append(f"{node.name!r} is hidden, left out")
            continue
        if node.blend not in ("normal", "pass-through"):
            notes.append(f"{node.name!r} blends {node.blend}, taken as normal")
        if isinstance(node, Group):
            found += _leaves(node.layers, opacity * node.opacity, notes)
        else:
            found.append((node, opacity * node.opacity))
    return found


def _on_canvas(layer: Layer, opacity: float, size: tuple[int, int]) -> U8:
    canvas = np.zeros((size[1], size[0], 4), np.uint8)
    common = box_of(layer).meet(Box(0, 0, *size))
    if common is None:
        return canvas
    there = common.slices(0, 0)
    canvas[there] = layer.pixels[common.slices(*layer.offset)]
    if opacity < 1:
        canvas[..., 3][there] = np.rint(canvas[..., 3][there] * opacity).astype(np.uint8)
    return canvas


def _read_png(path: Path) -> U8:
    """As ``Image.convert("RGBA")`` gives it: the protocol knows no colour profiles."""
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            check_pixels(str(path), *picture.size, DEFAULT_MAX_PIXELS)
            return np.asarray(picture.convert("RGBA"))
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{path}: is no PNG picture inside; save it again as PNG.") from error
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise InputError(f"{path}: cannot be read ({error}); save it again as PNG.") from error
