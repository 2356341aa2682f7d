"""Kin: the letters of a word and the dots of a pattern belong to one layer.

Small patches of one colour and about one size, side by side on the same thing, are rarely split by whoever made a
picture. A model decides each of them for itself; here they decide together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerize.refine.arrays import F32, I32, U8, Mask, f32
from layerize.refine.zones import SMALL, Zones, borders, link

LARGEST = 0.2  # of the picture's shorter side: what is larger is no letter
ALIKE = 12.0  # levels between the colours of kin
RATIO = 3.0  # of their longer sides
APART = 1.0  # longer sides that the gap between them may have
ENOUGH = 4  # kin that make a family
MOST = 1000  # patches on one thing: more are a texture, and are left alone
MAJORITY = 0.4  # of a family's evidence must speak for one layer, else it does not decide


@dataclass(frozen=True, eq=False)
class Patches:
    """One-coloured patches: (P, ...) arrays.

    Attributes:
        label_hw: Patch of every pixel, antialiasing included.
        box: Top, left, bottom, right.
        colour: Mean RGB, levels.
        around: The patch with which each shares most of its border.
        small: Whether it may be a letter.
    """

    label_hw: I32
    box: I32
    colour: F32
    around: I32
    small: Mask


def one_family_one_owner(rgb_hw3: U8, owner_hw: I32, weight_Khw: F32, zones: Zones) -> I32:
    """Give all patches of a family to the layer with the most evidence in them.

    Args:
        rgb_hw3: The picture at work size.
        owner_hw: Layer index per pixel.
        weight_Khw: Evidence for every layer, sum 1 at every pixel.
        zones: The picture's zones.
    """
    patches = find_patches(rgb_hw3, zones)
    family = families(patches)
    if not len(family):
        return owner_hw
    in_family = family[patches.label_hw]
    inside = in_family >= 0
    count = int(family.max()) + 1
    place = in_family[inside]
    said = np.stack([np.bincount(place, weight[inside], count) for weight in weight_Khw])
    result = owner_hw.copy()
    decided = np.where(said.max(0) >= MAJORITY * said.sum(0), said.argmax(0), -1).astype(np.int32)[place]
    result[inside] = np.where(decided < 0, owner_hw[inside], decided)
    return result


def find_patches(rgb_hw3: U8, zones: Zones) -> Patches:
    """Zones without the grid that cuts them."""
    whole = link(rgb_hw3, max(rgb_hw3.shape))
    large = np.bincount(whole.ravel())[whole] >= SMALL  # those that zones were not flooded over
    of_zone = np.arange(zones.count) + int(whole.max()) + 1
    of_zone[zones.label_hw[large]] = whole[large]
    _, of_zone = np.unique(of_zone, return_inverse=True)
    label = of_zone.astype(np.int32)[zones.label_hw]
    count = int(label.max()) + 1
    flat = label.ravel()
    area = np.bincount(flat, minlength=count)
    colour = np.stack([np.bincount(flat, rgb_hw3[..., c].ravel(), count) / area for c in range(3)], 1)
    box = boxes(label, count)
    small = ((box[:, 2:] - box[:, :2]).max(1) <= LARGEST * min(label.shape)) & (area >= SMALL)
    return Patches(label, box, f32(colour), longest_neighbour(*borders(label, count), count), small)


def boxes(label_hw: I32, count: int) -> I32:
    """Top, left, bottom and right of every label, (count, 4)."""
    box = np.zeros((count, 4), np.int32)
    box[:, :2] = max(label_hw.shape)
    for axis, place in enumerate(np.indices(label_hw.shape, np.int32)):
        np.minimum.at(box[:, axis], label_hw.ravel(), place.ravel())
        np.maximum.at(box[:, axis + 2], label_hw.ravel(), place.ravel() + 1)
    return box


def longest_neighbour(pairs_E2: I32, length_E: F32, count: int) -> I32:
    """The neighbour with the longest common border, (count,); -1 without one."""
    order = np.argsort(length_E, kind="stable")  # the last assignment stays: the longest
    result = np.full(count, -1, np.int32)
    ends = np.stack([pairs_E2[order], pairs_E2[order][:, ::-1]], 1).reshape(-1, 2)
    result[ends[:, 0]] = ends[:, 1]
    return result


def families(patches: Patches) -> I32:
    """The family of every patch, from 0; -1 for patches without one; empty where there is none."""
    index = np.flatnonzero(patches.small).astype(np.int32)
    sides = (patches.box[:, 2:] - patches.box[:, :2]).max(1)
    head = np.arange(len(patches.small))
    for around in np.unique(patches.around[index]):
        group = index[patches.around[index] == around]
        if not ENOUGH <= len(group) <= MOST:
            continue
        for position, one in enumerate(group[:-1]):
            others = group[position + 1 :]
            longer, shorter = np.maximum(sides[others], sides[one]), np.minimum(sides[others], sides[one])
            differ = np.abs(patches.colour[others] - patches.colour[one]).max(1)
            kin = (differ <= ALIKE) & (longer <= RATIO * shorter) & (gaps(patches.box, one, others) <= APART * longer)
            if kin.any():
                joined = np.unique(head[np.append(others[kin], one)])
                head[group[np.isin(head[group], joined)]] = joined[0]
    heads, number, size = np.unique(head, return_inverse=True, return_counts=True)
    kept = np.flatnonzero(size >= ENOUGH)
    if not len(kept):
        return np.empty(0, np.int32)
    name = np.full(len(heads), -1, np.int32)
    name[kept] = np.arange(len(kept))
    return name[number]


def gaps(box_P4: I32, one: int, others: I32) -> I32:
    """Empty rows or columns, whichever are more, between a patch's box and those of others."""
    before, after = box_P4[others, :2] - box_P4[one, 2:], box_P4[one, :2] - box_P4[others, 2:]
    return np.asarray(np.maximum(np.maximum(before, after), 0).max(1), np.int32)
