"""For formats that hold a row of placed pictures and nothing more (TIFF, OpenEXR): the rest goes along as a manifest.

Other programs see every picture as it is; layerize reads the manifest and gives back the whole stack.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerize.errors import InputError, LayerizeWarning
from layerize.formats.image import check_pixels
from layerize.formats.losses import features, listed
from layerize.formats.manifest import assemble, describe
from layerize.formats.manifest_model import Manifest, parse_manifest
from layerize.stack.layer import U8, LayerStack


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """One picture of a file: straight ``u8`` (H, W, 4), its name, and its place on the canvas."""

    pixels: U8
    name: str
    offset: tuple[int, int]


def describe_pictures(stack: LayerStack, kind: str) -> tuple[str, list[Placed]]:
    """The manifest as ASCII JSON, and the layers cropped to their ink, bottom to top.

    Warns:
        LayerizeWarning: The stack has more than plain pictures; ``kind`` names the format in the message.
    """
    hidden_from_others = [name for name in features(stack) if name != "metadata"]
    if hidden_from_others:
        warnings.warn(
            f"{kind} has no place for {listed(hidden_from_others)}: other programs show every layer plainly; "
            "layerize reads them back.",
            LayerizeWarning,
            3,
        )
    manifest, images = describe(stack, crop=True)
    pictures = [
        Placed(pixels=pixels, name=entry.name, offset=entry.offset)
        for entry, pixels in zip(manifest.layers, images, strict=True)
    ]
    text = json.dumps(json.loads(manifest.model_copy(update={"composite": None}).to_json()))
    return text, pictures or [Placed(pixels=np.zeros((1, 1, 4), np.uint8), name="Empty", offset=(0, 0))]


def check_pictures(text: str, offsets: Sequence[tuple[int, int]], label: str, max_pixels: int) -> Manifest:
    """The manifest of a file, checked against the places of its pictures before they are decoded.

    Args:
        text: The manifest.
        offsets: (x, y) of every picture of the file, from any common origin.
        label: The file's name, for messages.
        max_pixels: The limit of the canvas.

    Raises:
        LimitError: The canvas is over the limit.
        InputError: The manifest is damaged, or another program has moved, added or removed pictures.
    """
    manifest = parse_manifest(text.encode(errors="replace"), f"{label}: its description")
    check_pixels(f"{label}: the canvas", *manifest.size, max_pixels)
    described = [entry.offset for entry in manifest.layers] or [(0, 0)]
    if _from_first(described) != _from_first(offsets):
        raise InputError(
            f"{label}: its pictures are not those that it describes, another program has changed it; "
            "open it there and save it as PSD or OpenRaster."
        )
    return manifest


def stack_of(manifest: Manifest, pictures: Sequence[U8]) -> LayerStack:
    """The stack that the manifest and its pictures make."""
    return assemble(
        manifest, [(entry.group, entry.layer(pixels)) for entry, pixels in zip(manifest.layers, pictures, strict=False)]
    )


def _from_first(offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(x - offsets[0][0], y - offsets[0][1]) for x, y in offsets]
