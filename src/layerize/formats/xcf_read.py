"""Read GIMP's XCF into a stack: versions 0 to 25, all precisions, indexed, grey, groups, masks, text, packed files.

The format keeps no merged picture. Layer modes that a stack lacks are replaced, with a warning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from layerize.errors import InputError, LimitError
from layerize.formats.budget import PixelBudget
from layerize.formats.icc import to_srgb
from layerize.formats.image import DEFAULT_MAX_PIXELS, check_pixels
from layerize.formats.loss import report
from layerize.formats.xcf_bytes import COMPRESSIONS, TILE, XcfBytes, read_tile, read_unpacked, signed
from layerize.formats.xcf_modes import EXACT, NEAREST
from layerize.formats.xcf_pixels import EIGHT, Precision, numbers, precision_of, to_levels, to_rgba
from layerize.stack.cover import through
from layerize.stack.layer import BlendMode, Group, GroupBlendMode, Layer, LayerStack, Node

MAX_VERSION = 25
MAX_LAYERS = 10_000
MAX_DEPTH = 100
_CHANNELS = {0: 3, 1: 4, 2: 1, 3: 2, 4: 1, 5: 2}
_TEXT = re.compile(r'\((text|markup)\s+"((?:[^"\\]|\\.)*)"\)', re.DOTALL)


def load_xcf(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> LayerStack:
    """Read an XCF file, packed (.xcf.gz, .xcf.bz2, .xcf.xz) or not.

    Warns:
        LayerizeWarning: Something was baked, replaced or left out; the message names the layer.

    Raises:
        LimitError: The canvas, one layer or all together are over the limits.
        InputError: Not an XCF file, of an unknown version, or damaged.
    """
    path = Path(path)
    return _Reader(XcfBytes(read_unpacked(path), str(path)), max_pixels).stack()


@dataclass
class _Item:
    """One layer or group as it stands in the file."""

    size: tuple[int, int]
    kind: int
    name: str
    hierarchy: int = 0
    mask: int = 0
    opacity: float = 1.0
    visible: bool = True
    mode: int = 0
    offset: tuple[int, int] = (0, 0)
    is_group: bool = False
    path: tuple[int, ...] = ()
    applies_mask: bool = True
    text: str = ""
    members: list[_Item] = field(default_factory=list)


class _Reader:
    def __init__(self, source: XcfBytes, max_pixels: int) -> None:
        self.source, self.label = source, source.label
        self.budget = PixelBudget(self.label, max_pixels)
        self.version = self._version()
        source.wide = self.version >= 11
        self.size = (source.u32(), source.u32())
        check_pixels(f"{self.label}: the canvas", *self.size, max_pixels)
        self.base = source.u32()
        self.precision = self._precision()
        self.palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        self.compression = "none"
        self.profile: bytes | None = None

    def stack(self) -> LayerStack:
        self._image_properties()
        places = self.source.pointers()
        if len(places) > MAX_LAYERS:
            raise LimitError(f"{self.label}: {len(places)} layers; the limit is {MAX_LAYERS}.")
        items = self._tree([self._item(place) for place in places])
        return LayerStack(size=self.size, layers=self._nodes(items, MAX_DEPTH))

    def _version(self) -> int:
        head = self.source.bytes(14)
        found = re.fullmatch(rb"gimp xcf (file|v(\d{3}))\0", head)
        if found is None:
            raise InputError(f"{self.label} is not an XCF file; give a file saved by GIMP.")
        version = int(found[2] or 0)
        if version > MAX_VERSION:
            raise InputError(f"{self.label}: XCF version {version}; {MAX_VERSION} is the newest that is read.")
        return version

    def _precision(self) -> Precision:
        code = self.source.u32() if self.version >= 4 else 0
        precision = precision_of(self.version, code)
        if precision is None or self.base not in (0, 1, 2):
            raise InputError(f"{self.label}: colour type {self.base} of precision {code} is unknown; save it as 8 bit.")
        if precision.size > 1:
            bits = "16-bit" if precision.size == 2 else "32-bit"
            report(self.label, bits, "", f"its {8 * precision.size} bits per channel were rounded to 8")
        return precision

    def _image_properties(self) -> None:
        for kind, place, length in self.source.properties():
            if kind == 1:
                self._read_palette()
            elif kind == 17 and length:
                self.compression = COMPRESSIONS.get(self.source.bytes(1)[0], "")
                if not self.compression:
                    raise InputError(f"{self.label}: its tiles are compressed in an unknown way; save it again.")
            elif kind == 21:
                self.profile = self._parasites(place, length).get("icc-profile")

    def _read_palette(self) -> None:
        count = self.source.u32()
        if count > 256:
            raise InputError(f"{self.label}: a palette of {count} colours; 256 is the most there can be.")
        if self.version > 0:  # version 0 wrote broken palettes; GIMP shows grey, too
            self.palette = np.zeros((256, 3), np.uint8)
            self.palette[:count] = np.frombuffer(self.source.bytes(3 * count), np.uint8).reshape(count, 3)

    def _parasites(self, place: int, length: int) -> dict[str, bytes]:
        """Named pieces of data inside a property."""
        source, found = self.source, {}
        source.position = place
        while source.position < place + length:
            name = source.string()
            source.u32()
            found[name] = source.bytes(source.u32())
        return found

    def _item(self, place: int) -> _Item:
        source = self.source
        source.position = place
        size = (source.u32(), source.u32())
        item = _Item(size=size, kind=source.u32(), name=source.string())
        if item.kind not in _CHANNELS:
            raise InputError(f"{self.label}, layer {item.name!r}: type {item.kind} is unknown; save it again.")
        for kind, at, length in source.properties():
            self._item_property(item, kind, at, length)
        item.hierarchy, item.mask = source.pointer(), source.pointer()
        if self.version >= 20 and source.pointer():
            report(self.label, "effect", item.name, "its filters are not applied")
        return item

    def _item_property(self, item: _Item, kind: int, at: int, length: int) -> None:
        data = self.source.data
        if at + length > len(data):
            raise InputError(f"{self.label}: cut off inside a property; save it again.")
        if kind == 15 and length >= 8:
            x, y = signed(data, at, 2)
            item.offset = (x, y)
        elif kind == 30:
            item.path = signed(data, at, length // 4)
        elif kind == 29:
            item.is_group = True
        elif kind == 21:
            item.text = _words(self._parasites(at, length).get("gimp-text-layer", b""))
        elif kind == 33 and length >= 4:
            value = float(np.frombuffer(data, ">f4", 1, at)[0])
            item.opacity = min(max(value, 0.0), 1.0) if value == value else 1.0
        elif kind in (6, 7, 8, 11) and length >= 4:
            value = signed(data, at, 1)[0]
            if kind == 6:
                item.opacity = min(max(value, 0), 255) / 255
            elif kind == 7:
                item.mode = value
            elif kind == 8:
                item.visible = bool(value)
            else:
                item.applies_mask = bool(value)

    def _tree(self, items: list[_Item]) -> list[_Item]:
        """Members into their groups; the file lists all items top to bottom, each group before its members."""
        roots: list[_Item] = []
        groups: dict[tuple[int, ...], _Item] = {}
        for item in items:
            parent = groups.get(item.path[:-1]) if len(item.path) > 1 else None
            (parent.members if parent is not None else roots).append(item)
            if item.is_group:
                groups[item.path or (len(roots) - 1,)] = item
        return roots

    def _nodes(self, items: list[_Item], depth: int) -> tuple[Node, ...]:
        if depth == 0:
            raise LimitError(f"{self.label}: more than {MAX_DEPTH} groups inside each other; refused.")
        nodes = []
        for item in reversed(items):
            mode = self._mode(item)
            node: Node
            if item.is_group:
                members = self._nodes(item.members, depth - 1)
                node = Group(layers=members, name=item.name, opacity=item.opacity, blend=mode, visible=item.visible)
            else:
                node = self._layer(item, "normal" if mode == "pass-through" else mode)
            nodes.append(self._masked(node, item))
        return tuple(nodes)

    def _layer(self, item: _Item, blend: BlendMode) -> Layer:
        self.budget.spend(*item.size)
        values = self._values(item.hierarchy, item.size, _CHANNELS[item.kind], item.name)
        pixels = to_rgba(values, item.kind, self.precision, self.palette)
        if self.profile is not None and not self.precision.linear and item.kind in (0, 1):
            pixels = np.asarray(to_srgb(Image.fromarray(pixels), self.profile)[0])
        text = {"content": item.text} if item.text else None
        return Layer(
            pixels=np.ascontiguousarray(pixels),
            name=item.name,
            offset=item.offset,
            opacity=item.opacity,
            blend=blend,
            visible=item.visible,
            text=text,
        )

    def _mode(self, item: _Item) -> GroupBlendMode:
        if item.mode in EXACT:
            return EXACT[item.mode]
        name, nearest = NEAREST.get(item.mode, (f"number {item.mode}", "normal"))
        report(self.label, "blend-replaced", item.name, f"the mode {name} was replaced by {nearest}")
        return nearest

    def _masked(self, node: Node, item: _Item) -> Node:
        if not item.mask or not item.applies_mask:
            return node
        source = self.source
        source.position = item.mask
        size = (source.u32(), source.u32())
        source.string()
        for _ in source.properties():
            pass
        hierarchy = source.pointer()
        self.budget.spend(*size)
        cover = to_levels(self._values(hierarchy, size, 1, item.name)[..., 0], linear=self.precision.linear)
        report(self.label, "mask", item.name, "its layer mask was multiplied into its alpha")
        return through(node, np.ascontiguousarray(cover), item.offset)

    def _values(self, hierarchy: int, size: tuple[int, int], channels: int, name: str) -> npt.NDArray[Any]:
        """The numbers of a drawable, (H, W, channels), from the first, full-size level of its hierarchy."""
        source, (width, height) = self.source, size
        precision = EIGHT if self.base == 2 else self.precision
        source.position = hierarchy
        stated = (source.u32(), source.u32(), source.u32())
        if stated != (width, height, channels * precision.size):
            raise InputError(f"{self.label}, layer {name!r}: {stated} does not fit {width}x{height} pixels.")
        source.position = source.pointer()
        source.bytes(8)
        tiles = source.pointers()
        columns, rows = -(-width // TILE), -(-height // TILE)
        if len(tiles) != columns * rows:
            raise InputError(f"{self.label}, layer {name!r}: {len(tiles)} tiles instead of {columns * rows}.")
        raw = np.empty((height, width, stated[2]), np.uint8)
        for index, place in enumerate(tiles):
            x, y = TILE * (index % columns), TILE * (index // columns)
            w, h = min(TILE, width - x), min(TILE, height - y)
            try:
                tile = read_tile(source.data, place, w * h, stated[2], self.compression)
            except Exception as error:  # zlib has errors of its own
                raise InputError(
                    f"{self.label}, layer {name!r}: a tile is damaged ({error}); save it again."
                ) from error
            raw[y : y + h, x : x + w] = tile.reshape(h, w, stated[2])
        return numbers(raw, precision, self.version)


def _words(parasite: bytes) -> str:
    """The content of a text layer, from GIMP's description of it."""
    found = _TEXT.search(parasite.decode("utf-8", "replace"))
    if found is None:
        return ""
    escapes = {"n": "\n", "t": "\t"}
    text = re.sub(r"\\(.)", lambda match: escapes.get(match[1], match[1]), found[2], flags=re.DOTALL)
    if found[1] == "markup":
        text = re.sub("<[^>]*>", "", text)
        for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
            text = text.replace(entity, character)
    return text.strip()
