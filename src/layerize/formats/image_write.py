"""Write one flat picture: the extension decides the format."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from layerize.errors import OutputError
from layerize.formats.atomic import atomic_path
from layerize.stack.composite import Background, flatten
from layerize.stack.layer import U8, Layer, LayerStack


@dataclass(frozen=True, kw_only=True)
class _Writer:
    name: str
    alpha: bool
    max_side: int
    options: dict[str, Any]


_WRITERS = {
    ".png": _Writer(name="PNG", alpha=True, max_side=2**31 - 1, options={"compress_level": 3}),
    ".jpg": _Writer(name="JPEG", alpha=False, max_side=65_500, options={"quality": 95, "subsampling": 0}),
    ".webp": _Writer(name="WEBP", alpha=True, max_side=16_383, options={"lossless": True, "exact": True, "method": 2}),
    ".avif": _Writer(name="AVIF", alpha=True, max_side=65_536, options={"quality": 90, "subsampling": "4:4:4"}),
    ".tif": _Writer(name="TIFF", alpha=True, max_side=2**31 - 1, options={"compression": "tiff_adobe_deflate"}),
    ".bmp": _Writer(name="BMP", alpha=False, max_side=2**31 - 1, options={}),
}
_WRITERS |= {".jpeg": _WRITERS[".jpg"], ".tiff": _WRITERS[".tif"]}

IMAGE_EXTENSIONS = tuple(_WRITERS)

_QUICK_PNG = [
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(getattr(cv2, "IMWRITE_PNG_FILTER", 0), getattr(cv2, "IMWRITE_PNG_FILTER_PAETH", 0)),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
]


def write_image(pixels: U8, path: str | Path, *, background: Background | None = None) -> None:
    """Write a flat picture atomically.

    PNG, WebP (lossless), TIFF and AVIF keep alpha; JPEG and BMP cannot and are laid on the background (white).

    Args:
        pixels: ``u8`` (H, W, 4), straight alpha.
        path: Its extension decides the format.
        background: A colour or picture under the pixels.

    Raises:
        OutputError: Unknown extension, too large for the format, or the system refuses.
    """
    path = Path(path)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise OutputError(f"{path}: unknown picture extension {path.suffix!r}; use one of {', '.join(_WRITERS)}.")
    height, width = pixels.shape[:2]
    if max(width, height) > writer.max_side:
        raise OutputError(
            f"{path}: {writer.name} ends at {writer.max_side} pixels a side, this is {width}x{height}; use .png."
        )
    if background is None and not writer.alpha:
        background = (255, 255, 255)
    if background is not None:
        pixels = flatten(LayerStack(size=(width, height), layers=(Layer(pixels=pixels),)), background=background)
    data = encode(pixels, writer.name, **writer.options)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def encode_png(pixels: U8) -> bytes:
    """Lossless PNG bytes of ``u8`` (H, W, 4), quickly; stored as RGB when fully opaque.

    One filter (Paeth) and run lengths instead of a search: on a poster and on a noisy photograph (2000x2000) half the
    time of zlib's level 2 and a fifth smaller; up to three times larger only where the same pixels come back in rows.
    """
    if not hasattr(cv2, "IMWRITE_PNG_FILTER") or pixels.size >= 2**31:  # OpenCV before 4.12; its own size limit
        return encode(pixels, "PNG", compress_level=2)
    code = cv2.COLOR_RGBA2BGR if _opaque(pixels) else cv2.COLOR_RGBA2BGRA
    done, data = cv2.imencode(".png", cv2.cvtColor(pixels, code), _QUICK_PNG)
    assert done
    return bytes(data)


def encode(pixels: U8, format_name: str, **options: Any) -> bytes:
    """Encoded bytes; in memory, because Pillow's own file writing loses the system's error number (disk full)."""
    opaque = pixels.shape[2] == 3 or _opaque(pixels)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[..., :3] if opaque else pixels)).save(buffer, format_name, **options)
    return buffer.getvalue()


def _opaque(pixels: U8) -> bool:
    return bool(cv2.minMaxLoc(cv2.extractChannel(pixels, 3))[0] == 255)
