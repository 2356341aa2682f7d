"""What each plain layer changes in the composite: a layer that changes nothing cannot be learnt from the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerize.data.placed import Placed, bands, over, planes
from layerize.stack.composite import Box, box_of
from layerize.stack.convert import F32
from layerize.stack.layer import Layer


@dataclass(kw_only=True)
class Contribution:
    """What one layer does to the composite; changes in levels of 255.

    Attributes:
        change: The largest change of any pixel if the layer were taken out.
        own: The same if nothing lay above it.
        seen: The largest share of light, 0..1, that reaches one of its inked pixels through the layers above.
        ink: Sum of its alpha over the canvas, in pixels.
        visible: The part of ``ink`` that is seen.
    """

    change: float = 0.0
    own: float = 0.0
    seen: float = 0.0
    ink: float = 0.0
    visible: float = 0.0


def contributions(layers: Sequence[Layer], size: tuple[int, int]) -> list[Contribution]:
    """One ``Contribution`` per layer, bottom to top.

    Args:
        layers: Plain (normal) layers bottom to top.
        size: (width, height) of the canvas.
    """
    found = [Contribution() for _ in layers]
    for band in bands(Box(0, 0, *size)):
        _add_band(layers, band, found)
    return found


def _add_band(layers: Sequence[Layer], band: Box, found: list[Contribution]) -> None:
    shape = (band.y1 - band.y0, band.x1 - band.x0)
    rgb, alpha = np.zeros((3, *shape), np.float32), np.zeros(shape, np.float32)
    changes: list[tuple[int, tuple[slice, slice], F32, F32]] = []
    for index, layer in enumerate(layers):
        common = box_of(layer).meet(band)
        if common is None:
            continue
        there = common.slices(band.x0, band.y0)
        source, source_alpha = planes(layer, common)
        below, below_alpha = rgb[(slice(None), *there)], alpha[there]
        own = source_alpha * np.maximum(np.abs(source - below).max(0), 1 - below_alpha)
        changes.append((index, there, own, source_alpha))
        over(below, below_alpha, source, source_alpha)
    light = np.ones(shape, np.float32)
    for index, there, own, source_alpha in reversed(changes):
        reaching, fact = light[there], found[index]
        fact.change = max(fact.change, 255 * float((own * reaching).max(initial=0)))
        fact.own = max(fact.own, 255 * float(own.max(initial=0)))
        fact.seen = max(fact.seen, float((reaching * (source_alpha > 0)).max(initial=0)))
        fact.ink += float(source_alpha.sum(dtype=np.float64))
        fact.visible += float((source_alpha * reaching).sum(dtype=np.float64))
        reaching *= 1 - source_alpha


def drop_unseen(placed: Sequence[Placed], size: tuple[int, int]) -> tuple[list[Placed], list[tuple[str, str]]]:
    """Take out the layers without which the composite is the same.

    Layers that are covered go first, all at once (what covers them stays); then those of the very colour of what lies
    below them; then, lowest first, those that are partly the one and partly the other.

    Returns:
        The layers that stay, and (name, why) of each that went.
    """
    kept = list(placed)
    gone: list[tuple[str, str]] = []
    while True:
        facts = contributions([item.layer for item in kept], size)
        covered = [index for index, fact in enumerate(facts) if fact.seen < 0.5 / 255]
        same = [index for index, fact in enumerate(facts) if fact.own < 0.5]
        unseen = [index for index, fact in enumerate(facts) if fact.change < 0.5][:1]
        chosen, why = next(
            (
                (indices, why)
                for indices, why in (
                    (covered, "is wholly covered"),
                    (same, "has the colours of what lies below it"),
                    (unseen, "changes nothing in the picture"),
                )
                if indices
            ),
            ([], ""),
        )
        if not chosen:
            return kept, gone
        gone += [(kept[index].layer.name, why) for index in chosen]
        kept = [item for index, item in enumerate(kept) if index not in set(chosen)]
