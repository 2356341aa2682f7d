"""Write small Krita documents for tests."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

HEAD = (
    '<?xml version="1.0"?><!DOCTYPE DOC PUBLIC "-//KDE//DTD krita 2.0//EN" "http://www.calligra.org/DTD/krita-2.0.dtd">'
)


def lzf(data: bytes) -> bytes:
    """Literals, and back references for repeats at a distance of one to four bytes."""
    out, i = bytearray(), 0
    literal = bytearray()

    def flush() -> None:
        for start in range(0, len(literal), 32):
            part = literal[start : start + 32]
            out.extend(bytes([len(part) - 1]) + part)
        literal.clear()

    while i < len(data):
        best = (0, 0)
        for distance in range(1, min(4, i) + 1):
            length = 0
            while i + length < len(data) and length < 264 and data[i + length] == data[i + length - distance]:
                length += 1
            best = max(best, (length, distance))
        length, distance = best
        if length < 3:
            literal.append(data[i])
            i += 1
            continue
        flush()
        short = length - 2
        head = [(min(short, 7) << 5) | ((distance - 1) >> 8)]
        out.extend(bytes([*head, *([short - 7] if short >= 7 else []), (distance - 1) & 255]))
        i += length
    flush()
    return bytes(out)


def tiles(pixels: np.ndarray, *, at: tuple[int, int] = (0, 0), packed: bool = True) -> bytes:
    """A tile file of raw pixels (H, W, bytes); sides are padded to multiples of 64."""
    height, width, size = pixels.shape
    padded = np.zeros((-(-height // 64) * 64, -(-width // 64) * 64, size), np.uint8)
    padded[:height, :width] = pixels
    parts = []
    for y in range(0, padded.shape[0], 64):
        for x in range(0, padded.shape[1], 64):
            tile = padded[y : y + 64, x : x + 64]
            data = b"\x01" + lzf(tile.transpose(2, 0, 1).tobytes()) if packed else b"\x00" + tile.tobytes()
            parts.append(b"%d,%d,LZF,%d\n" % (x + at[0], y + at[1], len(data)) + data)
    head = b"VERSION 2\nTILEWIDTH 64\nTILEHEIGHT 64\nPIXELSIZE %d\nDATA %d\n" % (size, len(parts))
    return head + b"".join(parts)


def bgra(rgba: np.ndarray) -> np.ndarray:
    return rgba[..., [2, 1, 0, 3]]


def write_kra(
    path: Path, size: tuple[int, int], layers: str, files: dict[str, bytes], *, image: str = "", inside: str = ""
) -> Path:
    """``layers`` is the XML inside <layers>; ``files`` are named below ``doc/layers/``."""
    xml = (
        f'{HEAD}<DOC xmlns="http://www.calligra.org/DTD/krita"><IMAGE name="doc" width="{size[0]}" height="{size[1]}" '
        f'colorspacename="RGBA" {image}><layers>{layers}</layers>{inside}</IMAGE></DOC>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/x-krita", zipfile.ZIP_STORED)
        archive.writestr("maindoc.xml", xml)
        for name, data in files.items():
            archive.writestr(f"doc/layers/{name}", data)
    return path
