"""A stack's layers as Photoshop's layer records: what ``psd.py`` puts into the file.

psd-tools' own ``create_pixel_layer`` rebuilds the whole tree with every layer (300 layers: seconds); the records below
are the file's own list, bottom to top. A group is a closing record below its members and its own record above them
(Adobe Photoshop File Formats Specification, Layer and Mask Information; Section divider setting).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TypeAlias

import cv2
import numpy as np
from psd_tools.constants import BlendMode as PsdBlend
from psd_tools.constants import ChannelID, Compression, SectionDivider, Tag
from psd_tools.psd.layer_and_mask import ChannelData, ChannelDataList, ChannelInfo, LayerFlags, LayerRecord
from psd_tools.psd.tagged_blocks import TaggedBlocks

from layerize.errors import LayerizeWarning, OutputError
from layerize.stack.composite import Box, ink_box
from layerize.stack.convert import to_u8
from layerize.stack.layer import U8, Group, GroupBlendMode, Layer, Node

Record: TypeAlias = tuple[LayerRecord, ChannelDataList]

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

# Layer names: psd-tools' setter and Photoshop itself end there.
MAX_NAME = 255
# Alpha first, as Photoshop writes it; then red, green, blue.
CHANNELS = (ChannelID.TRANSPARENCY_MASK, ChannelID.CHANNEL_0, ChannelID.CHANNEL_1, ChannelID.CHANNEL_2)
GROUP_END = "</Layer group>"


def records(nodes: tuple[Node, ...], version: int) -> Iterator[Record]:
    """The records of layers and groups with their pixels, bottom to top.

    Args:
        nodes: Bottom to top.
        version: 1 for PSD, 2 for PSB.

    Warns:
        LayerizeWarning: A name is longer than 255 characters and was cut.

    Raises:
        OutputError: A layer lies farther out than a PSD can say.
    """
    for node in nodes:
        if isinstance(node, Layer):
            yield _layer(node, version)
            continue
        yield _empty(_record(GROUP_END, divider=SectionDivider.BOUNDING_SECTION_DIVIDER))
        yield from records(node.layers, version)
        yield _empty(_group(node))


def _layer(layer: Layer, version: int) -> Record:
    box = ink_box(layer)
    pixels: U8
    if box is None:
        x, y = layer.offset
        box, pixels = Box(x, y, x + 1, y + 1), np.zeros((1, 1, 4), np.uint8)
    else:
        pixels = layer.pixels[box.slices(*layer.offset)]
    if not all(-(2**31) <= side < 2**31 for side in box):
        raise OutputError(
            f"layer {layer.name!r} lies at {box.x0}, {box.y0}, farther out than a PSD can say; move it nearer."
        )
    record = _record(_name(layer))
    record.left, record.top, record.right, record.bottom = box
    record.blend_mode = BLENDS[layer.blend]
    _set_look(record, layer)
    channels = ChannelDataList()
    height, width = pixels.shape[:2]
    for number, channel in zip(CHANNELS, (3, 0, 1, 2), strict=True):
        data = ChannelData(Compression.RLE)
        data.set_data(cv2.extractChannel(pixels, channel).tobytes(), width, height, 8, version)
        record.channel_info.append(ChannelInfo(number, len(data.data) + 2))
        channels.append(data)
    return record, channels


def _group(group: Group) -> LayerRecord:
    record = _record(_name(group), divider=SectionDivider.OPEN_FOLDER)
    blend = BLENDS[group.blend]
    record.blend_mode = PsdBlend.NORMAL if blend is PsdBlend.PASS_THROUGH else blend
    record.tagged_blocks.get_data(Tag.SECTION_DIVIDER_SETTING).blend_mode = blend
    _set_look(record, group)
    return record


def _record(name: str, *, divider: SectionDivider | None = None) -> LayerRecord:
    try:
        name.encode("macroman")
        plain = name
    except UnicodeEncodeError:  # for programs older than Unicode names
        plain = "?"
    record = LayerRecord(name=plain)
    record.tagged_blocks = TaggedBlocks()
    if divider is not None:
        record.tagged_blocks.set_data(Tag.SECTION_DIVIDER_SETTING, kind=divider)
    record.tagged_blocks.set_data(Tag.UNICODE_LAYER_NAME, name)
    return record


def _set_look(record: LayerRecord, node: Node) -> None:
    record.opacity = opacity_byte(node.opacity)
    record.flags = LayerFlags(visible=node.visible)


def _empty(record: LayerRecord) -> Record:
    """A record without pixels, which has its four channels all the same."""
    channels = ChannelDataList()
    for number in CHANNELS:
        record.channel_info.append(ChannelInfo(number, 2))
        channels.append(ChannelData(Compression.RAW, b""))
    return record, channels


def opacity_byte(opacity: float) -> int:
    """0..1 in the steps of 1/255 that a PSD has."""
    return int(to_u8(np.array(opacity, np.float32)))


def stored_name(node: Node) -> str:
    """The node's name as far as a PSD can hold it: 255 UTF-16 units, no lone surrogates."""
    name = node.name.encode("utf-16-le", "replace").decode("utf-16-le")
    return name.encode("utf-16-le")[: 2 * MAX_NAME].decode("utf-16-le", "ignore")


def _name(node: Node) -> str:
    name = stored_name(node)
    if len(name) < len(node.name):
        text = f"layer name cut to {MAX_NAME} characters, as PSD holds no more: {node.name[:40]!r}..."
        warnings.warn(text, LayerizeWarning, 2)
    return name
