"""Read one flat picture from an untrusted file: everything becomes straight 8-bit sRGB RGBA, upright.

Knows nothing of stacks. Size limits are checked on the header, before a pixel is decoded.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from PIL import (  # the plugins fill Image.OPEN
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageOps,
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from layerize.errors import InputError, LayerizeError, LimitError
from layerize.formats.icc import to_srgb
from layerize.stack.layer import U8

DEFAULT_MAX_PIXELS = 64_000_000
"""64 megapixels: a full-frame camera's largest pictures; 256 MB as RGBA."""

# A file is read into memory as a whole; the largest honest pictures (16-bit, uncompressed) are a fraction of this.
MAX_FILE_BYTES = 4 * 2**30

READABLE = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF")
_KNOWN = "PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF"
_OTHERS = [
    (b"8BPS", "is a PSD file with layers of its own; open it with 'layerize join' or 'layerize convert'."),
    (b"%PDF", "is a PDF; export the page as PNG first."),
    (b"<svg", "is an SVG; export it as PNG first."),
    (b"PK\x03\x04", "is a ZIP archive, not a picture; open saved layers with 'layerize join' or 'layerize convert'."),
]


@dataclass(frozen=True, kw_only=True, eq=False)
class FlatImage:
    """A decoded picture.

    Attributes:
        pixels: ``u8`` (H, W, 4), straight alpha, sRGB, upright (EXIF orientation applied).
        has_alpha: At least one pixel is not fully opaque.
        source: The file's name, for messages and metadata.
        note: What the user should know about how it was read (first frame of many, broken profile), or None.
    """

    pixels: U8
    has_alpha: bool
    source: str
    note: str | None = None


def read_image(
    source: str | os.PathLike[str] | bytes | IO[bytes],
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    name: str | None = None,
) -> FlatImage:
    """Read a PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF.

    Palette, grey, 1-bit, 16-bit, CMYK and embedded colour profiles are converted; of several frames the first is taken
    and ``note`` says so.

    Args:
        source: A path, the file's bytes, or a binary file object.
        max_pixels: Refuse larger pictures before decoding them.
        name: What to call bytes or a file object in messages.

    Raises:
        LimitError: More pixels than ``max_pixels``.
        InputError: Not a readable picture; the message names the file, what was found and what to do.
    """
    data, label = _bytes_of(source, name)
    return decode_image(data, label, max_pixels=max_pixels)


def decode_image(
    data: bytes, label: str, *, max_pixels: int = DEFAULT_MAX_PIXELS, formats: tuple[str, ...] = READABLE
) -> FlatImage:
    """``read_image`` for bytes at hand; ``label`` names them in messages, ``formats`` narrows what is accepted."""
    if not data:
        raise InputError(f"{label}: the file is empty (0 bytes); give a {_KNOWN} picture.")
    notes: list[str] = []
    try:
        image = _open(data, label, formats)
        check_pixels(label, *image.size, max_pixels)
        notes += _frames_note(image)
        pixels = _upright_rgba(image, data, label, notes)
    except LayerizeError:
        raise
    except Image.DecompressionBombError as error:
        raise LimitError(f"{label}: refused as a decompression bomb ({error}); resize the picture.") from error
    except MemoryError as error:
        raise LimitError(f"{label}: not enough memory to decode it; resize the picture.") from error
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise InputError(f"{label}: the picture is damaged or cut off ({_short(error)}); save it again.") from error
    return FlatImage(
        pixels=pixels,
        has_alpha=bool(pixels[..., 3].min() < 255),
        source=label,
        note=" ".join(notes) or None,
    )


def check_pixels(label: str, width: int, height: int, max_pixels: int) -> None:
    """Refuse a size before anything of that size is allocated.

    Raises:
        InputError: A side is zero.
        LimitError: ``width * height`` is over ``max_pixels``.
    """
    if width < 1 or height < 1:
        raise InputError(f"{label}: the picture is {width}x{height} pixels; both sides must be at least 1.")
    if width * height > max_pixels:
        gib = width * height * 4 / 2**30
        raise LimitError(
            f"{label}: {width}x{height} pixels ({width * height / 1e6:.1f} megapixels, {gib:.2f} GiB as RGBA); "
            f"the limit is {max_pixels / 1e6:g} megapixels. Resize it or raise --max-pixels."
        )


def read_bytes(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        InputError: No such file, a folder, or no permission.
    """
    try:
        status = path.stat()
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            raise InputError(f"{path} is a device, not a file; give a file.")
        if status.st_size > MAX_FILE_BYTES:
            raise LimitError(f"{path} is {status.st_size / 2**30:.1f} GiB; the limit is {MAX_FILE_BYTES >> 30} GiB.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder; give a file.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        detail = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{path}: cannot be read ({detail}); check the file and its permissions.") from error


def _bytes_of(source: str | os.PathLike[str] | bytes | IO[bytes], name: str | None) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        return source, name or "picture"
    if isinstance(source, (str, os.PathLike)):
        return read_bytes(Path(source)), name or str(source)
    label = name or str(getattr(source, "name", None) or "picture")
    try:
        return source.read(), label
    except OSError as error:
        raise InputError(f"{label}: cannot be read ({error.strerror or error}); check the file.") from error


def _open(data: bytes, label: str, formats: tuple[str, ...]) -> Image.Image:
    """Like ``Image.open``, which has a pixel limit of its own that only a process-wide variable can raise."""
    prefix = data[:16]
    for format_name in formats:
        factory, accepts = Image.OPEN[format_name]
        if accepts is not None and accepts(prefix) is True:
            opened: Image.Image = factory(io.BytesIO(data), label)
            return opened
    for magic, found in _OTHERS:
        if data.lstrip()[: len(magic)] == magic:
            raise InputError(f"{label} {found}")
    wanted = " or ".join(formats) if formats != READABLE else _KNOWN
    raise InputError(f"{label}: not a picture that layerize can read; give a {wanted} file.")


def _frames_note(image: Image.Image) -> list[str]:
    count = getattr(image, "n_frames", 1)
    if count <= 1:
        return []
    kind = "pages" if image.format == "TIFF" else "frames"
    image.seek(0)
    return [f"It has {count} {kind}; the first was taken."]


def _upright_rgba(image: Image.Image, data: bytes, label: str, notes: list[str]) -> U8:
    wide = _decode_wide(image, data)
    if wide is not None:
        orientation = _orientation(image)
        pixels = wide
        if image.info.get("icc_profile"):
            converted, note = to_srgb(Image.fromarray(pixels), image.info["icc_profile"])
            notes += note
            pixels = np.asarray(converted)
    else:
        image.load()  # a TIFF turns upright by itself while loading and drops its orientation
        orientation = _orientation(image)
        converted, note = _convert(image, label)
        notes += note
        pixels = np.asarray(converted)
    if orientation != 1:
        upright = Image.fromarray(pixels)
        upright.getexif()[0x0112] = orientation
        pixels = np.asarray(ImageOps.exif_transpose(upright))
    return np.ascontiguousarray(pixels)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # broken EXIF does not spoil the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _convert(image: Image.Image, label: str) -> tuple[Image.Image, list[str]]:
    """To RGBA in sRGB."""
    if image.mode.startswith("I;16"):
        return _grey16(image), []
    if image.mode in ("I", "F"):
        raise InputError(f"{label}: 32-bit pixels (mode {image.mode}) have no agreed white; save it as 8 or 16 bit.")
    profile = image.info.get("icc_profile")
    if image.mode == "LAB":
        from PIL import ImageCms

        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        rgb = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        assert rgb is not None
        return rgb.convert("RGBA"), []
    if profile and image.mode in ("CMYK", "RGB", "RGBA", "L", "LA", "P", "PA"):
        if image.mode in ("P", "PA"):
            image = image.convert("RGBA")
        elif "transparency" in image.info:
            image = image.convert("RGBA" if image.mode == "RGB" else "LA")
        return to_srgb(image, profile)
    if image.mode == "P" and isinstance(image.info.get("transparency"), bytes):
        return image.convert("RGBA"), []
    if image.mode == "RGBX":
        image = image.convert("RGB")
    if image.mode in ("YCbCr", "HSV", "CMYK"):
        image = image.convert("RGB")
    return image.convert("RGBA"), []


def _grey16(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.uint32)
    alpha = np.full(values.shape, 255, np.uint8)
    key = image.info.get("transparency")
    if isinstance(key, int):
        alpha[values == key] = 0
    grey = _narrow(values)
    return Image.fromarray(np.dstack([grey, grey, grey, alpha]))


def _narrow(values: np.ndarray[Any, Any]) -> U8:
    """16-bit 0..65535 to ``u8``, rounded to the nearest level (Pillow would cut off the low byte)."""
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


_TO_RGBA: dict[int, Callable[[Any], Any]] = {
    3: lambda bgr: cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA),
    4: lambda bgra: cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA),
}


def _decode_wide(image: Image.Image, data: bytes) -> U8 | None:
    """16-bit colour pictures by way of OpenCV (Pillow keeps only their high bytes); None for all others."""
    rawmodes = [str(tile[3]) for tile in getattr(image, "tile", [])]
    if not any(";16" in mode for mode in rawmodes) or image.mode.startswith("I") or "transparency" in image.info:
        return None
    if image.format == "TIFF" and _orientation(image) != 1:  # OpenCV turns some TIFFs and not others
        return None
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16 or decoded.shape[:2] != (image.height, image.width):
        return None
    if decoded.ndim != 3 or decoded.shape[2] not in _TO_RGBA:
        return None
    rgba: U8 = _narrow(_TO_RGBA[decoded.shape[2]](decoded))
    return rgba


def _short(error: Exception) -> str:
    if isinstance(error, SyntaxError) and "not identified" in str(error):  # Pillow's word for it
        return "its header describes no picture of at least 1x1 pixel"
    return " ".join(str(error).split())[:120] or type(error).__name__
