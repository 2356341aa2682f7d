"""What counts as a layer of an SVG: the first level with at least two things that are seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np
import numpy.typing as npt

from layerize.formats.svg_draw import DRAWABLE
from layerize.formats.svg_source import INKSCAPE, SVG, property_of
from layerize.formats.xml_safe import local
from layerize.stack.composite import Box

# Long side of the small drawings that tell what is seen and where.
SMALL_SIDE = 192
# Beyond so many children, neighbours in drawing order are looked at together.
MAX_LOOKED_AT = 256
# More loose objects than this on one level are grouped.
MAX_LOOSE = 32
# What a group may not carry if its children are to be drawn one by one.
_ACTS_AS_A_WHOLE = ("filter", "mask", "clip-path", "mix-blend-mode", "opacity")


@dataclass(frozen=True)
class Unit:
    """Elements that are drawn together as one layer, and where their ink is in the small drawing (None: nowhere)."""

    elements: tuple[Element, ...]
    box: Box | None
    hidden: bool = False


def children_of(parent: Element) -> list[Element]:
    """The children that may draw something, in drawing order."""
    return [child for child in parent if local(child) in DRAWABLE]


def is_hidden(element: Element) -> bool:
    """Whether the element itself is switched off."""
    return property_of(element, "display") == "none" or property_of(element, "visibility") == "hidden"


def is_plain_group(element: Element) -> bool:
    """Whether a group only holds its children together, so that each may be drawn alone."""
    if local(element) not in ("g", "a") or is_hidden(element):
        return False
    return all(property_of(element, name) in (None, "none", "1", "normal") for name in _ACTS_AS_A_WHOLE)


def label_of(element: Element) -> str:
    """What people call the element: Inkscape's label, a title, an id."""
    title = element.find(f"{SVG}title")
    texts = (element.get(f"{INKSCAPE}label"), title.text if title is not None else None, element.get("id"))
    return next((text.strip() for text in texts if text and text.strip()), local(element))


def units_of(parent: Element, look: Callable[[tuple[Element, ...]], Box | None]) -> list[Unit]:
    """The children of a group as units bottom to top; loose objects beyond ``MAX_LOOSE`` are grouped by nearness.

    Args:
        parent: Root or group.
        look: Draws elements small and tells where their ink is.
    """
    children = children_of(parent)
    shown = [child for child in children if not is_hidden(child)]
    batch = -(-len(shown) // MAX_LOOKED_AT)
    bundles = [tuple(shown[i : i + batch]) for i in range(0, len(shown), max(batch, 1))]
    units = [Unit(bundle, look(bundle)) for bundle in bundles]
    seen = [unit for unit in units if unit.box is not None]
    grouped = nearest_grouped(seen, MAX_LOOSE) if len(seen) > MAX_LOOSE else seen
    hidden = [Unit((child,), None, hidden=True) for child in children if is_hidden(child)]
    place = {id(child): index for index, child in enumerate(children)}
    return sorted([*grouped, *hidden], key=lambda unit: place[id(unit.elements[0])])


def ink_of(alpha: npt.NDArray[np.uint8]) -> Box | None:
    """The box of all pixels that are not transparent."""
    rows, columns = np.flatnonzero(alpha.max(axis=1)), np.flatnonzero(alpha.max(axis=0))
    if rows.size == 0:
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def nearest_grouped(units: list[Unit], count: int) -> list[Unit]:
    """Join units until at most ``count`` are left: always the pair with the smallest common box that may be joined.

    The upper of a pair is drawn where the lower is; that changes nothing if its box meets no box between the two. If no
    pair may be joined, neighbours in drawing order are, which is always allowed.
    """
    units = list(units)
    while len(units) > count:
        boxes = np.array([unit.box for unit in units], np.float64)
        below, above = _best_pair(boxes)
        joined = Unit(units[below].elements + units[above].elements, _around(units[below].box, units[above].box))
        units[below] = joined
        del units[above]
    return units


def _best_pair(boxes: npt.NDArray[np.float64]) -> tuple[int, int]:
    low = np.minimum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.maximum(boxes[:, None, 2:], boxes[None, :, 2:])
    extent = np.hypot(*(high - low).transpose(2, 0, 1))
    extent[np.tril_indices(len(boxes))] = np.inf
    order = np.argsort(extent, axis=None)[: 8 * len(boxes)]
    for flat in order:
        below, above = divmod(int(flat), len(boxes))
        if below >= above:
            continue
        between = boxes[below + 1 : above]
        meets = (np.maximum(between[:, :2], boxes[above, :2]) < np.minimum(between[:, 2:], boxes[above, 2:])).all(
            axis=1
        )
        if not meets.any():
            return below, above
    beside = int(np.argmin([extent[i, i + 1] for i in range(len(boxes) - 1)]))
    return beside, beside + 1


def _around(one: Box | None, other: Box | None) -> Box:
    assert one is not None
    assert other is not None
    return Box(min(one.x0, other.x0), min(one.y0, other.y0), max(one.x1, other.x1), max(one.y1, other.y1))
