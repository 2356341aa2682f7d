"""Brightness, contrast, saturation and curves of one layer or group; alpha stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from layerize.errors import EditError
from layerize.stack.colour import fit_gamut, from_oklab, to_oklab
from layerize.stack.convert import F32
from layerize.stack.ink import map_ink
from layerize.stack.layer import LayerStack
from layerize.stack.tree import Ref, change_leaves

Channel: TypeAlias = Literal["rgb", "red", "green", "blue"]


def brightness(stack: LayerStack, ref: Ref, amount: float) -> LayerStack:
    """Lighten or darken a layer or group; black and white stay black and white.

    Args:
        stack: The stack.
        ref: The layer or group.
        amount: -1 .. 1; mid-grey goes to black at -1 and to white at 1, half-way between at half the amount.

    Raises:
        EditError: Outside -1..1.
    """
    _check("brightness", amount)
    middle = (1 + amount) / 2

    def lit(rgb: F32, _: F32) -> F32:
        if amount in (-1, 1):  # the limits of the curve below
            return np.where((rgb > 0) if amount > 0 else (rgb >= 1), np.float32(1), np.float32(0))
        # The curve through (0, 0), (1/2, middle), (1, 1) that is its own mirror image (Schlick's bias).
        return np.asarray(rgb / ((1 / middle - 2) * (1 - rgb) + 1), np.float32)

    return change_leaves(stack, ref, lambda layer: map_ink(layer, lit))


def contrast(stack: LayerStack, ref: Ref, amount: float) -> LayerStack:
    """Spread or gather the tones of a layer or group about mid-grey.

    Args:
        stack: The stack.
        ref: The layer or group.
        amount: -1 (all grey) .. 1 (only black and white); the slope at mid-grey is tan((1 + amount) 45 degrees).

    Raises:
        EditError: Outside -1..1.
    """
    _check("contrast", amount)
    slope = np.float32(np.tan((1 + min(amount, 0.999)) * np.pi / 4))
    return change_leaves(stack, ref, lambda layer: map_ink(layer, lambda rgb, _: (rgb - 0.5) * slope + 0.5))


def saturation(stack: LayerStack, ref: Ref, amount: float) -> LayerStack:
    """Make the colours of a layer or group stronger or weaker; lightness and hue stay.

    Args:
        stack: The stack.
        ref: The layer or group.
        amount: -1 (grey) .. 1 (twice the chroma, as far as sRGB can show it).

    Raises:
        EditError: Outside -1..1.
    """
    _check("saturation", amount)

    def saturated(rgb: F32, _: F32) -> F32:
        lab = to_oklab(rgb)
        lab[:, 1:] *= np.float32(1 + amount)
        return from_oklab(fit_gamut(lab))

    return change_leaves(stack, ref, lambda layer: map_ink(layer, saturated))


def curves(
    stack: LayerStack, ref: Ref, points: Sequence[tuple[float, float]], *, channel: Channel = "rgb"
) -> LayerStack:
    """Send the tones of a layer or group through a smooth curve that never overshoots its points.

    Args:
        stack: The stack.
        ref: The layer or group.
        points: (old, new) in 0..255, at least two, with different old values; outside them the curve is level.
        channel: "rgb" (all three), "red", "green" or "blue".

    Raises:
        EditError: Fewer than two points, values out of range or named twice, or an unknown channel.
    """
    if channel not in get_args(Channel):
        raise EditError(f"there is no channel {channel!r}; use one of {', '.join(get_args(Channel))}.")
    if len(points) < 2 or len({old for old, _ in points}) < len(points):
        raise EditError(f"a curve needs at least two points with different old values; {list(points)} was given.")
    if not all(0 <= value <= 255 for point in points for value in point):
        raise EditError(f"a curve's points lie in 0..255; {list(points)} was given.")
    table = monotone_curve(points)
    columns = [0, 1, 2] if channel == "rgb" else [get_args(Channel).index(channel) - 1]

    def sent(rgb: F32, _: F32) -> F32:
        new = rgb.copy()
        new[:, columns] = table[np.rint(rgb[:, columns] * 255).astype(np.intp)]
        return new

    return change_leaves(stack, ref, lambda layer: map_ink(layer, sent))


def monotone_curve(points: Sequence[tuple[float, float]]) -> F32:
    """The cubic through the points without overshoot (Fritsch and Carlson 1980): (256,) in 0..1."""
    x, y = np.array(sorted(points), float).T
    steps = np.diff(x)
    slopes = np.diff(y) / steps
    tangents = np.concatenate([slopes[:1], (slopes[:-1] + slopes[1:]) / 2, slopes[-1:]])
    tangents[1:-1][slopes[:-1] * slopes[1:] <= 0] = 0
    for i, slope in enumerate(slopes):
        if slope == 0:
            tangents[i : i + 2] = 0
            continue
        a, b = tangents[i] / slope, tangents[i + 1] / slope
        length = np.hypot(a, b)
        if length > 3:
            tangents[i], tangents[i + 1] = 3 * a / length * slope, 3 * b / length * slope
    tones = np.clip(np.arange(256.0), x[0], x[-1])
    k = np.clip(np.searchsorted(x, tones, side="right") - 1, 0, len(steps) - 1)
    h, t = steps[k], (tones - x[k]) / steps[k]
    values = (
        (1 + 2 * t) * (1 - t) ** 2 * y[k]
        + t * (1 - t) ** 2 * h * tangents[k]
        + t**2 * (3 - 2 * t) * y[k + 1]
        + t**2 * (t - 1) * h * tangents[k + 1]
    )
    return np.asarray(np.clip(values, 0, 255) / 255, np.float32)


def _check(name: str, amount: float) -> None:
    if not -1 <= amount <= 1:
        raise EditError(f"{name} {amount:g} is out of range; give a number from -1 to 1, or -100% to 100%.")
