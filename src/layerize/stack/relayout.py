"""One design on a canvas of another shape: backgrounds cover, everything else scales and holds on to its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Literal, TypeAlias, get_args

from layerize.errors import EditError
from layerize.stack.anchor import anchor_shares, to_pixel
from layerize.stack.composite import Box
from layerize.stack.layer import LayerStack, Node
from layerize.stack.resample import MAX_RESIZED_PIXELS
from layerize.stack.transform import move, resize
from layerize.stack.tree import Ref, find, ink_of, render

CanvasFit: TypeAlias = Literal["scale", "keep", "cover", "contain", "stretch", "width", "height"]

# Boxes that meet in more than this share of the smaller one belong together: a text and the button it lies on.
TOGETHER = 0.25
# What lies on an anchored thing with more than this share of itself goes with it: a label, a shadow.
HELD = 0.6
# What has ink in this share of the canvas is a background or a veil, and covers the new canvas too.
GROUND = 0.9


@dataclass(frozen=True)
class _Part:
    """A node of the top level, its box, and how it goes over to the new canvas."""

    node: Node
    box: Box
    fit: str
    anchor: tuple[float, float] | None


def relayout(
    stack: LayerStack,
    size: tuple[int, int],
    *,
    anchors: Mapping[Ref, str] | None = None,
    fits: Mapping[Ref, CanvasFit] | None = None,
) -> LayerStack:
    """Lay the design out on a canvas of another size, for example a square one as a story of 1080x1920.

    Without rules, nodes with ink all over the canvas cover the new one, and the others shrink or grow by one common
    factor and keep their scaled distance from the edge, corner or middle that they are nearest to. Nodes that lie on
    each other go together.

    Args:
        stack: The stack; nodes of its top level are laid out, groups as one thing.
        size: (width, height) of the new canvas in pixels.
        anchors: Node → "top-left", "top", ... "center" ... "bottom-right": what it keeps its distance from. What
            mostly lies on the node and has no rule of its own goes with it.
        fits: Node → "scale" (the common factor), "keep" (its own size), "cover" (fill the canvas, cut off what is
            over), "contain" (as large as fits), "stretch" (each side by its own factor), "width" or "height" (keep its
            share of the canvas's width or height).

    Raises:
        EditError: An absurd size, an unknown layer, anchor or fit, or a rule for a member of a group.
    """
    width, height = size
    if width < 1 or height < 1 or width * height > MAX_RESIZED_PIXELS:
        raise EditError(f"the canvas cannot become {width}x{height}; {MAX_RESIZED_PIXELS // 10**6} megapixels at most.")
    chosen_anchors = {_top(stack, ref).id: anchor_shares(name) for ref, name in (anchors or {}).items()}
    chosen_fits = {_top(stack, ref).id: _checked(fit) for ref, fit in (fits or {}).items()}
    if size == stack.size and not chosen_fits and not chosen_anchors:
        return stack
    parts = _parts(stack, chosen_anchors, chosen_fits)
    placed = {}
    for cluster in _clusters(parts):
        shares = cluster[0].anchor or _nearest_lines(_around([part.box for part in cluster]), stack.size)
        for part in cluster:
            placed[part.node.id] = _placed(part, shares, stack.size, size)
    return changed(stack, size=size, layers=tuple(placed.get(node.id, node) for node in stack.layers))


def _top(stack: LayerStack, ref: Ref) -> Node:
    node = find(stack, ref)
    if not any(node is member for member in stack.layers):
        raise EditError(f"{node.name!r} lies in a group, which goes over as one; give the rule to the group.")
    return node


def _checked(fit: str) -> str:
    if fit not in get_args(CanvasFit):
        raise EditError(f"cannot lay out as {fit!r}; use one of {', '.join(get_args(CanvasFit))}.")
    return fit


def _parts(stack: LayerStack, anchors: dict[str, tuple[float, float]], fits: dict[str, str]) -> list[_Part]:
    canvas = Box(0, 0, *stack.size)
    parts = []
    for node in stack.layers:
        box = ink_of([node])
        if box is not None:
            fills = box.meet(canvas) == canvas and _is_ground(node, stack.size)
            parts.append(_Part(node, box, fits.get(node.id, "cover" if fills else "scale"), anchors.get(node.id)))
    return parts


def _is_ground(node: Node, size: tuple[int, int]) -> bool:
    """Whether the node has ink nearly everywhere, unlike a frame or ornaments in all corners."""
    return float((render([changed(node, visible=True)], Box(0, 0, *size))[..., 3] > 0).mean()) >= GROUND


def _clusters(parts: list[_Part]) -> list[list[_Part]]:
    """What goes together: a part with an anchor and what mostly lies on it; parts without rules that lie on each other.

    The first part of a cluster is the one whose anchor counts for all.
    """
    free = [part for part in parts if part.anchor is None and part.fit == "scale"]
    leaders = [part for part in parts if part.anchor is not None and part.fit == "scale"]
    followers: dict[str, list[_Part]] = {part.node.id: [] for part in leaders}
    for part in list(free):
        held = [(_held(part.box, leader.box), -_area(leader.box), leader.node.id) for leader in leaders]
        if held and max(held)[0] > HELD:
            followers[max(held)[2]].append(part)
            free.remove(part)
    clusters = [[part, *followers.get(part.node.id, [])] for part in parts if not any(part is f for f in free)]
    led = {part.node.id for members in followers.values() for part in members}
    clusters = [cluster for cluster in clusters if cluster[0].node.id not in led]
    joined: list[list[_Part]] = []
    for part in free:
        touching = [cluster for cluster in joined if any(_together(part.box, other.box) for other in cluster)]
        joined = [cluster for cluster in joined if not any(cluster is other for other in touching)]
        joined.append([part, *(member for cluster in touching for member in cluster)])
    return clusters + joined


def _held(box: Box, holder: Box) -> float:
    """The share of a box that lies on another."""
    common = box.meet(holder)
    return 0.0 if common is None else _area(common) / _area(box)


def _together(one: Box, other: Box) -> bool:
    common = one.meet(other)
    return common is not None and _area(common) > TOGETHER * min(_area(one), _area(other))


def _area(box: Box) -> int:
    return (box.x1 - box.x0) * (box.y1 - box.y0)


def _around(boxes: list[Box]) -> Box:
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


def _placed(part: _Part, shares: tuple[float, float], old: tuple[int, int], new: tuple[int, int]) -> Node:
    """The part's node on the new canvas; ``shares`` says which lines of the canvas it holds on to."""
    factors = _factors(part, old, new)
    sides = (part.box.x1 - part.box.x0, part.box.y1 - part.box.y0)
    target = (max(1, round(sides[0] * factors[0])), max(1, round(sides[1] * factors[1])))
    scaled = resize(LayerStack(size=old, layers=(part.node,)), 0, size=target, about="top-left")
    dx, dy = (to_pixel(_start(part, axis, factors[axis], shares[axis], old, new)) - part.box[axis] for axis in (0, 1))
    return move(scaled, 0, dx=dx, dy=dy).layers[0]


def _factors(part: _Part, old: tuple[int, int], new: tuple[int, int]) -> tuple[float, float]:
    """How much larger the part becomes, per axis."""
    across, down = new[0] / old[0], new[1] / old[1]
    own = (new[0] / (part.box.x1 - part.box.x0), new[1] / (part.box.y1 - part.box.y0))
    common = min(across, down)
    return {
        "scale": (common, common),
        "keep": (1.0, 1.0),
        "stretch": (across, down),
        "width": (across, across),
        "height": (down, down),
        "cover": (max(own), max(own)),
        "contain": (min(own), min(own)),
    }[part.fit]


def _start(part: _Part, axis: int, factor: float, share: float, old: tuple[int, int], new: tuple[int, int]) -> float:
    """Where the part's box begins on the new canvas, along one axis."""
    side = part.box[axis + 2] - part.box[axis]
    if part.fit in ("cover", "contain"):  # held by its own middle, or by the anchor
        return (new[axis] - side * factor) * (0.5 if part.anchor is None else share)
    margin = new[axis] / old[axis] if part.fit == "stretch" else min(new[0] / old[0], new[1] / old[1])
    hold = side * share  # the point of the part that keeps its scaled distance from the anchor's line
    return new[axis] * share + (part.box[axis] - old[axis] * share + hold) * margin - hold * factor


def _nearest_lines(box: Box, size: tuple[int, int]) -> tuple[float, float]:
    """Per axis 0, 1/2 or 1: which line of the canvas a box is nearest to, by the third in which its middle lies."""
    middles = [(box[axis] + box[axis + 2]) / 2 / size[axis] for axis in (0, 1)]
    across, down = (0.0 if middle < 1 / 3 else 1.0 if middle > 2 / 3 else 0.5 for middle in middles)
    return across, down
