"""Colours of a design: harmonies, contrast, and small conversions. A colour is (r, g, b), 0..255."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import TypeAlias

from layerize.synth.dice import Dice

Colour: TypeAlias = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (20, 20, 22)
SKINS: tuple[Colour, ...] = (
    (255, 224, 196),
    (241, 194, 150),
    (224, 172, 125),
    (198, 134, 90),
    (141, 85, 54),
    (92, 58, 40),
)
HAIRS: tuple[Colour, ...] = (
    (30, 26, 28), (62, 40, 28), (110, 66, 36), (196, 146, 70), (228, 196, 120), (160, 60, 30), (190, 190, 196),
    (86, 90, 160), (214, 84, 140),
)  # fmt: skip
_HARMONIES: dict[str, tuple[float, ...]] = {
    "mono": (0.0, 0.0, 0.02, -0.02),
    "analogous": (0.0, 0.07, -0.07, 0.12),
    "complement": (0.0, 0.5, 0.46, 0.03),
    "split": (0.0, 0.42, 0.58, 0.04),
    "triad": (0.0, 1 / 3, 2 / 3, 0.05),
    "square": (0.0, 0.25, 0.5, 0.75),
}


def from_hsv(hue: float, saturation: float, value: float) -> Colour:
    """Hue wraps around 1; saturation and value are clipped to 0..1."""
    r, g, b = colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))
    return round(r * 255), round(g * 255), round(b * 255)


def luma(colour: Colour) -> float:
    """Brightness as seen, 0..255 (Rec. 601 weights)."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """``first`` for share 0, ``second`` for share 1."""
    r, g, b = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return r, g, b


def distance(first: Colour, second: Colour) -> float:
    """Weighted distance of two colours, 0..765 or so (the "redmean" approximation)."""
    mean = (first[0] + second[0]) / 2
    dr, dg, db = (a - b for a, b in zip(first, second, strict=True))
    return float(((2 + mean / 256) * dr * dr + 4 * dg * dg + (2 + (255 - mean) / 256) * db * db) ** 0.5)


def vary(dice: Dice, colour: Colour, amount: float = 18.0) -> Colour:
    """A neighbour of a colour: every channel and the brightness shift by up to ``amount``."""
    shift = dice.uniform(-amount, amount)
    r, g, b = (min(max(round(c + shift + dice.uniform(-amount, amount) / 2), 0), 255) for c in colour)
    return r, g, b


def readable(dice: Dice, ground: Colour, wanted: Colour) -> Colour:
    """``wanted`` if it can be read on ``ground``; otherwise it moves towards white or near-black until it can."""
    target = WHITE if luma(ground) < dice.uniform(105, 150) else BLACK
    for share in (0.0, 0.35, 0.7, 0.9):
        colour = mix(wanted, target, share)
        if abs(luma(colour) - luma(ground)) > 85:
            return colour
    return target


@dataclass(frozen=True)
class Palette:
    """The colours of one design.

    Attributes:
        ground: Colour of the background.
        colours: Main and accent colours.
        dark: The darkest ink.
        light: The lightest paper.
    """

    ground: Colour
    colours: tuple[Colour, ...]
    dark: Colour
    light: Colour

    def against(self, dice: Dice, below: Colour, *, least: float = 130.0) -> Colour:
        """A colour of the palette that differs from the one below by at least ``least``, if there is one."""
        choices = dice.sample((*self.colours, *self.colours, self.dark, self.light), 8)
        return next((c for c in choices if distance(c, below) >= least), max(choices, key=lambda c: distance(c, below)))


def draw_palette(dice: Dice) -> Palette:
    """A palette with one of six harmonies, pastel, vivid, muted or dark."""
    hue = dice.unit()
    offsets = _HARMONIES[dice.pick(tuple(_HARMONIES))]
    low, high = dice.pick(((0.65, 1.0), (0.35, 0.7), (0.2, 0.5), (0.5, 0.9)))
    colours = tuple(
        from_hsv(
            hue + offset + dice.uniform(-0.02, 0.02),
            dice.uniform(low, high),
            dice.pick((0.95, 0.85, 0.7, 0.5)) + dice.uniform(-0.08, 0.05),
        )
        for offset in (*offsets, dice.pick(offsets), dice.pick(offsets))
    )
    dark = from_hsv(hue + dice.pick(offsets), dice.uniform(0.1, 0.7), dice.uniform(0.06, 0.25))
    light = from_hsv(hue + dice.pick(offsets), dice.uniform(0.0, 0.13), dice.uniform(0.93, 1.0))
    ground = dice.weighted({
        light: 0.3, dark: 0.16, dice.pick(colours): 0.32, mix(dice.pick(colours), light, dice.uniform(0.5, 0.85)): 0.22,
    })  # fmt: skip
    return Palette(ground, colours, dark, light)
