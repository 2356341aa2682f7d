"""Edits of what a layer is, not of its pixels: opacity, blend mode, visibility, name."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import cast

from layerize.errors import EditError
from layerize.stack.layer import BLEND_MODES, BlendMode, Group, GroupBlendMode, LayerStack, Node
from layerize.stack.tree import Ref, change


def opacity(stack: LayerStack, ref: Ref, value: float) -> LayerStack:
    """Set a layer's or group's opacity, 0..1.

    Raises:
        EditError: Outside 0..1.
    """
    if not 0 <= value <= 1:
        raise EditError(f"opacity {value:g} is out of range; give a number from 0 (invisible) to 1 (opaque).")
    return change(stack, ref, lambda node: changed(node, opacity=float(value)))


def blend(stack: LayerStack, ref: Ref, mode: str) -> LayerStack:
    """Set how a layer or group mixes with what lies below it; groups also take "pass-through".

    Raises:
        EditError: The mode is unknown, or "pass-through" for a layer.
    """

    def mixed(node: Node) -> Node:
        allowed = ("pass-through", *BLEND_MODES) if isinstance(node, Group) else BLEND_MODES
        if mode not in allowed:
            raise EditError(f"{node.name!r} cannot blend as {mode!r}; use one of {', '.join(allowed)}.")
        if isinstance(node, Group):
            return changed(node, blend=cast("GroupBlendMode", mode))
        return changed(node, blend=cast("BlendMode", mode))

    return change(stack, ref, mixed)


def hide(stack: LayerStack, ref: Ref) -> LayerStack:
    """Leave a layer or group out of the composite."""
    return change(stack, ref, lambda node: changed(node, visible=False))


def show(stack: LayerStack, ref: Ref) -> LayerStack:
    """Undo ``hide``."""
    return change(stack, ref, lambda node: changed(node, visible=True))


def rename(stack: LayerStack, ref: Ref, name: str) -> LayerStack:
    """Give a layer or group another name; its id stays."""
    return change(stack, ref, lambda node: changed(node, name=name))
