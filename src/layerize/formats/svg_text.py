"""Live text as SVG ``<text>``, a ``<tspan>`` per line at its baseline; the layer's picture stays in the file, hidden.

So programs show and edit words, and layerize reads back the exact picture.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from layerize.formats.live_text import LiveText, placed_text
from layerize.formats.xml_safe import OWN, xml_text
from layerize.stack.layer import Layer

LIVE = f"{OWN}live"
"""Marks a hidden picture ("picture") and the text that stands for it ("text")."""


def text_for_svg(layer: Layer) -> LiveText | None:
    """The layer's text where ``<text>`` can stand for its picture: typeface known, flat colours, level lines."""
    text = placed_text(layer) if layer.visible else None
    if text is None or not text.flat or text.vertical or not text.colours or not text.level_baselines:
        return None
    return text


def add_text(parent: Element, picture: Element, text: LiveText, namespace: str) -> None:
    """Hide a picture's element and add its text after it.

    Args:
        parent: Of both.
        picture: The ``<image>``; opacity and blend mode are taken over from it.
        text: With a font and baselines.
        namespace: ``{address}`` of SVG.
    """
    font = text.font
    assert font is not None
    picture.set(LIVE, "picture")
    picture.set("display", "none")
    element = SubElement(parent, f"{namespace}text")
    element.set(LIVE, "text")
    for key in ("opacity", "style"):
        if picture.get(key) is not None:
            element.set(key, str(picture.get(key)))
    family = xml_text(font.family).replace("\\", "").replace("'", "")
    look = {
        "font-family": f"'{family}'",
        "font-size": f"{text.size:g}",
        "font-weight": str(font.weight),
        "font-style": "italic" if font.italic else "normal",
        "fill": text.colours[0],
        "xml:space": "preserve",
    }
    if text.letter_spacing:
        look["letter-spacing"] = f"{text.letter_spacing:g}"
    if len(text.colours) > 1 and text.outline_width:
        look |= {"stroke": text.colours[1], "stroke-width": f"{2 * text.outline_width:g}"}
        look |= {"stroke-linejoin": "round", "paint-order": "stroke"}
    level = text.level_baselines
    if text.angle:
        look["transform"] = f"rotate({text.angle:g} {level[0][0]:g} {level[0][1]:g})"
    for key, value in look.items():
        element.set(key, value)
    for line, (x, y) in zip(text.lines, level, strict=True):
        span = SubElement(element, f"{namespace}tspan", x=f"{x:.2f}", y=f"{y:.2f}")
        span.text = xml_text(line.content)
