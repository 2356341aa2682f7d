"""DesignConfig: how hard and how varied the designs are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from layerize.errors import ConfigError

MOST_LEVELS = 8
"""Deeper piles do not fit a canvas with every element still visible."""


def _frozen(**weights: float) -> Mapping[str, float]:
    return MappingProxyType(weights)


@dataclass(frozen=True, kw_only=True)
class DesignConfig:
    """Difficulty and variety of the designs; the defaults are what the shipped model is trained and judged on.

    Attributes:
        level_weights: Number of layers, background included -> weight; 2..8.
        hero_weights: What the main objects are (``person``, ``creature``, ``thing``, ``abstract``, ``icon``, ``photo``) -> weight.
        background_weights: Kind of background (see ``backgrounds.KINDS``) -> weight.
        least_visible: Share of an element's alpha that must stay visible, 0..1.
        least_text_visible: The same for text.
        least_overlap: Elements that touch overlap by at least this share of the smaller one, so that levels are not decided by a few pixels.
        least_cap_height: Smallest capital letter, in pixels.
        text_probability: That a text slot of a layout is filled.
        decor: Most small decorations.
        translucent_probability: That a panel or shape is translucent (alpha .5 to .9).
        shadow_probability: That an element casts a soft shadow.
        rim_probability: That a figure is a sticker with a rim.
        outline_probability: That a figure is drawn with outlines.
        texture_probability: That a figure has lighting or surface texture.
        similar_probability: That an element may have nearly the colour of what lies below it.
        rotation_probability: That an element is rotated.
        use_system_fonts: Also use the machine's fonts and emoji; designs then differ between machines.
    """

    level_weights: Mapping[int, float] = field(default_factory=lambda: MappingProxyType({2: 0.26, 3: 0.26, 4: 0.22, 5: 0.15, 6: 0.11}))
    hero_weights: Mapping[str, float] = field(
        default_factory=lambda: _frozen(person=0.26, creature=0.17, thing=0.27, abstract=0.08, icon=0.1, photo=0.12)
    )  # fmt: skip
    background_weights: Mapping[str, float] = field(
        default_factory=lambda: _frozen(
            flat=0.2, gradient=0.16, pattern=0.12, mesh=0.08, photo=0.14, landscape=0.1, city=0.06, room=0.08, shapes=0.06
        )
    )  # fmt: skip
    least_visible: float = 0.35
    least_text_visible: float = 0.8
    least_overlap: float = 0.08
    least_cap_height: float = 7.0
    text_probability: float = 0.72
    decor: int = 4
    translucent_probability: float = 0.1
    shadow_probability: float = 0.22
    rim_probability: float = 0.1
    outline_probability: float = 0.25
    texture_probability: float = 0.45
    similar_probability: float = 0.12
    rotation_probability: float = 0.25
    use_system_fonts: bool = False

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name.endswith("_probability") or item.name in ("least_visible", "least_text_visible", "least_overlap"):
                _check(0.0 <= value <= 1.0, item.name, value, "0..1")
        _check(self.decor >= 0, "decor", self.decor, "0 or more")
        _check(self.least_cap_height >= 1, "least_cap_height", self.least_cap_height, "1 pixel or more")
        self._check_weights()

    def _check_weights(self) -> None:
        from layerize.synth.backgrounds import KINDS
        from layerize.synth.heroes import HERO_KINDS

        allowed: dict[str, tuple[int | str, ...]] = {
            "level_weights": tuple(range(2, MOST_LEVELS + 1)),
            "hero_weights": HERO_KINDS,
            "background_weights": tuple(KINDS),
        }
        for name, keys in allowed.items():
            weights = getattr(self, name)
            unknown = [key for key in weights if key not in keys]
            _check(not unknown, name, unknown, f"keys out of {', '.join(map(str, keys))}")
            _check(all(w >= 0 for w in weights.values()) and sum(weights.values()) > 0, name, dict(weights), "weights >= 0, not all 0")


def _check(fine: bool, name: str, value: object, allowed: str) -> None:
    if not fine:
        raise ConfigError(f"{name} is {value}; allowed: {allowed}.")
