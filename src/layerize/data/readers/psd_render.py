"""A Photoshop layer drawn by psd-tools, for what plain pixels cannot tell: overlays, strokes, fills, odd clipping."""

from __future__ import annotations

from typing import Any

import numpy as np
from psd_tools.composite import composite

from layerize.data.readers.psd_colour import Colours
from layerize.data.readers.psd_effects import Effect
from layerize.formats.image import check_pixels
from layerize.stack.composite import Box
from layerize.stack.layer import U8

# Photoshop's widest stroke; larger numbers in a file are lies.
MAX_REACH = 250
# psd-tools holds some ten float pictures of the drawn box at once.
MAX_DRAWN_PIXELS = 16_000_000


def render(document: Any, member: Any, effects: list[Effect], colours: Colours, label: str) -> tuple[U8, Box] | None:
    """The layer or group with masks, clipped layers and the effects that psd-tools draws, without its opacity.

    Args:
        document: The ``PSDImage``.
        member: A layer or group of it; visible or not.
        effects: Its enabled effects, for how far they reach out.
        colours: The document's colour conversion.
        label: The file's name, for messages.

    Returns:
        ``u8`` (H, W, 4), straight alpha, and its box on the canvas; None where there is nothing to draw.

    Raises:
        LimitError: The box is too large to be drawn.
    """
    box = _box(document, member, effects)
    if box is None:
        return None
    check_pixels(f"{label}: the layer {member.name!r}, which has to be drawn,", *_size(box), MAX_DRAWN_PIXELS)
    record = member._record
    opacity, record.opacity = record.opacity, 255
    try:
        colour, _, alpha = composite(
            member,
            color=1.0,
            alpha=0.0,
            viewport=tuple(box),
            layer_filter=lambda layer: layer is member or layer.visible,
            as_layer=True,
        )
    finally:
        record.opacity = opacity
    planes = [colours.rounded(colour[..., channel]) for channel in range(colour.shape[2])]
    return colours.rgba(planes, colours.rounded(alpha[..., 0], colour=False)), box


def _size(box: Box) -> tuple[int, int]:
    return box.x1 - box.x0, box.y1 - box.y0


def _box(document: Any, member: Any, effects: list[Effect]) -> Box | None:
    canvas = Box(0, 0, document.width, document.height)
    if member.is_group() or member.width < 1 or member.height < 1:
        return canvas  # fills without pixels have no box of their own
    reach = max((_reach(effect) for effect in effects), default=0)
    if member.has_vector_mask() and not member.has_pixels():
        reach += MAX_REACH // 10  # a drawn vector stroke
    grown = Box(member.left - reach, member.top - reach, member.right + reach, member.bottom + reach)
    if np.prod(_size(grown), dtype=float) > MAX_DRAWN_PIXELS:
        return grown.meet(canvas)
    return grown


def _reach(effect: Effect) -> int:
    if effect.name != "stroke" or effect.descriptor is None:
        return 0
    size = effect.descriptor.get(b"Sz  ")
    value = float(getattr(size, "value", size) or 0)
    return int(min(max(value, 0), MAX_REACH)) + 2 if np.isfinite(value) else 0
