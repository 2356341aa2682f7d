"""Write a stack as a Photoshop document (PSD, PSB for sides over 30,000 pixels). Reading is in ``psd_read.py``.

psd-tools is pinned because two of its internals are used: the merged picture is set from our own composite (letting
psd-tools render it takes seconds), and the sign that tells readers that this picture carries transparency.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from psd_tools import PSDImage
from psd_tools.constants import BlendMode as PsdBlend
from psd_tools.constants import Compression, Tag

from layerize.errors import LayerizeWarning, OutputError
from layerize.formats.atomic import atomic_path
from layerize.stack.composite import Box, flatten, ink_box
from layerize.stack.convert import to_float, to_u8
from layerize.stack.layer import U8, Group, GroupBlendMode, Layer, LayerStack, Node

BLENDS: dict[GroupBlendMode, PsdBlend] = {
    "pass-through": PsdBlend.PASS_THROUGH,
    "normal": PsdBlend.NORMAL,
    "multiply": PsdBlend.MULTIPLY,
    "screen": PsdBlend.SCREEN,
    "overlay": PsdBlend.OVERLAY,
    "darken": PsdBlend.DARKEN,
    "lighten": PsdBlend.LIGHTEN,
    "color-dodge": PsdBlend.COLOR_DODGE,
    "color-burn": PsdBlend.COLOR_BURN,
    "hard-light": PsdBlend.HARD_LIGHT,
    "soft-light": PsdBlend.SOFT_LIGHT,
    "difference": PsdBlend.DIFFERENCE,
    "exclusion": PsdBlend.EXCLUSION,
    "hue": PsdBlend.HUE,
    "saturation": PsdBlend.SATURATION,
    "color": PsdBlend.COLOR,
    "luminosity": PsdBlend.LUMINOSITY,
}

# Limits of the file format (Adobe Photoshop File Formats Specification, File Header; layer names: psd-tools' setter).
PSD_MAX_SIDE = 30_000
PSB_MAX_SIDE = 300_000
MAX_NAME = 255


def save_psd(stack: LayerStack, path: str | Path) -> None:
    """Write the stack as PSD or PSB (by the extension), atomically.

    Layers are cropped to their ink; opacity is stored in steps of 1/255; what PSD has no place for (metadata, live
    text) is left out.

    Warns:
        LayerizeWarning: A name is longer than 255 characters and was cut.

    Raises:
        OutputError: The canvas is too large for the format, or the system refuses.
    """
    path = Path(path)
    _check_size(stack, path)
    document = PSDImage.new("RGBA", stack.size)  # in an "RGB" document alpha would become a mask
    if path.suffix.lower() == ".psb":
        document._record.header.version = 2
    document._merged_alpha = True
    for node in stack.layers:
        _add(document, node)
    _set_preview(document, flatten(stack))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        document._record.write(file)


def _check_size(stack: LayerStack, path: Path) -> None:
    width, height = stack.size
    limit = PSB_MAX_SIDE if path.suffix.lower() == ".psb" else PSD_MAX_SIDE
    if max(width, height) > limit:
        other = "save as .psb (up to 300,000 pixels)" if limit == PSD_MAX_SIDE else "save as a folder"
        raise OutputError(f"{path}: PSD ends at {limit} pixels a side, the canvas is {width}x{height}; {other}.")


def _add(parent: Any, node: Node) -> None:
    if isinstance(node, Group):
        written = parent.create_group(name="Group", opacity=_byte(node.opacity), blend_mode=BLENDS[node.blend])
        for member in node.layers:
            _add(written, member)
    else:
        written = _add_layer(parent, node)
    written.name = _name(node)  # set afterwards: the creating calls refuse names outside MacRoman
    written.visible = node.visible


def _add_layer(parent: Any, layer: Layer) -> Any:
    box = ink_box(layer)
    pixels: U8
    if box is None:
        box, pixels = Box(*layer.offset, *layer.offset), np.zeros((1, 1, 4), np.uint8)
    else:
        pixels = layer.pixels[box.slices(*layer.offset)]
    if not all(-(2**31) <= side < 2**31 for side in (box.x0, box.y0, box.x1, box.y1)):
        raise OutputError(
            f"layer {layer.name!r} lies at {box.x0}, {box.y0}, farther out than a PSD can say; move it nearer."
        )
    return parent.create_pixel_layer(
        Image.fromarray(np.ascontiguousarray(pixels)),
        name="Layer",
        top=box.y0,
        left=box.x0,
        compression=Compression.RLE,
        opacity=_byte(layer.opacity),
        blend_mode=BLENDS[layer.blend],
    )


def _byte(opacity: float) -> int:
    return int(to_u8(np.array(opacity, np.float32)))


def _name(node: Node) -> str:
    # PSD counts UTF-16 units; a lone surrogate cannot be encoded at all.
    name = node.name.encode("utf-16-le", "replace").decode("utf-16-le")
    if len(name.encode("utf-16-le")) // 2 <= MAX_NAME:
        return name
    cut = name.encode("utf-16-le")[: 2 * MAX_NAME].decode("utf-16-le", "ignore")
    warnings.warn(
        f"layer name cut to {MAX_NAME} characters, as PSD holds no more: {name[:40]!r}...", LayerizeWarning, 2
    )
    return cut


def _set_preview(document: PSDImage, composite: U8) -> None:
    """Store the merged picture: premixed with white beside its alpha, as Photoshop does."""
    rgba = to_float(composite)
    alpha = rgba[..., 3:]
    matted = to_u8(rgba[..., :3] * alpha + (1 - alpha))
    planes = [matted[..., channel].tobytes() for channel in range(3)] + [composite[..., 3].tobytes()]
    document._record.image_data.compression = Compression.RLE
    document._record.image_data.set_data(planes, document._record.header)
    if document.tagged_blocks is not None:
        document.tagged_blocks.set_data(Tag.SAVING_MERGED_TRANSPARENCY)
