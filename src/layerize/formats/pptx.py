"""Write a stack as one PowerPoint slide: a picture per layer, placed, named and grouped. Write only.

Sizes and places are EMU (English Metric Units, 914,400 to the inch); a pixel is 1/96 inch, as in PowerPoint itself.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layerize.errors import LayerizeWarning, MissingExtraError
from layerize.formats.atomic import atomic_path
from layerize.formats.layer_png import encode_layer
from layerize.formats.live_text import LiveTextMode
from layerize.formats.losses import listed
from layerize.formats.manifest import cropped
from layerize.formats.pptx_text import add_text_box, text_for_box
from layerize.formats.xml_safe import xml_text
from layerize.stack.composite import ink_box
from layerize.stack.convert import to_float, to_u8
from layerize.stack.layer import U8, Group, Layer, LayerStack, Node

EMU_PER_PIXEL = 9525
# ECMA-376 Part 1, ST_SlideSizeCoordinate: 1 to 56 inches.
MIN_SIDE, MAX_SIDE = 914_400, 51_206_400
BLANK_LAYOUT = 6  # of python-pptx's default template


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """Canvas pixels to EMU on a slide of ``width`` x ``height`` EMU."""

    emu_per_pixel: float
    width: int
    height: int

    def __call__(self, pixels: int) -> int:
        return round(pixels * self.emu_per_pixel)


def save_pptx(stack: LayerStack, path: str | Path, *, live_text: LiveTextMode = "replace") -> None:
    """Write the stack as a PowerPoint file with one slide of the canvas's size, atomically.

    Text whose typeface is known becomes a text box in place of its picture (``replace``) or over its hidden picture
    (``over``), or stays a picture (``off``).

    Layers are cropped to their ink, opacity is baked into their alpha, names become alt text too (of live text: the
    words).

    Warns:
        LayerizeWarning: Hidden layers, blend modes, opacity of groups with several members, or a size beyond
            PowerPoint's.

    Raises:
        MissingExtraError: python-pptx is not installed.
        OutputError: The system refuses (disk full, no permission).
    """
    try:
        from pptx import Presentation
    except ImportError as error:
        raise MissingExtraError("Writing PowerPoint files", "python-pptx", "exchange") from error
    _warn_losses(stack)
    scale = _scale(stack.size)
    document = Presentation()
    document.slide_width, document.slide_height = scale.width, scale.height
    slide = document.slides.add_slide(document.slide_layouts[BLANK_LAYOUT])
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        _add(slide.shapes, stack.layers, pool.map(_encoded, _inked(stack.layers, 1.0)), scale, live_text)
    with atomic_path(path) as temporary:
        document.save(str(temporary))


def _scale(size: tuple[int, int]) -> _Scale:
    """One pixel is 1/96 inch, unless the slide would be larger or smaller than PowerPoint can."""
    long, short = max(size) * EMU_PER_PIXEL, min(size) * EMU_PER_PIXEL
    factor = max(1.0, MIN_SIDE / short)
    factor = min(factor, MAX_SIDE / long)
    width, height = (max(MIN_SIDE, round(side * EMU_PER_PIXEL * factor)) for side in size)
    if factor != 1 or short * factor < MIN_SIDE:
        warnings.warn(
            f"PowerPoint slides are 1 to 56 inches (96 to 5376 pixels) a side; the canvas of {size[0]}x{size[1]} "
            f"pixels was scaled by {factor:.3g}"
            + (" and lies on a larger slide." if short * factor < MIN_SIDE else "."),
            LayerizeWarning,
            3,
        )
    return _Scale(emu_per_pixel=EMU_PER_PIXEL * factor, width=width, height=height)


def _inked(nodes: tuple[Node, ...], opacity: float) -> Iterator[tuple[Layer, float]]:
    """The layers that can be seen, bottom to top, each with its opacity times those of its groups."""
    for node in nodes:
        if not node.visible:
            continue
        if isinstance(node, Group):
            yield from _inked(node.layers, opacity * node.opacity)
        elif ink_box(node) is not None:
            yield node, opacity * node.opacity


def _encoded(inked: tuple[Layer, float]) -> bytes:
    layer, opacity = inked
    return encode_layer(_faded(cropped(layer)[0], opacity))


def _add(
    shapes: Any,
    nodes: tuple[Node, ...],
    pictures: Iterator[bytes],
    scale: _Scale,
    live_text: LiveTextMode,
    opacity: float = 1.0,
) -> None:
    """Add the nodes to a slide or group; ``pictures`` yields the PNG of each layer of ``_inked`` in turn."""
    for node in nodes:
        if not node.visible:
            continue
        name = xml_text(node.name)
        if isinstance(node, Group):
            if any(_inked(node.layers, 1.0)):
                group = shapes.add_group_shape()
                _describe(group._element.nvGrpSpPr.cNvPr, name, name)
                _add(group.shapes, node.layers, pictures, scale, live_text, opacity * node.opacity)
            continue
        box = ink_box(node)
        if box is None:
            continue
        png = next(pictures)
        text = text_for_box(node) if live_text != "off" else None
        words = (node.text or {}).get("content")
        alt = xml_text(words) if isinstance(words, str) else name
        if text is None or live_text == "over":
            left, top = scale(box.x0), scale(box.y0)
            width, height = scale(box.x1) - left, scale(box.y1) - top
            picture = shapes.add_picture(io.BytesIO(png), left, top, max(1, width), max(1, height))
            _describe(picture._element.nvPicPr.cNvPr, name, alt)
            if text is not None:
                picture._element.nvPicPr.cNvPr.set("hidden", "1")
        if text is not None:
            shape = add_text_box(shapes, text, scale.emu_per_pixel, opacity * node.opacity)
            _describe(shape._element.nvSpPr.cNvPr, name, alt)


def _describe(properties: Any, name: str, alt: str) -> None:
    properties.set("name", name)
    properties.set("descr", alt)


def _faded(pixels: U8, opacity: float) -> U8:
    if opacity == 1:
        return pixels
    return np.dstack([pixels[..., :3], to_u8(to_float(pixels[..., 3]) * np.float32(opacity))])


def _visible(nodes: tuple[Node, ...]) -> Iterator[Layer]:
    for node in nodes:
        if node.visible:
            yield from _visible(node.layers) if isinstance(node, Group) else (node,)


def _warn_losses(stack: LayerStack) -> None:
    hidden = len(list(stack.walk())) - len(list(_visible(stack.layers)))
    lost = [f"{hidden} hidden layer{'s' * (hidden > 1)} (left out)"] if hidden else []
    shown = list(_visible_nodes(stack.layers))
    if any(node.blend not in ("normal", "pass-through") for node in shown):
        lost.append("blend modes (shown as normal)")
    if any(isinstance(node, Group) and node.opacity < 1 and len(node.layers) > 1 for node in shown):
        lost.append("opacity of groups (given to each member)")
    if lost:
        warnings.warn(f"PowerPoint cannot hold {listed(lost)}.", LayerizeWarning, 3)


def _visible_nodes(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        if node.visible:
            yield node
            if isinstance(node, Group):
                yield from _visible_nodes(node.layers)
