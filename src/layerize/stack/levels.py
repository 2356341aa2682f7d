"""Levels, the canonical decomposition: what overlaps nothing shares a layer, what lies on something lies higher.

``level(e) = 1 + max(level of whatever e overlaps below it)``; the background, which lies on nothing, is level 0.
(The paper merges spatially non-overlapping layers, arXiv 2512.15603, Sec. 3.4; LayerD groups them.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from layerize.stack.composite import Box, flatten, ink_box
from layerize.stack.layer import Layer, LayerStack, Node


def elements(stack: LayerStack) -> list[Layer]:
    """What levels are counted for: the visible, inked layers bottom to top.

    Pass-through groups of full opacity are opened; any other group is flattened to one element.
    """
    return [layer for node in stack.layers for layer in _elements(node, stack.size)]


def levels(stack: LayerStack, *, min_alpha: int = 1) -> list[int]:
    """The level of every element (``elements(stack)``), bottom to top.

    Args:
        stack: Any stack.
        min_alpha: 1..255, alpha from which a pixel counts as covered; above 1, faint shadows do not raise levels.
    """
    return _levels(elements(stack), stack.size, min_alpha)


def merge_levels(stack: LayerStack, *, min_alpha: int = 1) -> LayerStack:
    """Each level as one layer, bottom to top; elements of a level that blend in different modes stay apart.

    The composite stays the same within the rounding of merged opacities, as long as no pass-through group fades or
    isolates blend modes. A level of one element keeps that element, its name and its id.
    """
    items = elements(stack)
    parts: dict[tuple[int, str], list[Layer]] = {}
    for level, layer in zip(_levels(items, stack.size, min_alpha), items, strict=True):
        parts.setdefault((level, layer.blend), []).append(layer)
    order = sorted(parts, key=lambda key: key[0])
    return stack.with_layers([_merged(parts[key], stack.size, f"Level {key[0]}") for key in order])


def _elements(node: Node, size: tuple[int, int]) -> list[Layer]:
    if not node.visible or node.opacity == 0:
        return []
    if isinstance(node, Layer):
        box = ink_box(node)
        return [node] if box is not None and box.meet(Box(0, 0, *size)) else []
    if node.blend == "pass-through" and node.opacity == 1:
        return [layer for member in node.layers for layer in _elements(member, size)]
    inner = LayerStack(size=size, layers=node.layers)
    blend = "normal" if node.blend == "pass-through" else node.blend
    flat = Layer(pixels=flatten(inner), name=node.name, opacity=node.opacity, blend=blend, id=node.id)
    return _elements(flat, size)


def _levels(items: list[Layer], size: tuple[int, int], min_alpha: int) -> list[int]:
    canvas = Box(0, 0, *size)
    found: list[int] = []
    masks: list[tuple[Box, npt.NDArray[np.bool_]] | None] = []
    for layer in items:
        mask = _mask(layer, canvas, min_alpha)
        # From the highest level down: the first overlap settles it. Boxes first, pixels only where boxes meet.
        below = sorted(range(len(found)), key=lambda i: -found[i])
        level = next((found[i] + 1 for i in below if _overlap(mask, masks[i])), 0)
        found.append(level)
        masks.append(mask)
    return found


def _mask(layer: Layer, canvas: Box, min_alpha: int) -> tuple[Box, npt.NDArray[np.bool_]] | None:
    box = ink_box(layer)
    box = box.meet(canvas) if box is not None else None
    if box is None:
        return None
    return box, layer.pixels[box.slices(*layer.offset)][..., 3] >= min_alpha


def _overlap(one: tuple[Box, npt.NDArray[np.bool_]] | None, other: tuple[Box, npt.NDArray[np.bool_]] | None) -> bool:
    if one is None or other is None:
        return False
    common = one[0].meet(other[0])
    if common is None:
        return False
    mine = one[1][common.slices(one[0].x0, one[0].y0)]
    return bool((mine & other[1][common.slices(other[0].x0, other[0].y0)]).any())


def _merged(layers: list[Layer], size: tuple[int, int], name: str) -> Layer:
    if len(layers) == 1:
        return layers[0]
    blend, opacities = layers[0].blend, {layer.opacity for layer in layers}
    opacity = opacities.pop() if len(opacities) == 1 else None
    plain = [replace(layer, blend="normal", opacity=layer.opacity if opacity is None else 1.0) for layer in layers]
    pixels = flatten(LayerStack(size=size, layers=tuple(plain)))
    return Layer(pixels=pixels, name=name, opacity=1.0 if opacity is None else opacity, blend=blend)
