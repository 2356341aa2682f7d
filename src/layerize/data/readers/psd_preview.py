"""The merged picture of a Photoshop document."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
from psd_tools import PSDImage
from psd_tools.api.utils import get_transparency_index, has_transparency
from psd_tools.compression import PSDDecompressionWarning
from psd_tools.constants import ColorMode, Resource

from layerize.data.readers.notes import Notes
from layerize.data.readers.psd_colour import Colours
from layerize.stack.layer import U8

# Whose merged picture is stored over white (its colours then have to be freed of it).
_STRIP_PIXELS = 1_000_000
_OVER_WHITE = (ColorMode.RGB, ColorMode.GRAYSCALE, ColorMode.DUOTONE)


def read_preview(document: PSDImage, colours: Colours, notes: Notes) -> tuple[U8 | None, bool]:
    """The preview, ``u8`` (H, W, 4), and whether its transparency is meant; (None, False) where the file has none."""
    if not document.has_preview():
        notes.judge_preview(None, "saved without 'Maximize compatibility'")
        return None, False
    planes = _planes(document, colours)
    if planes is None:
        notes.judge_preview(None, "the merged picture is damaged")
        return None, False
    index = _alpha_index(document, len(planes), colours.count)
    alpha = planes[index] if index is not None else None
    if alpha is not None and document.color_mode in _OVER_WHITE:
        planes = [_freed(plane, alpha) for plane in planes[: colours.count]]
    preview = colours.rgba(planes, alpha)
    if colours.count == 1 and colours.mode == ColorMode.INDEXED and alpha is None:
        preview, alpha = _keyed(document, planes[0], preview)
    notes.judge_preview(preview)
    return preview, alpha is not None


def _planes(document: PSDImage, colours: Colours) -> list[U8] | None:
    record, (width, height) = document._record, document.size
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stored = record.image_data.get_data(record.header)
    if any(issubclass(warning.category, PSDDecompressionWarning) for warning in caught):
        return None
    row = (width * colours.depth + 7) // 8
    if len(stored) < colours.count or any(len(data) < row * height for data in stored):
        return None
    return [colours.plane(data, width, height, colour=i < colours.count) for i, data in enumerate(stored)]


def _alpha_index(document: PSDImage, planes: int, colours: int) -> int | None:
    """Which plane is the merged transparency, None if none is."""
    if planes <= colours or document.color_mode == ColorMode.MULTICHANNEL or not has_transparency(document):
        return None
    named = get_transparency_index(document)
    return named if colours <= named < planes else colours


def _freed(plane: U8, alpha: U8) -> U8:
    """Straight colour from a plane premixed with white: (c + a - 1) / a; in strips, as whole float planes are large."""
    result = plane.copy()
    rows = max(1, _STRIP_PIXELS // plane.shape[1])
    for y in range(0, plane.shape[0], rows):
        opacity = alpha[y : y + rows].astype(np.float32)
        if opacity.min() == 255:
            continue
        colour = (plane[y : y + rows] + (opacity - 255)) * (255 / np.maximum(opacity, 1))
        result[y : y + rows] = np.clip(np.rint(colour), 0, 255)
    return result


def _keyed(document: PSDImage, indices: U8, preview: U8) -> tuple[U8, U8 | None]:
    """An indexed picture may name one palette entry that is transparent."""
    index = document.image_resources.get_data(Resource.TRANSPARENCY_INDEX)
    if not isinstance(index, int) or not 0 <= index <= 255:
        return preview, None
    alpha = np.where(indices == index, 0, 255).astype(np.uint8)
    return cv2.merge([*cv2.split(preview)[:3], alpha]), alpha
