"""Photoshop's artboards: the box that cuts their members, and the background that they have."""

from __future__ import annotations

from typing import Any, NamedTuple

from psd_tools.constants import Tag
from psd_tools.psd.descriptor import Descriptor

from layerize.stack.composite import Box

# "artboardBackgroundType" as files have it (measured against their previews): 3 is transparent, 4 a colour of its own.
_BACKGROUNDS: dict[int, tuple[int, int, int]] = {1: (255, 255, 255), 2: (0, 0, 0)}
_OWN_COLOUR = 4
_CHANNELS = (b"Rd  ", b"Grn ", b"Bl  ")


class Frame(NamedTuple):
    """An artboard's box on the canvas, and its background colour (None: transparent)."""

    box: Box
    colour: tuple[int, int, int] | None


def frame_of(board: Any) -> Frame | None:
    """The frame of an artboard; None where it has no extent."""
    box = Box(*(int(side) for side in board.bbox))
    if box.x0 >= box.x1 or box.y0 >= box.y1:
        return None
    return Frame(box, _background(board))


def _background(board: Any) -> tuple[int, int, int] | None:
    for tag in (Tag.ARTBOARD_DATA1, Tag.ARTBOARD_DATA2, Tag.ARTBOARD_DATA3):
        data = board.tagged_blocks.get_data(tag)
        if isinstance(data, Descriptor):
            kind = int(data.get(b"artboardBackgroundType") or 0)
            colour = data.get(b"Clr ")
            if kind == _OWN_COLOUR and isinstance(colour, Descriptor):
                red, green, blue = (round(min(max(float(colour.get(key) or 0), 0), 255)) for key in _CHANNELS)
                return red, green, blue
            return _BACKGROUNDS.get(kind)
    return None
