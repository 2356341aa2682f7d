"""Write small XCF files for tests: independent of the reader, straight from GIMP's description of the format."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

import numpy as np


@dataclass
class XcfLayer:
    """One layer, bottom to top order is the writer's business; values (H, W, channels) of the stored dtype."""

    values: np.ndarray
    name: str = "Layer"
    kind: int = 1
    offset: tuple[int, int] = (0, 0)
    opacity: float = 1.0
    visible: bool = True
    mode: int = 0
    mask: np.ndarray | None = None
    path: tuple[int, ...] = ()
    group: bool = False
    parasites: dict[str, bytes] = field(default_factory=dict)


def string(text: str) -> bytes:
    data = text.encode() + b"\0"
    return struct.pack(">I", len(data)) + data


def prop(kind: int, data: bytes) -> bytes:
    return struct.pack(">II", kind, len(data)) + data


def parasite(name: str, data: bytes) -> bytes:
    return string(name) + struct.pack(">II", 1, len(data)) + data


def rle(plane: bytes) -> bytes:
    """Runs of equal bytes (also the long form) and literals."""
    out = bytearray()
    i = 0
    while i < len(plane):
        run = 1
        while i + run < len(plane) and plane[i + run] == plane[i]:
            run += 1
        if run > 127:
            out += bytes([127, run >> 8, run & 255, plane[i]])
        elif run > 1:
            out += bytes([run - 1, plane[i]])
        else:
            out += bytes([255, plane[i]])
        i += run
    return bytes(out)


class XcfWriter:
    def __init__(
        self, version: int, size: tuple[int, int], *, base: int = 0, compression: int = 1, precision: int = 150
    ):
        self.version, self.size, self.base, self.compression = version, size, base, compression
        self.precision, self.wide = precision, version >= 11
        self.palette: bytes = b""
        self.image_parasites: dict[str, bytes] = {}

    def pointer(self, value: int) -> bytes:
        return struct.pack(">Q" if self.wide else ">I", value)

    def write(self, layers: list[XcfLayer]) -> bytes:
        """The file; layers top to bottom, as XCF lists them."""
        tag = b"file" if self.version == 0 else b"v%03d" % self.version
        out = bytearray(b"gimp xcf " + tag + b"\0" + struct.pack(">III", *self.size, self.base))
        if self.version >= 4:
            out += struct.pack(">I", self.precision)
        if self.palette:
            out += prop(1, struct.pack(">I", len(self.palette) // 3) + self.palette)
        out += prop(17, bytes([self.compression]))
        if self.image_parasites:
            out += prop(21, b"".join(parasite(*item) for item in self.image_parasites.items()))
        out += prop(0, b"")
        table = len(out)
        out += self.pointer(0) * (len(layers) + 2)
        for index, layer in enumerate(layers):
            place = len(out)
            step = 8 if self.wide else 4
            out[table + index * step : table + (index + 1) * step] = self.pointer(place)
            self._layer(out, layer)
        return bytes(out)

    def _layer(self, out: bytearray, layer: XcfLayer) -> None:
        height, width = layer.values.shape[:2]
        out += struct.pack(">III", width, height, layer.kind) + string(layer.name)
        out += prop(6, struct.pack(">I", round(layer.opacity * 255))) + prop(33, struct.pack(">f", layer.opacity))
        out += prop(8, struct.pack(">I", layer.visible)) + prop(7, struct.pack(">I", layer.mode))
        out += prop(15, struct.pack(">ii", *layer.offset))
        if layer.group:
            out += prop(29, b"")
        if layer.path:
            out += prop(30, struct.pack(f">{len(layer.path)}I", *layer.path))
        if layer.parasites:
            out += prop(21, b"".join(parasite(*item) for item in layer.parasites.items()))
        out += prop(0, b"")
        pointers = len(out)
        step = 8 if self.wide else 4
        out += self.pointer(0) * 2 + (self.pointer(0) if self.version >= 20 else b"")
        out[pointers : pointers + step] = self.pointer(len(out))
        self._hierarchy(out, layer.values)
        if layer.mask is not None:
            out[pointers + step : pointers + 2 * step] = self.pointer(len(out))
            out += struct.pack(">II", width, height) + string("mask") + prop(0, b"")
            place = len(out)
            out += self.pointer(0)
            out[place : place + step] = self.pointer(len(out))
            self._hierarchy(out, layer.mask[..., None])

    def _hierarchy(self, out: bytearray, values: np.ndarray) -> None:
        height, width = values.shape[:2]
        order = "<" if self.version < 12 else ">"
        raw = values.astype(values.dtype.newbyteorder(order)).view(np.uint8).reshape(height, width, -1)
        out += struct.pack(">III", width, height, raw.shape[2])
        place = len(out)
        step = 8 if self.wide else 4
        out += self.pointer(0) * 2
        out[place : place + step] = self.pointer(len(out))
        out += struct.pack(">II", width, height)
        tiles = [raw[y : y + 64, x : x + 64] for y in range(0, height, 64) for x in range(0, width, 64)]
        table = len(out)
        out += self.pointer(0) * (len(tiles) + 1)
        for index, tile in enumerate(tiles):
            out[table + index * step : table + (index + 1) * step] = self.pointer(len(out))
            pixels = tile.reshape(-1, tile.shape[2])
            if self.compression == 1:
                out += b"".join(rle(pixels[:, plane].tobytes()) for plane in range(pixels.shape[1]))
            else:
                out += zlib.compress(pixels.tobytes()) if self.compression == 2 else pixels.tobytes()
