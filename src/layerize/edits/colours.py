"""Edits in words: colours and tones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from layerize.edits import values
from layerize.edits.operation import Operation

if TYPE_CHECKING:
    from layerize.stack import LayerStack


def _hue(stack: LayerStack, layer: str, degrees: str) -> LayerStack:
    return stack.hue(layer, values.number(degrees))


def _tint(stack: LayerStack, layer: str, colour: str, amount: str = "0.5") -> LayerStack:
    return stack.tint(layer, colour, amount=values.number(amount))


def _palette(stack: LayerStack, layer: str, colours: str) -> LayerStack:
    return stack.palette(layer, cast("Any", values.colours(colours)))


def _brightness(stack: LayerStack, layer: str, amount: str) -> LayerStack:
    return stack.brightness(layer, values.number(amount))


def _contrast(stack: LayerStack, layer: str, amount: str) -> LayerStack:
    return stack.contrast(layer, values.number(amount))


def _saturation(stack: LayerStack, layer: str, amount: str) -> LayerStack:
    return stack.saturation(layer, values.number(amount))


def _curves(stack: LayerStack, layer: str, points: str, channel: str = "rgb") -> LayerStack:
    return stack.curves(layer, values.curve_points(points), channel=cast("Any", channel))


COLOURS = {
    "--recolor": Operation(
        words=("LAYER", "COLOUR"),
        summary="Give it another colour and keep its shading.",
        apply=lambda stack, layer, colour: stack.recolor(layer, colour),
    ),
    "--hue": Operation(words=("LAYER", "DEGREES"), summary="Turn its hues by an angle.", apply=_hue),
    "--tint": Operation(
        words=("LAYER", "COLOUR"),
        summary="Pull its hue towards a colour, lightness stays.",
        apply=_tint,
        settings={"amount": "VALUE"},
    ),
    "--duotone": Operation(
        words=("LAYER", "DARK", "LIGHT"),
        summary="Only the colours between two: black becomes DARK, white LIGHT.",
        apply=lambda stack, layer, dark, light: stack.duotone(layer, dark, light),
    ),
    "--palette": Operation(
        words=("LAYER", "COLOURS"),
        summary="Swap colours: red:teal,white:#ffe, or a new palette navy,teal,white.",
        apply=_palette,
    ),
    "--brightness": Operation(words=("LAYER", "AMOUNT"), summary="-100% (black) to 100% (white).", apply=_brightness),
    "--contrast": Operation(
        words=("LAYER", "AMOUNT"), summary="-100% (grey) to 100% (black and white).", apply=_contrast
    ),
    "--saturation": Operation(
        words=("LAYER", "AMOUNT"), summary="-100% (grey) to 100% (twice as strong).", apply=_saturation
    ),
    "--curves": Operation(
        words=("LAYER", "OLD:NEW,..."),
        summary="A smooth tone curve, tones in 0..255: 0:0,128:160,255:255.",
        apply=_curves,
        settings={"channel": "rgb|red|green|blue"},
    ),
}
