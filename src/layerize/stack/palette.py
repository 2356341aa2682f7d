"""Swap a layer's colours for others: pairs of old and new, or a new palette for its main colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from layerize.errors import EditError
from layerize.stack.colour import Colour, fit_gamut, from_oklab, parse_colour, to_oklab
from layerize.stack.convert import F32, to_float
from layerize.stack.ink import map_ink
from layerize.stack.layer import LayerStack
from layerize.stack.recolor import GREY
from layerize.stack.tree import Ref, change_leaves

# How far a colour's swap reaches (Oklab, lightness counted as LIGHTNESS): colours farther off stay as they are.
REACH = 0.12
LIGHTNESS = 0.4
FADED = 0.05
"""A pull weaker than this is none."""
MOST = 4.0
"""A swap makes no colour stronger than this many times."""
# More colours than this are no palette, and every one costs time.
MAX_COLOURS = 32
ROUNDS = 12
"""Of k-means; palettes settle in fewer."""
COLOURS_SEEN = 20_000
"""k-means looks at the commonest; a photo has some hundred thousand."""


def palette(stack: LayerStack, ref: Ref, colours: Mapping[Colour, Colour] | Sequence[Colour]) -> LayerStack:
    """Swap colours of a layer or group; shades of a colour go with it.

    Args:
        stack: The stack.
        ref: The layer or group.
        colours: Old → new: each colour near an old one shifts as that does, colours near none stay. Or a list of new
            colours: the layer's own main colours are found (as many as the list has), and the darkest becomes the
            darkest of the list, and so on.

    Raises:
        EditError: No colours, or more than ``MAX_COLOURS``.
    """
    if not 1 <= len(colours) <= MAX_COLOURS:
        raise EditError(f"a palette of {len(colours)} colours was given; 1 to {MAX_COLOURS} are allowed.")
    if isinstance(colours, Mapping):
        old, new = _lab(list(colours)), _lab(list(colours.values()))
        return change_leaves(stack, ref, lambda layer: map_ink(layer, lambda rgb, _: _swapped(rgb, old, new)))
    wanted = _lab(colours)
    wanted = wanted[np.argsort(wanted[:, 0])]
    return change_leaves(stack, ref, lambda layer: map_ink(layer, lambda rgb, weights: _mapped(rgb, weights, wanted)))


def _lab(colours: Sequence[Colour]) -> F32:
    return to_oklab(to_float(np.array([parse_colour(colour) for colour in colours], np.uint8)))


def _swapped(rgb: F32, old: F32, new: F32) -> F32:
    """Each colour moved as the old ones near it are; what is near none is left alone."""
    lab = to_oklab(rgb)
    near = np.exp(-_distances(lab, old) / REACH**2)
    total = near.sum(1, keepdims=True)
    # Full force within the reach of one old colour, fading to nothing farther out.
    pull = near / np.maximum(total, 1e-9) * np.clip((total - FADED) / (1 / np.e - FADED), 0, 1)
    return from_oklab(fit_gamut(lab + _shifts(lab, pull, old, new)))


def _mapped(rgb: F32, weights: F32, wanted: F32) -> F32:
    """The main colours of the ink become the wanted ones, both in order of lightness."""
    lab = to_oklab(rgb)
    centres = _main_colours(lab, weights, len(wanted))
    near = np.exp(-_distances(lab, centres) / (REACH / 2) ** 2) + 1e-12
    nearest = _distances(lab, centres).argmin(1)
    near[np.arange(len(lab)), nearest] += 1e-9
    pull = near / near.sum(1, keepdims=True)
    return from_oklab(fit_gamut(lab + _shifts(lab, pull, centres, wanted)))


def _shifts(lab: F32, pull: F32, old: F32, new: F32) -> F32:
    """The sum of what each swap would do to every colour, times its pull, (N, 3).

    A swap shifts lightness, and turns and scales chroma as it does its own colour's; a grey's is shifted.
    """
    plane = lab[:, 1] + 1j * lab[:, 2]
    shifts = np.zeros_like(lab)
    for k in range(len(old)):
        before, after = complex(*old[k, 1:]), complex(*new[k, 1:])
        if abs(before) > GREY:
            ratio = after / before
            moved = plane * (ratio / max(1.0, abs(ratio) / MOST)) - plane
        else:
            moved = np.full_like(plane, after - before)
        change = np.stack([np.full(len(lab), new[k, 0] - old[k, 0]), moved.real, moved.imag], axis=1)
        shifts += pull[:, k : k + 1] * change.astype(np.float32)
    return shifts


def _main_colours(lab: F32, weights: F32, count: int) -> F32:
    """Weighted k-means, started at the quantiles of lightness: the same every time. (count, 3), darkest first."""
    if len(lab) > COLOURS_SEEN:
        common = np.argsort(-weights, kind="stable")[:COLOURS_SEEN]
        lab, weights = lab[common], weights[common]
    order = np.argsort(lab[:, 0], kind="stable")
    total = np.cumsum(weights[order], dtype=np.float64)
    starts = np.searchsorted(total, (np.arange(count) + 0.5) / count * total[-1])
    centres: F32 = lab[order[np.minimum(starts, len(order) - 1)]].copy()
    for _ in range(ROUNDS):
        nearest = _distances(lab, centres).argmin(1)
        for k in range(count):
            mine = nearest == k
            if mine.any():
                centres[k] = np.average(lab[mine], axis=0, weights=weights[mine])
    return centres[np.argsort(centres[:, 0], kind="stable")]


def _distances(lab: F32, others: F32) -> F32:
    """Squared distances (N, K)."""
    scale = np.array([LIGHTNESS, 1, 1], np.float32)
    return np.stack([(((lab - other) * scale) ** 2).sum(1) for other in others], axis=1).astype(np.float32)
