"""Edits of the order and the groups of a stack; ``merge.py`` has the one that makes new pixels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace as changed
from typing import cast

from layerize.errors import EditError, LayerizeWarning
from layerize.stack.composite import iter_nodes
from layerize.stack.layer import BlendMode, Group, Layer, LayerStack, Node
from layerize.stack.tree import Ref, find, fresh_copy, siblings, siblings_of_all, with_siblings


def delete(stack: LayerStack, ref: Ref) -> LayerStack:
    """Take a layer or group out of the stack."""
    node = find(stack, ref)
    members = siblings(stack, node)
    return with_siblings(stack, members, [member for member in members if member is not node])


def duplicate(stack: LayerStack, ref: Ref, *, name: str | None = None) -> LayerStack:
    """Put a copy of a layer or group directly above it, under new ids.

    Args:
        stack: The stack.
        ref: The layer or group.
        name: The copy's name; default: "NAME copy", numbered where that is taken.
    """
    node = find(stack, ref)
    members = siblings(stack, node)
    at = next(i for i, member in enumerate(members) if member is node)
    copy = changed(fresh_copy(node), name=_unused(stack, f"{node.name} copy") if name is None else name)
    return with_siblings(stack, members, (*members[: at + 1], copy, *members[at + 1 :]))


def reorder(stack: LayerStack, ref: Ref, index: int) -> LayerStack:
    """Put a layer or group at another place among its siblings.

    Args:
        stack: The stack.
        ref: The layer or group.
        index: Its new index, 0 = bottom.

    Raises:
        EditError: There is no such place.
    """
    node = find(stack, ref)
    members = siblings(stack, node)
    if not 0 <= index < len(members):
        raise EditError(f"there is no place {index}; {node.name!r} can go to 0 (bottom) to {len(members) - 1}.")
    others = [member for member in members if member is not node]
    return with_siblings(stack, members, (*others[:index], node, *others[index:]))


def group(stack: LayerStack, refs: Sequence[Ref], *, name: str = "Group") -> LayerStack:
    """Put layers or groups of one level into a new group, at the place of the topmost; their order stays.

    Raises:
        EditError: One does not exist, or they lie in different groups.
    """
    members, places = siblings_of_all(stack, refs)
    inside = tuple(members[i] for i in places)
    new: list[Node] = [member for i, member in enumerate(members) if i not in places]
    new.insert(places[-1] - len(places) + 1, Group(layers=inside, name=name))
    return with_siblings(stack, members, new)


def ungroup(stack: LayerStack, ref: Ref) -> LayerStack:
    """Put a group's members in its place.

    The group's opacity and visibility go over to its members, which looks the same where they do not overlap. Its
    blend mode can only go over to a single member; otherwise it is lost, and a ``LayerizeWarning`` says so.

    Raises:
        EditError: It is no group.
    """
    node = find(stack, ref)
    if isinstance(node, Layer):
        raise EditError(f"{node.name!r} is a layer; only groups can be ungrouped.")
    members = siblings(stack, node)
    at = next(i for i, member in enumerate(members) if member is node)
    return with_siblings(stack, members, (*members[:at], *_released(node), *members[at + 1 :]))


def _released(group: Group) -> list[Node]:
    faded = group.opacity < 1 or not group.visible
    members: list[Node] = list(group.layers)
    if faded:
        members = [changed(m, opacity=m.opacity * group.opacity, visible=m.visible and group.visible) for m in members]
    if group.blend not in ("pass-through", "normal"):
        if len(members) == 1 and members[0].blend in ("normal", "pass-through"):
            return [changed(members[0], blend=cast("BlendMode", group.blend))]
        warnings.warn(f"the blend mode {group.blend!r} of the group {group.name!r} is lost.", LayerizeWarning, 3)
    return members


def _unused(stack: LayerStack, name: str) -> str:
    taken = {node.name for node in iter_nodes(stack.layers)}
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free
