"""Draw an SVG, or some elements of it with everything around them that acts on them, with resvg."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from typing import Any
from xml.etree.ElementTree import Element, tostring

import numpy as np

from layerize.errors import InputError, MissingExtraError
from layerize.formats.image import decode_image
from layerize.formats.svg_fonts import generic_families
from layerize.formats.svg_source import HREFS, SVG, parse_svg
from layerize.formats.xml_safe import local
from layerize.stack.layer import U8

# CSS pixels per inch; with resvg_py's default of 0, every size in mm, cm, in or pt is invalid.
DPI = 96
# The longer side of a drawing, in pixels: icons are enlarged, posters in millimetres shrunk; within it the own size.
MIN_SIDE, MAX_SIDE = 256, 2048

_GROUPS = {"g", "a", "svg", "switch"}
_SHAPES = {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"}
DRAWABLE = frozenset(_GROUPS | _SHAPES | {"use", "image", "text"})
"""Elements that draw something where they stand."""
_UNITS = {"": 1, "px": 1, "pt": 96 / 72, "pc": 16, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96, "em": 16, "ex": 8}


class Renderer:
    """Draws parts of one document at one size.

    Attributes:
        size: (width, height) of the drawings, in pixels.
        scale: Pixels per pixel of the drawing's own size.
    """

    def __init__(self, root: Element, label: str, max_pixels: int, *, scaled: bool = True) -> None:
        self._svg_to_bytes = _resvg()
        self.root, self._label, self._max_pixels = root, label, max_pixels
        own = _own_size(root, label)
        self.scale = _scale(*own, max_pixels) if scaled else 1.0
        self._width = max(1, round(own[0] * self.scale))
        self._referenced = _referenced(root)
        self._has_text = any(local(element) == "text" for element in root.iter())
        whole = self.draw_whole()
        self.size = (whole.shape[1], whole.shape[0])

    def draw_whole(self) -> U8:
        """The whole drawing, ``u8`` (H, W, 4)."""
        return self._draw(self.root, self._width)

    def draw(self, path: Sequence[Element], chosen: Collection[Element], *, long_side: int | None = None) -> U8:
        """Only some children of the last element of a path from the root, within the groups of that path.

        Args:
            path: The root, then each group inside, down to the parent of the chosen elements.
            chosen: Children of ``path[-1]``, drawn in their order.
            long_side: Draw a small picture of this size instead.
        """
        width = self._width
        if long_side is not None:
            width = max(1, round(width * long_side / max(self.size)))
        return self._draw(self._pruned(path, {id(element) for element in chosen}), width)

    def _draw(self, root: Element, width: int) -> U8:
        has_text = self._has_text and any(local(element) == "text" for element in root.iter())
        source = tostring(root, encoding="unicode")
        fonts: dict[str, Any] = generic_families() if has_text else {"skip_system_fonts": True}
        try:
            data = self._svg_to_bytes(svg_string=source, dpi=DPI, width=width, **fonts)
        except ValueError as error:
            raise InputError(f"{self._label}: resvg cannot draw it ({error}); save it as plain SVG.") from error
        return decode_image(bytes(data), self._label, max_pixels=2 * self._max_pixels, formats=("PNG",)).pixels

    def _pruned(self, path: Sequence[Element], chosen: set[int]) -> Element:
        """A copy of the path with what it needs: siblings are left out, or kept undrawn where something names them."""
        copies = []
        for depth, element in enumerate(path):
            keep = {id(path[depth + 1])} if depth + 1 < len(path) else chosen
            copy = Element(element.tag, dict(element.attrib))
            copy.text, copy.tail = element.text, element.tail
            for child in element:
                if id(child) in keep and depth + 1 < len(path):
                    copy.append(child)  # replaced below
                elif id(child) in keep or local(child) not in DRAWABLE:
                    copy.append(child)
                elif self._is_named(child):
                    undrawn = Element(f"{SVG}defs")
                    undrawn.append(child)
                    copy.append(undrawn)
            copies.append(copy)
        for depth in range(len(copies) - 1):
            place = next(i for i, child in enumerate(copies[depth]) if child is path[depth + 1])
            copies[depth][place] = copies[depth + 1]
        return copies[0]

    def _is_named(self, element: Element) -> bool:
        return any(node.get("id") in self._referenced for node in element.iter())


def draw_svg(data: bytes, label: str, size: tuple[int, int], max_pixels: int) -> tuple[U8, str]:
    """A whole SVG drawn to a given size, and the words of its texts, lines separated by line feeds.

    Args:
        data: The file's bytes, untrusted.
        label: For messages.
        size: (width, height) of the picture; an SVG of another aspect is cut or padded at the right and below.
        max_pixels: Limit on pictures inside it.

    Raises:
        InputError: Damaged or dangerous; MissingExtraError without resvg.
    """
    root = parse_svg(data, label, max_pixels)
    for key, side in zip(("width", "height"), size, strict=True):
        root.set(key, str(side))
    texts = ("".join(element.itertext()) for element in root.iter() if local(element) == "text")
    words = "\n".join(filter(None, (" ".join(text.split()) for text in texts)))
    drawn = Renderer(root, label, max_pixels, scaled=False).draw_whole()
    pixels = np.zeros((size[1], size[0], 4), np.uint8)
    height, width = min(size[1], drawn.shape[0]), min(size[0], drawn.shape[1])
    pixels[:height, :width] = drawn[:height, :width]
    return pixels, words


def _resvg() -> Any:
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise MissingExtraError("Drawing SVG", "resvg_py", "data") from error
    return svg_to_bytes


def _referenced(root: Element) -> frozenset[str]:
    """All ids that anything in the document refers to."""
    found: set[str] = set()
    for element in root.iter():
        texts = [*element.attrib.values(), element.text or ""] if local(element) == "style" else element.attrib.values()
        for text in texts:
            if "#" in text:
                found.update(re.findall(r"url\(\s*['\"]?#([^)'\"]+)", text))
        found.update(element.get(key, "")[1:] for key in HREFS if element.get(key, "").startswith("#"))
    return frozenset(found)


def _own_size(root: Element, label: str) -> tuple[float, float]:
    """Width and height in CSS pixels, from the attributes or, where they are missing or relative, the view box."""
    box = [float(value) for value in re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", root.get("viewBox", ""))]
    fallback = (box[2], box[3]) if len(box) == 4 and box[2] > 0 and box[3] > 0 else None
    width, height = _length(root.get("width")), _length(root.get("height"))
    if fallback is not None:
        aspect = fallback[0] / fallback[1]
        width = width or (height * aspect if height else fallback[0])
        height = height or width / aspect
    width, height = width or 100.0, height or 100.0  # resvg's own default
    if not (math.isfinite(width) and math.isfinite(height) and 1e-3 < width < 1e7 and 1e-3 < height < 1e7):
        raise InputError(f"{label}: its size is {width:g}x{height:g}; give it a width and a height in pixels.")
    if max(width, height) > 1000 * min(width, height):
        raise InputError(f"{label}: its size is {width:g}x{height:g}; one side is over 1000 times the other.")
    return width, height


def _length(text: str | None) -> float | None:
    """A length in CSS pixels; None where it is missing, relative or not positive."""
    match = re.fullmatch(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([a-z]*)\s*", text or "", re.IGNORECASE)
    if match is None or match[2].lower() not in _UNITS:
        return None
    value = float(match[1]) * _UNITS[match[2].lower()]
    return value if value > 0 else None


def _scale(width: float, height: float, max_pixels: int) -> float:
    long_side = max(width, height)
    scale = min(max(long_side, MIN_SIDE), MAX_SIDE) / long_side
    return float(min(scale, np.sqrt(max_pixels / (width * height))))
