"""A layer of a stack that was split again, as a group in its place; everything else stays the same objects.

Knows nothing of models: what a layer is made of comes from the splitter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layerize.errors import UsageError
from layerize.stack import Group, Layer, LayerStack
from layerize.stack.composite import iter_nodes
from layerize.stack.edit import Ref, find
from layerize.stack.layer import Node


def layer_to_split(stack: LayerStack, ref: Ref) -> Layer:
    """The layer that ``ref`` names, also inside groups.

    Raises:
        EditError: There is none; the message lists the names that there are.
        UsageError: It is a group; the message lists the names that would do.
    """
    node = find(stack, ref)
    if isinstance(node, Layer):
        return node
    inside = [repr(member.name) for member in iter_nodes(node.layers) if isinstance(member, Layer)]
    more = f" and {len(inside) - 8} more" if len(inside) > 8 else ""
    choice = f"name one of its layers: {', '.join(inside[:8])}{more}" if inside else "it has no layers"
    raise UsageError(f"{node.name!r} is a group already; {choice}.")


def as_group(layer: Layer, members: Sequence[Node], taken: set[str]) -> Group:
    """The parts of a layer as a group with the layer's id, name, opacity, blend mode and visibility.

    Args:
        layer: The layer that was split.
        members: Its parts bottom to top, placed relative to the layer's first pixel, all of blend mode "normal".
        taken: Names that other layers have; names of parts stay clear of them, so that each can be named alone.
    """
    placed = [shifted(member, layer.offset) for member in members]
    placed[0] = replace(placed[0], name=f"{layer.name} base")
    parts = _renamed(placed, taken | {layer.name})
    plain = layer.opacity == 1 and layer.blend == "normal"  # over is associative: nothing to isolate
    return Group(
        layers=tuple(parts),
        name=layer.name,
        opacity=layer.opacity,
        blend="pass-through" if plain else layer.blend,
        visible=layer.visible,
        id=layer.id,
    )


def put_in_place(stack: LayerStack, old: Node, new: Node) -> LayerStack:
    """The stack with ``new`` where ``old`` is; only the groups around it are rebuilt."""

    def swapped(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        result: list[Node] = []
        for node in nodes:
            if node is old:
                result.append(new)
            elif isinstance(node, Group) and any(member is old for member in iter_nodes(node.layers)):
                result.append(replace(node, layers=swapped(node.layers)))
            else:
                result.append(node)
        return tuple(result)

    return stack.with_layers(swapped(stack.layers))


def shifted(node: Node, by: tuple[int, int]) -> Node:
    """A layer or group moved by (x, y) pixels."""
    if isinstance(node, Group):
        return replace(node, layers=tuple(shifted(member, by) for member in node.layers))
    return replace(node, offset=(node.offset[0] + by[0], node.offset[1] + by[1]))


def _renamed(nodes: Sequence[Node], taken: set[str]) -> list[Node]:
    """The nodes with names that are not taken: "Star", then "Star 2", "Star 3" ..."""
    used = set(taken)

    def free(name: str) -> str:
        candidates: Iterator[str] = (f"{name} {number}" for number in range(2, len(used) + 3))
        chosen = name if name not in used else next(other for other in candidates if other not in used)
        used.add(chosen)
        return chosen

    def renamed(node: Node) -> Node:
        named = replace(node, name=free(node.name))
        return replace(named, layers=tuple(map(renamed, named.layers))) if isinstance(named, Group) else named

    return [renamed(node) for node in nodes]
