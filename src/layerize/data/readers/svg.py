"""SVG files as design files: the level at which the drawing falls into parts, each part drawn alone with resvg.

Groups around that level act on every part: transformations, clips, masks and filters stay around each, an opacity
becomes the opacity of a group. Nothing outside the file is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

from layerize.data.design_file import DesignFile
from layerize.data.readers.notes import Notes
from layerize.data.readers.svg_level import (
    SMALL_SIDE,
    Unit,
    children_of,
    ink_of,
    is_plain_group,
    label_of,
    units_of,
)
from layerize.formats.own_marks import as_blend
from layerize.formats.svg_draw import Renderer
from layerize.formats.svg_fonts import missing_families
from layerize.formats.svg_source import SODIPODI, property_of, read_source, set_property
from layerize.formats.xml_safe import local
from layerize.stack.composite import Box, ink_box
from layerize.stack.layer import BlendMode, Group, Layer, LayerStack, Node

# A level is opened further as long as the drawing then has at most so many layers.
MAX_LAYERS = 40
MAX_LEVELS = 3
MAX_HIDDEN = 8
MAX_WRAPPERS = 60


def read(path: Path, max_pixels: int) -> DesignFile:
    """Read an SVG or SVGZ.

    Raises:
        InputError: Damaged, or dangerous; LimitError for bombs.
    """
    notes = Notes()
    with notes.listening():
        root = read_source(path, max_pixels)
    renderer = Renderer(root, str(path), max_pixels)
    if abs(renderer.scale - 1) > 1e-6:
        notes.add("scaled", detail=f"{renderer.scale:.4g} times its own size")
    for family in missing_families(root):
        notes.add("missing-font", detail=family)
    preview = renderer.draw_whole()
    stack = LayerStack(size=renderer.size, layers=_Reader(renderer, notes).nodes())
    notes.judge_preview(preview)
    notes.survey(stack)
    return DesignFile(stack=stack, preview=preview, preview_has_alpha=True, flags=notes.flags, format="svg")


class _Reader:
    def __init__(self, renderer: Renderer, notes: Notes) -> None:
        self.renderer, self.notes = renderer, notes
        self.left = MAX_LAYERS
        self.hidden_left = MAX_HIDDEN

    def nodes(self) -> tuple[Node, ...]:
        """The whole drawing as layers."""
        path, units = self._descend([self.renderer.root])
        self.left -= len(units)
        opacity = 1.0
        for element in path:  # an opacity of groups around the layers fades them together
            opacity *= _opacity(element)
            if _opacity(element) != 1:
                set_property(element, "opacity", "1")
        filtered = any(property_of(element, "filter") not in (None, "none") for element in path)
        layers = self._layers(path, units, 1 if filtered else MAX_LEVELS)  # the fewer parts, the nearer to one filter
        return layers if opacity == 1 else (Group(layers=layers, name="Drawing", opacity=opacity, blend="normal"),)

    def _descend(self, path: list[Element]) -> tuple[list[Element], list[Unit]]:
        """Into groups that hold all there is, as long as there is only one thing on the level."""
        while True:
            units = units_of(path[-1], lambda chosen: self._look(path, chosen))
            seen = [unit for unit in units if not unit.hidden]
            single = seen[0].elements if len(seen) == 1 else ()
            if len(single) != 1 or len(path) > MAX_WRAPPERS:
                return path, units
            inner = single[0]
            if local(inner) not in ("g", "a", "svg") or not children_of(inner):
                return path, units
            if any(property_of(inner, name) not in (None, "none") for name in ("filter", "mask", "clip-path")):
                self.notes.add("filter", label_of(inner), "acts on all layers inside; drawn into each")
            path.append(inner)

    def _look(self, path: Sequence[Element], chosen: Sequence[Element]) -> Box | None:
        return ink_of(self.renderer.draw(path, chosen, long_side=SMALL_SIDE)[..., 3])

    def _layers(self, path: list[Element], units: list[Unit], levels: int) -> tuple[Node, ...]:
        """Each unit as a layer, or as a group of its own children where that is plain and not too much."""
        nodes: list[Node] = []
        for unit in units:
            node = self._opened(path, unit, levels) or self._leaf(path, unit)
            if node is not None:
                nodes.append(node)
        return tuple(nodes)

    def _opened(self, path: list[Element], unit: Unit, levels: int) -> Group | None:
        element = unit.elements[0]
        if levels <= 1 or len(unit.elements) > 1 or unit.hidden or not is_plain_group(element):
            return None
        if _is_text(element) or not 2 <= len(children_of(element)) <= self.left:
            return None
        inner = [*path, element]
        units = [item for item in units_of(element, lambda chosen: self._look(inner, chosen)) if not item.hidden]
        if not 2 <= len(units) <= self.left + 1:
            return None
        self.left -= len(units) - 1
        return Group(layers=self._layers(inner, units, levels - 1), name=label_of(element))

    def _leaf(self, path: list[Element], unit: Unit) -> Layer | None:
        chosen, name = unit.elements, label_of(unit.elements[0])
        if unit.hidden:
            if self.hidden_left == 0:
                return None
            self.hidden_left -= 1
            set_property(chosen[0], "display", "inline")
            set_property(chosen[0], "visibility", "visible")
        if len(chosen) > 1:
            name = f"{name} and {len(chosen) - 1} more"
            self.notes.add("grouped", name, f"{len(chosen)} objects")
        pixels = self.renderer.draw(path, chosen)
        layer = Layer(pixels=pixels, name=name, visible=not unit.hidden, blend=_blend(chosen))
        box = ink_box(layer)
        if box is None:
            self.notes.add("empty", name)
            return None
        cut = layer.pixels[box.slices(0, 0)].copy()
        return replace(layer, pixels=cut, offset=(box.x0, box.y0), text=self._text(chosen, name))

    def _text(self, chosen: Sequence[Element], name: str) -> dict[str, str] | None:
        """The content where the layer is nothing but text."""
        if not all(_is_text(element) for element in chosen):
            return None
        content = "\n".join(filter(None, (_content(element) for element in chosen)))
        if not content:
            return None
        self.notes.add("text", name)
        return {"content": content}


def _is_text(element: Element) -> bool:
    if local(element) == "text":
        return True
    children = children_of(element)
    return local(element) in ("g", "a") and bool(children) and all(_is_text(child) for child in children)


def _content(element: Element) -> str:
    """The words of a text, lines (Inkscape's are tspans of that role) on lines of their own."""
    if local(element) != "text":
        return "\n".join(filter(None, (_content(child) for child in children_of(element))))
    lines = [element.text or ""]
    for span in element:
        if span.get(f"{SODIPODI}role") == "line":
            lines.append("")
        lines[-1] += "".join(span.itertext()) + (span.tail or "")
    return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))


def _opacity(element: Element) -> float:
    stored = (property_of(element, "opacity") or "1").strip()
    try:
        value = float(stored[:-1]) / 100 if stored.endswith("%") else float(stored)
    except ValueError:
        return 1.0
    return min(max(value, 0.0), 1.0) if value == value else 1.0


def _blend(elements: Sequence[Element]) -> BlendMode:
    """The blend mode of a single element (several are drawn into one layer, where it has acted already)."""
    mode = property_of(elements[0], "mix-blend-mode") if len(elements) == 1 else None
    return as_blend(mode or "normal") or "normal"
