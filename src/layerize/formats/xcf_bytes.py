"""GIMP's XCF as bytes: numbers, strings, properties, pointers and tiles. Knows nothing of layers.

After "Documentation of the XCF file format" (GIMP, devel-docs/xcf.txt).
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from layerize.errors import InputError, LimitError
from layerize.formats.image import read_bytes

TILE = 64
# XCF is packed inside already, so gzip shrinks it perhaps tenfold; what grows far beyond is a bomb.
MAX_UNPACKED = 2 * 2**30
MAX_RATIO = 200
MAX_POINTERS = 2_000_000
COMPRESSIONS = {0: "none", 1: "rle", 2: "zlib"}


class XcfBytes:
    """Reads from anywhere in a file; everything that leads out of it is an InputError."""

    def __init__(self, data: bytes, label: str) -> None:
        self.data, self.label, self.position = data, label, 0
        self.wide = False  # 64-bit pointers, from version 11

    def bytes(self, count: int) -> bytes:
        """The next bytes."""
        end = self.position + count
        if count < 0 or end > len(self.data):
            raise InputError(f"{self.label}: cut off at byte {len(self.data)}, or its header lies; save it again.")
        part = self.data[self.position : end]
        self.position = end
        return part

    def u32(self) -> int:
        """The next unsigned number."""
        return int.from_bytes(self.bytes(4), "big")

    def pointer(self) -> int:
        """The next file position; 0 ends a list."""
        found = int.from_bytes(self.bytes(8 if self.wide else 4), "big")
        if found > len(self.data):
            raise InputError(f"{self.label}: points to byte {found} of {len(self.data)}; save it again.")
        return found

    def pointers(self) -> list[int]:
        """The next list of file positions."""
        found: list[int] = []
        while place := self.pointer():
            found.append(place)
            if len(found) > MAX_POINTERS:
                raise LimitError(f"{self.label}: more than {MAX_POINTERS} pointers in one list; refused.")
        return found

    def string(self) -> str:
        """The next text."""
        return self.bytes(self.u32()).rstrip(b"\0").decode("utf-8", "replace")

    def properties(self) -> Iterator[tuple[int, int, int]]:
        """(kind, position, length) of each property; afterwards the position is behind the list."""
        while True:
            kind, length = self.u32(), self.u32()
            start = self.position
            if kind == 0:
                return
            yield kind, start, length
            if kind == 1:  # the colour map's length is wrong in old files; its own count is right
                self.position = start
                length = 4 + 3 * self.u32()
            self.position = start
            self.bytes(length)


def read_unpacked(path: Path) -> bytes:
    """A file's bytes, unpacked if it is compressed with gzip, bzip2 or xz.

    Raises:
        InputError: Damaged; LimitError for bombs.
    """
    data = read_bytes(path)
    unpack: zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor
    if data[:2] == b"\x1f\x8b":
        unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    elif data[:3] == b"BZh":
        unpack = bz2.BZ2Decompressor()
    elif data[:6] == b"\xfd7zXZ\0":
        unpack = lzma.LZMADecompressor(memlimit=2**29)
    else:
        return data
    limit = min(MAX_UNPACKED, MAX_RATIO * len(data) + 2**20)
    try:
        result = unpack.decompress(data, limit + 1)
    except (zlib.error, OSError, EOFError, lzma.LZMAError) as error:
        raise InputError(f"{path}: its compression is damaged ({error}); save it again.") from error
    if len(result) > limit:
        raise LimitError(f"{path}: unpacks to over {limit >> 20} MiB from {len(data)} bytes; refused as a bomb.")
    if not unpack.eof:
        raise InputError(f"{path}: its compressed data are cut off; save it again.")
    return result


def read_tile(data: bytes, position: int, count: int, size: int, compression: str) -> npt.NDArray[np.uint8]:
    """One tile's pixels, (count, size bytes each).

    Raises:
        ValueError: Damaged.
    """
    expected = count * size
    if compression == "rle":
        planes = np.frombuffer(_unpack_rle(data, position, count, size), np.uint8)
        return planes.reshape(size, count).T
    raw = data[position : position + expected]
    if compression == "zlib":
        raw = zlib.decompressobj().decompress(data[position : position + 2 * expected + 4096], expected)
    if len(raw) != expected:
        raise ValueError("it is cut off")
    return np.frombuffer(raw, np.uint8).reshape(count, size)


def _unpack_rle(data: bytes, position: int, count: int, size: int) -> bytearray:
    """The bytes of a pixel one plane after the other; runs end with their plane."""
    out = bytearray()
    try:
        for plane in range(size):
            end = (plane + 1) * count
            while len(out) < end:
                token = data[position]
                if token in (127, 128):
                    length = (data[position + 1] << 8) | data[position + 2]
                    position += 3
                else:
                    length = token + 1 if token < 127 else 256 - token
                    position += 1
                if token < 128:
                    out += data[position : position + 1] * length
                    position += 1
                else:
                    out += data[position : position + length]
                    position += length
                if length == 0:
                    raise ValueError("a run has no length")
            if len(out) != end:
                raise ValueError("a run is too long")
    except IndexError as error:
        raise ValueError("it is cut off") from error
    return out


def signed(data: bytes, position: int, count: int) -> tuple[int, ...]:
    """Big-endian signed 32-bit numbers at a place that is known to be inside."""
    found: tuple[int, ...] = struct.unpack_from(f">{count}i", data, position)
    return found
