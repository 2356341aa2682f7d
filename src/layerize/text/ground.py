"""What lies under the text: a smooth surface where one explains the surroundings, else inpainting.

Colours are ``float32`` levels 0..255. Knows nothing of letters; it is told which pixels to trust.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

F32: TypeAlias = npt.NDArray[np.float32]
Bools: TypeAlias = npt.NDArray[np.bool_]

SMOOTH_SHARE = 0.72  # of the pixels around the letters must lie on the surface, else the ground counts as texture
LEAST_SHARE = 0.4  # is enough where what does not lie on it is a shadow or other letters: no second colour
ONE_COLOUR = 0.35  # share of the rest that makes a second surface
ON_SURFACE = 9.0  # levels
SMOOTH_DEVIATION = 5.0  # levels; rougher grounds count as texture
CELL, CELLS = 12, 22  # of the colour histogram: width in levels, number per channel
ROUNDS = 7  # of reweighting; the fit settles in 3 or 4
MOST_SAMPLES = 2500  # a surface of 6 numbers per channel needs no more
INPAINT_PIXELS = 250_000  # larger regions are inpainted at a reduced size
FLAT_COLOURS = 5  # that the surroundings of a hole may have to count as flat
FLAT_WIDTH = 14.0  # levels within which a colour is one
FLAT_GRAIN = 3.5  # levels that they may vary by on average
CALM_RING = 9.0  # px around the hole
CALM_SLOPE = 2.5  # levels per pixel
FLAT_REST = 0.12  # share of pixels (edges) that may have another
FLAT_RING = 6.0  # px around the hole
SETTLE_ROUNDS, SETTLE_SIDE = 12, 7
RADIUS = 4  # px that inpainting looks around


@dataclass(frozen=True, eq=False)
class Surface:
    """A quadratic surface through the ground around a line.

    Attributes:
        colour_HW3: Its colours over the whole window.
        deviation: Standard deviation of the pixels that lie on it, in levels.
        share: How many of the pixels that it was fitted to lie on it, 0..1.
        rest_mode: How much of the others have one colour, 0..1: large where a second surface begins.
    """

    colour_HW3: F32
    deviation: float
    share: float
    rest_mode: float

    @property
    def smooth(self) -> bool:
        """Whether it explains the ground."""
        if self.deviation > SMOOTH_DEVIATION:
            return False
        return self.share >= SMOOTH_SHARE or (self.share >= LEAST_SHARE and self.rest_mode < ONE_COLOUR)


def fit_surface(rgb_HW3: F32, trusted_HW: Bools) -> Surface:
    """Robust quadratic surface through trusted pixels (Tukey's biweight, scale from the median deviation).

    Two starts are tried, the median and the most frequent colour; the surface that more pixels lie on wins.

    Args:
        rgb_HW3: Colours.
        trusted_HW: Pixels that may be background; up to about half may be something else. Where none may, all may.
    """
    height, width = trusted_HW.shape
    if not trusted_HW.any():
        trusted_HW = np.ones_like(trusted_HW)
    ys, xs = np.nonzero(trusted_HW)
    if len(ys) > MOST_SAMPLES:
        chosen = np.linspace(0, len(ys) - 1, MOST_SAMPLES).astype(np.intp)
        ys, xs = ys[chosen], xs[chosen]
    terms_N6 = _terms(xs, ys, width, height)
    target_N3 = rgb_HW3[ys, xs].astype(np.float64)
    starts = (np.median(target_N3, axis=0), mode_of(target_N3.astype(np.float32)).astype(np.float64))
    fits = [_reweighted(terms_N6, target_N3, start) for start in starts]
    coefficients_63, away_N = max(fits, key=lambda fit: int((fit[1] < ON_SURFACE).sum()))
    near_N = away_N < ON_SURFACE
    deviation = float(np.sqrt((away_N[near_N] ** 2).mean())) if near_N.any() else 255.0
    rest_N3 = target_N3[away_N > 2 * ON_SURFACE].astype(np.float32)
    rest_mode = float((farthest(rest_N3 - mode_of(rest_N3)) < ON_SURFACE).mean()) if len(rest_N3) > 8 else 0.0
    grid_y, grid_x = np.mgrid[:height, :width]
    terms = _terms(grid_x.ravel(), grid_y.ravel(), width, height).astype(np.float32)
    colour = np.clip(terms @ coefficients_63.astype(np.float32), 0, 255).reshape(height, width, 3)
    return Surface(colour, deviation, float(near_N.mean()), rest_mode)


def _reweighted(
    terms_N6: npt.NDArray[np.float64], target_N3: npt.NDArray[np.float64], start_3: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Coefficients (6, 3) and each pixel's largest deviation."""
    stiff = np.diag([1e-6, 1e-3, 1e-3, 1e-2, 1e-2, 1e-2]) * len(terms_N6)
    away_N: npt.NDArray[np.float64] = farthest(target_N3 - start_3)
    coefficients_63: npt.NDArray[np.float64] = np.zeros((6, 3))
    for step in range(ROUNDS):
        scale = float(np.clip(1.4826 * np.median(away_N), 0.5, 6.0))
        reach = max(4.0 * scale, 3.0) if step > 1 else max(2.5 * scale, 10.0)
        weight_N1 = np.clip(1 - (away_N / reach) ** 2, 0, None)[:, None] ** 2
        gram = terms_N6.T @ (terms_N6 * weight_N1) + stiff * 1e-3
        coefficients_63 = np.linalg.solve(gram, terms_N6.T @ (target_N3 * weight_N1)).astype(np.float64)
        away_N = farthest(target_N3 - terms_N6 @ coefficients_63)
    return coefficients_63, away_N


def farthest(difference: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The largest channel difference, (..., 3) to (...); several times faster than ``max`` over a short last axis."""
    apart = np.abs(difference)
    largest: npt.NDArray[Any] = np.maximum(np.maximum(apart[..., 0], apart[..., 1]), apart[..., 2])
    return largest


def mode_of(colours_N3: F32, weight_N: F32 | None = None) -> F32:
    """The most frequent colour: the mean of what lies around the fullest cell of a smoothed histogram."""
    cells = np.clip(colours_N3 // CELL, 0, CELLS - 1).astype(np.intp)
    weight = np.ones(len(cells), np.float32) if weight_N is None else weight_N
    table = np.bincount(
        (cells[:, 0] * CELLS + cells[:, 1]) * CELLS + cells[:, 2], weights=weight, minlength=CELLS**3
    ).reshape(CELLS, CELLS, CELLS)
    for axis in range(3):
        low, high = np.roll(table, 1, axis), np.roll(table, -1, axis)
        table = table + 0.5 * (low + high)
    mode = np.array(np.unravel_index(int(table.argmax()), table.shape), np.float32) * CELL + CELL / 2
    close = farthest(colours_N3 - mode) < 1.7 * CELL
    if not close.any():
        return mode
    mean: F32 = np.average(colours_N3[close], axis=0, weights=np.maximum(weight[close], 0) + 1e-6).astype(np.float32)
    return mean


def spread(values_HWC: F32, weight_HW: F32) -> F32:
    """Known values carried smoothly to where none are known (a weighted pyramid, pull then push).

    Args:
        values_HWC: Any values; read where the weight is above 0.
        weight_HW: 0..1.

    Returns:
        Like ``values_HWC``; equal to it where the weight is 1.
    """
    height, width = weight_HW.shape
    if min(height, width) < 2 or bool((weight_HW > 0).all()):
        return values_HWC
    half = (-(-width // 2), -(-height // 2))
    carried = _resized(values_HWC * weight_HW[..., None], half, cv2.INTER_AREA)
    total = cv2.resize(weight_HW, half, interpolation=cv2.INTER_AREA)
    coarse = spread(carried / np.maximum(total, 1e-6)[..., None], np.minimum(4 * total, 1).astype(np.float32))
    fine = _resized(coarse, (width, height), cv2.INTER_LINEAR)
    filled: F32 = fine + weight_HW[..., None] * (values_HWC - fine)
    return filled


def _resized(values_HWC: F32, size: tuple[int, int], interpolation: int) -> F32:
    """OpenCV's ``resize``, which takes four channels at most."""
    parts = [values_HWC[..., channel : channel + 4] for channel in range(0, values_HWC.shape[2], 4)]
    resized = [cv2.resize(np.ascontiguousarray(part), size, interpolation=interpolation) for part in parts]
    return np.concatenate([part.reshape(size[1], size[0], -1) for part in resized], axis=2)


def smooth_fill(rgb_HW3: F32, surface_HW3: F32, hole_HW: Bools, reach: float) -> F32:
    """The surface, bent to what is seen around the hole; the picture itself outside it.

    Args:
        rgb_HW3: The picture.
        surface_HW3: From ``fit_surface``.
        hole_HW: What to fill.
        reach: Pixels farther than this many levels from the surface are something else and bend nothing.
    """
    rest_HW3 = rgb_HW3 - surface_HW3
    known = ~hole_HW & (farthest(rest_HW3) < reach)
    rest = spread(cv2.blur(_known(rest_HW3, ~known), (3, 3)), known.astype(np.float32)) if known.any() else 0.0
    filled: F32 = np.where(hole_HW[..., None], np.clip(surface_HW3 + rest, 0, 255), rgb_HW3)
    return filled


def inpaint(rgb_HW3: F32, hole_HW: Bools) -> F32:
    """What may lie under a hole where no one surface does; the picture itself outside it.

    A few flat colours around it (drawings, panels, patterns) are each carried on and keep their edges; what is out of
    focus is carried on smoothly; anything else is inpainted by OpenCV.
    """
    flat = _flat_fill(rgb_HW3, hole_HW)
    if flat is not None:
        return flat
    return soft_fill(rgb_HW3, hole_HW) if is_calm(rgb_HW3, hole_HW) else _telea(rgb_HW3, hole_HW)


def is_calm(rgb_HW3: F32, hole_HW: Bools) -> bool:
    """Whether the surroundings of a hole change slowly: out of focus, clouds, soft light."""
    around = ring_of(hole_HW, 1.5, CALM_RING)
    if around.sum() < 50:
        return False
    grey = cv2.GaussianBlur(rgb_HW3.mean(2), (0, 0), 1.0)  # grain is no detail
    slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 8
    return float(np.quantile(slope[around], 0.8)) < CALM_SLOPE


def soft_fill(rgb_HW3: F32, hole_HW: Bools) -> F32:
    """The surroundings carried smoothly into a hole; the picture itself outside it."""
    known = ~hole_HW
    if not known.any():
        return rgb_HW3
    carried = _settled(spread(_known(rgb_HW3, hole_HW), known.astype(np.float32)), known, hole_HW)
    filled: F32 = np.where(hole_HW[..., None], carried, rgb_HW3).astype(np.float32)
    return filled


def ring_of(mask_HW: Bools, inner: float, outer: float) -> Bools:
    """Pixels between two distances from a mask, in pixels."""
    distance = cv2.distanceTransform((~mask_HW).astype(np.uint8), cv2.DIST_L2, 3)
    ring: Bools = (distance > inner) & (distance <= outer)
    return ring


def _flat_fill(rgb_HW3: F32, hole_HW: Bools) -> F32 | None:
    """Each of a few colours carried into the hole; every pixel takes the one that reaches it most. None: not flat."""
    colours = rgb_HW3[ring_of(hole_HW, 0, FLAT_RING)]
    if len(colours) < 50:
        return None
    kinds = flat_colours(colours, FLAT_REST)
    if not kinds:
        return None
    apart = np.stack([farthest(rgb_HW3 - kind) for kind in kinds], axis=2)
    own = np.where((apart < FLAT_WIDTH) & (apart == apart.min(2, keepdims=True)) & ~hole_HW[..., None], 1.0, 0.0)
    own = own.astype(np.float32)
    known = own.max(2)
    pull = _settled(spread(own, known), known > 0, hole_HW)
    winner = pull.argmax(2)
    filled = np.zeros_like(rgb_HW3)
    share = np.zeros(hole_HW.shape, np.float32)
    for index in range(len(kinds)):
        here = own[..., index]
        weight = cv2.GaussianBlur((winner == index).astype(np.float32), (0, 0), 0.7)
        filled += weight[..., None] * (spread(rgb_HW3, here) if here.any() else kinds[index])
        share += weight
    result: F32 = np.where(hole_HW[..., None], filled / np.maximum(share, 1e-6)[..., None], rgb_HW3)
    return result


def flat_colours(colours_N3: F32, rest_share: float) -> list[F32]:
    """The few colours that all but ``rest_share`` (0..1) of some pixels have; none where there are shades."""
    kinds: list[F32] = []
    rest = colours_N3
    while len(kinds) < FLAT_COLOURS and len(rest) > 0.02 * len(colours_N3):
        kinds.append(mode_of(rest))
        rest = rest[farthest(rest - kinds[-1]) > FLAT_WIDTH]
    if not kinds or len(rest) > rest_share * len(colours_N3):
        return []
    nearest = np.stack([farthest(colours_N3 - kind) for kind in kinds]).min(0)
    return kinds if float(nearest[nearest < FLAT_WIDTH].mean()) <= FLAT_GRAIN else []


def _settled(pull_HWK: F32, known_HW: Bools, hole_HW: Bools) -> F32:
    """Smooths what a pyramid has carried into a hole, so that borders between colours run straight."""
    values = pull_HWK
    for _ in range(SETTLE_ROUNDS):
        blurred = cv2.blur(values, (SETTLE_SIDE, SETTLE_SIDE)).reshape(values.shape)
        values = np.where(known_HW[..., None] | ~hole_HW[..., None], pull_HWK, blurred)
    return values


def _telea(rgb_HW3: F32, hole_HW: Bools) -> F32:
    """OpenCV's inpainting (Telea 2004), at a reduced size for large regions; the picture itself outside the hole."""
    height, width = hole_HW.shape
    shrink = min(1.0, (INPAINT_PIXELS / (height * width)) ** 0.5)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = np.rint(cv2.resize(rgb_HW3, size, interpolation=cv2.INTER_AREA)).astype(np.uint8)
    hole = (cv2.resize(hole_HW.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    painted = cv2.inpaint(small, hole, RADIUS, cv2.INPAINT_TELEA).astype(np.float32)
    full = cv2.resize(painted, (width, height), interpolation=cv2.INTER_LINEAR) if shrink < 1 else painted
    filled: F32 = np.where(hole_HW[..., None], full, rgb_HW3)
    return filled


def _terms(xs: npt.NDArray[np.intp], ys: npt.NDArray[np.intp], width: int, height: int) -> npt.NDArray[np.float64]:
    x, y = 2 * xs / max(width - 1, 1) - 1, 2 * ys / max(height - 1, 1) - 1
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def _known(values_HW3: F32, hole_HW: Bools) -> F32:
    """The values with those in the hole replaced by the nearest known ones, so that a blur does not mix them in."""
    if not hole_HW.any() or hole_HW.all():
        return values_HW3
    _, labels = cv2.distanceTransformWithLabels(
        hole_HW.astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    known = ~hole_HW
    lookup = np.zeros((int(labels.max()) + 1, 3), np.float32)
    lookup[labels[known]] = values_HW3[known]
    nearest: F32 = lookup[labels]
    return nearest
