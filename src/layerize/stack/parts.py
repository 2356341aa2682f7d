"""Separate a layer into its unconnected parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from layerize.stack.layer import Group, Layer, new_id

Labels = npt.NDArray[np.int32]


def parts(layer: Layer, *, min_area: int = 16, max_parts: int = 64) -> Group:
    """The layer as a pass-through group of its connected parts (8-connected alpha > 0), in reading order.

    Every inked pixel is in exactly one part, so the group's composite equals the layer's.

    Args:
        layer: Any layer; an empty one gives an empty group.
        min_area: Parts of fewer pixels are specks and go to the nearest part.
        max_parts: Only the largest so many count as parts; the others are treated as specks.

    Returns:
        A group with the layer's name, id and visibility; its parts are cropped and keep opacity and blend mode.
    """
    ink = (layer.pixels[..., 3] > 0).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    areas = stats[1:count, cv2.CC_STAT_AREA]
    if len(areas) > 1:
        kept = _kept(areas, min_area, max_parts)
        labels = _absorb(labels, kept)
    members = [_part(layer, labels == label) for label in np.unique(labels[labels > 0])]
    members.sort(key=lambda part: (part.offset[1], part.offset[0]))
    if len(members) == 1:
        members = [replace(members[0], name=layer.name, text=layer.text)]
    else:
        members = [replace(part, name=f"{layer.name} {number}") for number, part in enumerate(members, 1)]
    return Group(layers=tuple(members), name=layer.name, visible=layer.visible, id=layer.id)


def _kept(areas: npt.NDArray[Any], min_area: int, max_parts: int) -> npt.NDArray[np.intp]:
    """Labels of the components that stay parts: large enough and among the largest; at least the largest one."""
    order = np.argsort(-areas, kind="stable")[: max(1, max_parts)]
    large = order[areas[order] >= min_area]
    return (large if large.size else order[:1]) + 1


def _absorb(labels: npt.NDArray[Any], kept: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """Give every speck, as a whole, the label of the kept part nearest to it."""
    keep = np.zeros(int(labels.max()) + 1, bool)
    keep[kept] = True
    is_speck = (labels > 0) & ~keep[labels]
    if not is_speck.any():
        return labels
    seeds = np.where(keep[labels] & (labels > 0), 0, 1).astype(np.uint8)
    distance, nearest = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    seed_labels = np.zeros(int(nearest.max()) + 1, labels.dtype)
    seed_labels[nearest[seeds == 0]] = labels[seeds == 0]
    specks, gaps, targets = labels[is_speck], distance[is_speck], seed_labels[nearest[is_speck]]
    order = np.lexsort((gaps, specks))
    _, first = np.unique(specks[order], return_index=True)
    mapping = np.arange(keep.size, dtype=labels.dtype)
    mapping[specks[order][first]] = targets[order][first]
    absorbed: npt.NDArray[Any] = mapping[labels]
    return absorbed


def _part(layer: Layer, mask: npt.NDArray[np.bool_]) -> Layer:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    crop = layer.pixels[y : y + height, x : x + width].copy()
    crop[~mask[y : y + height, x : x + width]] = 0
    offset = (layer.offset[0] + x, layer.offset[1] + y)
    return replace(layer, pixels=crop, offset=offset, id=new_id(), visible=True, text=None)
