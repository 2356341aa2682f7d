"""The plan: everything that is decided at work size, as compact ``u8`` maps that the native pass reads tile by tile."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from layerize.refine.arrays import F32, I32, U8, Mask, f32
from layerize.refine.config import RefineConfig
from layerize.refine.edge import accept
from layerize.refine.fill import layer_colour
from layerize.refine.floor import floor_alpha, sharpen_hidden
from layerize.refine.ownership import decide_owners
from layerize.refine.resample import enlarge, shrink, work_size
from layerize.refine.translucent import soft_alpha, soft_areas, soft_colour

MOST_CELL = 24.0  # work pixels; a coarser prediction is treated as one of this size
STRAY, FAINT_VEIL = 0.02, 0.5  # share of the picture and mean alpha below which a detached veil is a mistake
LAYER_BUDGET = 8  # layers at full work size; more layers share the same memory


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """Maps at work size, all ``u8`` 0..255.

    Attributes:
        size: (height, width) of the maps.
        alpha_Khw: Decided alpha; edges are right to about a work pixel.
        colour_Khw3: Each layer's own colour everywhere, free of its neighbours' colours.
        edge_Khw: Where alpha is projected from the native picture.
        soft_Khw: Where the layer is translucent on purpose.
    """

    size: tuple[int, int]
    alpha_Khw: U8
    colour_Khw3: U8
    edge_Khw: U8
    soft_Khw: U8


def make_plan(image_HW4: U8, coarse_Khw4: F32, config: RefineConfig) -> Plan:
    """Decide owners, translucency, hidden shapes and colours at work size.

    Args:
        image_HW4: The native picture.
        coarse_Khw4: The model's layers, 0..1 straight.
        config: Settings.
    """
    count = len(coarse_Khw4)
    pixels = int(config.work_pixels * min(1.0, LAYER_BUDGET / count))
    size = work_size(image_HW4.shape[0], image_HW4.shape[1], pixels)
    small = shrink(image_HW4, size)
    rgb = np.ascontiguousarray(small[..., :3])
    rgb_hw3 = f32(rgb) / np.float32(255)
    solid_hw = small[..., 3] > 250
    layers = np.stack([enlarge(layer, size) for layer in coarse_Khw4])
    cell = coarse_cell(size, coarse_Khw4.shape[1:3])
    soft = soft_areas(rgb_hw3, layers, cell)
    owner, ground, soft = decide_owners(
        rgb, layers, soft, cell, opaque=bool(solid_hw.all()), least_owned=config.least_owned
    )
    soft &= owner < np.arange(count)[:, None, None]
    soft &= ~stray_veils(soft, owner, layers[..., 3])
    alpha, colour = np.empty((count, *size), np.float32), np.empty((count, *size, 3), np.float32)
    below = np.zeros((*size, 3), np.float32)
    for k, layer in enumerate(layers):
        given = layer[..., 3]
        seen = (owner == k) & ~soft[k:].any(0) & solid_hw
        if k == 0 and ground is not None:
            colour[0] = layer_colour(rgb_hw3, ground.colours_hw3, seen, "model", cell)
        else:
            colour[k] = layer_colour(rgb_hw3, layer[..., :3], seen, config.hidden, cell)
        if soft[k].any():
            veil = soft_colour(layer[..., :3], given, soft[k], cell)
            colour[k] = veil if is_veil(owner == k, soft[k]) else np.where(soft[k][..., None], veil, colour[k])
            given = soft_alpha(rgb_hw3 - below, colour[k] - below, given, soft[k], cell)
        alpha[k] = decided_alpha(k, given, owner, soft[k], cell, solid_hw)
        below += alpha[k][..., None] * (colour[k] - below) if k else colour[0]
    return Plan(
        size=size,
        alpha_Khw=to_levels(alpha),
        colour_Khw3=to_levels(colour),
        edge_Khw=edges(alpha, colour, rgb_hw3, owner, soft),
        soft_Khw=soft.astype(np.uint8) * np.uint8(255),
    )


def coarse_cell(work: tuple[int, int], coarse: tuple[int, ...]) -> float:
    """Side of a coarse pixel in work pixels: at least 1, and at most what the filters are made for."""
    area = (work[0] / coarse[0]) * (work[1] / coarse[1])
    return float(np.clip(area**0.5, 1.0, MOST_CELL))


def to_levels(map_01: F32) -> U8:
    """0..1 to 0..255, rounded."""
    return np.rint(np.clip(map_01, 0, 1) * 255).astype(np.uint8)


def stray_veils(soft_Khw: Mask, owner_hw: I32, alpha_Khw: F32) -> Mask:
    """Small faint patches that lie away from all that their layer owns: shadows and glows lie beside their objects.

    A layer that owns nothing is a veil by itself, and keeps its patches.
    """
    stray = np.zeros_like(soft_Khw)
    for k in range(1, len(soft_Khw)):
        owned = owner_hw == k
        if not soft_Khw[k].any() or is_veil(owned, soft_Khw[k]):
            continue
        count, label = cv2.connectedComponents(cv2.dilate(soft_Khw[k].astype(np.uint8), np.ones((3, 3), np.uint8)))
        inside = np.where(soft_Khw[k], label, 0).ravel()
        area = np.bincount(inside, minlength=count)
        mean = np.bincount(inside, alpha_Khw[k].ravel(), count) / np.maximum(area, 1)
        drop = (area < STRAY * owned.size) & (mean < FAINT_VEIL)
        drop[np.unique(label[owned])] = False
        stray[k] = soft_Khw[k] & drop[label]
    return stray


def is_veil(owned_hw: Mask, soft_hw: Mask) -> bool:
    """Whether a layer is translucent for the most part."""
    return bool(soft_hw.sum() > owned_hw.sum())


def decided_alpha(k: int, alpha_hw: F32, owner_hw: I32, soft_hw: Mask, cell: float, solid_hw: Mask) -> F32:
    """One layer's alpha: 1 where it owns, 0 where something below it owns, the model's shape where it is hidden.

    Near the border of what is hidden the visible decision is continued, so that no seam opens under the edge of the
    layer in front. The bottom layer of an opaque picture covers everything.

    Args:
        k: Index of the layer.
        alpha_hw: Its predicted alpha.
        owner_hw: Owners.
        soft_hw: Its translucent areas, where the prediction stands.
        cell: Side of a coarse pixel in work pixels.
        solid_hw: Where the picture is opaque.
    """
    owned = owner_hw == k
    hidden = owner_hw > k
    result = owned.astype(np.float32)
    if k == 0 and np.median(alpha_hw[solid_hw] if solid_hw.any() else alpha_hw) > 0.5:
        result[hidden & solid_hw] = 1
        hidden = hidden & ~solid_hw
    if is_veil(owned, soft_hw):
        result[hidden] = alpha_hw[hidden]
    elif hidden.any():
        shape = sharpen_hidden(alpha_hw, cell)
        if not hidden.all():
            distance, nearest = cv2.distanceTransformWithLabels(
                (owner_hw > k).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
            )
            known = np.zeros(int(nearest.max()) + 1, np.float32)
            known[nearest[owner_hw <= k]] = owned[owner_hw <= k]
            near = np.clip(2.0 - distance / (1.5 * cell), 0, 1)
            shape = shape + near * (known[nearest] - shape)
        result[hidden] = shape[hidden]
        result[unseen_parts(result > 0, owned)] = 0
        result[unseen_gaps(result > 0.5, hidden)] = 1
    blurred = cv2.GaussianBlur(result, (3, 3), 0.6)
    return floor_alpha(f32(np.where(soft_hw, alpha_hw, blurred)))


def unseen_parts(shape_hw: Mask, owned_hw: Mask) -> Mask:
    """The connected parts of a layer's shape of which nothing can be seen: nothing speaks for them."""
    count, label = cv2.connectedComponents(shape_hw.astype(np.uint8))
    seen = np.zeros(count, bool)
    seen[label[owned_hw]] = True
    return np.asarray(shape_hw & ~seen[label])


def unseen_gaps(shape_hw: Mask, hidden_hw: Mask) -> Mask:
    """The gaps in a layer's shape that lie wholly behind layers in front: nothing speaks for them either.

    Those at the picture's rim stay: they may be the outside.
    """
    outside = np.pad(~shape_hw, 1, constant_values=True)
    count, label = cv2.connectedComponents(outside.astype(np.uint8))
    seen = np.zeros(count, bool)
    seen[label[0, 0]] = True
    label = label[1:-1, 1:-1]
    seen[label[~hidden_hw & ~shape_hw]] = True
    return np.asarray(~shape_hw & ~seen[label])


def edges(alpha_Khw: F32, colour_Khw3: F32, rgb_hw3: F32, owner_hw: I32, soft_Khw: Mask) -> U8:
    """Per layer, where its visible edge is projected from the picture, bottom to top."""
    back = colour_Khw3[0]
    result = np.zeros(alpha_Khw.shape, np.uint8)
    for k in range(1, len(alpha_Khw)):
        free = (owner_hw <= k) & ~soft_Khw[k]
        result[k] = accept(alpha_Khw[k], rgb_hw3, colour_Khw3[k], back, free)
        back = back + alpha_Khw[k][..., None] * (colour_Khw3[k] - back)
    return result
