"""Flat zones: the picture cut into regions of near-uniform colour that end at its edges, and their neighbourhood
graph."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from layerize.refine.arrays import F32, I32, U8, f32, i32

STEP = 5  # neighbouring pixels of one zone differ by at most this many levels in every channel
BLOCK = 40  # zones are cut by a grid of this pitch, so that a leak stays local
SMALL = 6  # zones of fewer pixels (antialiasing, noise) are flooded by their neighbours


@dataclass(frozen=True, kw_only=True, eq=False)
class Zones:
    """Regions and their graph.

    Attributes:
        label_hw: Region index of every pixel, 0..count - 1.
        count: Number of regions.
        area: Pixels per region.
        pairs: (E, 2) neighbouring regions, each pair once.
        affinity: (E,) shared border length times colour similarity.
    """

    label_hw: I32
    count: int
    area: F32
    pairs: I32
    affinity: F32

    def mean(self, map_hw: npt.NDArray[np.generic]) -> F32:
        """Mean of a map over every region."""
        total = np.bincount(self.label_hw.ravel(), weights=map_hw.ravel(), minlength=self.count)
        return (total / self.area).astype(np.float32)


def find_zones(rgb_hw3: U8, block: int = BLOCK, similar: float = 9.0) -> Zones:
    """Cut the picture into flat zones.

    Args:
        rgb_hw3: The picture at work size.
        block: Pitch of the grid that cuts large zones.
        similar: Colour difference in levels at which the affinity of neighbours falls to ``exp(-1/2)``.

    Returns:
        Zones of at least ``SMALL`` pixels wherever there is one, of any size in pure noise.
    """
    smooth = cv2.bilateralFilter(rgb_hw3, 5, 16, 2)
    linked = link(smooth, block)
    area = np.bincount(linked.ravel())
    if (area >= SMALL).any():
        linked = flood(smooth, np.where((area >= SMALL)[linked], linked, 0))
    _, compact = np.unique(linked, return_inverse=True)
    label_hw = compact.reshape(linked.shape).astype(np.int32)
    count = int(label_hw.max()) + 1
    area = np.bincount(label_hw.ravel(), minlength=count)
    colour = np.stack(
        [np.bincount(label_hw.ravel(), weights=smooth[..., c].ravel(), minlength=count) / area for c in range(3)], 1
    )
    pairs, length = borders(label_hw, count)
    difference = np.abs(colour[pairs[:, 0]] - colour[pairs[:, 1]]).max(1)
    affinity = (length * np.exp(-0.5 * (difference / similar) ** 2)).astype(np.float32)
    return Zones(label_hw=label_hw, count=count, area=f32(area), pairs=pairs, affinity=affinity)


def link(rgb_hw3: U8, block: int) -> I32:
    """Components of pixels joined by differences of at most ``STEP``, labels from 1.

    The picture is spread on a grid of twice its size: even cells are pixels, cells between two pixels are set where
    the two are alike. Its 4-connected components are the answer.
    """
    height, width = rgb_hw3.shape[:2]
    grid = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    grid[::2, ::2] = 1
    grid[::2, 1::2] = cv2.absdiff(rgb_hw3[:, 1:], rgb_hw3[:, :-1]).max(2) <= STEP if width > 1 else 0
    grid[1::2, ::2] = cv2.absdiff(rgb_hw3[1:], rgb_hw3[:-1]).max(2) <= STEP if height > 1 else 0
    grid[:, 2 * block - 1 :: 2 * block] = 0
    grid[2 * block - 1 :: 2 * block] = 0
    _, label = cv2.connectedComponents(grid, connectivity=4, ltype=cv2.CV_32S)
    return i32(np.ascontiguousarray(label[::2, ::2]))


def flood(rgb_hw3: U8, marker_hw: I32) -> I32:
    """Give pixels of marker 0 to a neighbouring marker, across the weakest colour differences first (watershed)."""
    padded = cv2.copyMakeBorder(np.ascontiguousarray(rgb_hw3), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    marker = cv2.copyMakeBorder(marker_hw.astype(np.int32), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    label = cv2.watershed(padded, marker)[1:-1, 1:-1].astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    while (label <= 0).any():
        label = np.where(label <= 0, cv2.dilate(label, kernel), label)
    return i32(label)


def borders(label_hw: I32, count: int) -> tuple[I32, F32]:
    """Neighbouring pairs (E, 2) and the length of their common border in pixels."""
    keys = []
    for first, second in ((label_hw[:, 1:], label_hw[:, :-1]), (label_hw[1:], label_hw[:-1])):
        differ = first != second
        low, high = np.minimum(first[differ], second[differ]), np.maximum(first[differ], second[differ])
        keys.append(low.astype(np.int64) * count + high)
    key, length = np.unique(np.concatenate(keys), return_counts=True)
    return np.stack([key // count, key % count], 1).astype(np.int32), length.astype(np.float32)
