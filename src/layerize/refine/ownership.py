"""Ownership: which layer each pixel of the picture belongs to, decided before any colour is solved.

Predicted alphas are soft guesses. A pixel whose alpha is faint or shared by several layers leaves a ghost in the
layers below once colours are made exact, so every pixel gets one owner. Only what is consistent with translucency
over an area (a shadow, a glass panel) stays translucent, lying over its owner. Shape letters: ``K`` layers, ``h w``
work pixels, ``Z`` zones.
"""

from __future__ import annotations

import cv2
import numpy as np

from layerize.refine.config import F32, I32, U8, Mask
from layerize.refine.zones import Zones, find_zones, flood

ROUNDS = 40  # of the diffusion on the zone graph
PULL = 0.12  # trust in the prediction of one sure pixel against one pixel of fully similar border
SPLIT = 0.2  # a zone is split where this share of its sure pixels disagrees with its majority


def soft_areas(rgb_hw3: F32, layers_Khw4: F32, cell: float) -> Mask:
    """Where each layer is truly translucent: partial alpha over an area, and the picture agrees.

    The picture must lie on the line between the layer's colour and the colour below it, at the predicted alpha.
    Ambiguity looks different: there the layer, or what is below it, already has the picture's own colour.

    Args:
        rgb_hw3: The picture, 0..1.
        layers_Khw4: Predicted layers at work size, 0..1 straight.
        cell: Side of a coarse pixel in work pixels; narrower bands are edges, not areas.

    Returns:
        (K, h, w); never set for the bottom layer.
    """
    soft = np.zeros(layers_Khw4.shape[:3], bool)
    above = visible_light(layers_Khw4[..., 3])
    below = layers_Khw4[0, ..., :3]
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(0.8 * cell) + 3,) * 2)
    wide = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(2.0 * cell) + 3,) * 2)
    for k in range(1, len(layers_Khw4)):
        colour, alpha = layers_Khw4[k, ..., :3], layers_Khw4[k, ..., 3]
        line = colour - below
        length = np.maximum((line * line).sum(2), 1e-4)
        shown = ((rgb_hw3 - below) * line).sum(2) / length
        off = np.abs(rgb_hw3 - below - alpha[..., None] * line).max(2)
        fits = (alpha > 0.03) & (alpha < 0.93) & (above[k] > 0.5) & (length > 0.02) & (off < 0.12)
        fits &= np.abs(cv2.blur(shown, (5, 5)) - alpha) < 0.3
        core = cv2.morphologyEx(fits.astype(np.uint8), cv2.MORPH_OPEN, disc, borderValue=0)
        if core.any():
            reach = cv2.dilate(core, wide) > 0
            soft[k] = (core > 0) | (reach & fits)
        below = below + alpha[..., None] * line
    return soft


def visible_light(alpha_Khw: F32) -> F32:
    """Transmittance of everything above each layer, 0..1."""
    light = np.ones_like(alpha_Khw)
    for k in range(len(alpha_Khw) - 2, -1, -1):
        light[k] = light[k + 1] * (1 - alpha_Khw[k + 1])
    return light


def decide_owners(rgb_hw3: U8, alpha_Khw: F32, soft_Khw: Mask, cell: float) -> I32:
    """One owner per pixel.

    Zones vote with the visible weights of their pixels, sure pixels louder, and neighbours of similar colour pull
    each other along the zone graph until all agree; a zone that the model itself cuts with confidence is cut where
    the model says.

    Args:
        rgb_hw3: The picture at work size.
        alpha_Khw: Predicted alpha.
        soft_Khw: Translucent areas; they do not vote, what lies below them does.
        cell: Side of a coarse pixel in work pixels.

    Returns:
        Layer index per pixel.
    """
    hard = np.where(soft_Khw, 0, alpha_Khw)
    weight = visible_light(hard) * hard
    weight[0] += 1 - weight.sum(0)
    best = weight.argmax(0).astype(np.int32)
    if len(weight) == 1 or (best == best.flat[0]).all():
        return best
    top2 = np.partition(weight, len(weight) - 2, axis=0)[-2:]
    sure = np.square(top2[1] - top2[0])
    zones = find_zones(rgb_hw3)
    owner_Z = vote(zones, weight, sure)
    owner = owner_Z[zones.label_hw]
    against = zones.mean((best != owner) & (sure > 0.5)) / np.maximum(zones.mean(sure > 0.5), 1e-6)
    owner = np.where((against > SPLIT)[zones.label_hw], best, owner).astype(np.int32)
    return drop_specks(rgb_hw3, owner, cell)


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
    return belief.argmax(1).astype(np.int32)


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
