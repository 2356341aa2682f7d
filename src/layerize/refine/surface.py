"""Smooth colour surfaces fitted robustly to pixels: flat grounds and gradients, without weights.

Legend: H W pixels, N samples, P polynomial terms. RGB ``u8``; distances are Euclidean in CIELAB (L in 0..100).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

F32: TypeAlias = npt.NDArray[np.float32]
U8: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]

TERMS = (1, 3, 6)
"""Polynomial terms of a constant, a linear and a quadratic surface in x and y."""
SIMPLER_IS_BETTER = 0.04
"""A surface with more terms must fit at least this share of the samples more."""
NEAR = 9.0
"""Colours at most this far apart (CIELAB) count as the same surface."""
ENOUGH = 0.4
"""A surface that this share of the samples lies on needs no second start."""
REWEIGHTINGS = 8
SAMPLES = 6000
"""More pixels than these do not change a fit of six terms."""


@dataclass(frozen=True)
class Surface:
    """A fitted surface.

    Attributes:
        colours_HW3: The surface on the whole picture, RGB ``u8``.
        support: Share of the fitted pixels that lie on it, 0..1.
        noise: Median distance of those pixels from it, CIELAB.
    """

    colours_HW3: U8
    support: float
    noise: float


def to_lab(picture_HW3: U8) -> F32:
    """RGB ``u8`` to CIELAB, L in 0..100."""
    return np.asarray(cv2.cvtColor(picture_HW3.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def distance(lab_HW3: F32, surface: Surface) -> F32:
    """How far each pixel lies from a surface, CIELAB, (H, W)."""
    return np.asarray(np.linalg.norm(lab_HW3 - to_lab(surface.colours_HW3), axis=-1), np.float32)


def fit_surface(picture_HW3: U8, where_HW: Mask) -> Surface:
    """The simplest polynomial surface, up to quadratic, that most of the given pixels lie on.

    Iteratively reweighted least squares, begun at the commonest colour (more than half of the pixels may then belong
    to something else) and at the plain fit where that found little (strong gradients have no commonest colour).

    Args:
        picture_HW3: RGB ``u8``.
        where_HW: The pixels to fit; at least one.
    """
    height, width = where_HW.shape
    rows, columns = np.nonzero(where_HW)
    step = max(1, len(rows) // SAMPLES)
    rows, columns = rows[::step], columns[::step]
    colours = picture_HW3[rows, columns].astype(np.float32)
    lab = to_lab(picture_HW3[rows, columns][None])[0]
    x, y = columns * np.float32(2 / width) - 1, rows * np.float32(2 / height) - 1
    basis_NP = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).astype(np.float32)
    from_commonest = np.linalg.norm(colours - _commonest(colours), axis=-1)
    best, best_support, best_noise, on_it = np.zeros((6, 3), np.float32), -1.0, 0.0, colours
    for start, terms in product((from_commonest, np.zeros_like(from_commonest)), TERMS):
        if terms > len(rows) or (start is not from_commonest and best_support > ENOUGH):
            continue
        solution = np.zeros((6, 3), np.float32)
        solution[:terms] = _robust_fit(basis_NP[:, :terms], colours, start)
        fitted = np.clip(np.rint(basis_NP @ solution), 0, 255).astype(np.uint8)
        apart = np.linalg.norm(lab - to_lab(fitted[None])[0], axis=-1)
        support = float((apart < NEAR).mean())
        if support > best_support + SIMPLER_IS_BETTER:
            best, best_support, best_noise = solution, support, float(np.median(apart))
            on_it = colours[apart < NEAR] if support else colours
    gx, gy = np.meshgrid(np.arange(width) * np.float32(2 / width) - 1, np.arange(height) * np.float32(2 / height) - 1)
    grid = np.stack([np.ones_like(gx), gx, gy, gx * gx, gx * gy, gy * gy], axis=-1).astype(np.float32)
    # a polynomial runs away where there are no samples: keep it within the colours that were seen
    colours_HW3: U8 = np.rint(np.clip(grid @ best, on_it.min(axis=0), on_it.max(axis=0))).astype(np.uint8)
    return Surface(colours_HW3, best_support, best_noise)


def _commonest(colours_N3: F32) -> F32:
    """The mean colour of the fullest cell of an 8x8x8 histogram of RGB."""
    cells = (colours_N3.astype(np.int32) >> 5) @ np.array([64, 8, 1])
    fullest = np.bincount(cells, minlength=512).argmax()
    return np.asarray(colours_N3[cells == fullest].mean(axis=0), np.float32)


def _robust_fit(basis_NP: F32, colours_N3: F32, start_N: F32) -> F32:
    error, scale = start_N, 32.0
    solution = np.zeros((basis_NP.shape[1], 3), np.float32)
    for _ in range(REWEIGHTINGS):
        weight = 1 / (1 + (error / np.float32(scale)) ** 2)
        weighted = basis_NP * weight[:, None]
        # a little ridge keeps the system solvable when all pixels lie on one line
        normal = weighted.T @ basis_NP + np.eye(basis_NP.shape[1], dtype=np.float32) * 1e-3
        solution = np.linalg.solve(normal, weighted.T @ colours_N3).astype(np.float32)
        error = np.linalg.norm(basis_NP @ solution - colours_N3, axis=-1)
        scale = max(8.0, scale * 0.75)
    return solution
