"""Colour regions peeled level by level: the classical counterpart of LayerD (baseline c).

Above the background, touching regions of foreground make objects. An object whose visible ground is one smooth, compact
surface is a panel: it gets its full shape and that surface, and what lies on it is peeled at the next level. Any other
object stays whole. The objects of one level make one layer, as in the canonical decomposition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from layerize.refine.surface import distance, fit_surface, to_lab

F32: TypeAlias = npt.NDArray[np.float32]
U8: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]

MOST_LEVELS = 6
LEAST_AREA = 0.0006
"""Smaller objects, as a share of the picture, belong to what they lie on."""
LEAST_PANEL = 0.02
"""Smaller objects are never panels."""
PANEL_RIM = 0.45
"""Share of an object's rim that must lie on one surface for it to be a panel."""
PANEL_SOLID = 0.75
"""Share of a panel's convex hull that its surface and what lies inside it must fill."""
PANEL_SEEN = 0.2
"""Share of a panel that must be visible."""
SAME = 10.0
"""CIELAB distance below which a pixel belongs to the panel's surface."""
CLEAR = 20.0
"""What lies on a panel must be this far from its surface somewhere; less is shading and soft edges."""


@dataclass(frozen=True)
class _Peeled:
    """One object at its level: full shape, colours, and the mask of what lies on top of it."""

    shape_HW: Mask
    colours_HW3: U8
    above_HW: Mask


def colour_regions(picture_HW3: U8, background_HW3: U8, alpha_HW: F32, layers: int | None = None) -> F32:
    """Peel what is not background into levels.

    Args:
        picture_HW3: RGB ``u8``.
        background_HW3: The background with what is hidden filled in, RGB ``u8``.
        alpha_HW: Alpha of everything that is not background, 0..1.
        layers: How many layers, background included: the highest levels are merged, or empty layers added.

    Returns:
        Straight RGBA 0..1, bottom to top, (K, H, W, 4).
    """
    levels = _levels(picture_HW3, alpha_HW, MOST_LEVELS if layers is None else layers - 1)
    height, width = alpha_HW.shape
    out = np.zeros((layers or len(levels) + 1, height, width, 4), np.float32)
    out[0, ..., :3] = (picture_HW3 if layers == 1 else background_HW3) / np.float32(255)
    out[0, ..., 3] = 1
    for k, (mask, colours) in enumerate(levels, 1):
        out[k, ..., :3] = colours / np.float32(255)
        out[k, ..., 3] = np.maximum(mask, alpha_HW) * _near(mask) if k == 1 else mask
    return out


def _near(mask_HW: Mask) -> F32:
    """1 on a mask and its soft edge of two pixels."""
    return np.asarray(cv2.dilate(mask_HW.astype(np.uint8), np.ones((5, 5), np.uint8)), np.float32)


def _levels(picture_HW3: U8, alpha_HW: F32, most: int) -> list[tuple[Mask, U8]]:
    lab = to_lab(cv2.bilateralFilter(picture_HW3, 5, 20, 2))
    mask = _without_specks(alpha_HW > 0.5)
    levels: list[tuple[Mask, U8]] = []
    while mask.any() and len(levels) < most:
        shape, above = np.zeros_like(mask), np.zeros_like(mask)
        colours = picture_HW3.copy()
        last = len(levels) + 1 == most
        for piece in _pieces(mask):
            peeled = _Peeled(piece, picture_HW3, np.zeros_like(piece)) if last else _peel(picture_HW3, lab, piece)
            shape |= peeled.shape_HW
            above |= peeled.above_HW
            colours[peeled.shape_HW] = peeled.colours_HW3[peeled.shape_HW]
        levels.append((shape, colours))
        mask = _without_specks(above)
    return levels


def _peel(picture_HW3: U8, lab_HW3: F32, piece_HW: Mask) -> _Peeled:
    """Take an object apart into the panel that it stands on and what lies above it, if it is built like that."""
    whole = _Peeled(piece_HW, picture_HW3, np.zeros_like(piece_HW))
    if piece_HW.mean() < LEAST_PANEL:
        return whole
    rim = _rim(piece_HW)
    surface = fit_surface(picture_HW3, rim)
    apart = distance(lab_HW3, surface)
    on_surface = (apart < SAME + surface.noise) & piece_HW
    if on_surface[rim].mean() < PANEL_RIM:
        return whole
    ground = _largest(on_surface)
    hull = _hull(ground)
    shape = hull if (piece_HW & hull).sum() > 0.97 * hull.sum() else _filled(ground)
    if shape.sum() < PANEL_SOLID * hull.sum() or ground.sum() < PANEL_SEEN * shape.sum():
        return whole
    above = _without_specks((piece_HW | shape) & ~(on_surface & shape), clear_HW=apart > CLEAR)
    if not above.any():
        return whole
    covered = _grown(above, 2)[..., None]
    inner = ground & ~covered[..., 0]
    if inner.any():
        surface = fit_surface(picture_HW3, inner)  # from all of the panel that is seen, not its rim alone
    colours = np.where(covered, surface.colours_HW3, picture_HW3)
    return _Peeled(shape, colours, above)


def _pieces(mask_HW: Mask) -> list[Mask]:
    """Connected pieces; what touches belongs together, diagonally too."""
    count, labels = cv2.connectedComponents(mask_HW.astype(np.uint8), connectivity=8)
    return [labels == i for i in range(1, count)]


def _without_specks(mask_HW: Mask, clear_HW: Mask | None = None) -> Mask:
    """Connected pieces that are large enough and, where asked, clear somewhere."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask_HW.astype(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= max(4, LEAST_AREA * mask_HW.size)
    if clear_HW is not None:
        keep &= np.bincount(labels[clear_HW], minlength=count) > 0
    keep[0] = False
    return np.asarray(keep[labels] if count > 1 else np.zeros_like(mask_HW))


def _largest(mask_HW: Mask) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask_HW.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask_HW
    return np.asarray(labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax())


def _rim(mask_HW: Mask) -> Mask:
    """The inner border of a mask, without its antialiased outermost pixel; the mask itself where it is thin."""
    padded = np.pad(mask_HW, 1).astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    outer, inner = cv2.erode(padded, kernel, iterations=1), cv2.erode(padded, kernel, iterations=4)
    rim = ((outer > 0) & (inner == 0))[1:-1, 1:-1]
    return rim if rim.any() else mask_HW


def _grown(mask_HW: Mask, pixels: int) -> Mask:
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return np.asarray(cv2.dilate(mask_HW.astype(np.uint8), kernel) > 0)


def _filled(mask_HW: Mask) -> Mask:
    """A mask with its holes closed."""
    contours, _ = cv2.findContours(mask_HW.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros(mask_HW.shape, np.uint8), contours, -1, 1, cv2.FILLED) > 0)


def _hull(mask_HW: Mask) -> Mask:
    rows, columns = np.nonzero(mask_HW)
    hull = cv2.convexHull(np.stack([columns, rows], axis=-1).astype(np.int32))
    return np.asarray(cv2.fillConvexPoly(np.zeros(mask_HW.shape, np.uint8), hull, 1) > 0)
