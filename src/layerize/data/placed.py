"""A layer on its way to a training sample: with the groups that it came from, cut to what can be seen on the canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from layerize.stack.composite import Box, box_of, ink_box
from layerize.stack.convert import F32, to_float
from layerize.stack.layer import U8, Layer, LayerStack

Step: TypeAlias = dict[str, str]
"""One line of a sample's history: ``action`` (dropped, cropped, baked, merged), ``layer``, ``why``."""

BAND_PIXELS = 1 << 20
"""Pixels worked on at a time: five float planes of it are 20 MiB, whatever the canvas."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """A leaf and the ids of the groups around it, outermost first."""

    layer: Layer
    groups: tuple[str, ...] = ()

    @property
    def box(self) -> Box:
        """Where its raster lies on the canvas."""
        return box_of(self.layer)

    def with_layer(self, layer: Layer) -> Placed:
        """Another layer in the same groups."""
        return replace(self, layer=layer)


def step(action: str, layer: str, why: str) -> Step:
    """One line of the history."""
    return {"action": action, "layer": layer, "why": why}


def to_stack(placed: Sequence[Placed], size: tuple[int, int]) -> LayerStack:
    """The layers alone, without their groups."""
    return LayerStack(size=size, layers=tuple(item.layer for item in placed))


def cut(layer: Layer, size: tuple[int, int]) -> Layer | None:
    """The layer cut to its inked pixels on the canvas; None when there are none."""
    canvas = Box(0, 0, *size)
    common = box_of(layer).meet(canvas)
    if common is None:
        return None
    inside = replace(layer, pixels=layer.pixels[common.slices(*layer.offset)], offset=(common.x0, common.y0))
    ink = ink_box(inside)
    if ink is None:
        return None
    return replace(inside, pixels=inside.pixels[ink.slices(*inside.offset)], offset=(ink.x0, ink.y0))


def plain(layer: Layer) -> Layer:
    """Its opacity multiplied into its alpha, normal, no colour under zero alpha."""
    pixels = layer.pixels
    if layer.opacity < 1:
        pixels = pixels.copy()
        pixels[..., 3] = np.rint(pixels[..., 3] * np.float32(layer.opacity)).astype(np.uint8)
    unseen = pixels[..., 3] == 0
    if any(bool((pixels[..., channel][unseen]).any()) for channel in range(3)):
        pixels = np.where(pixels[..., 3:] > 0, pixels, np.uint8(0))
    return replace(layer, pixels=pixels, opacity=1.0, blend="normal", visible=True)


def bands(box: Box) -> list[Box]:
    """The box in rows of bands of at most ``BAND_PIXELS``."""
    rows = max(1, BAND_PIXELS // max(1, box.x1 - box.x0))
    return [Box(box.x0, y, box.x1, min(y + rows, box.y1)) for y in range(box.y0, box.y1, rows)]


def planes(layer: Layer, box: Box) -> tuple[F32, F32]:
    """Straight colours (3, h, w) and alpha (h, w) with the opacity in it, 0..1, of a box inside the layer's raster."""
    part = to_float(np.ascontiguousarray(layer.pixels[box.slices(*layer.offset)].transpose(2, 0, 1)))
    return part[:3], part[3] * np.float32(layer.opacity)


def backdrop(layers: Sequence[Layer], box: Box) -> tuple[F32, F32]:
    """Normal layers flattened inside a box: premultiplied colours (3, h, w) and alpha (h, w), 0..1, unrounded."""
    shape = (box.y1 - box.y0, box.x1 - box.x0)
    rgb, alpha = np.zeros((3, *shape), np.float32), np.zeros(shape, np.float32)
    for layer in layers:
        common = box_of(layer).meet(box)
        if common is None:
            continue
        there = common.slices(box.x0, box.y0)
        over(rgb[(slice(None), *there)], alpha[there], *planes(layer, common))
    return rgb, alpha


def over(rgb: F32, alpha: F32, source: F32, source_alpha: F32) -> None:
    """Paint straight colours onto premultiplied ones, in place."""
    rgb += source_alpha * (source - rgb)
    alpha += source_alpha * (1 - alpha)


def flat_u8(rgb: F32, alpha: F32) -> U8:
    """Premultiplied planes to straight ``u8`` (h, w, 4)."""
    inverse = np.zeros_like(alpha)
    np.divide(1, alpha, out=inverse, where=alpha > 0)
    straight = np.concatenate([rgb * inverse, alpha[None]])
    return np.ascontiguousarray(np.clip(np.rint(straight * 255), 0, 255).astype(np.uint8).transpose(1, 2, 0))
