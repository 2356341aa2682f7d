"""Flatten a stack: over, blend modes, opacity, offsets, isolated and pass-through groups.

The canvas is worked off in row bands, so memory does not grow with the number of layers; all arithmetic is float32 with
one rounding at the end. Stacks of only "normal" layers take a shorter way: top to bottom, stopping where nothing below
can be seen. Planes are channel-first, (3, H, W): NumPy is several times faster on them than on interleaved pixels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np

from layerize.stack.blend import BLEND
from layerize.stack.convert import F32, to_float, to_u8
from layerize.stack.layer import U8, BlendMode, Group, Layer, LayerStack, Node

Background: TypeAlias = tuple[int, int, int] | tuple[int, int, int, int] | U8
"""An RGB or RGBA colour in 0..255, or ``u8`` pixels (H, W, 3 or 4) of the canvas size."""

# Pixels of one band: a float plane of it is 256 KiB, so that the planes in use stay in the processor's cache.
BAND_PIXELS = 65_536


class Box(NamedTuple):
    """Half-open pixel box on the canvas."""

    x0: int
    y0: int
    x1: int
    y1: int

    def meet(self, other: Box) -> Box | None:
        """The common part of two boxes, None when there is none."""
        box = Box(max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1))
        return box if box.x0 < box.x1 and box.y0 < box.y1 else None

    def slices(self, origin_x: int, origin_y: int) -> tuple[slice, slice]:
        """(rows, columns) of this box in an array whose first pixel lies at the origin."""
        return slice(self.y0 - origin_y, self.y1 - origin_y), slice(self.x0 - origin_x, self.x1 - origin_x)


def box_of(layer: Layer) -> Box:
    """The canvas box of a layer's raster (its transparent margin included)."""
    (x, y), (width, height) = layer.offset, layer.size
    return Box(x, y, x + width, y + height)


def flatten(stack: LayerStack, *, background: Background | None = None) -> U8:
    """The stack as one picture.

    ``C_i = a_i RGB_i + (1 - a_i) C_(i-1)`` (arXiv 2512.15603, Eq. 1), other modes as in W3C Compositing Level 1,
    section 5.8: ``a_s (1 - a_b) C_s + a_s a_b B(C_b, C_s) + (1 - a_s) a_b C_b``, premultiplied.

    Args:
        stack: Any stack; hidden layers and groups are left out.
        background: A colour or a picture that lies below all layers; blend modes see it.

    Returns:
        ``u8`` (H, W, 4), straight alpha; colour is 0 where alpha is 0.

    Raises:
        ValueError: The background has another size than the canvas.
    """
    width, height = stack.size
    layers = stack.layers
    if background is not None:
        layers = (_background_layer(background, width, height), *layers)
    plain = _plain(layers)
    result = np.empty((height, width, 4), np.uint8)
    rows = max(1, BAND_PIXELS // width)
    boxes = [Box(0, y, width, min(y + rows, height)) for y in range(0, height, rows)]

    def work(box: Box) -> None:
        planes = _paint_band(layers, box) if plain is None else _over_band(plain, box)
        result[box.y0 : box.y1] = cv2.merge(list(to_u8(planes)))

    if len(boxes) == 1:
        work(boxes[0])
    else:
        with ThreadPoolExecutor(min(len(boxes), os.cpu_count() or 1)) as pool:
            list(pool.map(work, boxes))
    return result


def over_u8(top: U8, bottom: U8) -> U8:
    """One straight ``u8`` (H, W, 4) picture over another of the same size."""
    if top.shape != bottom.shape:
        raise ValueError(f"top {top.shape} and bottom {bottom.shape} must have the same shape")
    size = (top.shape[1], top.shape[0])
    return flatten(LayerStack(size=size, layers=(Layer(pixels=bottom), Layer(pixels=top))))


def _background_layer(background: Background, width: int, height: int) -> Layer:
    pixels = np.asarray(background, np.uint8)
    if pixels.ndim == 1:
        pixels = np.broadcast_to(pixels, (height, width, pixels.size))
    if pixels.shape[:2] != (height, width):
        raise ValueError(f"background is {pixels.shape[1]}x{pixels.shape[0]}, the canvas is {width}x{height}")
    if pixels.shape[2] == 3:
        pixels = np.concatenate([pixels, np.full((height, width, 1), 255, np.uint8)], axis=2)
    return Layer(pixels=pixels, name="Background")


def _plain(nodes: Sequence[Node]) -> list[tuple[Layer, float]] | None:
    """The visible leaves bottom to top with their opacities, if "over" alone flattens them; otherwise None."""
    leaves: list[tuple[Layer, float]] = []
    for node in nodes:
        if not node.visible or node.opacity == 0:
            continue
        if node.blend not in ("normal", "pass-through"):
            return None
        if isinstance(node, Layer):
            leaves.append((node, node.opacity))
            continue
        members = _plain(node.layers)
        if members is None or (node.blend == "normal" and node.opacity < 1 and len(members) > 1):
            return None
        if node.opacity < 1 and len(members) > 1:
            return None
        leaves += [(layer, opacity * node.opacity) for layer, opacity in members]
    return leaves


def _over_band(leaves: list[tuple[Layer, float]], box: Box) -> F32:
    """Top to bottom: each layer takes its share of the light that the layers above let through; straight (4, H, W)."""
    shape = (box.y1 - box.y0, box.x1 - box.x0)
    rgb = np.zeros((3, *shape), np.float32)
    light = np.ones(shape, np.float32)
    for layer, opacity in reversed(leaves):
        common = _inked(layer, box)
        if common is None:
            continue
        x, y = layer.offset
        pixels = layer.pixels[common.slices(x, y)]
        there = common.slices(box.x0, box.y0)
        left = light[there]
        weight = np.multiply(pixels[..., 3], np.float32(opacity / 255), dtype=np.float32)
        weight *= left
        for channel in range(3):
            rgb[channel][there] += np.multiply(pixels[..., channel], weight, dtype=np.float32)
        left -= weight
        if common == box and not light.any():
            break
    alpha = 1 - light
    rgb *= np.float32(1 / 255)
    return _straight(rgb, alpha)


def _inked(layer: Layer, box: Box) -> Box | None:
    """The part of the box in which the layer has columns that are not wholly transparent."""
    common = box_of(layer).meet(box)
    if common is None:
        return None
    alpha = layer.pixels[common.slices(*layer.offset)][..., 3]
    columns = np.flatnonzero(alpha.max(axis=0))
    if columns.size == 0:
        return None
    return Box(common.x0 + int(columns[0]), common.y0, common.x0 + int(columns[-1]) + 1, common.y1)


@dataclass
class _Buffer:
    """A band being painted: premultiplied ``rgb`` (3, H, W) and ``alpha`` (H, W)."""

    box: Box
    rgb: F32
    alpha: F32

    @classmethod
    def empty(cls, box: Box) -> _Buffer:
        shape = (box.y1 - box.y0, box.x1 - box.x0)
        return cls(box, np.zeros((3, *shape), np.float32), np.zeros(shape, np.float32))


def _paint_band(nodes: Sequence[Node], box: Box) -> F32:
    buffer = _Buffer.empty(box)
    _paint(buffer, nodes)
    return _straight(buffer.rgb, buffer.alpha)


def _paint(buffer: _Buffer, nodes: Sequence[Node]) -> None:
    for node in nodes:
        if not node.visible or node.opacity == 0:
            continue
        if isinstance(node, Layer):
            _paint_layer(buffer, node)
        elif node.blend == "pass-through":
            _paint_through(buffer, node)
        else:
            _paint_isolated(buffer, node, node.blend)


def _paint_layer(buffer: _Buffer, layer: Layer) -> None:
    common = _inked(layer, buffer.box)
    if common is None:
        return
    planes = to_float(np.stack(cv2.split(layer.pixels[common.slices(*layer.offset)])))
    planes[3] *= np.float32(layer.opacity)
    there = common.slices(buffer.box.x0, buffer.box.y0)
    _blend_into(buffer.rgb[(slice(None), *there)], buffer.alpha[there], planes[:3], planes[3], layer.blend)


def _paint_through(buffer: _Buffer, group: Group) -> None:
    """Members blend with what lies below the group; its opacity fades between "without" and "with the group"."""
    if group.opacity == 1:
        _paint(buffer, group.layers)
        return
    rgb, alpha = buffer.rgb.copy(), buffer.alpha.copy()
    _paint(buffer, group.layers)
    fade = np.float32(group.opacity)
    buffer.rgb[...] = rgb + fade * (buffer.rgb - rgb)
    buffer.alpha[...] = alpha + fade * (buffer.alpha - alpha)


def _paint_isolated(buffer: _Buffer, group: Group, mode: BlendMode) -> None:
    """Members blend among themselves on nothing; the result is painted like one layer (W3C, section 6)."""
    inner = _Buffer.empty(buffer.box)
    _paint(inner, group.layers)
    planes = _straight(inner.rgb, inner.alpha)
    _blend_into(buffer.rgb, buffer.alpha, planes[:3], planes[3] * np.float32(group.opacity), mode)


def _blend_into(rgb: F32, alpha: F32, source: F32, source_alpha: F32, mode: BlendMode) -> None:
    """Paint a straight source onto premultiplied ``rgb`` and ``alpha``, in place (W3C, section 5.8)."""
    if mode != "normal":
        backdrop = np.clip(_straight(rgb, alpha)[:3], 0, 1)
        source = source + alpha * (BLEND[mode](backdrop, source) - source)
    rgb += source_alpha * (source - rgb)
    alpha += source_alpha * (1 - alpha)


def _straight(rgb: F32, alpha: F32) -> F32:
    """Premultiplied planes to one straight (4, H, W) array; colour is 0 where alpha is 0."""
    planes = np.empty((4, *alpha.shape), np.float32)
    inverse = np.zeros_like(alpha)
    np.divide(1, alpha, out=inverse, where=alpha > 0)
    np.multiply(rgb, inverse, out=planes[:3])
    planes[3] = alpha
    return planes


def ink_box(layer: Layer) -> Box | None:
    """The smallest canvas box around a layer's pixels with alpha > 0; None when it has none."""
    column, row, width, height = cv2.boundingRect(cv2.extractChannel(layer.pixels, 3))
    if not width:
        return None
    x, y = layer.offset[0] + column, layer.offset[1] + row
    return Box(x, y, x + width, y + height)


def iter_nodes(nodes: Sequence[Node]) -> Iterator[Node]:
    """All nodes bottom to top, each group before its members."""
    for node in nodes:
        yield node
        if isinstance(node, Group):
            yield from iter_nodes(node.layers)
