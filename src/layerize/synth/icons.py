"""Simple one-colour shapes in the unit square: the icons, badges and ornaments of a design."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from layerize.synth.dice import Dice
from layerize.synth.pen import polygon, ring, smooth
from layerize.synth.skia_module import skia


def _rect(x: float, y: float, w: float, h: float, radius: float = 0.0) -> Any:
    return skia.Path.RRect(skia.Rect.MakeXYWH(x, y, w, h), radius, radius)


def _oval(x: float, y: float, rx: float, ry: float) -> Any:
    return skia.Path.Oval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry))


def _union(*paths: Any) -> Any:
    result = paths[0]
    for path in paths[1:]:
        result = skia.Op(result, path, skia.PathOp.kUnion_PathOp) or result
    return result


def _minus(path: Any, *holes: Any) -> Any:
    for hole in holes:
        path = skia.Op(path, hole, skia.PathOp.kDifference_PathOp) or path
    return path


def circle(dice: Dice) -> Any:
    """A disc."""
    return _oval(0.5, 0.5, 0.5, 0.5)


def annulus(dice: Dice) -> Any:
    """A ring."""
    inner = dice.uniform(0.28, 0.42)
    return _minus(_oval(0.5, 0.5, 0.5, 0.5), _oval(0.5, 0.5, inner, inner))


def square(dice: Dice) -> Any:
    """A square, often rounded."""
    return _rect(0.04, 0.04, 0.92, 0.92, dice.pick((0.0, 0.0, 0.12, 0.25)))


def regular(dice: Dice) -> Any:
    """A regular polygon of 3, 5, 6 or 8 corners."""
    return polygon(ring(dice.pick((3, 3, 5, 6, 6, 8))))


def star(dice: Dice) -> Any:
    """A star of 4 to 8 points."""
    count, inner = dice.pick((4, 5, 5, 5, 6, 8)), dice.uniform(0.2, 0.28)
    return polygon(
        [
            p
            for pair in zip(ring(count), ring(count, inner, turn=-math.pi / 2 + math.pi / count), strict=True)
            for p in pair
        ]
    )


def burst(dice: Dice) -> Any:
    """A price burst: a star of many short points."""
    count, inner = dice.integer(10, 20), dice.uniform(0.38, 0.44)
    points = [
        p
        for pair in zip(ring(count), ring(count, inner, turn=-math.pi / 2 + math.pi / count), strict=True)
        for p in pair
    ]
    return smooth(points, tension=0.7) if dice.chance(0.4) else polygon(points)


def heart(dice: Dice) -> Any:
    """A heart."""
    path = skia.Path()
    path.moveTo(0.5, 0.95)
    path.cubicTo(-0.2, 0.45, 0.1, -0.12, 0.5, 0.25)
    path.cubicTo(0.9, -0.12, 1.2, 0.45, 0.5, 0.95)
    path.close()
    return path


def cloud(dice: Dice) -> Any:
    """A cloud of four or five puffs."""
    puffs = [
        _oval(0.25 + 0.17 * i, dice.uniform(0.4, 0.52), dice.uniform(0.14, 0.22), dice.uniform(0.13, 0.2))
        for i in range(4)
    ]
    return _union(_rect(0.06, 0.48, 0.88, 0.22, 0.11), *puffs)


def arrow(dice: Dice) -> Any:
    """An arrow to the right."""
    t = dice.uniform(0.1, 0.18)
    return polygon([(0, 0.5 - t), (0.55, 0.5 - t), (0.55, 0.18), (1, 0.5), (0.55, 0.82), (0.55, 0.5 + t), (0, 0.5 + t)])


def bolt(dice: Dice) -> Any:
    """A flash of lightning."""
    return polygon([(0.58, 0), (0.2, 0.56), (0.46, 0.56), (0.36, 1), (0.8, 0.38), (0.52, 0.38), (0.7, 0)])


def drop(dice: Dice) -> Any:
    """A drop of water."""
    path = skia.Path()
    path.moveTo(0.5, 0)
    path.cubicTo(0.62, 0.3, 0.86, 0.45, 0.84, 0.68)
    path.cubicTo(0.82, 1.08, 0.18, 1.08, 0.16, 0.68)
    path.cubicTo(0.14, 0.45, 0.38, 0.3, 0.5, 0)
    path.close()
    return path


def leaf(dice: Dice) -> Any:
    """A leaf along the diagonal."""
    belly = dice.uniform(0.0, 0.25)
    path = skia.Path()
    path.moveTo(0.05, 0.95)
    path.cubicTo(0.0, belly, 0.45, 0.0, 0.97, 0.03)
    path.cubicTo(1.0, 0.55, 1 - belly, 1.0, 0.05, 0.95)
    path.close()
    return path


def moon(dice: Dice) -> Any:
    """A crescent."""
    return _minus(_oval(0.5, 0.5, 0.48, 0.48), _oval(dice.uniform(0.66, 0.8), 0.42, 0.42, 0.42))


def gear(dice: Dice) -> Any:
    """A cog wheel with a hole."""
    teeth, points = dice.integer(7, 11), []
    for i in range(teeth):
        for offset, radius in ((-0.3, 0.39), (-0.18, 0.5), (0.18, 0.5), (0.3, 0.39)):
            angle = 2 * math.pi * (i + offset) / teeth
            points.append((0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle)))
    hole = dice.uniform(0.12, 0.2)
    return _minus(polygon(points), _oval(0.5, 0.5, hole, hole))


def flower(dice: Dice) -> Any:
    """A flower of 4 to 8 petals."""
    count = dice.integer(4, 8)
    return _union(*(_oval(x, y, 0.2, 0.2) for x, y in ring(count, 0.3)), _oval(0.5, 0.5, 0.3, 0.3))


def speech(dice: Dice) -> Any:
    """A speech bubble."""
    x = dice.uniform(0.2, 0.6)
    body = _rect(0.0, 0.1, 1.0, 0.62, dice.uniform(0.08, 0.3))
    return _union(body, polygon([(x, 0.68), (x + 0.22, 0.68), (x - 0.02, 0.95)]))


def pin(dice: Dice) -> Any:
    """A map pin."""
    body = _union(_oval(0.5, 0.36, 0.33, 0.33), polygon([(0.2, 0.5), (0.8, 0.5), (0.5, 1.0)]))
    return _minus(body, _oval(0.5, 0.36, 0.13, 0.13))


def cross(dice: Dice) -> Any:
    """A plus sign."""
    t = dice.uniform(0.11, 0.18)
    return _union(_rect(0.5 - t, 0.03, 2 * t, 0.94), _rect(0.03, 0.5 - t, 0.94, 2 * t))


def tick(dice: Dice) -> Any:
    """A check mark."""
    return polygon([(0.02, 0.55), (0.17, 0.4), (0.38, 0.6), (0.83, 0.14), (0.98, 0.29), (0.38, 0.9)])


def blob(dice: Dice) -> Any:
    """An organic blob."""
    count = dice.integer(5, 9)
    return smooth(
        [(0.5 + (x - 0.5) * r, 0.5 + (y - 0.5) * r) for (x, y) in ring(count) for r in (dice.uniform(0.65, 1.05),)],
        tension=0.8,
    )


def half_disc(dice: Dice) -> Any:
    """Half of a disc."""
    return skia.Op(_oval(0.5, 0.5, 0.5, 0.5), _rect(0, 0.5, 1, 0.5), skia.PathOp.kIntersect_PathOp)


def quarter(dice: Dice) -> Any:
    """A quarter of a disc."""
    return skia.Op(_oval(0, 1, 1, 1), _rect(0, 0, 1, 1), skia.PathOp.kIntersect_PathOp)


def house(dice: Dice) -> Any:
    """A house with a door."""
    walls = _union(polygon([(0.5, 0.05), (1.0, 0.5), (0.0, 0.5)]), _rect(0.13, 0.45, 0.74, 0.5))
    return _minus(walls, _rect(0.4, 0.62, 0.2, 0.34))


def magnifier(dice: Dice) -> Any:
    """A magnifying glass."""
    handle = polygon([(0.6, 0.7), (0.7, 0.6), (0.99, 0.89), (0.89, 0.99)])
    return _minus(_union(_oval(0.4, 0.4, 0.38, 0.38), handle), _oval(0.4, 0.4, 0.26, 0.26))


def note(dice: Dice) -> Any:
    """A pair of quavers."""
    stems = _union(
        _rect(0.28, 0.12, 0.09, 0.68),
        _rect(0.83, 0.04, 0.09, 0.68),
        polygon([(0.28, 0.12), (0.92, 0.02), (0.92, 0.2), (0.28, 0.3)]),
    )
    return _union(stems, _oval(0.21, 0.8, 0.17, 0.13), _oval(0.76, 0.72, 0.17, 0.13))


def face(dice: Dice) -> Any:
    """A smiley with eyes and mouth cut out."""
    mouth = skia.Op(_oval(0.5, 0.58, 0.26, 0.26), _rect(0, 0.6, 1, 0.4), skia.PathOp.kIntersect_PathOp)
    return _minus(_oval(0.5, 0.5, 0.49, 0.49), _oval(0.34, 0.38, 0.06, 0.09), _oval(0.66, 0.38, 0.06, 0.09), mouth)


def bird(dice: Dice) -> Any:
    """A dove with raised wings, from the side."""
    wing = dice.uniform(0.0, 0.15)
    body = smooth(
        [
            (0.02, 0.58),
            (0.2, 0.55),
            (0.45, 0.5),
            (0.66, 0.42),
            (0.78, 0.3),
            (0.9, 0.3),
            (0.98, 0.38),
            (0.88, 0.44),
            (0.8, 0.62),
            (0.55, 0.78),
            (0.25, 0.72),
        ],
        tension=0.6,
    )
    return _union(
        body,
        smooth([(0.42, 0.56), (0.3, wing + 0.1), (0.38, wing), (0.66, 0.28), (0.68, 0.5)], tension=0.5),
        polygon([(0.2, 0.62), (0.0, 0.82), (0.18, 0.78)]),
    )


def person(dice: Dice) -> Any:
    """The sign for a person: head and shoulders."""
    shoulders = skia.Op(_oval(0.5, 1.0, 0.42, 0.46), _rect(0, 0, 1, 0.97), skia.PathOp.kIntersect_PathOp)
    return _union(_oval(0.5, 0.26, 0.22, 0.24), shoulders)


def tree(dice: Dice) -> Any:
    """A fir of three tiers."""
    return _union(
        _rect(0.44, 0.8, 0.12, 0.2),
        *(
            polygon([(0.5, y), (0.5 + s, y + 0.36), (0.5 - s, y + 0.36)])
            for y, s in ((0.0, 0.24), (0.22, 0.32), (0.46, 0.4))
        ),
    )


PLAIN: tuple[Callable[[Dice], Any], ...] = (
    circle,
    circle,
    circle,
    square,
    square,
    regular,
    blob,
    blob,
    half_disc,
    quarter,
    annulus,
    star,
    heart,
)
"""Shapes large enough and calm enough to carry something on top."""

BADGES: tuple[Callable[[Dice], Any], ...] = (circle, circle, burst, burst, square, speech, star, blob, heart)
"""Shapes that hold a short text or an icon."""

ICONS: tuple[Callable[[Dice], Any], ...] = (
    star, heart, cloud, arrow, bolt, drop, leaf, moon, gear, flower, speech, pin, cross, tick, house, magnifier,
    note, face, bird, person, tree, annulus, burst,
)  # fmt: skip
"""Small signs."""

NAMES: dict[Callable[[Dice], Any], str] = {
    star: "Star", heart: "Heart", cloud: "Cloud", arrow: "Arrow", bolt: "Flash", drop: "Drop", leaf: "Leaf",
    moon: "Moon", gear: "Gear", flower: "Flower", speech: "Speech bubble", pin: "Map pin",
    cross: "Plus sign", tick: "Check mark",
    house: "House sign", magnifier: "Magnifier", note: "Music note", face: "Smiley", bird: "Dove",
    person: "Person sign", tree: "Fir", annulus: "Ring", burst: "Burst",
}  # fmt: skip
"""What each of ``ICONS`` is called."""
