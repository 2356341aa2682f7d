"""Write one flat picture: the extension decides the format."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """Lossless PNG bytes of ``u8`` (H, W, 4); stored as RGB when fully opaque."""
    return encode(pixels, "PNG", compress_level=3)


def encode(pixels: U8, format_name: str, **options: Any) -> bytes:
    """Encoded bytes; in memory, because Pillow's own file writing loses the system's error number (disk full)."""
    opaque = pixels.shape[2] == 3 or bool(pixels[..., 3].min(initial=255) == 255)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[..., :3] if opaque else pixels)).save(buffer, format_name, **options)
    return buffer.getvalue()
