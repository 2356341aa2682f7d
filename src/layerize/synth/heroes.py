"""Figures and objects ready to be placed: which drawing, in which colours, with which finish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from layerize.synth import creatures, fonts, icons, people, things
from layerize.synth.colour import BLACK, WHITE, Colour, Palette, mix
from layerize.synth.dice import Dice
from layerize.synth.pen import Pen, skia_colour
from layerize.synth.raster import Box, Draw, Finish, in_unit_square
from layerize.synth.skia_module import skia

if TYPE_CHECKING:
    from layerize.synth.config import DesignConfig
    from layerize.synth.element_store import Credit

Painter: TypeAlias = Callable[[Pen, Dice, Palette], None]

_DRAWINGS: dict[str, dict[Painter, tuple[str, float]]] = {
    "person": {people.bust: ("Person", 0.45), people.full_figure: ("Person", 0.4), people.couple: ("Two people", 0.15)},
    "creature": {
        creatures.quadruped: ("Animal", 0.28), creatures.portrait: ("Animal portrait", 0.25),
        creatures.bird: ("Bird", 0.18), creatures.fish: ("Fish", 0.09), creatures.monster: ("Mascot", 0.2),
    },
    "thing": {
        things.bottle: ("Bottle", 0.11), things.cup: ("Cup", 0.09), things.car: ("Car", 0.1),
        things.house: ("House", 0.07), things.plant: ("Plant", 0.11), things.tree: ("Tree", 0.07),
        things.folder: ("Book", 0.1), things.device: ("Device", 0.13), things.food: ("Food", 0.1),
        things.present: ("Present", 0.08), things.rocket: ("Toy", 0.08), things.lamp: ("Furniture", 0.08),
    },
    "abstract": {creatures.abstract: ("Object", 1.0)},
}  # fmt: skip


EMOJI = "😀😎🥳🐶🐱🦊🐼🦁🐸🐧🦉🐠🐢🦋🌸🌻🌴🌵🍎🍓🍕🍔🍩🎂☕🍷⚽🏀🎸🎨🎁🎈🚗🚲✈🚀🏠⌚📷💡📚💎❤⭐🔥🌈⛄🎄👑🕶👟👜"
"""Signs that a colour emoji font draws."""


@dataclass(frozen=True)
class Item:
    """An element before it is placed on the canvas.

    Attributes:
        kind: ``figure``, ``text``, ``panel``, ``photo``, ``badge``, ``icon`` or ``shape``; decides what may go on top.
        name: For people.
        draw: Draws it on the canvas in pixels.
        finish: Lighting, rim, shadow, opacity.
        text: What it says, or None.
        credit: Whose work it is if it is a real cut-out.
    """

    kind: str
    name: str
    draw: Draw
    finish: Finish = field(default_factory=Finish)
    text: str | None = None
    credit: Credit | None = None


def finish_for(dice: Dice, config: DesignConfig, size: float, *, solid: bool) -> Finish:
    """Lighting, rim and shadow; ``size`` is the smaller side in pixels, ``solid`` things are lit and textured."""
    lit = solid and dice.chance(config.texture_probability)
    rim = max(1, round(size * dice.uniform(0.025, 0.05))) if solid and dice.chance(config.rim_probability) else 0
    return Finish(
        light=dice.uniform(0.1, 0.6) if lit and dice.chance(0.7) else 0.0,
        texture=dice.uniform(0.1, 0.6) if lit and dice.chance(0.6) else 0.0,
        rim=rim,
        rim_colour=WHITE,
        shadow=shadow_for(dice, size) if dice.chance(config.shadow_probability) else None,
        shadow_colour=dice.pick(((0, 0, 0), (0, 0, 0), (20, 10, 40))),
    )


def shadow_for(dice: Dice, size: float) -> tuple[float, float, float, float]:
    """(blur, dx, dy, alpha) of a drop shadow in pixels."""
    reach = max(size, 20.0)
    return (
        reach * dice.uniform(0.015, 0.05),
        reach * dice.uniform(-0.03, 0.06),
        reach * dice.uniform(0.0, 0.07),
        dice.uniform(0.25, 0.6),
    )


def tilt(dice: Dice, config: DesignConfig, most: float = 25.0) -> float:
    """An angle in degrees, usually 0."""
    return dice.uniform(-most, most) if dice.chance(config.rotation_probability) else 0.0


def figure(dice: Dice, config: DesignConfig, palette: Palette, below: Colour, kind: str, box: Box) -> Item:
    """A person, creature, thing or abstract object that fills a box."""
    drawings = _DRAWINGS[kind]
    painter = dice.weighted({d: weight for d, (_, weight) in drawings.items()})
    similar = dice.chance(config.similar_probability)
    own = palette if similar else Palette(palette.ground, _apart(dice, palette, below), palette.dark, palette.light)
    outline = (
        (dice.pick((BLACK, palette.dark, WHITE)), dice.uniform(0.008, 0.022))
        if dice.chance(config.outline_probability)
        else None
    )
    mirror, angle = dice.chance(0.5), tilt(dice, config, 20.0)

    def draw(canvas: Any) -> None:
        in_unit_square(canvas, box, angle, mirror=mirror)
        painter(Pen(canvas, outline), dice, own)

    return Item("figure", drawings[painter][0], draw, finish_for(dice, config, min(box.w, box.h), solid=True))


def _apart(dice: Dice, palette: Palette, below: Colour) -> tuple[Colour, ...]:
    return tuple(palette.against(dice, below, least=110.0) for _ in range(4))


def icon(dice: Dice, config: DesignConfig, palette: Palette, below: Colour, box: Box) -> Item:
    """A small or large sign in one colour or a gradient of two; with system fonts also an emoji."""
    if config.use_system_fonts and fonts.emoji() is not None and dice.chance(0.5):
        return Item("icon", "Emoji", _emoji_draw(dice.pick(EMOJI), box), finish_for(dice, config, box.h, solid=True))
    sign = dice.pick(icons.ICONS)
    draw = path_draw(dice, sign(dice), box, palette.against(dice, below), tilt(dice, config))
    return Item("icon", icons.NAMES[sign], draw, finish_for(dice, config, min(box.w, box.h), solid=False))


def _emoji_draw(sign: str, box: Box) -> Draw:
    font = skia.Font(fonts.emoji(), 0.8 * min(box.w, box.h))

    def draw(canvas: Any) -> None:
        bounds = skia.Rect.MakeEmpty()
        font.measureText(sign, skia.TextEncoding.kUTF8, bounds)
        canvas.drawString(sign, box.centre[0] - bounds.centerX(), box.centre[1] - bounds.centerY(), font, skia.Paint())

    return draw


def path_draw(
    dice: Dice, path: Any, box: Box, colour: Colour, angle: float = 0.0, *, stroke: tuple[Colour, float] | None = None
) -> Draw:
    """Draw a unit-square path in a box, flat or with a soft gradient."""
    paint = skia.Paint(AntiAlias=True, Color=skia_colour(colour))
    if dice.chance(0.25):
        other = mix(colour, dice.pick((WHITE, BLACK)), dice.uniform(0.1, 0.4))
        ends = [skia.Point(0, 0), dice.pick((skia.Point(0, 1), skia.Point(1, 0), skia.Point(1, 1)))]
        paint.setShader(skia.GradientShader.MakeLinear(ends, [skia_colour(colour), skia_colour(other)]))

    def draw(canvas: Any) -> None:
        in_unit_square(canvas, box, angle)
        canvas.drawPath(path, paint)
        if stroke is not None:
            Pen(canvas, stroke).fill(path, colour, 0.0)

    return draw
