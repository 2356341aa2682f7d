"""Read OpenRaster, from any program, into a stack; what a stack cannot express is replaced, with a warning."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

from layerize.errors import InputError
from layerize.formats.budget import PixelBudget
from layerize.formats.image import DEFAULT_MAX_PIXELS, check_pixels, decode_image
from layerize.formats.loss import report
from layerize.formats.ora import MIMETYPE
from layerize.formats.own_marks import Marks, as_blend, number
from layerize.formats.xml_safe import OWN, parse_xml
from layerize.formats.zip_read import Members, open_members, picture_limit
from layerize.stack.layer import U8, BlendMode, Group, GroupBlendMode, Layer, LayerStack, Node

# A stack.xml describes at most some thousand layers in some hundred bytes each.
MAX_XML_BYTES = 64 * 2**20

# Operators beyond W3C's blend modes, and the nearest that a stack has.
_NEAREST: dict[str, BlendMode] = {"svg:plus": "screen"}


def load_ora(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> LayerStack:
    """Read an OpenRaster file.

    Warns:
        LayerizeWarning: A composite operator was replaced, or an element left out; the message names the layer.

    Raises:
        LimitError: The canvas, one layer or all together are over the limits, or a member is a bomb.
        InputError: Not an OpenRaster file, or damaged; XML with a document type; paths that lead out.
    """
    path = Path(path)
    with open_members(path) as members:
        if members.read("mimetype", 1024).strip() != MIMETYPE:
            raise InputError(f"{path}: its mimetype is not {MIMETYPE.decode()}; give an OpenRaster file.")
        root = parse_xml(members.read("stack.xml", MAX_XML_BYTES), f"{path}/stack.xml")
        return _Reader(members, str(path), max_pixels).stack(root)


class _Reader:
    def __init__(self, members: Members, label: str, max_pixels: int) -> None:
        self.members, self.label, self.max_pixels = members, label, max_pixels
        self.marks = Marks(label)
        self.budget = PixelBudget(label, max_pixels)

    def stack(self, root: Element) -> LayerStack:
        top = root.find("stack")
        if root.tag != "image" or top is None:
            raise InputError(f"{self.label}: stack.xml has no <image> with a <stack>; give an OpenRaster file.")
        width, height = (int(number(root, key, 0, self.label)) for key in ("w", "h"))
        check_pixels(f"{self.label}: the canvas", width, height, self.max_pixels)
        origin = (self._whole(top, "x"), self._whole(top, "y"))
        return LayerStack(size=(width, height), layers=self._nodes(top, origin), metadata=self.marks.metadata_of(root))

    def _nodes(self, parent: Element, origin: tuple[int, int]) -> tuple[Node, ...]:
        return tuple(node for element in reversed(parent) for node in self._node(element, origin))

    def _node(self, element: Element, origin: tuple[int, int]) -> list[Node]:
        name = element.get("name", "")
        if element.tag not in ("layer", "stack"):
            report(self.label, "lost", name, f"<{element.tag}> elements are not supported and it was left out")
            return []
        place = (origin[0] + self._whole(element, "x"), origin[1] + self._whole(element, "y"))
        opacity = min(max(number(element, "opacity", 1, self.label), 0.0), 1.0)
        visible = element.get("visibility", "visible") != "hidden"
        blend = self._blend(element, name)
        identity = self.marks.id_of(element)
        if element.tag == "stack":
            group = self._group_blend(element, blend, opacity)
            members = self._nodes(element, place)
            return [Group(layers=members, name=name, opacity=opacity, blend=group, visible=visible, id=identity)]
        return [
            Layer(
                pixels=self._pixels(element, name),
                name=name,
                offset=place,
                opacity=opacity,
                blend=blend,
                visible=visible,
                id=identity,
                text=self.marks.text_of(element),
            )
        ]

    def _pixels(self, element: Element, name: str) -> U8:
        source = element.get("src")
        if source is None:
            raise InputError(f"{self.label}, layer {name!r}: it names no picture (src); save it again.")
        data = self.members.read(source, picture_limit(self.max_pixels))
        picture = decode_image(data, f"{self.label}/{source}", max_pixels=self.max_pixels, formats=("PNG",)).pixels
        self.budget.spend(picture.shape[1], picture.shape[0])
        return picture

    def _blend(self, element: Element, name: str) -> BlendMode:
        operator = element.get("composite-op", "svg:src-over")
        if operator == "svg:src-over":
            return "normal"
        mode = as_blend(operator.partition(":")[2])
        if mode is not None:
            return mode
        nearest = _NEAREST.get(operator, "normal")
        report(self.label, "blend-replaced", name, f"the composite operator {operator} was replaced by {nearest}")
        return nearest

    def _group_blend(self, element: Element, blend: BlendMode, opacity: float) -> GroupBlendMode:
        """A group is isolated if it says so, or has an opacity or an operator (Layer Stack Specification)."""
        plain = blend == "normal" and element.get("isolation", "auto") == "auto"
        if plain and (opacity == 1 or element.get(f"{OWN}blend") == "pass-through"):
            return "pass-through"
        return blend

    def _whole(self, element: Element, key: str) -> int:
        return round(number(element, key, 0, self.label))
