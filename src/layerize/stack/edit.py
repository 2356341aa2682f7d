"""The basic edits. Each returns a new stack; layers that an edit does not touch stay the same objects.

A layer is named by its index (0 = bottom, top level only), its id or its name; ids and names are also found in groups.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace as changed
from typing import TypeAlias

import numpy as np

from layerize.errors import UsageError
from layerize.stack.colour import Colour, parse_colour
from layerize.stack.composite import Box, ink_box, iter_nodes
from layerize.stack.layer import U8, Group, Layer, LayerStack, Node
from layerize.stack.recolor import recolored
from layerize.stack.resample import Fit, fit_pixels, resize_pixels

Ref: TypeAlias = int | str


def find(stack: LayerStack, ref: Ref) -> Node:
    """The layer or group that ``ref`` names: an index, an id, a name, or an index written as text, in this order.

    Raises:
        UsageError: Nothing or more than one node has this name; the message lists the names, nearest first.
    """
    if isinstance(ref, str):
        nodes = list(iter_nodes(stack.layers))
        for matches in ([n for n in nodes if n.id == ref], [n for n in nodes if n.name == ref]):
            if len(matches) == 1:
                return matches[0]
            if matches:
                ids = ", ".join(node.id for node in matches)
                raise UsageError(f"{len(matches)} layers are named {ref!r}; use an index or one of the ids {ids}.")
        if not ref.isdecimal():
            raise UsageError(f"there is no layer {ref!r}; the stack has {_names(nodes, ref)}.")
        ref = int(ref)
    if not 0 <= ref < len(stack.layers):
        raise UsageError(f"there is no layer {ref}; the stack has {len(stack.layers)}, counted from 0 at the bottom.")
    return stack.layers[ref]


def move(stack: LayerStack, ref: Ref, *, dx: int = 0, dy: int = 0) -> LayerStack:
    """Shift a layer or group by whole pixels; x grows to the right, y downwards.

    Raises:
        UsageError: Not whole pixels.
    """
    if any(int(shift) != shift for shift in (dx, dy)):
        raise UsageError(f"cannot move by {dx}, {dy}; layers lie on whole pixels.")
    dx, dy = int(dx), int(dy)
    return _change(stack, ref, lambda node: _leafwise(node, lambda layer: _shifted(layer, dx, dy)))


def resize(
    stack: LayerStack, ref: Ref, *, scale: float | None = None, size: tuple[int, int] | None = None
) -> LayerStack:
    """Resize a layer or group about the centre of its ink.

    Args:
        stack: The stack.
        ref: The layer or group.
        scale: Factor above 0 for both sides; or:
        size: (width, height) that the ink box gets, in pixels.

    Raises:
        UsageError: Neither or both of scale and size, not above 0, or an absurd result.
    """
    node = find(stack, ref)
    box = _ink(node)
    if (scale is None) == (size is None):
        raise UsageError("resize needs either a scale or a size.")
    if box is None:
        return stack
    if size is not None:
        factors = (size[0] / (box.x1 - box.x0), size[1] / (box.y1 - box.y0))
    else:
        assert scale is not None
        factors = (scale, scale)
    if not all(0 < factor < float("inf") for factor in factors):
        raise UsageError(f"cannot resize by {factors[0]:g} x {factors[1]:g}; give a scale or a size above 0.")
    return _change(stack, ref, lambda node: _leafwise(node, lambda layer: _scaled(layer, box, factors)))


def opacity(stack: LayerStack, ref: Ref, value: float) -> LayerStack:
    """Set a layer's or group's opacity, 0..1.

    Raises:
        UsageError: Outside 0..1.
    """
    if not 0 <= value <= 1:
        raise UsageError(f"opacity {value:g} is out of range; give a number from 0 (invisible) to 1 (opaque).")
    return _change(stack, ref, lambda node: changed(node, opacity=float(value)))


def hide(stack: LayerStack, ref: Ref) -> LayerStack:
    """Leave a layer or group out of the composite."""
    return _change(stack, ref, lambda node: changed(node, visible=False))


def show(stack: LayerStack, ref: Ref) -> LayerStack:
    """Undo ``hide``."""
    return _change(stack, ref, lambda node: changed(node, visible=True))


def rename(stack: LayerStack, ref: Ref, name: str) -> LayerStack:
    """Give a layer or group another name; its id stays."""
    return _change(stack, ref, lambda node: changed(node, name=name))


def delete(stack: LayerStack, ref: Ref) -> LayerStack:
    """Take a layer or group out of the stack."""
    return _change(stack, ref, lambda node: None)


def reorder(stack: LayerStack, ref: Ref, index: int) -> LayerStack:
    """Put a layer or group at another place among its siblings.

    Args:
        stack: The stack.
        ref: The layer or group.
        index: Its new index, 0 = bottom.

    Raises:
        UsageError: There is no such place.
    """
    node = find(stack, ref)

    def place(nodes: Sequence[Node]) -> tuple[Node, ...]:
        if not any(sibling is node for sibling in nodes):
            return tuple(_with_members(n, place(n.layers)) if isinstance(n, Group) else n for n in nodes)
        if not 0 <= index < len(nodes):
            raise UsageError(f"there is no place {index}; {node.name!r} can go to 0 (bottom) to {len(nodes) - 1}.")
        others = [sibling for sibling in nodes if sibling is not node]
        return (*others[:index], node, *others[index:])

    return stack.with_layers(place(stack.layers))


def recolor(stack: LayerStack, ref: Ref, colour: Colour) -> LayerStack:
    """Give a layer or group another colour and keep its shading.

    The typical colour (the median of the ink in Oklab) becomes ``colour``; lighter and darker pixels stay lighter and
    darker, less saturated ones stay less saturated.
    """
    target = parse_colour(colour)
    return _change(stack, ref, lambda node: _leafwise(node, lambda layer: recolored(layer, target)))


def replace(stack: LayerStack, ref: Ref, pixels: U8, *, fit: Fit = "contain") -> LayerStack:
    """Put another picture in a layer's place; name, id, opacity and blend mode stay.

    Args:
        stack: The stack.
        ref: A layer or a group; a group becomes one layer.
        pixels: ``u8`` (H, W, 4), straight alpha.
        fit: How it fills the old ink box: "contain" (whole picture, aspect kept), "cover" (cut to fill), "stretch",
            or "none" (its own size, centred on the old centre).
    """
    node = find(stack, ref)
    box = _ink(node) or Box(0, 0, *stack.size)
    placed, offset = fit_pixels(pixels, box, fit)
    if isinstance(node, Group):
        blend = "normal" if node.blend == "pass-through" else node.blend
        node = Layer(pixels=placed, name=node.name, opacity=node.opacity, blend=blend, visible=node.visible, id=node.id)
    new = changed(node, pixels=placed, offset=offset, text=None)
    return _change(stack, ref, lambda _: new)


def background(stack: LayerStack, value: Colour | U8) -> LayerStack:
    """Give the stack another background: a colour, or a picture that is cut to fill the canvas.

    The bottom layer is replaced if it covers the whole canvas or is named "Background"; otherwise one is put below.
    """
    width, height = stack.size
    if isinstance(value, np.ndarray):
        pixels, _ = fit_pixels(value, Box(0, 0, width, height), "cover")
    else:
        pixels = np.broadcast_to(np.array([*parse_colour(value), 255], np.uint8), (height, width, 4))
    bottom = stack.layers[0] if stack.layers else None
    if isinstance(bottom, Layer) and (bottom.name == "Background" or _covers(bottom, stack.size)):
        new = changed(bottom, pixels=pixels, offset=(0, 0), visible=True, text=None)
        return stack.with_layers((new, *stack.layers[1:]))
    return stack.with_layers((Layer(pixels=pixels, name="Background"), *stack.layers))


def _change(stack: LayerStack, ref: Ref, change: Callable[[Node], Node | None]) -> LayerStack:
    """The stack with one node changed (or gone: None); only the groups around it are rebuilt."""
    node = find(stack, ref)

    def rebuilt(nodes: Sequence[Node]) -> tuple[Node, ...]:
        result: list[Node] = []
        for member in nodes:
            if member is node:
                new = change(member)
                result += [] if new is None else [new]
            else:
                result.append(_with_members(member, rebuilt(member.layers)) if isinstance(member, Group) else member)
        return tuple(result)

    return stack.with_layers(rebuilt(stack.layers))


def _with_members(group: Group, members: tuple[Node, ...]) -> Group:
    same = len(members) == len(group.layers) and all(a is b for a, b in zip(members, group.layers, strict=True))
    return group if same else changed(group, layers=members)


def _leafwise(node: Node, change: Callable[[Layer], Layer]) -> Node:
    if isinstance(node, Layer):
        return change(node)
    return changed(node, layers=tuple(_leafwise(member, change) for member in node.layers))


def _names(nodes: Sequence[Node], wanted: str) -> str:
    if not nodes:
        return "no layers"
    names = list(dict.fromkeys(node.name for node in nodes))
    nearness = {name: difflib.SequenceMatcher(None, wanted.lower(), name.lower()).ratio() for name in names}
    names.sort(key=lambda name: -nearness[name])
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(repr(name) for name in names[:8]) + more


def _ink(node: Node) -> Box | None:
    boxes = [box for n in iter_nodes([node]) if isinstance(n, Layer) and (box := ink_box(n)) is not None]
    if not boxes:
        return None
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


def _shifted(layer: Layer, dx: int, dy: int) -> Layer:
    return changed(layer, offset=(layer.offset[0] + dx, layer.offset[1] + dy))


def _scaled(layer: Layer, around: Box, factors: tuple[float, float]) -> Layer:
    """Scale the layer's inked box about the centre of ``around``."""
    box = ink_box(layer)
    if box is None:
        return layer
    centre = ((around.x0 + around.x1) / 2, (around.y0 + around.y1) / 2)
    x0, x1 = (centre[0] + (x - centre[0]) * factors[0] for x in (box.x0, box.x1))
    y0, y1 = (centre[1] + (y - centre[1]) * factors[1] for y in (box.y0, box.y1))
    width, height = max(1, round(x1 - x0)), max(1, round(y1 - y0))
    pixels = resize_pixels(layer.pixels[box.slices(*layer.offset)], width, height)
    return changed(layer, pixels=pixels, offset=(round((x0 + x1 - width) / 2), round((y0 + y1 - height) / 2)))


def _covers(layer: Layer, size: tuple[int, int]) -> bool:
    x, y = layer.offset
    box = Box(x, y, x + layer.size[0], y + layer.size[1])
    canvas = Box(0, 0, *size)
    return box.meet(canvas) == canvas and bool(layer.pixels[canvas.slices(x, y)][..., 3].min() > 0)
