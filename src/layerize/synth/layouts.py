"""Layouts of posters, cards, banners, slides: boxes of heroes, texts and ornaments, relative to the canvas (0..1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from layerize.synth.dice import Dice
from layerize.synth.raster import Box


@dataclass(frozen=True)
class Layout:
    """Boxes of one layout, relative to the canvas.

    Attributes:
        name: For the caption.
        anchors: Main elements; the first carries the pile of levels.
        texts: Headline first.
        decor: Small ornaments.
        panel: The anchor wants to be a panel.
    """

    name: str
    anchors: tuple[Box, ...]
    texts: tuple[Box, ...]
    decor: tuple[Box, ...] = ()
    panel: bool = False


_CORNERS = (Box(0.02, 0.02, 0.2, 0.2), Box(0.78, 0.02, 0.2, 0.2), Box(0.02, 0.78, 0.2, 0.2), Box(0.78, 0.78, 0.2, 0.2))
_EDGES = (Box(0.0, 0.38, 0.18, 0.22), Box(0.82, 0.38, 0.18, 0.22), Box(0.4, 0.0, 0.2, 0.18), Box(0.4, 0.82, 0.2, 0.18))


def headline_above(dice: Dice) -> Layout:
    """Headline on top, the hero below, perhaps a line at the foot."""
    cut = dice.uniform(0.2, 0.34)
    foot = dice.chance(0.4)
    hero = Box(0.08, cut + 0.04, 0.84, (0.8 if foot else 0.94) - cut)
    texts = (Box(0.06, 0.04, 0.88, cut - 0.04), *((Box(0.1, 0.87, 0.8, 0.11),) if foot else ()))
    return Layout("poster", (hero,), texts, (*_EDGES[:2], *_CORNERS[2:]))


def headline_below(dice: Dice) -> Layout:
    """The hero on top, headline and a line below."""
    cut = dice.uniform(0.6, 0.74)
    texts = (Box(0.06, cut + 0.02, 0.88, 0.9 - cut - 0.06), Box(0.12, 0.88, 0.76, 0.1))
    return Layout("poster", (Box(0.1, 0.03, 0.8, cut - 0.03),), texts, (*_CORNERS[:2], *_EDGES[:2]))


def split(dice: Dice) -> Layout:
    """The hero on one side, lines of text on the other."""
    cut = dice.uniform(0.45, 0.58)
    top = dice.uniform(0.1, 0.28)
    texts = (
        Box(cut + 0.03, top, 0.94 - cut, 0.34),
        Box(cut + 0.03, top + 0.38, 0.94 - cut, 0.12),
        Box(cut + 0.03, top + 0.54, 0.94 - cut, 0.12),
    )
    layout = Layout("banner", (Box(0.03, 0.06, cut - 0.04, 0.88),), texts, (_CORNERS[1], _CORNERS[3]))
    return mirrored(layout) if dice.chance(0.5) else layout


def card(dice: Dice) -> Layout:
    """One large panel in the middle."""
    dx, dy = dice.uniform(0.05, 0.2), dice.uniform(0.06, 0.24)
    return Layout(
        "card", (Box(dx, dy, 1 - 2 * dx, 1 - 2 * dy),), (Box(0.1, dy * 0.1, 0.8, dy * 0.85),), _CORNERS, panel=True
    )


def strip(dice: Dice) -> Layout:
    """A band across the canvas, the hero in the rest."""
    high = dice.uniform(0.22, 0.36)
    low = dice.chance(0.6)
    band = Box(-0.02, 1 - high, 1.04, high + 0.02) if low else Box(-0.02, -0.02, 1.04, high)
    hero = Box(0.08, 0.04, 0.84, 0.92 - high) if low else Box(0.08, high + 0.04, 0.84, 0.92 - high)
    return Layout("banner", (band, hero), (), (*_CORNERS[:2],) if low else (*_CORNERS[2:],), panel=True)


def grid(dice: Dice) -> Layout:
    """Two to six equal cells, with or without a headline."""
    rows, columns = dice.pick(((1, 2), (1, 3), (2, 2), (2, 3), (2, 2)))
    top = dice.pick((0.04, 0.26))
    w, h = 0.92 / columns, (0.96 - top) / rows
    cells = [
        Box(0.04 + w * (c + 0.06), top + h * (r + 0.06), w * 0.88, h * 0.88)
        for r in range(rows)
        for c in range(columns)
    ]
    texts = (Box(0.06, 0.03, 0.88, 0.2),) if top > 0.1 else ()
    return Layout("grid", tuple(dice.sample(cells, len(cells))), texts)


def scene(dice: Dice) -> Layout:
    """Figures standing on the lower edge, as in a picture; text in the sky."""
    count = dice.pick((1, 1, 2, 3))
    anchors = []
    for i in range(count):
        size = dice.uniform(0.55, 0.85) if count == 1 else dice.uniform(0.42, 0.6)
        x = (i + 0.5) / count + dice.uniform(-0.06, 0.06) - size / 2
        anchors.append(Box(x, 1.0 - size + dice.uniform(-0.06, 0.1), size, size))
    return Layout(
        "scene", tuple(anchors), (Box(0.08, 0.03, 0.84, 0.22),) if count > 1 or dice.chance(0.5) else (), _CORNERS[:2]
    )


def lettered(dice: Dice) -> Layout:
    """Large type fills the canvas; the hero is small."""
    high = dice.uniform(0.3, 0.46)
    low = dice.chance(0.5)
    text = Box(0.05, 0.96 - high, 0.9, high) if low else Box(0.05, 0.04, 0.9, high)
    hero = Box(0.2, 0.05, 0.6, 0.86 - high) if low else Box(0.2, high + 0.09, 0.6, 0.86 - high)
    return Layout("poster", (hero,), (text,), (*_EDGES[:2],))


def free(dice: Dice) -> Layout:
    """One large hero, off centre, nothing else planned."""
    size = dice.uniform(0.55, 0.95)
    x, y = dice.uniform(-0.1, 1.1 - size), 1.0 - size + dice.pick((dice.uniform(-0.04, 0.12), dice.uniform(-0.3, 0.1)))
    return Layout("picture", (Box(x, y, size, size),), (), (*_CORNERS, *_EDGES))


def alone(dice: Dice) -> Layout:
    """One hero in the middle and nothing beside it; only where ``DesignConfig.alone_share`` asks for it."""
    size = dice.uniform(0.4, 0.92)
    x, y = (1 - size) * dice.uniform(0.3, 0.7), (1 - size) * dice.uniform(0.3, 0.7)
    return Layout("picture", (Box(x, y, size, size),), ())


def mirrored(layout: Layout) -> Layout:
    """Left and right exchanged."""

    def flip(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
        return tuple(Box(1 - b.x - b.w, b.y, b.w, b.h) for b in boxes)

    return replace(layout, anchors=flip(layout.anchors), texts=flip(layout.texts), decor=flip(layout.decor))


LAYOUTS: dict[Callable[[Dice], Layout], float] = {
    headline_above: 0.16, headline_below: 0.13, split: 0.15, card: 0.14, strip: 0.1, grid: 0.1, scene: 0.12,
    lettered: 0.06, free: 0.1,
}  # fmt: skip
