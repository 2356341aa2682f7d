"""Ground: the flat colour or smooth gradient that a picture stands on, where it can be seen to be one.

Logos, icons, product shots and most cards stand on such a ground. Where the rim of a picture lies on one smooth
surface, that surface says better than any prediction which pixels are background: what is on it and reaches the rim
is ground, and what is clearly not on it lies in front. What it cannot say stays with the model: holes that the ground's
colour shows through, or a white shape on white; what may be a shadow; and who owns what in front.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from layerize.refine.arrays import F32, I32, U8, Mask
from layerize.refine.surface import distance, fit_surface, to_lab

RIM = 0.04  # share of the shorter side that counts as rim
SUPPORT = 0.75  # of the rim must lie on the surface
ON, OFF = 4.0, 12.0  # CIELAB distances up to which a pixel may be ground, and from which it is not
DISAGREE = 0.15  # share of what the model calls background that may lie off the surface: else it is no plain one
DARKEST, TINT, STEP = 0.45, 0.08, 7.0  # a shadow: share of the light, difference between channels, levels per pixel
GAP = 0.003  # share of the shorter side; ground does not leak through gaps of twice that and a pixel
FRINGE = 2  # px around what is in front that belong to it where they are not quite ground: its antialiasing
LEFT = 0.03  # of a claim that the ground contradicts


@dataclass(frozen=True, eq=False)
class Ground:
    """What a smooth ground says of a picture.

    Attributes:
        colours_hw3: The surface, RGB 0..1, on the whole picture.
        is_ground_hw: Pixels on the surface, connected to the rim.
        in_front_hw: Pixels that are clearly not on the surface; no shadows.
        rim_hw: What lies around those and is not quite ground: their antialiasing.
    """

    colours_hw3: F32
    is_ground_hw: Mask
    in_front_hw: Mask
    rim_hw: Mask


def find_ground(rgb_hw3: U8, background_hw: F32) -> Ground | None:
    """The ground of a picture, or None where it stands on nothing as simple.

    Args:
        rgb_hw3: RGB, 0..255.
        background_hw: How sure the model is that a pixel is background, 0..1.
    """
    height, width = rgb_hw3.shape[:2]
    rim = max(1, round(RIM * min(height, width)))
    border = np.ones((height, width), bool)
    border[rim:-rim, rim:-rim] = False
    surface = fit_surface(rgb_hw3, border)
    apart = distance(to_lab(rgb_hw3), surface)
    on, off = apart <= ON, apart >= OFF
    if not off.any():  # nothing stands on it: what the model divides a plain surface into is its own affair
        return None
    if on[border].mean() < SUPPORT or (off * background_hw).sum() > DISAGREE * background_hw.sum():
        return None
    shadow = shaded(rgb_hw3, surface.colours_HW3)
    front = off & ~shadow
    near = front.astype(np.uint8)
    for _ in range(FRINGE):
        near |= cv2.dilate(near, np.ones((3, 3), np.uint8)) & (~on & ~shadow).astype(np.uint8)
    return Ground(
        colours_hw3=surface.colours_HW3.astype(np.float32) / np.float32(255),
        is_ground_hw=reached_from(border, on),
        in_front_hw=front,
        rim_hw=(near > 0) & ~front,
    )


def reached_from(border_hw: Mask, on_hw: Mask) -> Mask:
    """What of the surface can be reached from the rim without squeezing through a gap, as in a drawn outline."""
    side = 2 * max(1, round(GAP * min(on_hw.shape))) + 1
    kernel = np.ones((side, side), np.uint8)
    wide = cv2.erode(on_hw.astype(np.uint8), kernel)
    _, label = cv2.connectedComponents(wide, connectivity=4)
    reached = np.unique(label[border_hw & (wide > 0)])
    grown = cv2.dilate(np.isin(label, reached[reached > 0]).astype(np.uint8), kernel) > 0
    return np.asarray(grown & on_hw)


def shaded(rgb_hw3: U8, ground_hw3: U8) -> Mask:
    """Where a picture may be a shadow on its ground: the ground's colour with less light, changing softly."""
    light = (rgb_hw3.astype(np.float32) + 1) / (ground_hw3.astype(np.float32) + 1)
    least, most = light.min(axis=2), light.max(axis=2)
    step = cv2.morphologyEx(rgb_hw3, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=2) / 2
    return np.asarray((least >= DARKEST) & (most <= 1) & (most - least <= TINT) & (step <= STEP))


def by_ground(weight_Khw: F32, ground: Ground) -> F32:
    """The layers' claims, where the ground knows better: sum 1 at every pixel. What nobody claims goes to layer 1."""
    weight = weight_Khw.copy()
    weight[1:, ground.is_ground_hw] *= LEFT
    weight[0, ground.in_front_hw] = 0
    weight[1] += ground.in_front_hw * np.float32(LEFT)
    return np.asarray(weight / np.maximum(weight.sum(0), 1e-9), np.float32)


def with_ground(owner_hw: I32, weight_Khw: F32, ground: Ground) -> I32:
    """Owners as the ground has them: nothing on it is owned by a layer above, and nothing in front by the background.

    Thin strokes that were flooded with the zone around them go to the layer that claims them most; what lies at most
    ``FRINGE`` pixels from something in front, and that one's antialiased rim, to its layer.
    """
    owner = owner_hw.copy()
    owner[ground.is_ground_hw] = 0
    missed = ground.in_front_hw & (owner == 0)
    beside = cv2.dilate((owner > 0).astype(np.uint8), np.ones((2 * FRINGE + 1, 2 * FRINGE + 1), np.uint8)) > 0
    far = missed & ~beside
    owner[far] = 1 + weight_Khw[1:, far].argmax(0)
    rim = (ground.rim_hw | missed) & (owner == 0)
    if rim.any() and owner.any():
        _, nearest = cv2.distanceTransformWithLabels(
            (owner == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        known = np.zeros(int(nearest.max()) + 1, np.int32)
        known[nearest[owner > 0]] = owner[owner > 0]
        owner[rim] = known[nearest[rim]]
    return owner
