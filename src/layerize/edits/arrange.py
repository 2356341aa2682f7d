"""Edits in words: where layers lie, in what order, in what groups, on what canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from layerize.edits import values
from layerize.edits.operation import Operation
from layerize.errors import UsageError

if TYPE_CHECKING:
    from layerize.stack import LayerStack


def _move(stack: LayerStack, layer: str, shift: str) -> LayerStack:
    dx, dy = values.whole_pair(shift)
    return stack.move(layer, dx=dx, dy=dy)


def _resize(stack: LayerStack, layer: str, amount: str, about: str = "center", aspect: str = "free") -> LayerStack:
    if aspect not in ("keep", "free"):
        raise UsageError(f"aspect={aspect} is unknown; use keep or free.")
    if "x" in amount.lower().removesuffix("px"):
        sides = values.open_size(amount)
        return stack.resize(layer, size=sides, about=values.about(about), keep_aspect=aspect == "keep")
    return stack.resize(layer, scale=values.number(amount), about=values.about(about))


def _rotate(stack: LayerStack, layer: str, degrees: str, about: str = "center") -> LayerStack:
    return stack.rotate(layer, values.number(degrees), about=values.about(about))


def _flip(stack: LayerStack, layer: str, axis: str) -> LayerStack:
    return stack.flip(layer, cast("Any", axis))


def _opacity(stack: LayerStack, layer: str, value: str) -> LayerStack:
    return stack.opacity(layer, values.number(value))


def _duplicate(stack: LayerStack, layer: str, name: str | None = None) -> LayerStack:
    return stack.duplicate(layer, name=name)


def _reorder(stack: LayerStack, layer: str, place: str) -> LayerStack:
    return stack.reorder(layer, values.whole(place))


def _group(stack: LayerStack, layers: str, name: str) -> LayerStack:
    return stack.group(values.layers(stack, layers), name=name)


def _merge(stack: LayerStack, layers: str, name: str | None = None, exact: str = "yes") -> LayerStack:
    return stack.merge(values.layers(stack, layers), name=name, exact=values.yes(exact))


def _crop(stack: LayerStack, corner: str, size: str, trim: str = "no") -> LayerStack:
    return stack.crop(*values.whole_pair(corner), *values.size(size), trim=values.yes(trim))


def _extend(stack: LayerStack, sides: str, fill: str | None = None) -> LayerStack:
    left, top, right, bottom = values.four_sides(sides)
    return stack.extend(left=left, top=top, right=right, bottom=bottom, fill=fill)


def _layout(stack: LayerStack, size: str, **rules: str) -> LayerStack:
    anchors: dict[int | str, str] = {}
    fits: dict[int | str, Any] = {}
    for key, value in rules.items():
        kind, _, layer = key.partition(":")
        (anchors if kind == "anchor" else fits)[layer] = value
    return stack.relayout(values.size(size), anchors=anchors, fits=fits)


ARRANGE = {
    "--move": Operation(words=("LAYER", "DX,DY"), summary="Shift by whole pixels, right and down.", apply=_move),
    "--resize": Operation(
        words=("LAYER", "SCALE|WxH"),
        summary="Resize about a point: 1.5, 80%, 400x300, 400x or x300.",
        apply=_resize,
        settings={"about": "POINT", "aspect": "keep"},
    ),
    "--rotate": Operation(
        words=("LAYER", "DEGREES"),
        summary="Turn clockwise about a point.",
        apply=_rotate,
        settings={"about": "POINT"},
    ),
    "--flip": Operation(words=("LAYER", "horizontal|vertical"), summary="Mirror it in its place.", apply=_flip),
    "--opacity": Operation(words=("LAYER", "VALUE"), summary="0 (invisible) to 1 (opaque), or 50%.", apply=_opacity),
    "--blend": Operation(
        words=("LAYER", "MODE"),
        summary="How it mixes with what lies below: normal, multiply, screen ...",
        apply=lambda stack, layer, mode: stack.blend(layer, mode),
    ),
    "--hide": Operation(
        words=("LAYER",), summary="Leave it out of the composite.", apply=lambda stack, layer: stack.hide(layer)
    ),
    "--show": Operation(words=("LAYER",), summary="Undo --hide.", apply=lambda stack, layer: stack.show(layer)),
    "--rename": Operation(
        words=("LAYER", "NAME"),
        summary="Give it another name.",
        apply=lambda stack, layer, name: stack.rename(layer, name),
    ),
    "--delete": Operation(
        words=("LAYER",), summary="Take it out of the stack.", apply=lambda stack, layer: stack.delete(layer)
    ),
    "--duplicate": Operation(
        words=("LAYER",), summary="Put a copy directly above it.", apply=_duplicate, settings={"name": "NAME"}
    ),
    "--reorder": Operation(
        words=("LAYER", "INDEX"), summary="Put it at another place; 0 is the bottom.", apply=_reorder
    ),
    "--group": Operation(
        words=("LAYERS", "NAME"), summary="Put layers of one level (A+B, A..C) into a group.", apply=_group
    ),
    "--ungroup": Operation(
        words=("LAYER",), summary="Put a group's members in its place.", apply=lambda stack, layer: stack.ungroup(layer)
    ),
    "--merge": Operation(
        words=("LAYERS",),
        summary="Make one layer of several (A+B, A..C) or of a group.",
        apply=_merge,
        settings={"name": "NAME", "exact": "no"},
    ),
    "--crop": Operation(
        words=("X,Y", "WxH"), summary="Keep a box of the canvas.", apply=_crop, settings={"trim": "yes"}
    ),
    "--extend": Operation(
        words=("LEFT,TOP,RIGHT,BOTTOM",),
        summary="Add room around the canvas, in pixels.",
        apply=_extend,
        settings={"fill": "COLOUR|edge"},
    ),
    "--layout": Operation(
        words=("WxH",),
        summary="Lay everything out on a canvas of another shape.",
        apply=_layout,
        settings={"anchor:": "ANCHOR", "fit:": "FIT"},
    ),
}
