"""Fewer layers, the same composite: neighbours become one, inside the author's groups first."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from layerize.data.placed import Placed, to_stack
from layerize.stack.composite import Box, flatten
from layerize.stack.layer import Layer, LayerStack
from layerize.stack.levels import levels

FEWEST = 4
"""Groups are not made layers where fewer than this would be left."""
MOST_COMPARED = 400
"""Pairs of layers that are compared are of at most as many; of more, neighbours in the order are joined first."""

BACKGROUND = 0.9
"""Share of the canvas from which a layer is a background, with which nothing is merged as long as there is a choice."""


def merge_levels_of(placed: Sequence[Placed], size: tuple[int, int]) -> tuple[list[Placed], list[list[str]]]:
    """One layer per level (arXiv 2512.15603, Sec. 3.4): what overlaps nothing shares a layer.

    Returns:
        The layers, and the names that each merged layer is made of.
    """
    by_level: dict[int, list[Placed]] = {}
    for level, item in zip(levels(to_stack(placed, size)), placed, strict=True):
        by_level.setdefault(level, []).append(item)
    return _joined([by_level[level] for level in sorted(by_level)])


def merge_groups_of(placed: Sequence[Placed]) -> tuple[list[Placed], list[list[str]]]:
    """One layer per outermost group; what is in no group stays alone.

    Returns:
        The layers, and the names that each merged layer is made of.
    """
    return _joined([list(run) for _, run in itertools.groupby(placed, functools.partial(_group_at, 1))])


def merge_down(placed: Sequence[Placed], size: tuple[int, int], most: int) -> tuple[list[Placed], list[list[str]]]:
    """Merge until at most ``most`` layers are left.

    First the author's groups become layers, the deepest ones first and all of one depth together, so that a face is
    not one layer and a hand ten. Where that would leave too little (everything in one group) or is not enough, pairs
    are joined: two layers may become one where nothing between them overlaps the one that moves; the pair that lies
    closest and is smallest goes first, inside one group before across, and with the background last of all.

    Args:
        placed: Plain layers bottom to top.
        size: (width, height) of the canvas.
        most: At least 1.

    Returns:
        The layers, and the names that each merged layer is made of.
    """
    if len(placed) <= most:
        return list(placed), []
    members = [[item] for item in placed]
    for depth in range(max(len(item.groups) for item in placed), 0, -1):
        coarser = [list(run) for _, run in itertools.groupby(placed, functools.partial(_group_at, depth))]
        if len(coarser) < min(FEWEST, most):
            break
        members = coarser
        if len(members) <= most:
            return _joined(members)
    runs = _Runs(_few(members), size)
    while len(runs.members) > most:
        runs.join_best()
    return _joined(runs.members)


def _few(members: list[list[Placed]]) -> list[list[Placed]]:
    """The same sets, or runs of neighbours of equal length where there are too many to compare."""
    length = -(-len(members) // MOST_COMPARED)
    return [list(itertools.chain(*members[start : start + length])) for start in range(0, len(members), length)]


def _group_at(depth: int, item: Placed) -> object:
    """The group at a depth, or the layer itself where it lies higher."""
    return item.groups[:depth] if len(item.groups) >= depth else item.layer.id


class _Runs:
    """Sets of layers that will be one each, bottom to top, and what is known of every pair of sets."""

    def __init__(self, members: list[list[Placed]], size: tuple[int, int]) -> None:
        self.members = members
        self.canvas = size[0] * size[1]
        self.groups = [_common([item.groups for item in run]) for run in members]
        boxes = [_hull([item.box for item in run]) for run in members]
        self.boxes_N4 = np.array(boxes, np.int64).reshape(-1, 4)
        self.overlap_NN = _overlaps(members, boxes)
        self.depth_NN = np.array([[len(_common([a, b])) for b in self.groups] for a in self.groups])

    def join_best(self) -> None:
        """Join the cheapest pair that may be joined; at equal cost the lowest."""
        cost = np.where(self._free(), self._cost(), np.inf)
        i, j = (int(value) for value in np.unravel_index(int(cost.argmin()), cost.shape))
        self._join(i, j, down=self._last_below()[j] <= i)

    def _free(self) -> npt.NDArray[np.bool_]:
        """Pairs i < j of which the upper can come down to the lower, or the lower go up, past nothing it overlaps."""
        index = np.arange(len(self.members))
        down = self._last_below()[None] <= index[:, None]
        up = self._first_above()[:, None] >= index[None]
        return np.asarray((down | up) & (index[:, None] < index[None]))

    def _last_below(self) -> npt.NDArray[np.intp]:
        """For every set the highest one below it that it overlaps, -1 for none."""
        below = np.triu(self.overlap_NN, 1)
        count = len(self.members)
        return np.where(below.any(0), count - 1 - below[::-1].argmax(0), -1)

    def _first_above(self) -> npt.NDArray[np.intp]:
        """For every set the lowest one above it that it overlaps, N for none."""
        above = np.triu(self.overlap_NN, 1)
        return np.where(above.any(1), above.argmax(1), len(self.members))

    def _cost(self) -> npt.NDArray[np.float64]:
        """Deepest common group first; then little new ground between the two, then small ones; background last."""
        low, high = self.boxes_N4[:, :2], self.boxes_N4[:, 2:]
        sides = np.maximum(high[:, None], high[None]) - np.minimum(low[:, None], low[None])
        area = (high - low).prod(1)
        smaller, larger = np.minimum(area[:, None], area[None]), np.maximum(area[:, None], area[None])
        apart = np.maximum(sides.prod(2) - smaller - larger, 0)
        ground = 2.0 * (larger > BACKGROUND * self.canvas)
        return np.asarray(-4.0 * self.depth_NN + ground + (apart + smaller) / self.canvas)

    def _join(self, i: int, j: int, *, down: bool) -> None:
        keep, gone = (i, j) if down else (j, i)
        self.members[keep] = self.members[i] + self.members[j]
        low, high = self.boxes_N4[[i, j], :2].min(0), self.boxes_N4[[i, j], 2:].max(0)
        self.boxes_N4[keep] = np.concatenate([low, high])
        self.groups[keep] = _common([self.groups[i], self.groups[j]])
        both = self.overlap_NN[i] | self.overlap_NN[j]
        self.overlap_NN[keep] = self.overlap_NN[:, keep] = both
        depth = np.array([len(_common([self.groups[keep], other])) for other in self.groups])
        self.depth_NN[keep] = self.depth_NN[:, keep] = depth
        self.overlap_NN = np.delete(np.delete(self.overlap_NN, gone, 0), gone, 1)
        self.depth_NN = np.delete(np.delete(self.depth_NN, gone, 0), gone, 1)
        self.boxes_N4 = np.delete(self.boxes_N4, gone, 0)
        del self.members[gone], self.groups[gone]


def _overlaps(members: Sequence[Sequence[Placed]], boxes: Sequence[Box]) -> npt.NDArray[np.bool_]:
    """Which sets have ink at the same place, (N, N)."""
    masks = [_mask(run, box) for run, box in zip(members, boxes, strict=True)]
    overlap = np.zeros((len(members), len(members)), bool)
    for j, upper in enumerate(boxes):
        for i, lower in enumerate(boxes[:j]):
            common = lower.meet(upper)
            if common is not None:
                mine = masks[i][common.slices(lower.x0, lower.y0)]
                overlap[i, j] = overlap[j, i] = (mine & masks[j][common.slices(upper.x0, upper.y0)]).any()
    return overlap


def _mask(run: Sequence[Placed], box: Box) -> npt.NDArray[np.bool_]:
    mask = np.zeros((box.y1 - box.y0, box.x1 - box.x0), bool)
    for item in run:
        mask[item.box.slices(box.x0, box.y0)] |= item.layer.pixels[..., 3] > 0
    return mask


def _joined(runs: Sequence[Sequence[Placed]]) -> tuple[list[Placed], list[list[str]]]:
    result, names = [], []
    for run in runs:
        if len(run) == 1:
            result.append(run[0])
            continue
        result.append(_one(run))
        names.append([item.layer.name for item in run])
    return result, names


def _one(run: Sequence[Placed]) -> Placed:
    """Several layers flattened, bottom to top, inside their common box."""
    box = _hull([item.box for item in run])
    moved = [
        Layer(pixels=item.layer.pixels, offset=(item.box.x0 - box.x0, item.box.y0 - box.y0), opacity=item.layer.opacity)
        for item in run
    ]
    pixels = flatten(LayerStack(size=(box.x1 - box.x0, box.y1 - box.y0), layers=tuple(moved)))
    texts = [str(item.layer.text["content"]) for item in run if item.layer.text and item.layer.text.get("content")]
    largest = max(run, key=lambda item: int(np.count_nonzero(item.layer.pixels[..., 3])))
    layer = Layer(
        pixels=pixels,
        name=largest.layer.name,
        offset=(box.x0, box.y0),
        text={"content": "\n".join(texts)} if texts else None,
    )
    return Placed(layer=layer, groups=_common([item.groups for item in run]))


def _hull(boxes: Sequence[Box]) -> Box:
    return Box(
        min(box.x0 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.x1 for box in boxes),
        max(box.y1 for box in boxes),
    )


def _area(box: Box) -> int:
    return (box.x1 - box.x0) * (box.y1 - box.y0)


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The groups that all paths share, from outside in."""
    common: list[str] = []
    for steps in zip(*paths, strict=False):
        if len(set(steps)) > 1:
            break
        common.append(steps[0])
    return tuple(common)
