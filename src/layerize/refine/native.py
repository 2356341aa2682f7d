"""The native pass: sharp alpha and exact colours for one tile of the full-size picture."""

from __future__ import annotations

import numpy as np

from layerize.refine.arrays import F32, U8, f32
from layerize.refine.edge import project
from layerize.refine.exact import solve
from layerize.refine.floor import FAINT_EDGE, floor_alpha
from layerize.refine.plan import Plan
from layerize.refine.resample import TileView

DETAIL_BELOW = 24.0  # a translucent layer's unwillingness to take the picture's detail into its colour
CLEAN_BEHIND = 8.0  # unwillingness to take an edge's fringe into what lies behind it: it would stay as an outline
SLACK = 10.0  # levels by which what lies behind may be wrong
OPEN = 0.98  # light from above with which a layer counts as the one that is seen

Box = tuple[int, int, int, int]


def refine_tile(image_HW4: U8, plan: Plan, box: Box, out: list[U8]) -> None:
    """Write one tile of every layer.

    Args:
        image_HW4: The whole native picture.
        plan: Decisions at work size.
        box: (top, left, bottom, right) of the tile.
        out: Full-size layers, zero-filled; only the tile is written.
    """
    top, left, bottom, right = box
    tile = image_HW4[top:bottom, left:right]
    view = TileView(plan.size, image_HW4.shape[:2], box)
    present = [k for k, alpha in enumerate(plan.alpha_Khw) if view.crop(alpha).any()] or [0]
    alpha, colour, stiff = build(tile, plan, view, present)
    pixels = tile.shape[0] * tile.shape[1]
    alpha_KN = np.rint(alpha * 255).astype(np.uint8).reshape(len(present), pixels)
    colour_KN3 = np.rint(colour).astype(np.uint8).reshape(len(present), pixels, 3)
    stiff_KN = stiff.reshape(len(present), pixels)
    alpha_KN, colour_KN3 = solve(np.ascontiguousarray(tile).reshape(-1, 4), alpha_KN, colour_KN3, stiff_KN)
    for index, k in enumerate(present):
        target = out[k][top:bottom, left:right]
        target[..., 3] = alpha_KN[index].reshape(tile.shape[:2])
        target[..., :3] = colour_KN3[index].reshape(*tile.shape[:2], 3)
        target[target[..., 3] == 0] = 0


def build(tile_HW4: U8, plan: Plan, view: TileView, present: list[int]) -> tuple[F32, F32, F32]:
    """Native alpha (0..1), colour (0..255) and stiffness of the layers in a tile, bottom to top."""
    shape = (len(present), *tile_HW4.shape[:2])
    alpha, colour = np.zeros(shape, np.float32), np.zeros((*shape, 3), np.float32)
    soft: list[F32 | None] = []
    backs: list[F32] = []
    rgb = tile_HW4[..., :3]
    back: F32 | None = None
    for index, k in enumerate(present):
        alpha[index] = view.read(plan.alpha_Khw[k]) / 255
        colour[index] = view.read(plan.colour_Khw3[k])
        alpha[index] = floor_alpha(alpha[index])
        if back is not None and view.crop(plan.edge_Khw[k]).any():
            sharpen(alpha[index], rgb, colour[index], back, view.read(plan.edge_Khw[k]) / np.float32(255))
            alpha[index] = floor_alpha(alpha[index], FAINT_EDGE)
        soft.append(view.read(plan.soft_Khw[k]) / np.float32(255) if view.crop(plan.soft_Khw[k]).any() else None)
        if back is None:
            back = colour[index].copy()
        else:
            backs.append(back)
            back = back + alpha[index][..., None] * (colour[index] - back)
    cover_fringes(alpha, rgb, backs, soft)
    return alpha, colour, stiffness(alpha, soft)


def cover_fringes(alpha_KHW: F32, rgb_HW3: U8, backs: list[F32], soft: list[F32 | None]) -> None:
    """Raise alpha where no colour of the layer could show the picture over what lies behind it, in place.

    There the fringe of an edge would go into what lies behind, and stay as an outline when the layer is moved.

    Args:
        alpha_KHW: Alpha of every layer, 0..1.
        rgb_HW3: The picture.
        backs: What lies behind layers 1, 2, ..., 0..255.
        soft: Per layer, where it is a veil: left as it is.
    """
    light = np.ones(alpha_KHW.shape[1:], np.float32)
    for index in range(len(alpha_KHW) - 1, 0, -1):
        alpha, veil = alpha_KHW[index], soft[index]
        where = (alpha > 0) & (alpha < 1) & (light > OPEN)
        if veil is not None:
            where &= veil == 0
        if where.any():
            alpha[where] = np.maximum(alpha[where], least_alpha(rgb_HW3[where], backs[index - 1][where]))
        light = light * (1 - alpha)


def least_alpha(shown_N3: U8, behind_N3: F32) -> F32:
    """The lowest opacity, 0..1, with which a colour of 0..255 over ``behind`` gives ``shown``, up to ``SLACK`` levels.

    ``behind`` may be wrong by those: ``shown = a limit + (1 - a) (behind + slack)`` with the limit 0 or 255.
    """
    shown, lighter, darker = f32(shown_N3), np.minimum(behind_N3 + SLACK, 255), np.maximum(behind_N3 - SLACK, 0)
    up = (shown - lighter) / np.maximum(255 - lighter, 1)
    down = (darker - shown) / np.maximum(darker, 1)
    return f32(np.clip(np.maximum(up, down).max(axis=1), 0, 1))


def stiffness(alpha_KHW: F32, soft: list[F32 | None]) -> F32:
    """Who takes what the colours cannot explain: what is below a veil, and what is in front at an edge.

    Args:
        alpha_KHW: Alpha of every layer, 0..1.
        soft: Per layer, where it is a veil (0..1), or None where it is not.

    Returns:
        1 and up, as ``exact.solve`` wants it.
    """
    result = np.ones_like(alpha_KHW)
    light = np.ones(alpha_KHW.shape[1:], np.float32)
    for index in range(len(alpha_KHW) - 1, -1, -1):
        result[index] += CLEAN_BEHIND * (1 - light)
        cover, veil = alpha_KHW[index], soft[index]
        if veil is not None:
            result[index] += DETAIL_BELOW * veil
            cover = cover * (1 - veil)
        light *= 1 - cover
    return result


def sharpen(alpha_HW: F32, rgb_HW3: U8, front_HW3: F32, back_HW3: F32, edge_HW: F32) -> None:
    """Project alpha onto the colour line in the edge band, in place."""
    where = edge_HW > 0.02
    scale = np.float32(1 / 255)
    shown, trust = project(rgb_HW3[where] * scale, front_HW3[where] * scale, back_HW3[where] * scale)
    alpha_HW[where] += trust * edge_HW[where] * (shown - alpha_HW[where])
