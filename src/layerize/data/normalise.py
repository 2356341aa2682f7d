"""From a design's stack to a training sample: plain RGBA layers bottom to top that make the same picture.

Hidden layers, empty ones and those that change nothing go; groups and blend modes are baked; layers are merged down to
a count. What lies under other layers stays (amodal pixels); what lies off the canvas is cut. The result is compared
with the visible stack: it may differ by one level of 255, else it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from layerize.data.bake import bake
from layerize.data.contribution import drop_unseen
from layerize.data.merge_down import merge_down, merge_groups_of, merge_levels_of
from layerize.data.placed import Placed, Step, step, to_stack
from layerize.naming import describe
from layerize.stack.composite import flatten
from layerize.stack.layer import U8, LayerStack, new_id

Merge: TypeAlias = Literal["auto", "groups", "levels", "none"]
MERGES: tuple[Merge, ...] = ("auto", "groups", "levels", "none")

TOLERANCE = 1
"""Levels of 255 by which the sample's composite may differ from the visible stack's: the rounding of merged alphas."""
BAND_PIXELS = 1 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Normalised:
    """A sample's layers and how they came to be.

    Attributes:
        stack: Plain layers bottom to top: normal, opacity 1, visible, unique ids, no groups.
        composite: ``u8`` (H, W, 4), the stack flattened.
        elements: Layers before merging.
        error: Largest difference from the visible stack, in levels of 255.
        history: What was dropped, cropped, baked, merged.
    """

    stack: LayerStack
    composite: U8
    elements: int
    error: int
    history: tuple[Step, ...]


def normalise(
    stack: LayerStack, *, max_layers: int = 20, merge: Merge = "auto", target: U8 | None = None
) -> Normalised:
    """Bake, drop and merge a stack.

    Args:
        stack: Any stack.
        max_layers: At most as many layers are left, unless ``merge`` is "none".
        merge: "auto" merges only above ``max_layers``, inside groups and by nearness; "groups" makes one layer of
            each outermost group first; "levels" one per level (arXiv 2512.15603, Sec. 3.4); "none" leaves every
            element alone.
        target: The stack flattened, ``u8`` (H, W, 4), where it is at hand.

    Returns:
        The sample; its ``error`` says how far it is from the visible stack. May have no layers.
    """
    target = flatten(stack) if target is None else target
    placed, history = bake(stack)
    placed, gone = drop_unseen(placed, stack.size)
    history += [step("dropped", name, why) for name, why in gone]
    elements = len(placed)
    merged: list[list[str]] = []
    if merge == "groups":
        placed, merged = merge_groups_of(placed)
    if merge == "levels":
        placed, merged = merge_levels_of(placed, stack.size)
    if merge != "none" and len(placed) > max_layers:
        placed, more = merge_down(placed, stack.size, max_layers)
        merged += more
    history += [step("merged", "; ".join(names)[:500], f"{len(names)} layers became one") for names in merged]
    result = to_stack(_named(_own_ids(placed), stack.size), stack.size)
    composite = flatten(result)
    error = worst_difference(composite, target)
    return Normalised(stack=result, composite=composite, elements=elements, error=error, history=tuple(history))


def worst_difference(one: U8, other: U8) -> int:
    """The largest difference of two straight RGBA pictures, in levels of 255.

    Of each pixel the smaller of two measures counts: the channels as they are, and premultiplied, since neither alone
    is fair: a colour under faint alpha is hardly seen, and one level of alpha with one of colour is mere rounding.
    """
    worst = 0
    rows = max(1, BAND_PIXELS // one.shape[1])
    for start in range(0, one.shape[0], rows):
        band = slice(start, start + rows)
        if np.array_equal(one[band], other[band]):
            continue
        a, b = (picture[band].astype(np.float32) for picture in (one, other))
        straight = np.abs(a - b).max(2)
        for picture in (a, b):
            picture[..., :3] *= picture[..., 3:] / 255
        seen = np.rint(np.abs(a - b).max(2))
        worst = max(worst, int(np.minimum(straight, seen).max(initial=0)))
    return worst


def _named(placed: list[Placed], size: tuple[int, int]) -> list[Placed]:
    """A name from the pixels for every layer that has none."""
    result = []
    for index, item in enumerate(placed):
        if not item.layer.name.strip():
            canvas = np.zeros((size[1], size[0], 4), np.uint8)
            canvas[item.box.slices(0, 0)] = item.layer.pixels
            kind, colour = describe(canvas, bottom=index == 0)
            item = item.with_layer(replace(item.layer, name=f"{kind}, {colour}" if colour else kind))
        result.append(item)
    return result


def _own_ids(placed: list[Placed]) -> list[Placed]:
    """Every layer with an id of its own: files may use one twice."""
    seen: set[str] = set()
    result = []
    for item in placed:
        layer = item.layer if item.layer.id not in seen else replace(item.layer, id=new_id())
        seen.add(layer.id)
        result.append(item.with_layer(layer))
    return result
