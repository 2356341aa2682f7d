"""People as one element each: busts and full figures of many parts and colours, in the unit square."""

from __future__ import annotations

import math

from layerize.synth.colour import BLACK, HAIRS, SKINS, WHITE, Colour, Palette, mix, vary
from layerize.synth.dice import Dice
from layerize.synth.pen import Pen, Point

# Drawings read best as rows of coordinates.
# fmt: off


def _head(pen: Pen, dice: Dice, centre: Point, r: float, skin: Colour, hair: Colour, palette: Palette) -> None:
    x, y = centre
    style = dice.pick(("short", "long", "bun", "bald", "bob", "curls", "hat", "cap"))
    if style in ("long", "bob"):
        length = dice.uniform(1.4, 2.4) if style == "long" else 1.1
        pen.blob([(x - 1.15 * r, y), (x, y - 1.3 * r), (x + 1.15 * r, y), (x + 1.2 * r, y + length * r),
            (x, y + length * 0.8 * r), (x - 1.2 * r, y + length * r)], hair)
    if style == "curls":
        for i in range(9):
            angle = math.pi * (0.9 + 1.2 * i / 8)
            pen.ellipse(x + 1.05 * r * math.cos(angle), y + 1.05 * r * math.sin(angle), 0.45 * r, 0.45 * r, hair,
                plain=True)
    pen.ellipse(x - 0.95 * r, y + 0.1 * r, 0.2 * r, 0.25 * r, skin)
    pen.ellipse(x + 0.95 * r, y + 0.1 * r, 0.2 * r, 0.25 * r, skin)
    pen.blob([(x - 0.95 * r, y - 0.2 * r), (x, y - 1.1 * r), (x + 0.95 * r, y - 0.2 * r),
        (x + 0.6 * r, y + 0.85 * r), (x, y + 1.1 * r), (x - 0.6 * r, y + 0.85 * r)], skin)
    _face(pen, dice, centre, r, skin, hair)
    if style == "bun":
        pen.ellipse(x, y - 1.4 * r, 0.45 * r, 0.42 * r, hair)
    if style in ("short", "long", "bun", "bob"):
        part = dice.uniform(-0.4, 0.4)
        pen.blob([(x - 1.05 * r, y + 0.1 * r), (x - 0.9 * r, y - 0.9 * r), (x, y - 1.35 * r),
            (x + 0.9 * r, y - 0.9 * r), (x + 1.05 * r, y + 0.1 * r), (x + 0.7 * r, y - 0.45 * r),
            (x + part * r, y - 0.6 * r), (x - 0.7 * r, y - 0.4 * r)], hair)
    if style in ("hat", "cap"):
        cloth = dice.pick(palette.colours)
        wide = 1.7 if style == "hat" else 1.15
        pen.blob([(x - 0.95 * r, y - 0.45 * r), (x - 0.8 * r, y - 1.4 * r), (x, y - 1.6 * r),
            (x + 0.8 * r, y - 1.4 * r), (x + 0.95 * r, y - 0.45 * r)], cloth)
        pen.rect(x - (wide if style == "hat" else 0.9) * r, y - 0.75 * r,
            (2 * wide if style == "hat" else 0.9 + wide + 0.5) * r, 0.35 * r, mix(cloth, BLACK, 0.2), 0.15 * r)


def _face(pen: Pen, dice: Dice, centre: Point, r: float, skin: Colour, hair: Colour) -> None:
    x, y = centre
    look = dice.uniform(-0.12, 0.12) * r
    for side in (-1, 1):
        ex = x + side * 0.38 * r + look
        if dice.chance(0.4):
            pen.ellipse(ex, y, 0.18 * r, 0.16 * r, WHITE, plain=True)
        pen.ellipse(ex, y + 0.02 * r, 0.1 * r, 0.12 * r, BLACK, plain=True)
        pen.line([(ex - 0.18 * r, y - 0.28 * r), (ex + 0.18 * r, y - 0.3 * r)], 0.09 * r, mix(hair, BLACK, 0.4))
    pen.line([(x + look, y + 0.1 * r), (x + look + 0.1 * r, y + 0.32 * r), (x + look, y + 0.36 * r)], 0.08 * r,
        mix(skin, BLACK, 0.25))
    red = (190, 60, 60) if dice.chance(0.7) else mix(skin, BLACK, 0.5)
    pen.line([(x - 0.28 * r + look, y + 0.58 * r), (x + look, y + 0.7 * r), (x + 0.28 * r + look, y + 0.58 * r)],
        0.11 * r, red, curved=True)
    if dice.chance(0.2):
        for side in (-1, 1):
            pen.line([(x + look + side * (0.38 + 0.26 * math.cos(a)) * r,
                y + 0.26 * math.sin(a) * r) for a in [i * 0.7 for i in range(10)]], 0.07 * r, BLACK)
    if dice.chance(0.12):
        pen.blob([(x - 0.6 * r, y + 0.4 * r), (x, y + 0.5 * r), (x + 0.6 * r, y + 0.4 * r), (x + 0.4 * r, y + r),
            (x, y + 1.2 * r), (x - 0.4 * r, y + r)], hair)


def bust(pen: Pen, dice: Dice, palette: Palette) -> None:
    """Head, neck, shoulders and clothes with collar, tie, necklace or lapels."""
    skin, hair = dice.pick(SKINS), dice.pick(HAIRS)
    cloth = vary(dice, dice.pick((*palette.colours, palette.dark)))
    inner = dice.pick((WHITE, palette.light, *palette.colours))
    r = dice.uniform(0.17, 0.23)
    wide = dice.uniform(0.34, 0.46)
    y = 0.1 + 1.3 * r
    pen.line([(0.5, y + 0.6 * r), (0.5, y + 1.9 * r)], 0.7 * r, mix(skin, BLACK, 0.1), plain=False)
    top = y + 1.5 * r
    pen.blob([(0.5 - 0.4 * r, top - 0.05), (0.5, top + 0.02), (0.5 + 0.4 * r, top - 0.05),
        (0.5 + wide * 0.85, top + 0.08), (0.5 + wide, 1.0), (0.5 + wide * 0.9, 1.04), (0.5 - wide * 0.9, 1.04),
        (0.5 - wide, 1.0), (0.5 - wide * 0.85, top + 0.08)], cloth)
    if dice.chance(0.6):
        pen.shape([(0.5 - 0.5 * r, top - 0.02), (0.5 + 0.5 * r, top - 0.02), (0.5, min(top + 0.3, 1.0))], inner,
            plain=True)
    if dice.chance(0.3):
        tie = dice.pick(palette.colours)
        pen.shape([(0.47, top + 0.02), (0.53, top + 0.02), (0.55, 0.98), (0.5, 1.0), (0.45, 0.98)], tie, plain=True)
    _head(pen, dice, (0.5, y), r, skin, hair, palette)
    if dice.chance(0.35):
        _raised_arm(pen, dice, (0.5 + dice.sign() * wide * 0.9, top + 0.22), cloth, skin, palette)


def _raised_arm(pen: Pen, dice: Dice, shoulder: Point, cloth: Colour, skin: Colour, palette: Palette) -> None:
    side = 1 if shoulder[0] > 0.5 else -1
    x, y = shoulder
    elbow = (x + side * 0.1, y + 0.05)
    hand = (min(max(x + side * dice.uniform(-0.02, 0.1), 0.05), 0.95), y - dice.uniform(0.3, 0.45))
    pen.line([(x - side * 0.05, y), elbow, hand], 0.1, cloth, plain=False)
    pen.ellipse(*hand, 0.055, 0.06, skin)
    if dice.chance(0.6):
        pen.rect(hand[0] - 0.05, hand[1] - 0.12, 0.1, 0.14, dice.pick((BLACK, WHITE, *palette.colours)), 0.02)


def full_figure(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A standing, walking or jumping person: legs, shoes, trousers or skirt, shirt, arms, head."""
    skin, hair = dice.pick(SKINS), dice.pick(HAIRS)
    shirt, trousers = vary(dice, dice.pick(palette.colours)), vary(dice, dice.pick((*palette.colours, palette.dark)))
    shoe = dice.pick((BLACK, WHITE, dice.pick(palette.colours)))
    r = dice.uniform(0.065, 0.11)
    neck, hip = 2.6 * r, dice.uniform(0.52, 0.6)
    half = dice.uniform(0.085, 0.12)
    for side in (-1, 1):
        knee = (0.5 + side * dice.uniform(0.04, 0.13), (hip + 0.94) / 2)
        foot = (0.5 + side * dice.uniform(0.05, 0.2), 0.94)
        bare = dice.chance(0.25)
        pen.line([(0.5 + side * 0.05, hip), knee, foot], 0.085, skin if bare else trousers, plain=False)
        pen.ellipse(foot[0] + 0.02, foot[1] + 0.02, 0.06, 0.035, shoe)
    if dice.chance(0.35):
        pen.shape([(0.5 - half, hip - 0.1), (0.5 + half, hip - 0.1), (0.5 + half * 2, hip + 0.17),
            (0.5 - half * 2, hip + 0.17)], trousers)
    pen.line([(0.5, neck - r), (0.5, neck + 0.05)], 0.6 * r, mix(skin, BLACK, 0.1), plain=False)
    hands = []
    for side in (-1, 1):
        up = dice.chance(0.4)
        elbow = (0.5 + side * (half + dice.uniform(0.05, 0.13)), neck + dice.uniform(0.1, 0.18))
        hand = (elbow[0] + side * dice.uniform(-0.06, 0.12), elbow[1] + (-1 if up else 1) * dice.uniform(0.1, 0.17))
        hands.append(hand)
        pen.line([(0.5 + side * half * 0.8, neck + 0.06), elbow, hand], 0.065, shirt, plain=False)
        pen.ellipse(*hand, 0.04, 0.04, skin)
    pen.blob([(0.5 - half, neck + 0.02), (0.5, neck), (0.5 + half, neck + 0.02), (0.5 + half, hip),
        (0.5, hip + 0.03), (0.5 - half, hip)], shirt)
    if dice.chance(0.3):
        for i in range(3):
            pen.rect(0.5 - half, neck + 0.06 + i * 0.08, 2 * half, 0.03, mix(shirt, WHITE, 0.6), plain=True)
    _head(pen, dice, (0.5, neck - 1.3 * r), r, skin, hair, palette)
    if dice.chance(0.4):
        x, y = dice.pick(hands)
        item = dice.pick((*palette.colours, BLACK))
        if dice.chance(0.5):
            pen.rect(x - 0.06, y, 0.12, 0.13, item, 0.02)
        else:
            pen.ellipse(x, y - 0.05, 0.07, 0.07, item)


def couple(pen: Pen, dice: Dice, palette: Palette) -> None:
    """Two people who belong together, one before the other."""
    for x, scale in ((0.0, dice.uniform(0.62, 0.75)), (0.36, dice.uniform(0.58, 0.7))):
        pen.canvas.save()
        pen.canvas.translate(x, 1 - scale)
        pen.canvas.scale(scale, scale)
        bust(pen, dice, palette)
        pen.canvas.restore()
