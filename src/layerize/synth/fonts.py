"""Typefaces: the ones in the package, and the machine's own when asked for."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from layerize.synth.dice import Dice
from layerize.synth.skia_module import skia

BUNDLED = {
    "sans-black.ttf": 0.2,
    "condensed-bold.ttf": 0.16,
    "poster-bold.otf": 0.16,
    "slab-bold.otf": 0.13,
    "round-bold.ttf": 0.12,
    "serif-bold.ttf": 0.1,
    "script.otf": 0.07,
    "sans-medium.ttf": 0.06,
}
_SAMPLE = "AHaeg029"


@cache
def bundled(name: str) -> Any:
    """The typeface of one font file of the package."""
    data = resources.files("layerize.synth").joinpath("fonts", name).read_bytes()
    face = skia.Typeface.MakeFromData(skia.Data.MakeWithCopy(data))
    assert face is not None, f"font {name} is broken"
    return face


@cache
def system_families() -> tuple[str, ...]:
    """Families of the machine that can write Latin text, sorted by name."""
    manager = skia.FontMgr()
    families = (manager.getFamilyName(i) for i in range(manager.countFamilies()))
    return tuple(sorted(f for f in families if "emoji" not in f.lower() and _writes_latin(f)))


@cache
def emoji() -> Any | None:
    """The machine's Noto Color Emoji, or None."""
    face = skia.Typeface("Noto Color Emoji")
    return face if face is not None and "Emoji" in face.getFamilyName() else None


def _writes_latin(family: str) -> bool:
    face = skia.Typeface(family)
    return face is not None and all(face.unicharToGlyph(ord(letter)) for letter in _SAMPLE)


@cache
def _system(family: str, bold: bool) -> Any:
    return skia.Typeface(family, skia.FontStyle.Bold() if bold else skia.FontStyle.Normal())


def draw_typeface(dice: Dice, *, use_system_fonts: bool) -> Any:
    """A typeface for one line of text; with ``use_system_fonts`` half of them are the machine's."""
    if use_system_fonts and system_families() and dice.chance(0.5):
        return _system(dice.pick(system_families()), dice.chance(0.7))
    return bundled(dice.weighted(BUNDLED))
