"""Ground: the flat colour or smooth gradient that a picture stands on, where it can be seen to be one.

Logos, icons, product shots and most cards stand on such a ground. Where the rim of a picture lies on one smooth
surface, that surface says better than any prediction which pixels are background: what is on it and reaches the rim
is ground, and what is clearly not on it lies in front. Holes of its colour that are too small for the model to see, as
in letters, are ground too, where that is a colour of its own. What it cannot say stays with the model: larger holes,
and white or black ones on such a ground; what may be a shadow; and who owns what in front.
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
DISAGREE = 0.15  # share of the model's background that may be things off the surface: else it is no plain one
TORN = 0.25  # of a thing must be called background, else it does not count as that: it has been torn
DARKEST, TINT, STEP = 0.45, 0.08, 7.0  # a shadow: share of the light, difference between channels, levels per pixel
TINTED, DIM = 12.0, 12.0  # CIELAB chroma and L from which a ground has a colour of its own ...
LEAST_LIGHT, MOST_LIGHT = 25.0, 85.0  # ... and L between which even a grey one has
HOLE = 2.0  # coarse pixels: holes of at most this width
CONTRADICTED = 0.1  # mean error of a translucent area over the ground, 0..1, from which it is none
GAP = 0.003  # share of the shorter side; ground does not leak through gaps of twice that and a pixel
FRINGE = 2  # px around what is in front that belong to it where they are not quite ground: its antialiasing
LEFT = 0.03  # of a claim that the ground contradicts
IMAGINED = 0.5  # share of a layer's claim that the ground contradicts, from which the rest of it is doubted


@dataclass(frozen=True, eq=False)
class Ground:
    """What a smooth ground says of a picture.

    Attributes:
        colours_hw3: The surface, RGB 0..1, on the whole picture.
        on_hw: Pixels on the surface.
        is_ground_hw: Those of them that are connected to the rim, and small holes.
        in_front_hw: Pixels that are clearly not on the surface; no shadows.
        rim_hw: What lies around those and is not quite ground: their antialiasing.
    """

    colours_hw3: F32
    on_hw: Mask
    is_ground_hw: Mask
    in_front_hw: Mask
    rim_hw: Mask


def find_ground(rgb_hw3: U8, background_hw: F32, cell: float) -> Ground | None:
    """The ground of a picture, or None where it stands on nothing as simple.

    Args:
        rgb_hw3: RGB, 0..255.
        background_hw: How sure the model is that a pixel is background, 0..1.
        cell: Side of a coarse pixel in pixels.
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
    if on[border].mean() < SUPPORT or background_things(off, background_hw) > DISAGREE * background_hw.sum():
        return None
    shadow = shaded(rgb_hw3, surface.colours_HW3)
    front = off & ~shadow
    near = front.astype(np.uint8)
    for _ in range(FRINGE):
        near |= cv2.dilate(near, np.ones((3, 3), np.uint8)) & (~on & ~shadow).astype(np.uint8)
    is_ground = reached_from(border, on)
    if has_own_colour(surface.colours_HW3[border]):
        is_ground |= no_wider_than(HOLE * cell, on & ~is_ground)
    return Ground(
        colours_hw3=surface.colours_HW3.astype(np.float32) / np.float32(255),
        on_hw=on,
        is_ground_hw=is_ground,
        in_front_hw=front,
        rim_hw=(near > 0) & ~front,
    )


def background_things(off_hw: Mask, background_hw: F32) -> float:
    """Pixels off a surface that the model calls background, as the dots of a pattern; parts of torn things left out.

    Args:
        off_hw: What is clearly not on the surface; its connected parts are the things.
        background_hw: How sure the model is that a pixel is background, 0..1.
    """
    count, label = cv2.connectedComponents(off_hw.astype(np.uint8))
    background = np.bincount(label.ravel(), background_hw.ravel(), count)
    background[background < TORN * np.bincount(label.ravel(), None, count)] = 0
    return float(background[1:].sum())


def has_own_colour(rgb_N3: U8) -> bool:
    """Whether hardly anything small on a ground has its colour by chance: eyes and pages are white or black."""
    light, a, b = np.median(to_lab(rgb_N3[None])[0], axis=0)
    tinted = np.hypot(a, b) >= TINTED and light >= DIM
    return bool(tinted or LEAST_LIGHT <= light <= MOST_LIGHT)


def reached_from(border_hw: Mask, on_hw: Mask) -> Mask:
    """What of the surface can be reached from the rim without squeezing through a gap, as in a drawn outline."""
    side = 2 * max(1, round(GAP * min(on_hw.shape))) + 1
    kernel = np.ones((side, side), np.uint8)
    wide = cv2.erode(on_hw.astype(np.uint8), kernel)
    _, label = cv2.connectedComponents(wide, connectivity=4)
    reached = np.unique(label[border_hw & (wide > 0)])
    grown = cv2.dilate(np.isin(label, reached[reached > 0]).astype(np.uint8), kernel) > 0
    return np.asarray(grown & on_hw)


def no_wider_than(width: float, mask_hw: Mask) -> Mask:
    """The connected parts of a mask that no disc of more than ``width`` pixels fits into."""
    count, label = cv2.connectedComponents(mask_hw.astype(np.uint8), connectivity=4)
    depth = np.zeros(count, np.float32)
    np.maximum.at(depth, label[mask_hw], cv2.distanceTransform(mask_hw.astype(np.uint8), cv2.DIST_L2, 3)[mask_hw])
    return np.asarray(mask_hw & (2 * depth[label] <= width))


def shaded(rgb_hw3: U8, ground_hw3: U8) -> Mask:
    """Where a picture may be a shadow on its ground: the ground's colour with less light, changing softly."""
    light = (rgb_hw3.astype(np.float32) + 1) / (ground_hw3.astype(np.float32) + 1)
    least, most = light.min(axis=2), light.max(axis=2)
    step = cv2.morphologyEx(rgb_hw3, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=2) / 2
    return np.asarray((least >= DARKEST) & (most <= 1) & (most - least <= TINT) & (step <= STEP))


def veils_on(ground: Ground, rgb_hw3: F32, layers_Khw4: F32, soft_Khw: Mask) -> Mask:
    """The translucent areas that the picture confirms: over the ground the predicted layers must show it.

    On other pictures nobody knows what lies below a veil. Here it is known, and what a model calls translucent because
    it cannot decide does not fit.

    Args:
        ground: What the picture stands on.
        rgb_hw3: The picture, 0..1.
        layers_Khw4: Predicted layers, 0..1 straight.
        soft_Khw: Where they are translucent, as far as known without the ground.

    Returns:
        Those of the connected areas of ``soft_Khw`` whose mean error is below ``CONTRADICTED``.
    """
    shown = ground.colours_hw3
    for layer in layers_Khw4[1:]:
        shown = shown + layer[..., 3:] * (layer[..., :3] - shown)
    error = np.abs(shown - rgb_hw3).max(axis=2)
    kept = np.zeros_like(soft_Khw)
    for k in range(1, len(soft_Khw)):
        count, label = cv2.connectedComponents(soft_Khw[k].astype(np.uint8))
        mean = np.bincount(label.ravel(), error.ravel(), count) / np.maximum(np.bincount(label.ravel(), None, count), 1)
        kept[k] = soft_Khw[k] & (mean < CONTRADICTED)[label]
    return kept


def by_ground(weight_Khw: F32, ground: Ground) -> F32:
    """The layers' claims, where the ground knows better: sum 1 at every pixel.

    A layer most of whose claim lies on the ground is imagined: it is doubted elsewhere as well. What nobody claims goes
    to the layer with the largest claim that holds.
    """
    weight = weight_Khw.copy()
    claims = weight[1:].sum(axis=(1, 2))
    wrong = np.divide(weight[1:, ground.is_ground_hw].sum(axis=1), claims, out=np.zeros_like(claims), where=claims > 0)
    doubted = np.where(wrong > IMAGINED, wrong, 0).astype(np.float32)[:, None, None] * weight[1:]
    weight[1:] -= doubted
    weight[0] += np.where(ground.on_hw, doubted.sum(axis=0), 0)
    weight[1:, ground.is_ground_hw] *= LEFT
    weight[0, ground.in_front_hw] = 0
    weight[1 + int((claims * (1 - wrong)).argmax())] += ground.in_front_hw * np.float32(LEFT)
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
