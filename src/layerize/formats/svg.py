"""A stack as SVG: layers as embedded PNGs, for browsers, Inkscape, Illustrator and Figma.

Only files that were written here are read back; drawings by others are no pictures in layers. Blend modes and isolation
are those of CSS (W3C Compositing and Blending Level 1), which are ours.
"""

from __future__ import annotations

import base64
import binascii
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from layerize.errors import InputError, LayerizeWarning
from layerize.formats.atomic import atomic_path
from layerize.formats.budget import PixelBudget
from layerize.formats.image import DEFAULT_MAX_PIXELS, check_pixels, decode_image, read_bytes
from layerize.formats.layer_png import encode_layer
from layerize.formats.live_text import LiveTextMode
from layerize.formats.losses import faded_groups
from layerize.formats.manifest import cropped
from layerize.formats.own_marks import Marks, as_blend, mark_node, mark_stack, number
from layerize.formats.svg_text import LIVE, add_text, text_for_svg
from layerize.formats.xml_safe import OWN, parse_xml, xml_text
from layerize.stack.layer import U8, BlendMode, Group, Layer, LayerStack, Node

SVG = "{http://www.w3.org/2000/svg}"
PNG_URI = "data:image/png;base64,"

ElementTree.register_namespace("", SVG[1:-1])
ElementTree.register_namespace("layerize", OWN[1:-1])


def save_svg(stack: LayerStack, path: str | Path, *, live_text: LiveTextMode = "off") -> None:
    """Write the stack as one SVG file, atomically: an ``<image>`` per layer, cropped to its ink, a ``<g>`` per group.

    With ``live_text`` other than ``off``, text whose typeface is known is ``<text>`` over its hidden picture.

    Names are titles (browsers show them as tooltips); hidden layers are there with ``display="none"``; ids, live text
    and metadata are attributes that other programs ignore.

    Warns:
        LayerizeWarning: A pass-through group has an opacity, which CSS knows only of isolated groups.

    Raises:
        OutputError: The system refuses (disk full, no permission).
    """
    if faded_groups(stack):
        warnings.warn(
            "SVG cannot hold opacity of pass-through groups (others isolate such a group); layerize reads it back.",
            LayerizeWarning,
            2,
        )
    width, height = stack.size
    root = Element(f"{SVG}svg", width=str(width), height=str(height), viewBox=f"0 0 {width} {height}")
    mark_stack(root, stack)
    leaves = list({id(layer): layer for layer in stack.walk()}.values())
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        uris = dict(zip(map(id, leaves), pool.map(_data_uri, leaves), strict=True))
    _add(root, stack.layers, uris, live_text != "off")
    with atomic_path(path) as temporary:
        temporary.write_bytes(ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True))


def load_svg(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> LayerStack:
    """Read an SVG that ``save_svg`` has written.

    Raises:
        LimitError: The canvas, one layer or all layers together are over the limits.
        InputError: Written or changed by another program, or damaged.
    """
    label = str(path)
    root = parse_xml(read_bytes(Path(path)), label)
    if root.tag != f"{SVG}svg" or root.get(f"{OWN}version") != "1":
        raise InputError(
            f"{label} is not an SVG with layers that layerize has written; export it as PNG and split that."
        )
    return _Reader(label, max_pixels).stack(root)


def _data_uri(layer: Layer) -> str:
    return PNG_URI + base64.b64encode(encode_layer(cropped(layer)[0])).decode()


def _add(parent: Element, nodes: tuple[Node, ...], uris: dict[int, str], live_text: bool) -> None:
    for node in nodes:
        element = SubElement(parent, f"{SVG}g" if isinstance(node, Group) else f"{SVG}image")
        SubElement(element, f"{SVG}title").text = xml_text(node.name).replace("\r", "\n")
        _set_look(element, node)
        mark_node(element, node)
        if isinstance(node, Group):
            _add(element, node.layers, uris, live_text)
            continue
        pixels, (x, y) = cropped(node)
        size = {"x": x, "y": y, "width": pixels.shape[1], "height": pixels.shape[0]}
        for key, value in size.items():
            element.set(key, str(value))
        element.set("href", uris[id(node)])
        if live_text and (text := text_for_svg(node)) is not None:
            add_text(parent, element, text, SVG)


def _set_look(element: Element, node: Node) -> None:
    if node.opacity < 1:
        element.set("opacity", repr(float(node.opacity)))
    if not node.visible:
        element.set("display", "none")
    if node.blend not in ("normal", "pass-through"):
        element.set("style", f"mix-blend-mode:{node.blend}")
    elif node.blend == "normal" and isinstance(node, Group):
        element.set("style", "isolation:isolate")


class _Reader:
    def __init__(self, label: str, max_pixels: int) -> None:
        self.label, self.max_pixels = label, max_pixels
        self.marks = Marks(label)
        self.budget = PixelBudget(label, max_pixels)

    def stack(self, root: Element) -> LayerStack:
        width, height = (int(number(root, key, 0, self.label)) for key in ("width", "height"))
        check_pixels(f"{self.label}: the canvas", width, height, self.max_pixels)
        return LayerStack(size=(width, height), layers=self._nodes(root), metadata=self.marks.metadata_of(root))

    def _nodes(self, parent: Element) -> tuple[Node, ...]:
        return tuple(
            self._node(element)
            for element in parent
            if element.tag != f"{SVG}title" and (element.tag != f"{SVG}text" or element.get(LIVE) != "text")
        )

    def _node(self, element: Element) -> Node:
        if element.tag not in (f"{SVG}g", f"{SVG}image") or element.get("transform") is not None:
            raise self._changed(f"<{element.tag.removeprefix(SVG)}> or a transform")
        title = element.find(f"{SVG}title")
        name = title.text or "" if title is not None else ""
        opacity = min(max(number(element, "opacity", 1, self.label), 0.0), 1.0)
        visible = element.get("display") != "none" or element.get(LIVE) == "picture"
        blend = self._blend(element)
        identity = self.marks.id_of(element)
        if element.tag == f"{SVG}g":
            # A <g> without a style is no isolated group, unless its opacity makes it one.
            through = not element.get("style") and (opacity == 1 or element.get(f"{OWN}blend") == "pass-through")
            return Group(
                layers=self._nodes(element),
                name=name,
                opacity=opacity,
                blend="pass-through" if through else blend,
                visible=visible,
                id=identity,
            )
        return Layer(
            pixels=self._pixels(element, name),
            name=name,
            offset=(round(number(element, "x", 0, self.label)), round(number(element, "y", 0, self.label))),
            opacity=opacity,
            blend=blend,
            visible=visible,
            id=identity,
            text=self.marks.text_of(element),
        )

    def _pixels(self, element: Element, name: str) -> U8:
        uri = element.get("href", "")
        if not uri.startswith(PNG_URI):
            raise self._changed("a picture that is not embedded as PNG")
        try:
            data = base64.b64decode(uri[len(PNG_URI) :], validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError(f"{self.label}, layer {name!r}: broken base64 ({error}); save the stack again.") from error
        label = f"{self.label}, layer {name!r}"
        pixels = decode_image(data, label, max_pixels=self.max_pixels, formats=("PNG",)).pixels
        sides = tuple(number(element, key, 0, self.label) for key in ("width", "height"))
        if sides != (pixels.shape[1], pixels.shape[0]):
            raise self._changed("a picture that was resized")
        self.budget.spend(pixels.shape[1], pixels.shape[0])
        return pixels

    def _blend(self, element: Element) -> BlendMode:
        style = element.get("style", "")
        mode = as_blend(style.removeprefix("mix-blend-mode:"))
        if style in ("", "isolation:isolate"):
            return "normal"
        if mode is None or style == mode:
            raise self._changed(f"the style {style[:60]!r}")
        return mode

    def _changed(self, what: str) -> InputError:
        return InputError(f"{self.label} was changed by another program ({what}); export it as PNG and split that.")
