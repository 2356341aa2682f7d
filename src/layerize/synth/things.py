"""Objects as one element each: drinks, food, buildings, vehicles, plants, devices, presents; in the unit square."""

from __future__ import annotations

import math

from layerize.synth.colour import BLACK, WHITE, Colour, Palette, mix, vary
from layerize.synth.dice import Dice
from layerize.synth.pen import Pen, ring

_GREENS: tuple[Colour, ...] = ((70, 140, 70), (110, 170, 80), (40, 100, 70), (150, 180, 90), (60, 120, 110))


def _any(dice: Dice, palette: Palette) -> Colour:
    return vary(dice, dice.pick((*palette.colours, *palette.colours, palette.dark, palette.light)))


# Drawings read best as rows of coordinates.
# fmt: off


def bottle(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A bottle or flask with cap, shoulders, label and a highlight."""
    glass, cap, paper = _any(dice, palette), _any(dice, palette), _any(dice, palette)
    w, neck, shoulder = dice.uniform(0.13, 0.24), dice.uniform(0.04, 0.08), dice.uniform(0.3, 0.45)
    pen.rect(0.5 - neck * 1.25, 0.02, neck * 2.5, 0.11, cap, 0.015)
    pen.blob([(0.5 - neck, 0.12), (0.5 - neck, shoulder - 0.12), (0.5 - w, shoulder + 0.02), (0.5 - w, 0.93),
        (0.5 - w * 0.8, 0.98), (0.5 + w * 0.8, 0.98), (0.5 + w, 0.93), (0.5 + w, shoulder + 0.02),
        (0.5 + neck, shoulder - 0.12), (0.5 + neck, 0.12)], glass)
    top = shoulder + dice.uniform(0.08, 0.15)
    pen.rect(0.5 - w * 0.97, top, w * 1.94, 0.88 - top, paper, plain=True)
    pen.ellipse(0.5, (top + 0.88) / 2, w * 0.45, w * 0.45, _any(dice, palette), plain=True)
    pen.rect(0.5 - w * 0.6, 0.8, w * 1.2, 0.03, mix(paper, BLACK, 0.6), plain=True)
    pen.line([(0.5 - w * 0.75, shoulder + 0.07), (0.5 - w * 0.75, 0.9)], 0.025, mix(glass, WHITE, 0.6))


def cup(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A mug with steam, or a paper cup with lid and straw."""
    body, accent = _any(dice, palette), _any(dice, palette)
    if dice.chance(0.5):
        pen.line([(0.7, 0.5), (0.92, 0.52), (0.9, 0.76), (0.68, 0.8)], 0.06, body, curved=True, plain=False)
        pen.rect(0.15, 0.38, 0.58, 0.56, body, 0.1)
        pen.ellipse(0.44, 0.4, 0.29, 0.07, mix(body, BLACK, 0.15))
        pen.ellipse(0.44, 0.41, 0.24, 0.045, (96, 58, 36), plain=True)
        pen.ellipse(0.44, 0.68, 0.12, 0.12, accent, plain=True)
        if dice.chance(0.6):
            for x in (0.34, 0.5):
                pen.line([(x, 0.3), (x + 0.06, 0.2), (x - 0.02, 0.12), (x + 0.04, 0.03)], 0.035,
                    mix(body, WHITE, 0.7), curved=True)
        return
    pen.line([(0.55, 0.25), (0.62, 0.02)], 0.04, accent, plain=False)
    pen.shape([(0.24, 0.22), (0.76, 0.22), (0.67, 0.97), (0.33, 0.97)], body)
    pen.rect(0.2, 0.16, 0.6, 0.1, mix(accent, WHITE, 0.4), 0.03)
    pen.shape([(0.27, 0.46), (0.73, 0.46), (0.7, 0.7), (0.3, 0.7)], accent, plain=True)


def car(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A car, van or bus from the side."""
    paint, glass = _any(dice, palette), dice.pick(((180, 220, 240), (60, 80, 100), (210, 235, 240)))
    roof, left, right = dice.uniform(0.22, 0.36), dice.uniform(0.04, 0.28), dice.uniform(0.66, 0.94)
    pen.blob([(left, 0.56), (left + 0.08, roof), (right - 0.1, roof), (right, 0.56)], paint)
    pen.rect(0.01, 0.5, 0.98, 0.24, paint, 0.09)
    middle = (left + right) / 2
    pen.rect(left + 0.1, roof + 0.06, middle - left - 0.13, 0.17, glass, 0.03)
    pen.rect(middle + 0.02, roof + 0.06, right - middle - 0.14, 0.17, glass, 0.03)
    pen.line([(middle, roof + 0.08), (middle, 0.7)], 0.012, mix(paint, BLACK, 0.4))
    pen.rect(0.02, 0.63, 0.96, 0.04, mix(paint, dice.pick((BLACK, WHITE)), 0.4), plain=True)
    pen.ellipse(0.95, 0.57, 0.035, 0.035, (255, 236, 150), plain=True)
    for x in (0.23, 0.77):
        pen.ellipse(x, 0.75, 0.12, 0.12, BLACK)
        pen.ellipse(x, 0.75, 0.06, 0.06, (190, 190, 196), plain=True)


def house(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A house with roof, door, windows and chimney."""
    wall, roof, door = _any(dice, palette), _any(dice, palette), _any(dice, palette)
    eaves, w = dice.uniform(0.35, 0.5), dice.uniform(0.3, 0.42)
    if dice.chance(0.6):
        pen.rect(0.5 + w * 0.4, 0.08, 0.1, eaves - 0.1, mix(roof, BLACK, 0.3))
    pen.rect(0.5 - w, eaves, 2 * w, 0.97 - eaves, wall)
    pen.shape([(0.5, 0.04), (0.5 + w + 0.08, eaves + 0.03), (0.5 - w - 0.08, eaves + 0.03)], roof)
    pen.rect(0.44, 0.7, 0.14, 0.27, door, 0.02)
    for x in (-0.62, 0.5):
        pen.rect(0.5 + x * w - 0.02, eaves + 0.13, 0.14, 0.13, dice.pick(((255, 236, 150), (180, 220, 240), WHITE)),
            0.01)


def plant(pen: Pen, dice: Dice, palette: Palette) -> None:
    """Leaves or flowers in a pot."""
    green, pot = vary(dice, dice.pick(_GREENS)), _any(dice, palette)
    count, blooming = dice.integer(3, 7), dice.chance(0.5)
    for i in range(count):
        angle = math.pi * (0.15 + 0.7 * (i + 0.5) / count) + dice.uniform(-0.1, 0.1)
        length = dice.uniform(0.35, 0.6)
        x, y = 0.5 - length * math.cos(angle) * 0.8, 0.66 - length * math.sin(angle)
        pen.line([(0.5, 0.68), ((0.5 + x) / 2, 0.5), (x, y)], 0.025, mix(green, BLACK, 0.2), curved=True)
        if blooming:
            bloom = vary(dice, dice.pick(palette.colours))
            for px, py in ring(5, 0.055, centre=(x, y)):
                pen.ellipse(px, py, 0.045, 0.045, bloom, plain=True)
            pen.ellipse(x, y, 0.04, 0.04, (250, 214, 80), plain=True)
        else:
            nx, ny = math.sin(angle) * 0.09, math.cos(angle) * 0.09
            pen.blob([(0.5 * 0.4 + x * 0.6, 0.66 * 0.4 + y * 0.6), (x * 0.9 + 0.05 + nx, y * 0.9 + 0.066 + ny),
                (x, y), (x * 0.9 + 0.05 - nx, y * 0.9 + 0.066 - ny)], vary(dice, green))
    pen.shape([(0.28, 0.66), (0.72, 0.66), (0.65, 0.98), (0.35, 0.98)], pot)
    pen.rect(0.26, 0.63, 0.48, 0.08, mix(pot, WHITE, 0.2), 0.02)


def tree(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A broadleaf, fir or palm."""
    green, wood = vary(dice, dice.pick(_GREENS), 30), vary(dice, (120, 80, 50))
    kind = dice.integer(0, 2)
    if kind == 0:
        pen.line([(0.5, 0.96), (0.5, 0.5)], 0.09, wood, plain=False)
        for x, y, r in ((0.32, 0.42, 0.2), (0.68, 0.42, 0.2), (0.5, 0.25, 0.23), (0.5, 0.48, 0.22)):
            pen.ellipse(x + dice.uniform(-0.04, 0.04), y, r, r * 0.9, vary(dice, green, 12))
    elif kind == 1:
        pen.rect(0.45, 0.8, 0.1, 0.18, wood)
        for y, s in ((0.46, 0.38), (0.24, 0.3), (0.02, 0.22)):
            pen.shape([(0.5, y), (0.5 + s, y + 0.4), (0.5 - s, y + 0.4)], vary(dice, green, 10))
    else:
        pen.line([(0.46, 0.97), (0.52, 0.65), (0.5, 0.3)], 0.07, wood, curved=True, plain=False)
        for angle in (0.1, 0.8, 1.57, 2.3, 3.0, 3.5, -0.4):
            x, y = 0.5 + 0.42 * math.cos(angle), 0.28 - 0.22 * math.sin(angle)
            pen.blob([(0.5, 0.3), ((0.5 + x) / 2, (0.3 + y) / 2 - 0.09), (x, y + 0.08),
                ((0.5 + x) / 2, (0.3 + y) / 2)], vary(dice, green, 14))


def folder(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A folder with papers, a book or a notebook."""
    main = _any(dice, palette)
    if dice.chance(0.5):
        pen.rect(0.06, 0.14, 0.36, 0.2, mix(main, BLACK, 0.15), 0.04)
        pen.rect(0.06, 0.22, 0.86, 0.6, mix(main, BLACK, 0.15), 0.04)
        pen.rect(0.14, 0.16, 0.7, 0.5, WHITE, 0.01)
        pen.rect(0.04, 0.32, 0.9, 0.52, main, 0.05)
        return
    pen.rect(0.16, 0.06, 0.68, 0.88, main, 0.03)
    pen.rect(0.16, 0.06, 0.1, 0.88, mix(main, BLACK, 0.3), 0.02, plain=True)
    pen.rect(0.34, 0.2, 0.4, 0.16, mix(main, WHITE, 0.75), 0.01, plain=True)
    pen.ellipse(0.54, 0.62, 0.14, 0.14, _any(dice, palette), plain=True)


def device(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A phone, laptop, camera or screen with something on it."""
    case, screen = dice.pick((BLACK, (210, 212, 218), WHITE, _any(dice, palette))), _any(dice, palette)
    kind = dice.integer(0, 2)
    if kind == 0:
        pen.rect(0.27, 0.02, 0.46, 0.96, case, 0.07)
        pen.rect(0.3, 0.09, 0.4, 0.8, screen, 0.02, plain=True)
        pen.ellipse(0.5, 0.35, 0.12, 0.12, _any(dice, palette), plain=True)
        for y in (0.58, 0.68, 0.78):
            pen.rect(0.35, y, dice.uniform(0.15, 0.3), 0.04, mix(screen, WHITE, 0.7), 0.02, plain=True)
    elif kind == 1:
        pen.rect(0.14, 0.16, 0.72, 0.52, case, 0.04)
        pen.rect(0.18, 0.2, 0.64, 0.43, screen, 0.01, plain=True)
        pen.rect(0.24, 0.27, 0.26, 0.05, WHITE, 0.02, plain=True)
        pen.rect(0.24, 0.38, 0.2, 0.19, _any(dice, palette), 0.02, plain=True)
        pen.rect(0.52, 0.38, 0.24, 0.19, _any(dice, palette), 0.02, plain=True)
        pen.shape([(0.1, 0.68), (0.9, 0.68), (1.0, 0.8), (0.0, 0.8)], mix(case, BLACK, 0.2))
    else:
        pen.rect(0.3, 0.16, 0.34, 0.14, mix(case, BLACK, 0.3), 0.03)
        pen.rect(0.04, 0.25, 0.92, 0.58, case, 0.07)
        pen.rect(0.04, 0.4, 0.92, 0.3, mix(case, BLACK, 0.4), plain=True)
        pen.ellipse(0.5, 0.55, 0.24, 0.24, (40, 42, 48))
        pen.ellipse(0.5, 0.55, 0.17, 0.17, (70, 90, 130), plain=True)
        pen.ellipse(0.44, 0.49, 0.05, 0.05, WHITE, plain=True)
        pen.ellipse(0.85, 0.33, 0.04, 0.03, (230, 60, 50), plain=True)


def food(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A cake, ice cream, burger or fruit."""
    kind = dice.integer(0, 3)
    if kind == 0:
        for i, (w, y) in enumerate(((0.4, 0.68), (0.3, 0.44), (0.19, 0.24))[: dice.integer(2, 3)]):
            layer = _any(dice, palette)
            pen.rect(0.5 - w, y, 2 * w, 0.26, layer, 0.03)
            pen.rect(0.5 - w, y, 2 * w, 0.08, mix(layer, WHITE, 0.7), 0.04, plain=True)
            if i < 2:
                for j in range(5):
                    pen.ellipse(0.5 + w * (j - 2) / 2.6, y + 0.16, 0.03, 0.03, dice.pick(palette.colours), plain=True)
        pen.line([(0.5, 0.26), (0.5, 0.14)], 0.03, dice.pick(palette.colours))
        pen.ellipse(0.5, 0.1, 0.025, 0.05, (255, 190, 60), plain=True)
    elif kind == 1:
        pen.shape([(0.3, 0.48), (0.7, 0.48), (0.5, 0.99)], (222, 168, 98))
        for x, y in ((0.4, 0.38), (0.6, 0.38), (0.5, 0.22)):
            pen.ellipse(x, y, 0.17, 0.16, _any(dice, palette))
        pen.ellipse(0.52, 0.06, 0.05, 0.05, (210, 40, 50))
    elif kind == 2:
        bun = vary(dice, (222, 150, 76))
        pen.rect(0.1, 0.7, 0.8, 0.18, bun, 0.08)
        pen.rect(0.06, 0.6, 0.88, 0.12, (110, 62, 40), 0.05)
        pen.shape([(0.08, 0.56), (0.92, 0.56), (0.75, 0.68), (0.6, 0.6), (0.4, 0.68)], (250, 200, 70))
        pen.blob([(0.05, 0.53), (0.3, 0.49), (0.5, 0.53), (0.7, 0.49), (0.95, 0.53), (0.7, 0.58), (0.3, 0.58)],
            (110, 180, 70))
        pen.blob([(0.08, 0.5), (0.2, 0.24), (0.5, 0.14), (0.8, 0.24), (0.92, 0.5)], bun)
        for x, y in ((0.35, 0.3), (0.5, 0.24), (0.65, 0.31), (0.45, 0.38)):
            pen.ellipse(x, y, 0.025, 0.016, mix(bun, WHITE, 0.7), plain=True)
    else:
        skin = dice.pick(((220, 50, 50), (250, 160, 40), (150, 190, 60), (240, 200, 60), _any(dice, palette)))
        pen.line([(0.5, 0.26), (0.54, 0.06)], 0.04, (100, 70, 40))
        pen.blob([(0.54, 0.16), (0.72, 0.05), (0.82, 0.12), (0.66, 0.2)], dice.pick(_GREENS))
        pen.blob([(0.5, 0.25), (0.75, 0.2), (0.9, 0.48), (0.74, 0.88), (0.5, 0.92), (0.26, 0.88), (0.1, 0.48),
            (0.25, 0.2)], skin)
        pen.ellipse(0.3, 0.42, 0.06, 0.1, mix(skin, WHITE, 0.55), plain=True)


def present(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A gift box with a bow, a shopping bag, or balloons."""
    paper, ribbon = _any(dice, palette), _any(dice, palette)
    kind = dice.integer(0, 2)
    if kind == 0:
        pen.rect(0.12, 0.42, 0.76, 0.54, paper, 0.02)
        pen.rect(0.07, 0.3, 0.86, 0.16, mix(paper, WHITE, 0.15), 0.02)
        pen.rect(0.43, 0.3, 0.14, 0.66, ribbon, plain=True)
        for side in (-1, 1):
            pen.blob([(0.5, 0.29), (0.5 + side * 0.2, 0.06), (0.5 + side * 0.3, 0.2)], ribbon)
    elif kind == 1:
        pen.line([(0.36, 0.34), (0.38, 0.1), (0.62, 0.1), (0.64, 0.34)], 0.035, ribbon, curved=True)
        pen.shape([(0.2, 0.3), (0.8, 0.3), (0.86, 0.97), (0.14, 0.97)], paper)
        pen.shape([(0.66, 0.3), (0.8, 0.3), (0.86, 0.97), (0.7, 0.97)], mix(paper, BLACK, 0.15), plain=True)
        pen.ellipse(0.43, 0.64, 0.13, 0.13, ribbon, plain=True)
    else:
        for x, y in ((0.27, 0.32), (0.73, 0.28), (0.5, 0.22))[: dice.integer(1, 3)]:
            colour = _any(dice, palette)
            pen.line([(x, y + 0.2), (0.5, 0.97)], 0.014, mix(colour, BLACK, 0.3))
            pen.ellipse(x, y, 0.18, 0.22, colour)
            pen.shape([(x - 0.03, y + 0.26), (x, y + 0.2), (x + 0.03, y + 0.26)], colour)
            pen.ellipse(x - 0.07, y - 0.08, 0.03, 0.06, mix(colour, WHITE, 0.6), plain=True)


def rocket(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A rocket, sailing boat or umbrella."""
    main, accent = _any(dice, palette), _any(dice, palette)
    kind = dice.integer(0, 2)
    if kind == 0:
        pen.blob([(0.42, 0.76), (0.5, 1.0), (0.58, 0.76)], (255, 170, 50))
        for side in (-1, 1):
            pen.shape([(0.5 + side * 0.12, 0.5), (0.5 + side * 0.3, 0.82), (0.5 + side * 0.1, 0.76)], accent)
        pen.blob([(0.5, 0.0), (0.64, 0.25), (0.64, 0.6), (0.58, 0.79), (0.42, 0.79), (0.36, 0.6), (0.36, 0.25)], main)
        pen.blob([(0.5, 0.0), (0.61, 0.18), (0.5, 0.22), (0.39, 0.18)], accent, plain=True)
        pen.ellipse(0.5, 0.4, 0.085, 0.085, WHITE)
        pen.ellipse(0.5, 0.4, 0.055, 0.055, (90, 160, 210), plain=True)
    elif kind == 1:
        pen.line([(0.48, 0.76), (0.48, 0.03)], 0.03, (120, 80, 50))
        pen.shape([(0.52, 0.06), (0.94, 0.66), (0.52, 0.66)], main)
        pen.shape([(0.44, 0.14), (0.44, 0.66), (0.12, 0.66)], mix(main, WHITE, 0.4))
        pen.shape([(0.03, 0.72), (0.97, 0.72), (0.8, 0.95), (0.2, 0.95)], accent)
    else:
        pen.line([(0.5, 0.3), (0.5, 0.86), (0.42, 0.95), (0.35, 0.87)], 0.04, (90, 60, 40), curved=True)
        for i in range(4):
            x0, x1 = 0.04 + 0.23 * i, 0.27 + 0.23 * i
            pen.blob([(0.5, 0.04), (x0 + (0.04 if i == 0 else 0), 0.4), ((x0 + x1) / 2, 0.5), (x1, 0.42)],
                (main, accent)[i % 2])


def lamp(pen: Pen, dice: Dice, palette: Palette) -> None:
    """A lamp, chair or guitar."""
    main, wood = _any(dice, palette), vary(dice, (150, 100, 60))
    kind = dice.integer(0, 2)
    if kind == 0:
        pen.line([(0.5, 0.4), (0.5, 0.92)], 0.045, wood, plain=False)
        pen.rect(0.3, 0.9, 0.4, 0.07, wood, 0.03)
        pen.shape([(0.34, 0.04), (0.66, 0.04), (0.82, 0.44), (0.18, 0.44)], main)
    elif kind == 1:
        for x in (0.24, 0.76):
            pen.line([(x, 0.66), (x + (0.5 - x) * -0.15, 0.97)], 0.045, wood, plain=False)
        pen.rect(0.2, 0.06, 0.6, 0.5, main, 0.1)
        pen.rect(0.12, 0.5, 0.76, 0.2, mix(main, BLACK, 0.2), 0.08)
        pen.rect(0.05, 0.36, 0.14, 0.34, main, 0.06)
        pen.rect(0.81, 0.36, 0.14, 0.34, main, 0.06)
    else:
        pen.line([(0.5, 0.5), (0.5, 0.05)], 0.07, (70, 46, 34), plain=False)
        pen.rect(0.44, 0.0, 0.12, 0.12, main, 0.02)
        pen.ellipse(0.5, 0.56, 0.17, 0.15, wood)
        pen.ellipse(0.5, 0.78, 0.24, 0.2, wood)
        pen.ellipse(0.5, 0.64, 0.075, 0.075, BLACK, plain=True)
        pen.rect(0.4, 0.82, 0.2, 0.04, BLACK, plain=True)
