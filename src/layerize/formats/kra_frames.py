"""Which frame of an animated Krita layer is shown at a time: ``layerN.keyframes.xml``."""

from __future__ import annotations

from typing import NamedTuple

from layerize.formats.own_marks import number
from layerize.formats.xml_safe import local, parse_xml, without_doctype


class Frame(NamedTuple):
    """The file in which a frame's pixels are, and how far they are moved, in pixels."""

    name: str
    offset: tuple[int, int]


def frame_at(data: bytes, time: int, label: str) -> Frame | None:
    """The frame shown at a time: the last that begins no later; None before the first.

    Args:
        data: The XML.
        time: In frames.
        label: For messages.

    Raises:
        InputError: Damaged.
    """
    root = parse_xml(without_doctype(data, label), label)
    shown: tuple[int, Frame] | None = None
    for channel in root:
        if local(channel) != "channel" or channel.get("name", "content") != "content":
            continue
        for key in channel:
            begins = int(number(key, "time", 0, label))
            if local(key) != "keyframe" or begins > time or (shown is not None and begins < shown[0]):
                continue
            moved = next((child for child in key if local(child) == "offset"), None)
            x, y = (round(number(moved, axis, 0, label)) if moved is not None else 0 for axis in ("x", "y"))
            shown = (begins, Frame(key.get("frame", ""), (x, y)))
    return None if shown is None else shown[1]
