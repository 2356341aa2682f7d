"""Write a stack as a Photoshop document (PSD, PSB for sides over 30,000 pixels). Reading is in ``psd_read.py``.

psd-tools is pinned because its document is filled below its public functions: the layer records come from
``psd_records.py`` and the merged picture from our own composite (letting psd-tools render it takes seconds).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from psd_tools import PSDImage
from psd_tools.constants import Compression, Tag
from psd_tools.psd.layer_and_mask import ChannelImageData, GlobalLayerMaskInfo, LayerInfo, LayerRecords
from psd_tools.psd.tagged_blocks import TaggedBlocks

from layerize.errors import OutputError
from layerize.formats.atomic import atomic_path
from layerize.formats.psd_marks import write_marks
from layerize.formats.psd_records import records
from layerize.stack.composite import flatten
from layerize.stack.layer import U8, LayerStack

# Limits of the file format (Adobe Photoshop File Formats Specification, File Header).
PSD_MAX_SIDE = 30_000
PSB_MAX_SIDE = 300_000
# Rows of the preview that are worked off at a time, so that it needs no float copy of the whole.
BAND = 256


def save_psd(stack: LayerStack, path: str | Path) -> None:
    """Write the stack as PSD or PSB (by the extension), atomically.

    Layers are cropped to their ink; opacity has steps of 1/255. What PSD has no place for (ids, metadata, live text,
    exact opacity) goes along as notes that other programs ignore.

    Warns:
        LayerizeWarning: A name is longer than 255 characters and was cut.

    Raises:
        OutputError: The canvas is too large for the format, a layer lies too far out, or the system refuses.
    """
    path = Path(path)
    _check_size(stack, path)
    document = PSDImage.new("RGBA", stack.size)  # in an "RGB" document alpha would become a mask
    version = 2 if path.suffix.lower() == ".psb" else 1
    document._record.header.version = version
    _set_layers(document, stack, version)
    write_marks(document, stack)
    _set_preview(document, flatten(stack))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        document._record.write(file)


def _check_size(stack: LayerStack, path: Path) -> None:
    width, height = stack.size
    limit = PSB_MAX_SIDE if path.suffix.lower() == ".psb" else PSD_MAX_SIDE
    if max(width, height) > limit:
        other = "save as .psb (up to 300,000 pixels)" if limit == PSD_MAX_SIDE else "save as a folder"
        raise OutputError(f"{path}: PSD ends at {limit} pixels a side, the canvas is {width}x{height}; {other}.")


def _set_layers(document: PSDImage, stack: LayerStack, version: int) -> None:
    """Put the records in; their count is negative, which says that the merged picture's fourth channel is its alpha."""
    info = LayerInfo()
    info.layer_records, info.channel_image_data = LayerRecords(), ChannelImageData()
    for record, channels in records(stack.layers, version):
        info.layer_records.append(record)
        info.channel_image_data.append(channels)
    info.layer_count = -len(info.layer_records)
    section = document._record.layer_and_mask_information
    section.layer_info = info
    section.global_layer_mask_info = GlobalLayerMaskInfo()
    section.tagged_blocks = TaggedBlocks()
    section.tagged_blocks.set_data(Tag.SAVING_MERGED_TRANSPARENCY)


def _set_preview(document: PSDImage, composite: U8) -> None:
    """Store the merged picture: premixed with white beside its alpha, as Photoshop does."""
    planes = np.empty((4, *composite.shape[:2]), np.uint8)
    for y in range(0, composite.shape[0], BAND):
        band = composite[y : y + BAND]
        alpha = band[..., 3].astype(np.uint32)
        for channel in range(3):
            mixed = band[..., channel] * alpha + 255 * (255 - alpha)
            planes[channel, y : y + BAND] = (mixed + 127) // 255
    planes[3] = cv2.extractChannel(composite, 3)
    data = document._record.image_data
    data.compression = Compression.RLE
    data.set_data([plane.tobytes() for plane in planes], document._record.header)
