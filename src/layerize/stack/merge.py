"""Several layers made one, if that leaves the picture as it is."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace as changed

import numpy as np

from layerize.errors import EditError, LayerizeWarning
from layerize.stack.composite import Box, flatten
from layerize.stack.convert import premultiply, to_float, to_u8
from layerize.stack.layer import U8, BlendMode, Group, Layer, LayerStack, Node
from layerize.stack.tree import Ref, ink_of, render, siblings_of_all, with_siblings

# What rounding to eight bits may cost; the promise of the whole project.
TOLERANCE = 1
ROWS = 256
"""Compared at a time, so that a large canvas needs no gigabytes."""


def merge(stack: LayerStack, refs: Sequence[Ref], *, name: str | None = None, exact: bool = True) -> LayerStack:
    """Make one layer of several (or of one group), at the place of the topmost, whose id and name it takes.

    The composite stays the same within 1/255. A blend mode that needs what lies below the merged layers makes that
    impossible, except where all of them multiply or all screen; then nothing is merged.

    Args:
        stack: The stack.
        refs: Layers and groups of one level; hidden members of groups are dropped.
        name: Of the new layer.
        exact: False merges all the same, as normal layers, and warns by how much the picture changed.

    Raises:
        EditError: Fewer than two layers, a hidden one, different groups, or the picture would change.
    """
    members, places = siblings_of_all(stack, refs)
    chosen = [members[i] for i in places]
    box = _check(chosen)
    top = chosen[-1]
    rest: list[Node] = [member for i, member in enumerate(members) if i not in places]
    at = places[-1] - len(places) + 1
    before = _picture(stack, members, places[-1])
    changes: list[int] = []
    for mode, pixels in _candidates(chosen, box):
        merged = Layer(pixels=pixels, name=name or top.name, offset=(box.x0, box.y0), blend=mode, id=top.id)
        new = (*rest[:at], merged, *rest[at:])
        result = with_siblings(stack, members, new)
        changes.append(_difference(before, _picture(result, new, at)))
        if changes[-1] <= TOLERANCE or not exact:
            if changes[-1] > TOLERANCE:
                warnings.warn(f"merging changed the picture by up to {changes[-1]}/255.", LayerizeWarning, 2)
            return result
    between = [n for n in members[places[0] : places[-1]] if n.visible and not any(n is c for c in chosen)]
    raise EditError(f"merging would change the picture by up to {min(changes)}/255: {_reason(chosen, between)}.")


def _check(chosen: list[Node]) -> Box:
    if len(chosen) == 1 and isinstance(chosen[0], Layer):
        raise EditError(f"{chosen[0].name!r} is one layer already; name two or more layers, or a group.")
    for node in chosen:
        if not node.visible:
            raise EditError(f"{node.name!r} is hidden; show it, delete it or leave it out of the merge.")
    box = ink_of(chosen)
    if box is None:
        raise EditError("there is no ink in the layers to be merged; delete them instead.")
    return box


def _candidates(chosen: list[Node], box: Box) -> Iterator[tuple[BlendMode, U8]]:
    """Ways to hold the chosen nodes in one layer, the plainest first."""
    yield "normal", render(chosen, box)
    modes = {node.blend for node in chosen}
    if len(modes) != 1:
        return
    ground: U8 | None = None
    shape = (box.y1 - box.y0, box.x1 - box.x0, 4)
    # Over an opaque ground b, multiply gives b P with P = prod(1 - a + a c), screen 1 - (1 - b)(1 - P): one layer of
    # the common alpha and the colour that gives the same P.
    mode = modes.pop()
    if mode == "multiply":
        ground = np.full(shape, 255, np.uint8)
    elif mode == "screen":
        ground = np.full(shape, (0, 0, 0, 255), np.uint8)
    if ground is None:
        return
    alpha = to_float(render([changed(node, blend="normal") for node in chosen], box)[..., 3:])
    product = to_float(render([Layer(pixels=ground, offset=(box.x0, box.y0)), *chosen], box)[..., :3])
    offset = 1 - alpha if mode == "multiply" else np.zeros_like(alpha)
    colour = np.divide(product - offset, alpha, out=np.zeros_like(product), where=alpha > 0)
    yield ("multiply" if mode == "multiply" else "screen"), to_u8(np.dstack([colour, alpha]))


def _picture(stack: LayerStack, members: tuple[Node, ...], last: int) -> U8:
    """What is seen up to member ``last``, with the groups around it shown and nothing above it."""

    def upto(nodes: tuple[Node, ...]) -> tuple[Node, ...] | None:
        if nodes is members:
            return nodes[: last + 1]
        for i, node in enumerate(nodes):
            if isinstance(node, Group) and (inner := upto(node.layers)) is not None:
                return (*nodes[:i], changed(node, layers=inner, visible=True))
        return None

    return flatten(stack.with_layers(upto(stack.layers) or ()))


def _difference(a: U8, b: U8) -> int:
    """The largest difference of two pictures, premultiplied, in levels of 255."""
    largest = 0
    for rows in (slice(y, y + ROWS) for y in range(0, a.shape[0], ROWS)):
        one, other = (np.rint(premultiply(to_float(picture[rows])) * 255) for picture in (a, b))
        largest = max(largest, int(np.abs(one - other).max()))
    return largest


def _reason(chosen: list[Node], between: list[Node]) -> str:
    blending = [n for n in chosen if n.blend not in ("normal", "pass-through")]
    if blending:
        first = blending[0]
        return (
            f"{first.name!r} blends as {first.blend!r} with what lies below it; "
            "merge it together with all that lies below, or set its blend mode to normal first"
        )
    if between:
        return f"{between[0].name!r} lies between them; reorder it or merge it too"
    return "the layers mix with what lies below them; merge them together with that"
