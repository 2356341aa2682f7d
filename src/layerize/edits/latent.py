"""Edits in words that go through the model's latents. They load torch and the model when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerize.edits import values
from layerize.edits.operation import Operation
from layerize.errors import UsageError

if TYPE_CHECKING:
    from layerize.stack import LayerStack

DIRECTIONS = ("brightness", "hue", "saturation", "opacity")


def _latent(stack: LayerStack, layer: str, model: str = "default", **amounts: str) -> LayerStack:
    if not amounts:
        raise UsageError(f"say which way to go: {', '.join(f'{name}=' for name in DIRECTIONS)}.")
    numbers = {name: values.number(amounts[name]) for name in DIRECTIONS if name in amounts}
    stack.find(layer)  # a wrong name is said before the model loads
    from layerize.latent import latent_edit, load_coder, load_directions

    coder = load_coder(model)
    return latent_edit(stack, layer, numbers, coder=coder, directions=load_directions(coder))


def _style(stack: LayerStack, layer: str, picture: str, strength: str = "1", model: str = "default") -> LayerStack:
    stack.find(layer)
    pixels, amount = values.picture(picture), values.number(strength)
    from layerize.latent import load_coder, style_transfer

    return style_transfer(stack, layer, pixels, strength=amount, coder=load_coder(model))


LATENT = {
    "--latent": Operation(
        words=("LAYER",),
        summary="Move it along directions learned in the model's latents.",
        apply=_latent,
        settings={
            "brightness": "AMOUNT",
            "hue": "DEGREES",
            "saturation": "AMOUNT",
            "opacity": "AMOUNT",
            "model": "NAME|DIR",
        },
    ),
    "--style": Operation(
        words=("LAYER", "IMAGE"),
        summary="Give it the palette and contrast of a picture, through the model's latents.",
        apply=_style,
        settings={"strength": "VALUE", "model": "NAME|DIR"},
    ),
}
