"""A stack as a multi-part OpenEXR, for Nuke, Fusion, Natron, Blender: linear light, premultiplied, 16-bit float.

One part per layer, bottom to top, its data window being its box and the display window the canvas; the alpha channel is
the layer's matte. What else a stack holds goes along as a manifest in the first part's header.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from layerize.errors import InputError, LayerizeError, LimitError, MissingExtraError, OutputError
from layerize.formats.atomic import atomic_path
from layerize.formats.budget import PixelBudget
from layerize.formats.image import DEFAULT_MAX_PIXELS
from layerize.formats.pictures_and_manifest import Placed, check_pictures, describe_pictures, stack_of
from layerize.stack.convert import F32, to_u8
from layerize.stack.layer import U8, LayerStack

F16 = npt.NDArray[np.float16]

ATTRIBUTE = "layerize"
"""The attribute of the first part's header that holds the manifest."""

# Primaries and white of sRGB (ITU-R BT.709), red green blue white as (x, y).
BT709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)


def save_exr(stack: LayerStack, path: str | Path) -> None:
    """Write the stack as a multi-part OpenEXR, atomically; layers are cropped to their ink, ZIP-compressed.

    Warns:
        LayerizeWarning: The stack has groups, blend modes ...: other programs see every part plainly.

    Raises:
        MissingExtraError: OpenEXR is not installed.
        OutputError: The system refuses (disk full, no permission).
    """
    exr = _module("Writing OpenEXR files")
    text, pictures = describe_pictures(stack, "OpenEXR")
    parts: list[Any] = []
    for picture, name in zip(pictures, _unique([picture.name for picture in pictures]), strict=True):
        header = _header(exr, picture, stack.size)
        if not parts:
            header[ATTRIBUTE] = text
        parts.append(exr.Part(header, {"RGBA": to_linear(picture.pixels)}, name))
    with atomic_path(path) as temporary:
        try:
            exr.File(parts).write(str(temporary))
        except RuntimeError as error:
            detail = str(error).replace(str(temporary), Path(path).name)
            raise OutputError(f"{path}: OpenEXR cannot write it ({detail}); choose another place or format.") from error


def load_exr(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> LayerStack:
    """Read an OpenEXR that ``save_exr`` has written.

    Raises:
        MissingExtraError: OpenEXR is not installed.
        LimitError: The canvas, one layer or all layers together are over the limits.
        InputError: An OpenEXR without our layers, or damaged.
    """
    exr, label = _module("Reading OpenEXR files"), str(path)
    try:
        headers = [part.header for part in exr.File(label, header_only=True).parts]
        text = headers[0].get(ATTRIBUTE) if headers else None
        if not isinstance(text, str):
            raise InputError(f"{label} is not an OpenEXR with layers that layerize has written; give one of those.")
        windows = [[int(value) for corner in header["dataWindow"] for value in corner] for header in headers]
        budget = PixelBudget(label, max_pixels)
        for x0, y0, x1, y1 in windows:
            budget.spend(x1 - x0 + 1, y1 - y0 + 1)
        manifest = check_pictures(text, [(x0, y0) for x0, y0, _, _ in windows], label, max_pixels)
        parts = exr.File(label, separate_channels=False).parts
        return stack_of(manifest, [from_linear(part.channels["RGBA"].pixels) for part in parts])
    except LayerizeError:
        raise
    except MemoryError as error:
        raise LimitError(f"{label}: not enough memory to read it.") from error
    except Exception as error:  # OpenEXR raises RuntimeError and others on damaged files
        detail = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{label}: the OpenEXR is damaged or cut off ({detail}); save it again.") from error


def to_linear(pixels: U8) -> F16:
    """Straight sRGB ``u8`` (H, W, 4) to premultiplied linear light, float16 in 0..1 (IEC 61966-2-1)."""
    alpha = np.multiply(pixels[..., 3:], np.float32(1 / 255), dtype=np.float32)
    return np.concatenate([_linear_levels()[pixels[..., :3]] * alpha, alpha], axis=2).astype(np.float16)


def from_linear(pixels: npt.NDArray[Any]) -> U8:
    """The inverse of ``to_linear``, exact for what it returns; values that are no numbers become 0."""
    values = np.nan_to_num(pixels.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    alpha = to_u8(values[..., 3:])
    straight = np.zeros_like(values[..., :3])
    np.divide(values[..., :3] * 255, alpha, out=straight, where=alpha > 0)
    return np.concatenate([to_u8(_srgb(straight)), alpha], axis=2)


@lru_cache
def _linear_levels() -> F32:
    levels = np.arange(256) / 255
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _srgb(linear: F32) -> F32:
    linear = np.clip(linear, 0, 1)
    curve: F32 = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** np.float32(1 / 2.4) - 0.055)
    return curve


def _header(exr: Any, picture: Placed, canvas: tuple[int, int]) -> dict[str, Any]:
    (x, y), (height, width) = picture.offset, picture.pixels.shape[:2]
    return {
        "type": exr.scanlineimage,
        "compression": exr.ZIP_COMPRESSION,
        "dataWindow": _window(x, y, x + width - 1, y + height - 1),
        "displayWindow": _window(0, 0, canvas[0] - 1, canvas[1] - 1),
        "chromaticities": BT709,
    }


def _window(x0: int, y0: int, x1: int, y1: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    return np.array([x0, y0], np.int32), np.array([x1, y1], np.int32)


def _unique(names: list[str]) -> list[str]:
    """Names of parts: no two alike and none empty, as OpenEXR demands."""
    taken: dict[str, None] = {}  # in order
    for name in names:
        base = "".join(c if c.isprintable() else "\ufffd" for c in name) or "Layer"
        unique, number = base, 1
        while unique in taken:
            number += 1
            unique = f"{base} {number}"
        taken[unique] = None
    return list(taken)


def _module(feature: str) -> Any:
    try:
        import OpenEXR
    except ImportError as error:
        raise MissingExtraError(feature, "OpenEXR", "exchange") from error
    return OpenEXR
