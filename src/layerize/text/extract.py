"""Words off a picture: read, trust, matte line by line, group; a picture without them and a layer for each block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from layerize.stack.layer import U8, Layer
from layerize.text.block import TextBlock, TextLine
from layerize.text.exact import solve_over
from layerize.text.ground import F32
from layerize.text.group import group
from layerize.text.live import describe_all
from layerize.text.matte import line_matte
from layerize.text.measure import Measured, measure
from layerize.text.region import Region, region_of
from layerize.text.scan import scan
from layerize.text.trust import trusted

NAME_LENGTH = 48  # characters of a layer's name

Owners = npt.NDArray[np.int16]
Step = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Lifted:
    """A picture taken apart into what is written on it and the rest.

    Attributes:
        clean_HW4: The picture without the text, ``u8`` straight RGBA.
        blocks: What is written, in reading order.
        layers: One per block, cropped, named by its words; over ``clean_HW4`` they composite to the picture.
    """

    clean_HW4: U8
    blocks: tuple[TextBlock, ...]
    layers: tuple[Layer, ...]


def lift_text(picture_HW4: U8, *, progress: Step | None = None) -> Lifted:
    """Take the words off a picture.

    Args:
        picture_HW4: ``u8`` straight RGBA.
        progress: Called with the share that is done, 0..1.

    Returns:
        Layers and the rest, whose "over" composite is the picture within half a level before rounding.

    Raises:
        MissingExtraError: The extra ``text`` is not installed.
    """
    report = progress or (lambda share: None)
    height, width = picture_HW4.shape[:2]
    rgb = _over_white(picture_HW4)
    lines = trusted(scan(rgb), (width, height))
    report(0.5)
    return described(lift_lines(picture_HW4, lines, progress=lambda share: report(0.5 + 0.45 * share)))


def described(lifted: Lifted) -> Lifted:
    """The same with typefaces looked for."""
    texts = describe_all(lifted.blocks, lifted.layers)
    layers = tuple(replace(layer, text=text) for layer, text in zip(lifted.layers, texts, strict=True))
    return replace(lifted, layers=layers)


def lift_lines(picture_HW4: U8, lines: Sequence[TextLine], *, progress: Step | None = None) -> Lifted:
    """Take given lines off a picture; for readings from elsewhere."""
    easel = _Easel(_over_white(picture_HW4), lines)
    for index in range(len(lines)):
        easel.lift(index)
        if progress is not None:
            progress((index + 1) / len(lines))
    if not easel.measured:
        return Lifted(picture_HW4, (), ())
    blocks = group(list(easel.measured.values()))
    order = list(easel.measured)
    block_of = np.full(len(lines) + 1, -1, np.int16)
    for number, (_, members) in enumerate(blocks):
        block_of[[order[member] for member in members]] = number
    clean, text = _recomposed(picture_HW4, easel)
    layers = _layers([block for block, _ in blocks], text, block_of[easel.owner_HW])
    kept = [(block, layer) for (block, _), layer in zip(blocks, layers, strict=True) if layer is not None]
    return Lifted(clean, tuple(block for block, _ in kept), tuple(layer for _, layer in kept))


class _Easel:
    """The picture while line after line is taken off it."""

    def __init__(self, rgb_HW3: U8, lines: Sequence[TextLine]) -> None:
        self.lines = lines
        self.work_HW3 = rgb_HW3.copy()
        self.cover_HW = np.zeros(rgb_HW3.shape[:2], np.uint8)
        self.owner_HW = np.full(rgb_HW3.shape[:2], -1, np.int16)
        self.measured: dict[int, Measured] = {}
        self._claimed_HW = np.full(rgb_HW3.shape[:2], -1, np.int16)
        self._regions = [region_of(line.polygon, (rgb_HW3.shape[1], rgb_HW3.shape[0])) for line in lines]
        depth = np.zeros(rgb_HW3.shape[:2], np.float32)
        for index, region in enumerate(self._regions):
            if region is not None:  # where polygons overlap, a pixel belongs to the one that it lies deeper in
                here, own = depth[region.slices], region.depth_HW / region.height
                self._claimed_HW[region.slices][own > here] = index
                np.maximum(here, own, out=here)

    def lift(self, index: int) -> None:
        """Take one line off; one that has no matte stays."""
        region = self._regions[index]
        if region is None:
            return
        here = region.slices
        claimed = self._claimed_HW[here]
        matte = line_matte(self.work_HW3[here].astype(np.float32), region, (claimed >= 0) & (claimed != index))
        if matte is None:
            return
        self.measured[index] = measure(self.lines[index], matte.solid_HW, region, matte.fill, matte.outline)
        self.work_HW3[here] = np.clip(np.rint(matte.ground_HW3), 0, 255).astype(np.uint8)
        self._claim(index, region, matte.alpha_HW)

    def _claim(self, index: int, region: Region, alpha_HW: F32) -> None:
        """Add a line's alpha; a pixel belongs to the line that covers it most."""
        before, owner = self.cover_HW[region.slices], self.owner_HW[region.slices]
        owner[(alpha_HW > 0) & (alpha_HW * 255 >= before)] = index
        together = 255 - (255 - before.astype(np.float32)) * (1 - alpha_HW)
        before[...] = np.rint(together).astype(np.uint8)


def _recomposed(picture_HW4: U8, easel: _Easel) -> tuple[U8, U8]:
    """The picture without text, and all text on a canvas of its own, solved so that together they are the picture."""
    under = np.dstack([easel.work_HW3, picture_HW4[..., 3]])
    covered = easel.cover_HW > 0
    if picture_HW4[..., 3].min() < 255:
        under = _under_translucent(picture_HW4, under, covered)
    clean, text = picture_HW4.copy(), np.zeros_like(picture_HW4)
    text[covered], clean[covered] = solve_over(picture_HW4[covered], easel.cover_HW[covered], under[covered])
    return clean, text


def _under_translucent(picture_HW4: U8, under_HW4: U8, covered_HW: npt.NDArray[np.bool_]) -> U8:
    """Under text on a transparent picture lies the alpha of the nearest pixel without text; colours lose the white."""
    if covered_HW.all():
        return np.zeros_like(under_HW4)
    _, labels = cv2.distanceTransformWithLabels(
        covered_HW.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    lookup = np.zeros(int(labels.max()) + 1, np.uint8)
    lookup[labels[~covered_HW]] = picture_HW4[..., 3][~covered_HW]
    alpha = lookup[labels]
    share = alpha.astype(np.float32)[..., None] / 255
    colour = (under_HW4[..., :3] - 255 * (1 - share)) / np.maximum(share, 1e-3)
    result = np.dstack([np.clip(np.rint(colour), 0, 255).astype(np.uint8), alpha])
    result[alpha == 0] = 0
    return np.where((alpha == 255)[..., None], np.dstack([under_HW4[..., :3], alpha]), result)


def _layers(blocks: Sequence[TextBlock], text_HW4: U8, block_HW: Owners) -> list[Layer | None]:
    """Each block's pixels, cropped; None for a block of which nothing is left."""
    inked = text_HW4[..., 3] > 0
    layers: list[Layer | None] = []
    for number, block in enumerate(blocks):
        own = (block_HW == number) & inked
        rows, columns = np.flatnonzero(own.any(1)), np.flatnonzero(own.any(0))
        if not len(rows):
            layers.append(None)
            continue
        box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
        pixels = np.where(own[box][..., None], text_HW4[box], 0).astype(np.uint8)
        offset = (int(columns[0]), int(rows[0]))
        layers.append(Layer(pixels=pixels, name=name_of(block), offset=offset, text=block.to_dict()))
    return layers


def name_of(block: TextBlock) -> str:
    """The words, on one line, cut at a word's end."""
    words = " ".join(block.content.split())
    if len(words) <= NAME_LENGTH:
        return words
    cut = words[: NAME_LENGTH - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[NAME_LENGTH // 2 :] else cut) + "…"


def _over_white(picture_HW4: U8) -> U8:
    """RGB as people see a transparent picture."""
    alpha = picture_HW4[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(picture_HW4[..., :3])
    mixed = (picture_HW4[..., :3].astype(np.uint16) * alpha + 255 * (255 - alpha.astype(np.uint16)) + 127) // 255
    return mixed.astype(np.uint8)
