"""Read Krita documents into a stack: paint layers, groups, transparency masks, the frame shown, shapes, plain fills.

A KRA is a ZIP of ``maindoc.xml``, which describes the layers top to bottom, and one file of tiles per layer.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from layerize.errors import InputError, MissingExtraError
from layerize.formats.budget import PixelBudget
from layerize.formats.image import DEFAULT_MAX_PIXELS, check_pixels
from layerize.formats.kra_frames import frame_at
from layerize.formats.kra_pixels import SPACES, Space, to_rgba
from layerize.formats.kra_tiles import read_tiles
from layerize.formats.loss import report
from layerize.formats.own_marks import as_blend, number
from layerize.formats.xml_safe import local, parse_xml, without_doctype
from layerize.formats.zip_read import Members, open_members
from layerize.stack.composite import Box, flatten, ink_box
from layerize.stack.cover import through
from layerize.stack.layer import U8, BlendMode, Group, Layer, LayerStack, Node

MIMETYPES = (b"application/x-krita", b"application/x-kra")
MAX_XML_BYTES = 64 * 2**20
MAX_PROFILE_BYTES = 32 * 2**20

# Krita's names where they differ from ours.
_BLENDS: dict[str, BlendMode] = {
    "dodge": "color-dodge",
    "burn": "color-burn",
    "hard_light": "hard-light",
    "soft_light": "soft-light",
    "soft_light_svg": "soft-light",
    "diff": "difference",
    "luminize": "luminosity",
}
_NEAREST: dict[str, BlendMode] = {
    "add": "screen",
    "linear_dodge": "screen",
    "linear_burn": "color-burn",
    "linear light": "hard-light",
    "vivid_light": "hard-light",
    "pin_light": "hard-light",
    "subtract": "difference",
    "divide": "color-dodge",
    "saturation_hsl": "saturation",
    "hue_hsl": "hue",
    "color_hsl": "color",
}


def load_kra(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> LayerStack:
    """Read a Krita document; of an animation, the frame that was shown when it was saved.

    Warns:
        LayerizeWarning: Something was baked, replaced or left out; the message names the layer.

    Raises:
        LimitError: The canvas, one layer or all together are over the limits, or a member is a bomb.
        InputError: Not a Krita document, or damaged; paths that lead out.
    """
    path = Path(path)
    with open_members(path) as members:
        if members.read("mimetype", 1024).strip() not in MIMETYPES:
            raise InputError(f"{path}: its mimetype is not {MIMETYPES[0].decode()}; give a Krita document.")
        label = f"{path}/maindoc.xml"
        root = parse_xml(without_doctype(members.read("maindoc.xml", MAX_XML_BYTES), label), label)
        return _Reader(members, root, str(path), max_pixels).stack()


class _Reader:
    def __init__(self, members: Members, root: Element, label: str, max_pixels: int) -> None:
        self.members, self.label, self.max_pixels = members, label, max_pixels
        image = next((child for child in root if local(child) == "IMAGE"), None)
        if image is None:
            raise InputError(f"{label}: maindoc.xml has no IMAGE; save it again with Krita.")
        self.image = image
        width, height = (int(number(image, key, 0, label)) for key in ("width", "height"))
        check_pixels(f"{label}: the canvas", width, height, max_pixels)
        self.canvas = Box(0, 0, width, height)
        self.budget = PixelBudget(label, max_pixels)
        self.sources: dict[str, Layer] = {}  # for clones
        self.time = self._current_time()

    def stack(self) -> LayerStack:
        nodes = self._nodes(_child(self.image, "layers"))
        return LayerStack(size=(self.canvas.x1, self.canvas.y1), layers=(*self._ground(), *nodes))

    def _current_time(self) -> int:
        animation = _child(self.image, "animation")
        current = _child(animation, "currentTime") if animation is not None else None
        return int(number(current, "value", 0, self.label)) if current is not None else 0

    def _ground(self) -> tuple[Layer, ...]:
        """The colour that the canvas itself has, as the lowest layer."""
        element = _child(self.image, "ProjectionBackgroundColor")
        space = SPACES.get(self.image.get("colorspacename", ""))
        try:
            data = base64.b64decode((element.get("ColorData") if element is not None else "") or "", validate=True)
        except ValueError:
            return ()
        if space is None or len(data) != space.bytes_per_pixel or not any(data):
            return ()
        raw = np.frombuffer(data, np.uint8).reshape(1, 1, -1)
        colour = to_rgba(raw, space, None, self.label, "Canvas colour")
        if colour[0, 0, 3] == 0:
            return ()
        pixels = np.broadcast_to(colour, (self.canvas.y1, self.canvas.x1, 4)).copy()
        return (Layer(pixels=pixels, name="Canvas colour"),)

    def _nodes(self, parent: Element | None) -> tuple[Node, ...]:
        nodes: list[Node] = []
        for element in reversed(parent if parent is not None else ()):
            if local(element) != "layer":
                continue
            node = self._node(element)
            if node is None:
                continue
            if _inherits_alpha(element):
                node = self._within(node, nodes, element)
            nodes.append(node)
        return tuple(nodes)

    def _node(self, element: Element) -> Node | None:
        kind, name = element.get("nodetype", "paintlayer"), element.get("name", "")
        if kind == "grouplayer":
            passes = element.get("passthrough") == "1"
            blend = self._blend(element)
            group = Group(
                layers=self._nodes(_child(element, "layers")),
                name=name,
                opacity=_opacity(element, self.label),
                blend="pass-through" if passes else blend,
                visible=element.get("visible", "1") != "0",
            )
            return self._masked(group, element)
        pixels = self._pixels(element, kind, name)
        if pixels is None:
            return None
        layer = Layer(
            pixels=pixels.pixels,
            name=name,
            offset=pixels.offset,
            text=pixels.text,
            opacity=_opacity(element, self.label),
            blend=self._blend(element),
            visible=element.get("visible", "1") != "0",
        )
        layer = _cropped(layer)
        self.sources[element.get("uuid") or name] = layer
        self.sources.setdefault(name, layer)
        return self._masked(layer, element)

    def _pixels(self, element: Element, kind: str, name: str) -> Layer | None:
        """A bare layer with pixels, offset and text; None for kinds that have none here."""
        if kind in ("paintlayer", "filelayer") and self._find(element.get("filename", "")) is not None:
            return self._painted(element, name)
        if kind == "shapelayer":
            return self._shapes(element, name)
        if kind == "generatorlayer":
            return self._filled(element, name)
        if kind == "clonelayer":
            source = self.sources.get(element.get("clonefromuuid", "") or element.get("clonefrom", ""))
            if source is not None:
                x, y = (round(number(element, key, 0, self.label)) for key in ("x", "y"))
                return replace(source, offset=(source.offset[0] + x, source.offset[1] + y))
        known = {"filelayer": "external-link", "adjustmentlayer": "adjustment"}
        report(self.label, known.get(kind, "lost"), name, f"layers of the kind {kind!r} are not read; it was left out")
        return None

    def _painted(self, element: Element, name: str) -> Layer:
        offset = (round(number(element, "x", 0, self.label)), round(number(element, "y", 0, self.label)))
        member = self._find(element.get("filename", ""))
        assert member is not None
        keyframes = self._find(element.get("keyframes", "")) if element.get("keyframes") else None
        if keyframes is not None:
            frame = frame_at(self.members.read(keyframes, MAX_XML_BYTES), self.time, f"{self.label}/{keyframes}")
            found = self._find(frame.name) if frame is not None else None
            if frame is not None and found is not None:
                member, offset = found, (offset[0] + frame.offset[0], offset[1] + frame.offset[1])
                report(self.label, "animation", name, f"of its frames, that at time {self.time} was taken")
        space = self._space(element, name)
        raw, box = self._tiles(member, space.bytes_per_pixel, offset)
        profile = self._find(f"{element.get('filename', '')}.icc")
        icc = self.members.read(profile, MAX_PROFILE_BYTES) if profile is not None else None
        return Layer(pixels=to_rgba(raw, space, icc, self.label, name), offset=(box.x0, box.y0))

    def _tiles(self, member: str, size: int, offset: tuple[int, int]) -> tuple[U8, Box]:
        """A tile file's raw pixels and their box on the canvas."""
        default = self.members.infos.get(f"{member}.defaultpixel")
        pixel = self.members.read(default.filename, 64) if default is not None else bytes(size)
        data = self.members.read(member, (self.max_pixels + 2**20) * max(size, 8))
        x, y = offset
        canvas = Box(-x, -y, self.canvas.x1 - x, self.canvas.y1 - y)
        pixel = pixel[:size].ljust(size, b"\0")
        tiles = read_tiles(data, pixel, canvas, self.budget, f"{self.label}/{member}")
        box = tiles.box
        return tiles.pixels, Box(box.x0 + x, box.y0 + y, box.x1 + x, box.y1 + y)

    def _space(self, element: Element, name: str) -> Space:
        stored = element.get("colorspacename", self.image.get("colorspacename", "RGBA"))
        if stored not in SPACES:
            known = ", ".join(SPACES)
            raise InputError(f"{self.label}, layer {name!r}: the colour space {stored!r} is not read; use {known}.")
        return SPACES[stored]

    def _shapes(self, element: Element, name: str) -> Layer | None:
        """A vector layer: an SVG of the canvas, in points."""
        member = self._find(f"{element.get('filename', '')}.shapelayer/content.svg")
        if member is None:
            report(self.label, "lost", name, "its shapes are in no form that is read; it was left out")
            return None
        from layerize.formats.svg_draw import draw_svg

        data = self.members.read(member, MAX_XML_BYTES)
        width, height = self.canvas.x1, self.canvas.y1
        try:
            pixels, words = draw_svg(data, f"{self.label}/{member}", (width, height), self.max_pixels)
        except MissingExtraError as error:
            report(self.label, "lost", name, f"vector layers are left out ({error})")
            return None
        self.budget.spend(width, height)
        x, y = (round(number(element, key, 0, self.label)) for key in ("x", "y"))
        return Layer(pixels=pixels, offset=(x, y), text={"content": words} if words else None)

    def _filled(self, element: Element, name: str) -> Layer | None:
        """A fill layer of one colour; patterns and others need Krita."""
        member = self._find(f"{element.get('filename', '')}.filterconfig")
        config = self.members.read(member, 2**20).decode("utf-8", "replace") if member is not None else ""
        colour = re.search(r"<RGB\b[^>]*", config)
        if element.get("generatorname") != "color" or colour is None:
            report(self.label, "lost", name, f"fills of the kind {element.get('generatorname')!r} are left out")
            return None
        values = dict(re.findall(r"\b([rgb])=\"([\d.eE+-]{1,20})\"", colour[0]))
        rgb = [round(255 * min(max(float(values.get(key, 0)), 0), 1)) for key in "rgb"]
        self.budget.spend(self.canvas.x1, self.canvas.y1)
        pixels = np.broadcast_to(np.array([*rgb, 255], np.uint8), (self.canvas.y1, self.canvas.x1, 4)).copy()
        return Layer(pixels=pixels)

    def _masked(self, node: Node, element: Element) -> Node:
        """Multiply the transparency masks in; other masks change pixels in ways only Krita knows."""
        for mask in _children(_child(element, "masks"), "mask"):
            kind, name = mask.get("nodetype", ""), element.get("name", "")
            if mask.get("visible", "1") == "0" or kind in ("selectionmask", "decorationmask"):
                continue
            member = self._find(f"{mask.get('filename', '')}.pixelselection")
            if kind != "transparencymask" or member is None:
                report(self.label, "effect", name, f"its {kind or 'mask'} {mask.get('name', '')!r} is not applied")
                continue
            offset = (round(number(mask, "x", 0, self.label)), round(number(mask, "y", 0, self.label)))
            raw, box = self._tiles(member, 1, offset)
            cover = np.zeros((self.canvas.y1, self.canvas.x1), np.uint8)
            cover[...] = self._default_of(member)
            common = box.meet(self.canvas)
            if common is not None:
                cover[common.slices(0, 0)] = raw[common.slices(box.x0, box.y0)][..., 0]
            report(self.label, "mask", name, "its transparency mask was multiplied into its alpha")
            node = through(node, cover)
        return node

    def _default_of(self, member: str) -> int:
        info = self.members.infos.get(f"{member}.defaultpixel")
        data = self.members.read(info.filename, 64) if info is not None else b"\0"
        return data[0] if data else 0

    def _within(self, node: Node, below: list[Node], element: Element) -> Node:
        """ "Inherit alpha": the layer shows only where the layers below it in its group do."""
        under = flatten(LayerStack(size=(self.canvas.x1, self.canvas.y1), layers=tuple(below)))
        if bool((under[..., 3] == 255).all()):
            return node
        report(self.label, "clip", element.get("name", ""), "the alpha that it inherits was multiplied into its own")
        return through(node, np.ascontiguousarray(under[..., 3]))

    def _blend(self, element: Element) -> BlendMode:
        stored = element.get("compositeop", "normal")
        mode = _BLENDS.get(stored) or as_blend(stored)
        if mode is None:
            mode = _NEAREST.get(stored, "normal")
            report(self.label, "blend-replaced", element.get("name", ""), f"the mode {stored} was replaced by {mode}")
        return mode

    def _find(self, name: str) -> str | None:
        """A layer's file: ``IMAGE/layers/NAME``, whatever the image is called."""
        wanted = f"{self.image.get('name', '')}/layers/{name}"
        if not name or wanted in self.members.infos:
            return wanted if name else None
        return next((info for info in self.members.infos if info.endswith(f"/layers/{name}")), None)


def _child(parent: Element | None, name: str) -> Element | None:
    return next(_children(parent, name), None)


def _children(parent: Element | None, name: str) -> Iterator[Element]:
    return (child for child in (parent if parent is not None else ()) if local(child).lower() == name.lower())


def _opacity(element: Element, label: str) -> float:
    return min(max(number(element, "opacity", 255, label) / 255, 0.0), 1.0)


def _inherits_alpha(element: Element) -> bool:
    """Whether the alpha channel, the last of the flags, is switched off."""
    flags = element.get("channelflags", "")
    return len(flags) > 1 and flags.endswith("0") and "1" in flags


def _cropped(layer: Layer) -> Layer:
    box = ink_box(layer)
    if box is None:
        return replace(layer, pixels=np.zeros((1, 1, 4), np.uint8))
    return replace(layer, pixels=layer.pixels[box.slices(*layer.offset)].copy(), offset=(box.x0, box.y0))
