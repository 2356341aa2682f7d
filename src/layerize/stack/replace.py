"""Put another picture in a layer's place."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import Literal, TypeAlias, get_args

import numpy as np

from layerize.errors import EditError
from layerize.stack.composite import Box
from layerize.stack.layer import U8, Layer, LayerStack, Node
from layerize.stack.resample import Fit, fit_pixels
from layerize.stack.tree import Ref, change, ink_of, shape_of

KeptAlpha: TypeAlias = Literal["new", "old"]


def replace(stack: LayerStack, ref: Ref, pixels: U8, *, fit: Fit = "contain", alpha: KeptAlpha = "new") -> LayerStack:
    """Put another picture in a layer's place; name, id, opacity and blend mode stay.

    Args:
        stack: The stack.
        ref: A layer or a group; a group becomes one layer.
        pixels: ``u8`` (H, W, 4), straight alpha.
        fit: How it fills the old ink box: "contain" (whole picture, aspect kept), "cover" (cut to fill), "stretch",
            or "none" (its own size, centred on the old centre).
        alpha: "new": the new picture's own; "old": the new picture is seen only through the old shape.

    Raises:
        EditError: Unknown fit or alpha, or an absurd size.
    """
    if alpha not in get_args(KeptAlpha):
        raise EditError(f"cannot keep the alpha {alpha!r}; use one of {', '.join(get_args(KeptAlpha))}.")

    def replaced(node: Node) -> Node:
        box = ink_of([node])
        placed, offset = fit_pixels(pixels, box or Box(0, 0, *stack.size), fit)
        old = shape_of(node)
        if alpha == "old" and old is not None:
            placed, offset = _through(placed, offset, old), old.offset
        if isinstance(node, Layer):
            return changed(node, pixels=placed, offset=offset, text=None)
        blend = "normal" if node.blend == "pass-through" else node.blend
        return Layer(
            pixels=placed,
            name=node.name,
            offset=offset,
            opacity=node.opacity,
            blend=blend,
            visible=node.visible,
            id=node.id,
        )

    return change(stack, ref, replaced)


def _through(placed: U8, offset: tuple[int, int], old: Layer) -> U8:
    """The placed picture cut to the old shape's raster, its alpha multiplied by the old one."""
    (x, y), (width, height) = old.offset, old.size
    result = np.zeros((height, width, 4), np.uint8)
    there = Box(offset[0], offset[1], offset[0] + placed.shape[1], offset[1] + placed.shape[0])
    common = there.meet(Box(x, y, x + width, y + height))
    if common is None:
        return result
    result[common.slices(x, y)] = placed[common.slices(*offset)]
    both = result[..., 3].astype(np.uint16) * old.pixels[..., 3]
    result[..., 3] = (both + 127) // 255
    return result
