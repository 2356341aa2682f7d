"""Edits in words: other pictures and backgrounds, shadows, outlines, edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from layerize.edits import values
from layerize.edits.operation import Operation

if TYPE_CHECKING:
    from layerize.stack import LayerStack


def _replace(stack: LayerStack, layer: str, picture: str, fit: str = "contain", alpha: str = "new") -> LayerStack:
    stack.find(layer)  # a wrong name is said before a large picture is read
    return stack.replace(layer, values.picture(picture), fit=cast("Any", fit), alpha=cast("Any", alpha))


def _background(stack: LayerStack, paint: str, fit: str = "cover", shadows: str = "no") -> LayerStack:
    return stack.background(values.paint(paint), fit=cast("Any", fit), shadows=values.yes(shadows))


def _shadow(stack: LayerStack, layer: str, **settings: str) -> LayerStack:
    given: dict[str, Any] = {}
    if "offset" in settings:
        given["dx"], given["dy"] = values.whole_pair(settings["offset"])
    given |= {key: values.number(settings[key]) for key in ("blur", "spread", "opacity") if key in settings}
    return stack.shadow(layer, **given, **_colour_and_bake(settings))


def _outline(stack: LayerStack, layer: str, **settings: str) -> LayerStack:
    given: dict[str, Any] = {key: values.number(settings[key]) for key in ("width", "opacity") if key in settings}
    return stack.outline(layer, **given, **_colour_and_bake(settings))


def _colour_and_bake(settings: dict[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {"colour": settings["colour"]} if "colour" in settings else {}
    return given | ({"bake": values.yes(settings["bake"])} if "bake" in settings else {})


def _feather(stack: LayerStack, layer: str, radius: str) -> LayerStack:
    return stack.feather(layer, values.number(radius))


def _grow(stack: LayerStack, layer: str, pixels: str) -> LayerStack:
    return stack.grow(layer, values.number(pixels))


def _shrink(stack: LayerStack, layer: str, pixels: str) -> LayerStack:
    return stack.grow(layer, -values.number(pixels))


def _clean_edge(stack: LayerStack, layer: str, **settings: str) -> LayerStack:
    return stack.clean_edge(layer, **{key: values.number(value) for key, value in settings.items()})


PICTURES = {
    "--replace": Operation(
        words=("LAYER", "IMAGE"),
        summary="Put a picture in its place, as large as fits.",
        apply=_replace,
        settings={"fit": "contain|cover|stretch|none", "alpha": "new|old"},
    ),
    "--background": Operation(
        words=("IMAGE|COLOUR|GRADIENT",),
        summary="Another background for the whole stack.",
        apply=_background,
        settings={"fit": "cover|contain|stretch|none", "shadows": "keep"},
    ),
    "--shadow": Operation(
        words=("LAYER",),
        summary="A drop shadow, as a layer below it or baked into it.",
        apply=_shadow,
        settings={
            "offset": "DX,DY",
            "blur": "PIXELS",
            "spread": "PIXELS",
            "colour": "COLOUR",
            "opacity": "VALUE",
            "bake": "yes",
        },
    ),
    "--outline": Operation(
        words=("LAYER",),
        summary="An outline, as a layer below it or baked into it.",
        apply=_outline,
        settings={"width": "PIXELS", "colour": "COLOUR", "opacity": "VALUE", "bake": "yes"},
    ),
    "--feather": Operation(words=("LAYER", "PIXELS"), summary="Make its edge soft.", apply=_feather),
    "--grow": Operation(words=("LAYER", "PIXELS"), summary="Widen it all around.", apply=_grow),
    "--shrink": Operation(words=("LAYER", "PIXELS"), summary="Narrow it all around.", apply=_shrink),
    "--clean-edge": Operation(
        words=("LAYER",),
        summary="Take the old background's colour out of its edge.",
        apply=_clean_edge,
        settings={"width": "PIXELS", "strength": "VALUE", "shrink": "PIXELS", "floor": "VALUE"},
    ),
}
