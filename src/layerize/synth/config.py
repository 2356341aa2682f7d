"""DesignConfig: how hard and how varied the designs are."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeAlias

from layerize.errors import ConfigError

HERO_KINDS = ("person", "creature", "thing", "abstract", "icon", "photo")
BACKGROUND_KINDS = ("flat", "gradient", "pattern", "mesh", "photo", "landscape", "city", "room", "shapes", "white")

MOST_LEVELS = 8
"""Deeper piles do not fit a canvas with every element still visible."""


Weights: TypeAlias = tuple[tuple[str, float], ...]
"""Names and how often each is drawn; pairs, so that a config can be hashed and sent to other processes."""


@dataclass(frozen=True, kw_only=True)
class DesignConfig:
    """Difficulty and variety of the designs; the defaults are what the shipped model is trained and judged on.

    Attributes:
        min_levels: Fewest layers, background included; 2..8.
        max_levels: Most layers.
        level_weights: (number of layers, weight); numbers between ``min_levels`` and ``max_levels`` that are not listed
            weigh as much as the least one listed.
        hero_weights: (main object, weight): ``person``, ``creature``, ``thing``, ``abstract``, ``icon``, ``photo``.
        background_weights: (kind of background, weight); see ``backgrounds.KINDS``.
        least_visible: Share of an element's alpha that must stay visible, 0..1.
        least_text_visible: The same for text.
        least_overlap: Elements that touch overlap by at least this share of the smaller one, so that a few pixels
            do not decide a level.
        least_area: Smallest element as a share of the canvas, 0..0.05.
        least_cap_height: Smallest capital letter, in pixels.
        text_probability: That a text slot of a layout is filled.
        ideogram_probability: That a text is made of square signs instead of Latin letters.
        decor: Most small decorations.
        translucent_probability: That a panel or shape is translucent (alpha .5 to .9).
        shadow_probability: That an element casts a soft shadow.
        rim_probability: That a figure is a sticker with a rim.
        outline_probability: That a figure is drawn with outlines.
        texture_probability: That a figure has lighting or surface texture.
        similar_probability: That an element may have nearly the colour of what lies below it.
        rotation_probability: That an element is rotated.
        use_system_fonts: Also use the machine's fonts and emoji; designs then differ between machines.
        element_share: Share of figures, pictures and photo backgrounds that are real cut-outs, 0..1, where
            ``draw_design`` is given an ``ElementBank``.
        white_share: Share of designs whose background is white or nearly so, whatever ``background_weights`` says.
        alone_share: Share of designs that are one figure with what lies on it, nothing beside it: a logo, a sticker,
            a product shot.
    """

    min_levels: int = 2
    max_levels: int = 6
    level_weights: tuple[tuple[int, float], ...] = ((2, 0.26), (3, 0.26), (4, 0.22), (5, 0.15), (6, 0.11))
    hero_weights: Weights = (
        ("person", 0.26), ("creature", 0.17), ("thing", 0.27), ("abstract", 0.08), ("icon", 0.1), ("photo", 0.12),
    )  # fmt: skip
    background_weights: Weights = (
        ("flat", 0.2), ("gradient", 0.16), ("pattern", 0.12), ("mesh", 0.08), ("photo", 0.14), ("landscape", 0.1),
        ("city", 0.06), ("room", 0.08), ("shapes", 0.06),
    )  # fmt: skip
    least_visible: float = 0.35
    least_text_visible: float = 0.8
    least_overlap: float = 0.08
    least_area: float = 0.005
    least_cap_height: float = 7.0
    text_probability: float = 0.72
    ideogram_probability: float = 0.07
    decor: int = 4
    translucent_probability: float = 0.1
    shadow_probability: float = 0.22
    rim_probability: float = 0.1
    outline_probability: float = 0.25
    texture_probability: float = 0.45
    similar_probability: float = 0.12
    rotation_probability: float = 0.25
    use_system_fonts: bool = False
    element_share: float = 0.5
    white_share: float = 0.0
    alone_share: float = 0.0

    def __post_init__(self) -> None:
        _check(
            2 <= self.min_levels <= self.max_levels <= MOST_LEVELS,
            "(min_levels, max_levels)",
            (self.min_levels, self.max_levels),
            f"2 <= min_levels <= max_levels <= {MOST_LEVELS}",
        )
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name.endswith("_probability") or item.name in (
                "least_visible",
                "least_text_visible",
                "least_overlap",
                "element_share",
                "white_share",
                "alone_share",
            ):
                _check(0.0 <= value <= 1.0, item.name, value, "0..1")
        _check(0.0 <= self.least_area <= 0.05, "least_area", self.least_area, "0..0.05")
        _check(self.decor >= 0, "decor", self.decor, "0 or more")
        _check(self.least_cap_height >= 1, "least_cap_height", self.least_cap_height, "1 pixel or more")
        self._check_weights()

    def level_choices(self) -> dict[int, float]:
        """Number of layers -> weight, for every number that is allowed."""
        listed = dict(self.level_weights)
        return {n: listed.get(n, min(listed.values())) for n in range(self.min_levels, self.max_levels + 1)}

    def _check_weights(self) -> None:
        allowed: dict[str, tuple[int | str, ...]] = {
            "level_weights": tuple(range(2, MOST_LEVELS + 1)),
            "hero_weights": HERO_KINDS,
            "background_weights": BACKGROUND_KINDS,
        }
        for name, keys in allowed.items():
            weights = dict(getattr(self, name))
            unknown = [key for key in weights if key not in keys]
            _check(not unknown, name, unknown, f"{', '.join(map(str, keys))}")
            _check(
                all(w >= 0 for w in weights.values()) and sum(weights.values()) > 0,
                name,
                weights,
                "weights >= 0, not all 0",
            )
        _check(
            sum(self.level_choices().values()) > 0,
            "level_weights",
            self.level_weights,
            "a weight > 0 for a number from min_levels to max_levels",
        )


def _check(fine: bool, name: str, value: object, allowed: str) -> None:
    if not fine:
        raise ConfigError(f"{name} is {value}; allowed: {allowed}.")
