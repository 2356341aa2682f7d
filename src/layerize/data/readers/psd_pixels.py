"""A Photoshop layer's own channels as pixels: decompressed plane by plane, with no float picture in between."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from psd_tools.compression import PSDDecompressionWarning
from psd_tools.constants import ChannelID

from layerize.data.readers.notes import Notes
from layerize.data.readers.psd_colour import Colours
from layerize.formats.budget import PixelBudget
from layerize.stack.composite import Box
from layerize.stack.layer import U8


class Channels:
    """Reads the stored channels of one document's layers within a budget."""

    def __init__(self, colours: Colours, version: int, budget: PixelBudget, notes: Notes) -> None:
        self.colours, self._version, self.budget, self._notes = colours, version, budget, notes

    def rgba(self, layer: Any) -> U8 | None:
        """The layer's pixels, ``u8`` (H, W, 4), without masks and opacity; None where it stores none."""
        width, height = layer.width, layer.height
        if width < 1 or height < 1 or not layer.has_pixels():
            return None
        self.budget.spend(width, height)
        stored = {info.id: data for info, data in zip(layer._record.channel_info, layer._channels, strict=False)}
        planes = [self._plane(layer, stored.get(index), width, height) for index in range(self.colours.count)]
        alpha = stored.get(ChannelID.TRANSPARENCY_MASK)
        return self.colours.rgba(planes, None if alpha is None else self._plane(layer, alpha, width, height, False))

    def mask(self, layer: Any, *, real: bool) -> tuple[U8, Box] | None:
        """The layer's user mask (or the "real" one, in which a vector mask is merged) and its box on the canvas."""
        data, wanted = layer._record.mask_data, ChannelID.REAL_USER_LAYER_MASK if real else ChannelID.USER_LAYER_MASK
        sides = ("real_left", "real_top", "real_right", "real_bottom") if real else ("left", "top", "right", "bottom")
        box = Box(*(getattr(data, side) or 0 for side in sides))
        width, height = box.x1 - box.x0, box.y1 - box.y0
        for info, channel in zip(layer._record.channel_info, layer._channels, strict=False):
            if info.id == wanted and width > 0 and height > 0 and channel.data:
                self.budget.spend(width, height)
                return self._plane(layer, channel, width, height, False), box
        return None

    def _plane(self, layer: Any, channel: Any, width: int, height: int, colour: bool = True) -> U8:
        if channel is None or not channel.data:
            return np.zeros((height, width), np.uint8)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            data = channel.get_data(width, height, self.colours.depth, self._version)
        if any(issubclass(warning.category, PSDDecompressionWarning) for warning in caught):
            self._notes.add("damaged", layer.name, "a channel cannot be decompressed and is black")
        return self.colours.plane(data, width, height, colour=colour)
