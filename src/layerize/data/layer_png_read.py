"""PNG bytes of a shard to pixels: OpenCV decodes, which is quick; damage it would pass over is found by checksums."""

from __future__ import annotations

import zlib

import cv2
import numpy as np
import numpy.typing as npt

from layerize.errors import InputError

U8 = npt.NDArray[np.uint8]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def decode_layer(data: bytes, size: tuple[int, int], label: str) -> U8:
    """Straight RGBA ``u8`` (H, W, 4).

    Args:
        data: An 8-bit RGB or RGBA PNG.
        size: (width, height) that it must have; nothing is decoded if its header says another.
        label: Names it in messages.

    Raises:
        InputError: Damaged, cut off, or of another kind or size.
    """
    if data[:8] != _SIGNATURE or not _is_whole(data):
        raise InputError(f"{label}: the picture is damaged or cut off; write the shards anew.")
    width, height, depth, kind = int.from_bytes(data[16:20]), int.from_bytes(data[20:24]), data[24], data[25]
    if (width, height) != size or depth != 8 or kind not in (2, 6):
        raise InputError(f"{label}: the picture is no {size[0]}x{size[1]} RGBA PNG; write the shards anew.")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise InputError(f"{label}: the picture cannot be decoded; write the shards anew.") from error
    if pixels is None or pixels.shape[:2] != (height, width):
        raise InputError(f"{label}: the picture cannot be decoded; write the shards anew.")
    code = cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGBA
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)


def _is_whole(data: bytes) -> bool:
    """Whether all chunks are there, from IHDR to IEND, with the checksums of the PNG specification, section 5.3."""
    place, kind = 8, b""
    view = memoryview(data)
    while place + 12 <= len(data) and kind != b"IEND":
        length = int.from_bytes(view[place : place + 4])
        kind = bytes(view[place + 4 : place + 8])
        end = place + 8 + length
        if (place == 8) != (kind == b"IHDR") or zlib.crc32(view[place + 4 : end]) != int.from_bytes(
            view[end : end + 4]
        ):
            return False
        place = end + 4
    return kind == b"IEND"
