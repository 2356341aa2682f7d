"""Animals and made-up creatures as one element each, in the unit square."""

from __future__ import annotations

from layerize.synth.colour import BLACK, WHITE, Colour, Palette, mix, vary
from layerize.synth.dice import Dice
from layerize.synth.pen import Pen, ring

_FURS: tuple[Colour, ...] = (
    (150, 96, 52),
    (224, 160, 84),
    (90, 80, 76),
    (240, 236, 228),
    (50, 46, 48),
    (200, 120, 60),
    (170, 170, 176),
)

# Drawings read best as rows of coordinates.
# fmt: off


def _fur(dice: Dice, palette: Palette) -> Colour:
    return vary(dice, dice.pick(_FURS) if dice.chance(0.6) else dice.pick(palette.colours))


def _eyes(pen: Pen, dice: Dice, x: float, y: float, apart: float, r: float) -> None:
    look = dice.uniform(-0.3, 0.3) * r
    for side in (-1, 1):
        pen.ellipse(x + side * apart, y, r, r, WHITE)
        pen.ellipse(x + side * apart + look, y, r * 0.5, r * 0.55, BLACK, plain=True)


def quadruped(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A dog, cat, horse, cow or sheep from the side."""
    fur = _fur(dice, palette)
    dark, belly = mix(fur, BLACK, 0.25), mix(fur, WHITE, 0.4)
    leg, width = dice.uniform(0.15, 0.36), dice.uniform(0.05, 0.1)
    body, back = dice.uniform(0.1, 0.17), 0.9 - leg
    for x in (0.3, 0.68):
        pen.line([(x + 0.06, back - body), (x + 0.06, 0.94)], width, dark, plain=False)
    pen.line([(0.2, back - body * 1.2), (0.08, back - dice.uniform(0, 0.35)), (0.05, back - 0.3)], width * 0.7, fur,
        curved=True, plain=False)
    pen.ellipse(0.47, back - body, 0.3, body * 1.15, fur)
    pen.ellipse(0.47, back - body * 0.45, 0.22, body * 0.5, belly, plain=True)
    for x in (0.25, 0.64):
        pen.line([(x, back - body), (x, 0.94)], width, fur, plain=False)
    head = dice.uniform(0.11, 0.17)
    hx, hy = 0.76, back - body - dice.uniform(0.12, 0.28)
    pen.line([(0.68, back - body * 1.2), (hx, hy)], head * 1.1, fur, plain=False)
    pen.ellipse(hx, hy, head, head * 0.9, fur)
    pen.ellipse(hx + head * 0.85, hy + head * 0.3, head * dice.uniform(0.5, 0.75), head * 0.48,
        dice.pick((fur, belly, dark)))
    pen.ellipse(hx + head * 1.35, hy + head * 0.18, head * 0.16, head * 0.14, BLACK, plain=True)
    if dice.chance(0.5):
        pen.shape([(hx - head * 0.8, hy - head * 0.4), (hx - head * 0.6, hy - head * 1.6), (hx, hy - head * 0.75)],
            dark)
    else:
        pen.ellipse(hx - head * 0.6, hy + head * 0.2, head * 0.32, head * 0.7, dark)
    pen.ellipse(hx + head * 0.3, hy - head * 0.2, head * 0.14, head * 0.16, BLACK, plain=True)
    if dice.chance(0.35):
        for _ in range(4):
            pen.ellipse(dice.uniform(0.28, 0.66), back - body * dice.uniform(0.6, 1.4), 0.05, 0.04, dark, plain=True)
    if dice.chance(0.3):
        pen.line([(hx - head * 0.7, hy + head * 0.8), (hx + head * 0.3, hy + head * 1.05)], 0.035,
            dice.pick(palette.colours))


def portrait(pen: Pen, dice: Dice, palette: Palette) -> None:
    """An animal's head and chest from the front: cat, bear, rabbit, fox, lemur."""
    fur = _fur(dice, palette)
    inner, pale = mix(fur, (250, 170, 160), 0.55), mix(fur, WHITE, 0.55)
    pen.blob([(0.2, 1.0), (0.28, 0.7), (0.5, 0.62), (0.72, 0.7), (0.8, 1.0), (0.5, 1.04)], fur)
    pen.ellipse(0.5, 0.9, 0.16, 0.17, pale, plain=True)
    ear = dice.pick(("round", "pointed", "long"))
    for side in (-1, 1):
        if ear == "round":
            pen.ellipse(0.5 + side * 0.26, 0.2, 0.12, 0.12, fur)
            pen.ellipse(0.5 + side * 0.26, 0.2, 0.07, 0.07, inner, plain=True)
        elif ear == "pointed":
            pen.shape([(0.5 + side * 0.34, 0.36), (0.5 + side * 0.32, 0.02), (0.5 + side * 0.08, 0.2)], fur)
            pen.shape([(0.5 + side * 0.29, 0.3), (0.5 + side * 0.29, 0.1), (0.5 + side * 0.14, 0.22)], inner,
                plain=True)
        else:
            pen.ellipse(0.5 + side * 0.16, 0.16, 0.07, 0.19, fur)
            pen.ellipse(0.5 + side * 0.16, 0.16, 0.035, 0.14, inner, plain=True)
    pen.ellipse(0.5, 0.43, 0.33, 0.29, fur)
    if dice.chance(0.5):
        for side in (-1, 1):
            pen.ellipse(0.5 + side * 0.14, 0.4, 0.11, 0.12, dice.pick((pale, mix(fur, BLACK, 0.5))), plain=True)
    _eyes(pen, dice, 0.5, 0.4, 0.14, dice.uniform(0.045, 0.085))
    pen.ellipse(0.5, 0.57, 0.14, 0.1, pale, plain=True)
    pen.ellipse(0.5, 0.53, 0.05, 0.035, BLACK, plain=True)
    pen.line([(0.42, 0.61), (0.5, 0.64), (0.58, 0.61)], 0.02, BLACK, curved=True)


def bird(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A perching or flying bird with wing, tail, beak."""
    body = WHITE if dice.chance(0.25) else vary(dice, dice.pick(palette.colours))
    wing = mix(body, dice.pick((BLACK, WHITE, dice.pick(palette.colours))), 0.35)
    beak = dice.pick(((250, 170, 40), (235, 110, 40), BLACK))
    pen.shape([(0.22, 0.6), (0.0, dice.uniform(0.5, 0.85)), (0.06, 0.88), (0.3, 0.72)], wing)
    flying = dice.chance(0.5)
    if flying:
        pen.blob([(0.4, 0.55), (0.3, 0.15), (0.42, 0.02), (0.55, 0.22), (0.62, 0.52)], mix(wing, BLACK, 0.15))
    else:
        for x in (0.45, 0.53):
            pen.line([(x, 0.8), (x + 0.02, 0.97), (x + 0.07, 0.97)], 0.025, beak)
    pen.blob([(0.12, 0.64), (0.35, 0.5), (0.58, 0.44), (0.68, 0.28), (0.8, 0.22), (0.9, 0.34), (0.84, 0.52),
        (0.72, 0.76), (0.45, 0.84), (0.25, 0.76)], body)
    pen.shape([(0.87, 0.28), (1.0, 0.35), (0.87, 0.41)], beak)
    pen.ellipse(0.8, 0.31, 0.03, 0.03, BLACK, plain=True)
    if flying:
        pen.blob([(0.5, 0.58), (0.16, 0.3), (0.08, 0.1), (0.34, 0.12), (0.6, 0.34), (0.68, 0.55)], wing)
    else:
        pen.blob([(0.2, 0.64), (0.4, 0.54), (0.6, 0.5), (0.6, 0.64), (0.42, 0.74)], wing)


def fish(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A fish with fins and stripes."""
    body, fin = vary(dice, dice.pick(palette.colours)), vary(dice, dice.pick(palette.colours))
    high = dice.uniform(0.16, 0.28)
    pen.shape([(0.25, 0.5), (0.0, 0.5 - high), (0.07, 0.5), (0.0, 0.5 + high)], fin)
    pen.blob([(0.35, 0.5 - high * 0.7), (0.5, 0.5 - high * 1.6), (0.7, 0.5 - high * 0.8)], fin)
    pen.blob([(0.18, 0.5), (0.5, 0.5 - high), (0.82, 0.5 - high * 0.6), (0.98, 0.5), (0.82, 0.5 + high * 0.7),
        (0.5, 0.5 + high)], body)
    for i in range(dice.integer(0, 3)):
        x = 0.38 + 0.13 * i
        pen.line([(x, 0.5 - high * 0.75), (x + 0.04, 0.5), (x, 0.5 + high * 0.75)], 0.04, mix(body, WHITE, 0.6),
            curved=True)
    pen.ellipse(0.82, 0.45, 0.05, 0.05, WHITE, plain=True)
    pen.ellipse(0.83, 0.45, 0.025, 0.025, BLACK, plain=True)


def monster(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A mascot: an egg or box of a body with big eyes, teeth, limbs, and often a hat, coat or horns."""
    skin = vary(dice, dice.pick(palette.colours))
    dark, cloth = mix(skin, BLACK, 0.3), dice.pick(palette.colours)
    w, top = dice.uniform(0.22, 0.32), 0.2
    for side in (-1, 1):
        pen.line([(0.5 + side * 0.12, 0.85), (0.5 + side * 0.15, 0.95)], 0.09, dark, plain=False)
        pen.line([(0.5 + side * w * 0.9, 0.6), (0.5 + side * (w + 0.12), dice.uniform(0.4, 0.78))], 0.075, skin,
            plain=False)
        if dice.chance(0.5):
            pen.ellipse(0.5 + side * w * 0.75, top + 0.06, 0.07, 0.08, skin)
    if dice.chance(0.6):
        pen.blob([(0.5 - w, 0.5), (0.5 - w * 0.8, top + 0.05), (0.5, top), (0.5 + w * 0.8, top + 0.05),
            (0.5 + w, 0.5), (0.5 + w, 0.82), (0.5, 0.92), (0.5 - w, 0.82)], skin)
    else:
        pen.rect(0.5 - w, top, 2 * w, 0.7, skin, dice.uniform(0.03, 0.2))
    if dice.chance(0.5):
        pen.blob([(0.5 - w, 0.6), (0.5, 0.66), (0.5 + w, 0.6), (0.5 + w * 1.05, 0.86), (0.5, 0.93),
            (0.5 - w * 1.05, 0.86)], cloth)
    else:
        pen.ellipse(0.5, 0.72, w * 0.6, 0.14, mix(skin, WHITE, 0.5), plain=True)
    _eyes(pen, dice, 0.5, dice.uniform(0.34, 0.42), w * 0.5, dice.uniform(0.06, 0.12))
    pen.ellipse(0.5, 0.49, 0.045, 0.03, dark, plain=True)
    if dice.chance(0.5):
        pen.rect(0.46, 0.52, 0.08, 0.06, WHITE, 0.01)
    else:
        pen.line([(0.4, 0.53), (0.5, 0.57), (0.6, 0.53)], 0.025, BLACK, curved=True)
    _headgear(pen, dice, w, top, palette)


def _headgear(pen: Pen, dice: Dice, w: float, top: float, palette: Palette) -> None:
    kind, colour = dice.pick(("none", "hat", "crown", "horns", "party")), dice.pick((*palette.colours, BLACK))
    if kind == "hat":
        pen.rect(0.5 - w * 0.55, top - 0.17, w * 1.1, 0.2, colour, 0.02)
        pen.rect(0.5 - w, top + 0.0, 2 * w, 0.05, colour, 0.02)
        pen.rect(0.5 - w * 0.55, top - 0.05, w * 1.1, 0.05, dice.pick(palette.colours), plain=True)
    elif kind == "crown":
        pen.shape([(0.5 - w * 0.7, top + 0.06), (0.5 - w * 0.8, top - 0.15), (0.5 - w * 0.35, top - 0.05),
            (0.5, top - 0.18), (0.5 + w * 0.35, top - 0.05), (0.5 + w * 0.8, top - 0.15),
            (0.5 + w * 0.7, top + 0.06)], (246, 200, 60))
    elif kind == "horns":
        for side in (-1, 1):
            pen.shape([(0.5 + side * w * 0.4, top + 0.04), (0.5 + side * w * 0.9, top - 0.16),
                (0.5 + side * w * 0.75, top + 0.09)], mix(colour, WHITE, 0.5))
    elif kind == "party":
        pen.shape([(0.5 - 0.1, top + 0.05), (0.53, top - 0.19), (0.5 + 0.12, top + 0.04)], colour)
        pen.ellipse(0.53, top - 0.17, 0.03, 0.03, WHITE)


def abstract(pen: Pen, dice: Dice, palette: Palette) -> None:
    """An object that nobody has seen: parts in several colours around a core, sometimes mirrored."""
    mirrored, core = dice.chance(0.6), vary(dice, dice.pick(palette.colours))
    parts = dice.integer(2, 6)
    for _ in range(parts):
        x, y = dice.uniform(0.22, 0.6), dice.uniform(0.15, 0.85)
        w, h = dice.uniform(0.07, 0.22), dice.uniform(0.07, 0.22)
        colour = vary(dice, dice.pick((*palette.colours, palette.dark)))
        kind = dice.integer(0, 3)
        for cx in (x, 1 - x) if mirrored else (x,):
            pen.line([(0.5, 0.5), (cx, y)], dice.uniform(0.05, 0.12), mix(core, BLACK, 0.2), plain=False)
            if kind == 0:
                pen.ellipse(cx, y, w, h, colour)
            elif kind == 1:
                pen.rect(cx - w, y - h, 2 * w, 2 * h, colour, dice.uniform(0, 0.06))
            elif kind == 2:
                pen.shape([(cx - w, y + h), (cx, y - h), (cx + w, y + h)], colour)
            else:
                pen.blob(ring(5, w, centre=(cx, y), turn=dice.uniform(0, 6)), colour)
    count = dice.integer(5, 9)
    pen.blob([(0.5 + (x - 0.5) * s, 0.5 + (y - 0.5) * s) for x,
        y in ring(count, 0.3) for s in (dice.uniform(0.6, 1.15),)], core)
    for _ in range(dice.integer(0, 4)):
        pen.ellipse(dice.uniform(0.38, 0.62), dice.uniform(0.35, 0.65), dice.uniform(0.02, 0.08),
            dice.uniform(0.02, 0.08), dice.pick((*palette.colours, WHITE)), plain=True)
