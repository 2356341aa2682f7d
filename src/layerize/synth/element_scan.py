"""From a layered design to the cut-outs in it that are fit for other designs, each with its kind.

Pixels are straight RGBA ``u8``. Knows nothing of skia, nor of where designs come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from layerize.stack.composite import Box, flatten, ink_box
from layerize.stack.layer import Group, Layer, LayerStack
from layerize.stack.resample import resize_pixels

U8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

WORK_SIDE = 1024  # px of the longer side: a larger layer is shrunk to this before it is looked at
LEAST_SIDE = 48  # px of the longer side of a cut-out
LEAST_INK = 600  # px
MOST_ASPECT = 5.0  # longer by shorter side; beyond this it is a line or a ribbon
LEAST_FILL = 0.12  # share of the box that is solid; below this it is an outline or a spray
LEAST_SOLID = 0.5  # share of the ink that is solid; below this it is a shadow or a glow
MOST_PARTS = 8  # a layer of more parts is a pattern or a text
LEAST_SHARE = 0.04  # of the design's own box; below this a cut-out is a fragment of something
RECTANGLE = 0.97  # share of the box from which a cut-out is a rectangle
GROUND = 0.85  # share of the canvas from which a rectangle is a background
RICH = 24  # colours from which a rectangle is a picture and no plain panel
LEAST_VARIETY = 1.5  # colours in a whole design; a silhouette of one colour says too little of what it was
LEAST_PART_VARIETY = 3.0  # colours in one of its layers: bodies without faces and single eyes have fewer
_SOLID, _INK, _FAINT = 200, 100, 6
_NAME = re.compile(r"[A-Z][a-z]{2,}( [a-z]{2,}){0,2}")
_USUAL = re.compile(
    r"\b(layer|level|group|shape|path|copy|rect\w*|ellipse|object|image|background|merged?|svg|vector|bitmap|text|"
    r"text\w*|slice|curve|polygon|line|art ?board|untitled|folder|mask|new|base|smart|content|"
    r"colou?rs?|body|outline|stroke|fill|icon|logo|front|back|top|bottom|left|right)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Found:
    """A cut-out of a design.

    Attributes:
        pixels: Straight RGBA ``u8`` (h, w, 4), cropped to its ink.
        kind: ``figure`` (stands free), ``photo`` (a rectangular picture) or ``ground`` (fills its canvas).
        name: For people: the layer's own name where it says something, else what the kind is.
        layer: Id of the layer, or ``composite``.
    """

    pixels: U8
    kind: str
    name: str
    layer: str


def cutouts(stack: LayerStack) -> Iterator[Found]:
    """Everything in a design that could stand in another one.

    Texts are left out, and what is tiny, faint, thin, cut off by the canvas, of one colour, or scattered. The picture
    as a whole is a cut-out too where the design stands free on transparency: a sticker, a logo, a mascot.
    """
    whole = flatten(stack)
    free = float((whole[..., 3] < _INK).mean()) > 0.1
    least = LEAST_SHARE * _box_area(whole)
    layers = [layer for layer in _seen(stack) if layer.opacity > 0.5 and layer.blend == "normal"]
    if free and len(layers) > 1:
        flat = Layer(pixels=whole, name=str(stack.metadata.get("title", "")), id="composite")
        yield from _of_layer(flat, stack.size, least, LEAST_VARIETY)
    for layer in layers:
        if layer.text is None:
            variety_wanted = LEAST_PART_VARIETY if len(layers) > 1 else LEAST_VARIETY
            yield from _of_layer(layer, stack.size, least, variety_wanted)


def variety(pixels: U8) -> float:
    """How many colours (16 steps a channel) the solid pixels seem to have: e to the entropy of their shares."""
    shares = _shares(pixels)
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 0.0


def _shares(pixels: U8) -> npt.NDArray[np.float64]:
    """Share of the solid pixels that each of their colours has, at most 64 px wide."""
    step = max(1, max(pixels.shape[:2]) // 64)
    small = pixels[::step, ::step].reshape(-1, 4)
    solid = small[small[:, 3] > _SOLID, :3].astype(np.int32) >> 4
    if not len(solid):
        return np.zeros(0)
    _, counts = np.unique(solid @ np.array([256, 16, 1]), return_counts=True)
    return np.asarray(counts / counts.sum())


def _box_area(pixels: U8) -> float:
    """Pixels of the box around the ink."""
    rows, columns = np.flatnonzero(pixels[..., 3].max(1)), np.flatnonzero(pixels[..., 3].max(0))
    return float((rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)) if len(rows) else 0.0


def _seen(stack: LayerStack) -> Iterator[Layer]:
    """Leaf layers that neither they themselves nor a group around them hide."""
    for node in stack.layers:
        if node.visible and isinstance(node, Group):
            yield from _seen(stack.with_layers(node.layers))
        elif node.visible and isinstance(node, Layer):
            yield node


def _of_layer(layer: Layer, canvas: tuple[int, int], least_area: float, least_variety: float) -> Iterator[Found]:
    box = ink_box(layer)
    box = box.meet(Box(0, 0, *canvas)) if box is not None else None
    if box is None:
        return
    pixels = layer.pixels[box.slices(*layer.offset)]
    width, height = box.x1 - box.x0, box.y1 - box.y0
    scale = min(1.0, WORK_SIDE / max(width, height))
    pixels = resize_pixels(pixels, max(1, round(width * scale)), max(1, round(height * scale)))
    edges = (box.x0 <= 0, box.y0 <= 0, box.x1 >= canvas[0], box.y1 >= canvas[1])
    for part, sides in _parts(pixels, edges):
        if part.shape[0] * part.shape[1] < least_area * scale * scale:
            continue
        kind = _kind(part, sides, width * height / (canvas[0] * canvas[1]), least_variety)
        if kind is not None:
            yield Found(part, kind, _name(layer.name, kind), layer.id)


def _parts(pixels: U8, edges: tuple[bool, ...]) -> Iterator[tuple[U8, tuple[bool, ...]]]:
    """The pieces of a layer that lie apart, with which canvas edges (left, top, right, bottom) each one touches.

    What is closer than 2 % of the layer's side belongs together; nothing comes of a layer of many equal pieces.
    """
    height, width = pixels.shape[:2]
    reach = 2 * max(1, round(0.01 * max(width, height))) + 1
    ink = (pixels[..., 3] >= _INK).astype(np.uint8)
    near = cv2.dilate(ink, np.ones((reach, reach), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    areas = np.bincount(labels[ink > 0], minlength=count)[1:]
    large = [i + 1 for i in np.argsort(-areas, kind="stable") if areas[i] >= max(LEAST_INK, 0.1 * areas.max())]
    if len(large) > MOST_PARTS:
        return
    for label in large:
        x, y, w, h = (int(value) for value in stats[label][:4])
        part = np.where((labels[y : y + h, x : x + w] == label)[..., None], pixels[y : y + h, x : x + w], 0)
        rows, columns = np.flatnonzero(part[..., 3].max(1) >= _FAINT), np.flatnonzero(part[..., 3].max(0) >= _FAINT)
        x0, x1, y0, y1 = x + columns[0], x + columns[-1] + 1, y + rows[0], y + rows[-1] + 1
        cut = (edges[0] and x0 == 0, edges[1] and y0 == 0, edges[2] and x1 == width, edges[3] and y1 == height)
        yield np.ascontiguousarray(part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]), cut


def _kind(part: U8, cut: tuple[bool, ...], share: float, least_variety: float) -> str | None:
    """``figure``, ``photo`` or ``ground``; None if of no use elsewhere. ``share``: of its box in the canvas."""
    alpha = part[..., 3]
    height, width = alpha.shape
    solid = alpha > _SOLID
    fill = float(solid.mean())
    if max(width, height) < LEAST_SIDE or max(width, height) > MOST_ASPECT * min(width, height):
        return None
    if int((alpha >= _INK).sum()) < LEAST_INK or int(solid.sum()) < LEAST_SOLID * int((alpha >= _FAINT).sum()):
        return None
    if fill >= RECTANGLE:
        rich = int((_shares(part) > 0.0005).sum()) >= RICH
        return None if not rich else "ground" if share >= GROUND else "photo"
    if fill < LEAST_FILL or _cut_off(solid, cut) or variety(part) < least_variety:
        return None
    return "figure"


def _cut_off(solid: Bools, cut: tuple[bool, ...]) -> bool:
    """Whether the canvas cuts through the cut-out on two sides or more; one side may be what it stands on."""
    lines = (solid[:, 0], solid[0], solid[:, -1], solid[-1])
    return sum(touches and float(line.mean()) > 0.3 for touches, line in zip(cut, lines, strict=True)) > 1


def _name(name: str, kind: str) -> str:
    """The layer's name if it is made of words that say what it shows."""
    tidy = re.sub(r"[\W\d_]+", " ", name).strip().capitalize()
    if _NAME.fullmatch(tidy) and not _USUAL.search(tidy):
        return tidy
    return {"figure": "Illustration", "photo": "Picture", "ground": "Background"}[kind]
