"""Finding nodes of a stack, and putting others in their place; whatever is not meant stays the same object.

A layer is named by its index (0 = bottom, top level only), its id or its name; ids and names are also found in groups.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace as changed
from typing import TypeAlias

from layerize.errors import EditError
from layerize.stack.composite import Box, flatten, ink_box, iter_nodes
from layerize.stack.layer import U8, Group, Layer, LayerStack, Node, new_id
from layerize.stack.text_facts import placed_text, scaling

Ref: TypeAlias = int | str

# More names than this make a message unreadable.
NAMES_SHOWN = 8


def find(stack: LayerStack, ref: Ref) -> Node:
    """The layer or group that ``ref`` names: an index, an id, a name, or an index written as text, in this order.

    Raises:
        EditError: Nothing or more than one node has this name; the message lists the names, nearest first.
    """
    if isinstance(ref, str):
        nodes = list(iter_nodes(stack.layers))
        for matches in ([n for n in nodes if n.id == ref], [n for n in nodes if n.name == ref]):
            if len(matches) == 1:
                return matches[0]
            if matches:
                ids = ", ".join(node.id for node in matches)
                raise EditError(f"{len(matches)} layers are named {ref!r}; use an index or one of the ids {ids}.")
        if not ref.isdecimal() or len(ref) > 9:
            raise EditError(f"there is no layer {ref!r}; the stack has {nearest_names(nodes, ref)}.")
        ref = int(ref)
    if not 0 <= ref < len(stack.layers):
        count, names = len(stack.layers), nearest_names(stack.layers, "")
        raise EditError(f"there is no layer {ref}; the stack has {count}, counted from 0 at the bottom: {names}.")
    return stack.layers[ref]


def nearest_names(nodes: Sequence[Node], wanted: str) -> str:
    """The names of some nodes for a message, those most like ``wanted`` first."""
    if not nodes:
        return "no layers"
    names = list(dict.fromkeys(node.name for node in nodes))
    nearness = {name: difflib.SequenceMatcher(None, wanted.lower(), name.lower()).ratio() for name in names}
    names.sort(key=lambda name: -nearness[name])
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(repr(name) for name in names[:NAMES_SHOWN]) + more


def change(stack: LayerStack, ref: Ref, how: Callable[[Node], Node]) -> LayerStack:
    """The stack with one node changed; only the groups around it are rebuilt."""
    node = find(stack, ref)
    new = how(node)
    if new is node:
        return stack
    members = siblings(stack, node)
    return with_siblings(stack, members, tuple(new if member is node else member for member in members))


def change_leaves(stack: LayerStack, ref: Ref, how: Callable[[Layer], Layer]) -> LayerStack:
    """The stack with a layer, or every layer of a group, changed."""
    return change(stack, ref, lambda node: leafwise(node, how))


def leafwise(node: Node, how: Callable[[Layer], Layer]) -> Node:
    """The node with every layer in it changed; groups of unchanged layers stay the same objects."""
    if isinstance(node, Layer):
        return how(node)
    return with_members(node, tuple(leafwise(member, how) for member in node.layers))


def siblings(stack: LayerStack, node: Node) -> tuple[Node, ...]:
    """The very tuple, of the stack or of a group in it, that holds the node."""
    lists = [stack.layers, *(n.layers for n in iter_nodes(stack.layers) if isinstance(n, Group))]
    return next(members for members in lists if any(member is node for member in members))


def siblings_of_all(stack: LayerStack, refs: Sequence[Ref]) -> tuple[tuple[Node, ...], list[int]]:
    """The tuple that holds all these nodes, and their places in it, bottom to top.

    Raises:
        EditError: One does not exist, one is named twice, or they lie in different groups.
    """
    if not refs:
        raise EditError("no layer is named; name at least one.")
    nodes = [find(stack, ref) for ref in refs]
    members = siblings(stack, nodes[0])
    for node in nodes:
        if sum(other is node for other in nodes) > 1:
            raise EditError(f"{node.name!r} is named twice; name every layer once.")
        if not any(member is node for member in members):
            raise EditError(f"{nodes[0].name!r} and {node.name!r} lie in different groups; ungroup first.")
    return members, sorted(i for i, member in enumerate(members) if any(member is node for node in nodes))


def with_siblings(stack: LayerStack, old: tuple[Node, ...], new: Sequence[Node]) -> LayerStack:
    """The stack with one of its tuples of members (the object itself, not one like it) replaced."""

    def rebuilt(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        if nodes is old:
            return tuple(new)
        return tuple(with_members(n, rebuilt(n.layers)) if isinstance(n, Group) else n for n in nodes)

    return stack.with_layers(rebuilt(stack.layers))


def with_members(group: Group, members: tuple[Node, ...]) -> Group:
    """The group with these members; the same object where nothing is new."""
    same = len(members) == len(group.layers) and all(a is b for a, b in zip(members, group.layers, strict=True))
    return group if same else changed(group, layers=members)


def put_below(stack: LayerStack, node: Node, new: Node) -> LayerStack:
    """The stack with a new node directly below one of its nodes."""
    members = siblings(stack, node)
    at = next(i for i, member in enumerate(members) if member is node)
    return with_siblings(stack, members, (*members[:at], new, *members[at:]))


def fresh_copy(node: Node) -> Node:
    """The same node with new ids throughout; pixels are shared."""
    if isinstance(node, Layer):
        return changed(node, id=new_id())
    return changed(node, layers=tuple(fresh_copy(member) for member in node.layers), id=new_id())


def ink_of(nodes: Sequence[Node]) -> Box | None:
    """The smallest box around all ink of the nodes, hidden ones included; None when they have none."""
    boxes = [box for n in iter_nodes(nodes) if isinstance(n, Layer) and (box := ink_box(n)) is not None]
    if not boxes:
        return None
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


def shifted(layer: Layer, dx: int, dy: int) -> Layer:
    """The layer at another place; its pixels are the same array."""
    offset = (layer.offset[0] + dx, layer.offset[1] + dy)
    if layer.text is None:
        return changed(layer, offset=offset)
    return changed(layer, offset=offset, text=placed_text(layer.text, scaling((1, 1), (dx, dy))))


def render(nodes: Sequence[Node], box: Box) -> U8:
    """The nodes flattened by themselves, as seen through a box that may lie off the canvas: ``u8`` (H, W, 4)."""
    moved = tuple(leafwise(node, lambda layer: shifted(layer, -box.x0, -box.y0)) for node in nodes)
    return flatten(LayerStack(size=(box.x1 - box.x0, box.y1 - box.y0), layers=moved))


def shape_of(node: Node) -> Layer | None:
    """A node by itself as one layer of its ink box, with its opacity and blend mode; None when it has no ink.

    A group is flattened; a pass-through group then blends as "normal".
    """
    box = ink_of([node])
    if box is None:
        return None
    if isinstance(node, Layer):
        return changed(node, pixels=node.pixels[box.slices(*node.offset)], offset=(box.x0, box.y0))
    inside = changed(node, opacity=1.0, visible=True, blend="pass-through")
    blend = "normal" if node.blend == "pass-through" else node.blend
    common = {"name": node.name, "opacity": node.opacity, "visible": node.visible, "id": node.id}
    return Layer(pixels=render([inside], box), offset=(box.x0, box.y0), blend=blend, **common)  # type: ignore[arg-type]
