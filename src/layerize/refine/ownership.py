"""Ownership: which layer each pixel of the picture belongs to, decided before any colour is solved.

Predicted alphas are soft guesses. A pixel whose alpha is faint or shared by several layers leaves a ghost in the
layers below once colours are made exact, so every pixel gets one owner. Only what is consistent with translucency
over an area (a shadow, a glass panel) stays translucent, lying over its owner. Shape letters: ``K`` layers, ``h w``
work pixels, ``Z`` zones.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from layerize.refine.arrays import F32, I32, U8, Mask, f32, i32
from layerize.refine.ground import Ground, by_ground, find_ground, veils_on, with_ground
from layerize.refine.holes import close_false_holes
from layerize.refine.kin import one_family_one_owner
from layerize.refine.translucent import visible_light
from layerize.refine.zones import Zones, find_zones, flood

ROUNDS = 40  # of the diffusion on the zone graph
PULL = 0.12  # trust in the prediction of one sure pixel against one pixel of fully similar border
SPREAD = 0.15  # colour error of a coarse prediction, 0..1
DOUBT = 0.12  # what a wholly wrong colour leaves of a claim
SPLIT = 0.2  # a zone is split where this share of its sure pixels disagrees with its majority


def decide_owners(
    rgb_hw3: U8, layers_Khw4: F32, soft_Khw: Mask, cell: float, *, opaque: bool = True, least_owned: float = 0.0
) -> tuple[I32, Ground | None, Mask]:
    """One owner per pixel.

    Where an opaque picture stands on a smooth ground, that decides what is background (``ground.py``). Zones vote with
    the visible weights of their pixels, sure pixels louder, and neighbours of similar colour pull each other along the
    zone graph until all agree; a zone that the model itself cuts with confidence is cut where the model says.

    Args:
        rgb_hw3: The picture at work size.
        layers_Khw4: Predicted layers at work size, 0..1 straight.
        soft_Khw: Translucent areas; they do not vote, what lies below them does.
        cell: Side of a coarse pixel in work pixels.
        opaque: Whether the picture has no transparent pixels.
        least_owned: Layers that own less than this share of the picture own nothing.

    Returns:
        Layer index per pixel, the ground where there is one, and the translucent areas that it does not contradict.
    """
    rgb_01 = f32(rgb_hw3) / np.float32(255)
    weight = evidence(rgb_01, layers_Khw4, soft_Khw)
    ground = find_ground(rgb_hw3, weight[0], cell) if opaque and len(weight) > 1 else None
    if ground is not None:
        if soft_Khw.any():
            soft_Khw = veils_on(ground, rgb_01, layers_Khw4, soft_Khw)
            weight = evidence(rgb_01, layers_Khw4, soft_Khw)
        ground = replace(ground, in_front_hw=ground.in_front_hw & ~soft_Khw.any(0))
        weight = by_ground(weight, ground)
    best = i32(weight.argmax(0))
    if len(weight) == 1 or (best == best.flat[0]).all():
        return best, None, soft_Khw
    top2 = np.partition(weight, len(weight) - 2, axis=0)[-2:]
    sure = np.square(top2[1] - top2[0])
    zones = find_zones(rgb_hw3)
    owner_Z = vote(zones, weight, sure)
    owner = owner_Z[zones.label_hw]
    against = zones.mean((best != owner) & (sure > 0.5)) / np.maximum(zones.mean(sure > 0.5), 1e-6)
    owner = np.where((against > SPLIT)[zones.label_hw], best, owner).astype(np.int32)
    owner = one_family_one_owner(rgb_hw3, owner, weight, zones)
    if ground is not None:
        owner = with_ground(owner, weight, ground)
    owner = without_small(drop_specks(rgb_hw3, owner, cell), weight, soft_Khw, least_owned)
    owner = close_false_holes(rgb_01, owner, np.asarray(soft_Khw.any(0)), cell)
    return owner, ground, soft_Khw


def evidence(rgb_hw3: F32, layers_Khw4: F32, soft_Khw: Mask) -> F32:
    """How much each layer claims each pixel, sum 1: its visible weight, doubted where its colour is not the picture's.

    A coarse pixel on a thin stroke or an edge has mixed alpha, but the stroke's layer has the stroke's colour there
    and the layer below has not. The doubt is bounded: a sure alpha is never overruled by colour.
    """
    hard = np.where(soft_Khw, 0, layers_Khw4[..., 3])
    weight = visible_light(hard) * hard
    weight[0] += 1 - weight.sum(0)
    for k, layer in enumerate(layers_Khw4):
        miss = np.square(layer[..., :3] - rgb_hw3).sum(2)
        weight[k] *= DOUBT + np.exp(-miss / (2 * SPREAD**2))
    weight /= np.maximum(weight.sum(0), 1e-9)
    return weight


def vote(zones: Zones, weight_Khw: F32, sure_hw: F32) -> I32:
    """Owner of every zone: area-weighted evidence, diffused over similar neighbours (Jacobi on the graph Laplacian)."""
    trust_Z = PULL * zones.area * zones.mean(sure_hw) + 1e-3
    said = np.stack([zones.mean(weight * (sure_hw + 1e-3)) for weight in weight_Khw], 1)
    said /= np.maximum(said.sum(1, keepdims=True), 1e-9)
    first, second = zones.pairs[:, 0], zones.pairs[:, 1]
    ends, others = np.concatenate([first, second]), np.concatenate([second, first])
    strength = np.concatenate([zones.affinity, zones.affinity])
    total_Z = trust_Z + np.bincount(ends, weights=strength, minlength=zones.count)
    belief = said.copy()
    for _ in range(ROUNDS):
        for k in range(belief.shape[1]):
            heard = np.bincount(ends, weights=strength * belief[others, k], minlength=zones.count)
            belief[:, k] = (trust_Z * said[:, k] + heard) / total_Z
    return i32(belief.argmax(1))


def without_small(owner_hw: I32, weight_Khw: F32, soft_Khw: Mask, least_owned: float) -> I32:
    """Give what a layer with next to nothing owns to the layers that claim it next, the smallest layer first."""
    owner, left = owner_hw.copy(), weight_Khw.copy()
    share = np.bincount(owner.ravel(), minlength=len(left)) / owner.size
    small = [k for k in range(1, len(left)) if 0 < share[k] < least_owned and not soft_Khw[k].any()]
    for k in sorted(small, key=lambda k: float(share[k])):
        left[k] = -1
        owner[owner == k] = left[:, owner == k].argmax(0)
    return owner


def drop_specks(rgb_hw3: U8, owner_hw: I32, cell: float) -> I32:
    """Give tiny islands of one owner to what surrounds them, unless the picture has an edge around them.

    An island is tiny below a third of a coarse pixel's area: the model cannot have meant it.
    """
    least = max(4.0, 0.35 * cell * cell)
    edge = cv2.morphologyEx(rgb_hw3, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(2)
    marker = np.zeros_like(owner_hw)
    for k in np.unique(owner_hw):
        count, label, stats, _ = cv2.connectedComponentsWithStats((owner_hw == k).astype(np.uint8), connectivity=8)
        inner = cv2.erode((owner_hw == k).astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1)
        rim = label * (inner == 0)
        strength = np.bincount(rim.ravel(), weights=edge.ravel(), minlength=count) / np.maximum(
            np.bincount(rim.ravel(), minlength=count), 1
        )
        keep = (stats[:, cv2.CC_STAT_AREA] >= least) | (strength >= 24)
        keep[0] = False
        marker[keep[label]] = k + 1
    if not marker.any() or marker.all():
        return owner_hw
    return flood(rgb_hw3, marker) - 1
