"""Live text as PowerPoint text boxes that lie where the letters lay.

A box has no insets, does not wrap and does not fit itself to its text; lines are paragraphs of one body, so that people
can edit them as one text. Places follow from the font's ascent: the first baseline lies that far below the box's top.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from layerize.formats.live_text import LiveText, placed_text
from layerize.formats.xml_safe import xml_text
from layerize.stack.layer import Layer

EMU_PER_POINT = 12_700
_ALIGN = {"left": "l", "center": "ctr", "right": "r"}
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def text_for_box(layer: Layer) -> LiveText | None:
    """The layer's text where a text box can stand for its picture: typeface known, flat colours, level lines."""
    if layer.blend != "normal":
        return None
    text = placed_text(layer)
    if text is None or not text.flat or text.vertical or not text.colours or not text.level_baselines:
        return None
    return text


def add_text_box(shapes: Any, text: LiveText, emu_per_pixel: float, opacity: float = 1.0) -> Any:
    """Add a text box to a slide or group of python-pptx.

    Args:
        shapes: Where to.
        text: With a font and baselines.
        emu_per_pixel: Scale of the slide.
        opacity: Of the layer and its groups, 0..1.

    Returns:
        The new shape.
    """
    from pptx.enum.text import MSO_AUTO_SIZE

    left, top, width, height = _box(text)
    shape = shapes.add_textbox(*(round(value * emu_per_pixel) for value in (left, top, width, height)))
    shape.rotation = text.angle % 360
    frame = shape.text_frame
    body = frame._txBody.bodyPr
    for side in ("lIns", "tIns", "rIns", "bIns"):
        body.set(side, "0")
    body.set("wrap", "none")
    body.set("anchor", "t")
    frame.auto_size = MSO_AUTO_SIZE.NONE
    for number, line in enumerate(text.lines):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        run = paragraph.add_run()
        run.text = xml_text(line.content)
        _set_paragraph(paragraph._p.get_or_add_pPr(), text)
        _set_run(run._r.get_or_add_rPr(), text, emu_per_pixel, opacity)
    return shape


def _pitch(text: LiveText) -> float:
    level = text.level_baselines
    return (level[-1][1] - level[0][1]) / (len(level) - 1) if len(level) > 1 else 0.0


def _natural(text: LiveText) -> float:
    assert text.font is not None
    return (text.font.ascent + text.font.descent + text.font.line_gap) * text.size


def _box(text: LiveText) -> tuple[float, float, float, float]:
    """(left, top, width, height) in pixels before the box is turned about its middle."""
    font, level = text.font, text.level_baselines
    assert font is not None
    widths = [line.advance or 0.0 for line in text.lines]
    share = {"left": 0.0, "center": 0.5, "right": 1.0}[text.alignment]
    anchor = float(np.mean([x + share * width for (x, _), width in zip(level, widths, strict=True)]))
    width = max(widths)
    proportion = _pitch(text) / _natural(text) if len(level) > 1 else 1.0
    # Below 100 % office programs cut the first line's ascent as well.
    ascent = font.ascent * text.size - max(0.0, 1 - proportion) * _natural(text)
    height = (len(level) - 1) * _pitch(text) + min(1.0, proportion) * _natural(text)
    left, top = anchor - share * width, level[0][1] - ascent
    middle = np.array([left + width / 2, top + height / 2])
    cos, sin = np.cos(np.radians(text.angle)), np.sin(np.radians(text.angle))
    turned = np.array([[cos, -sin], [sin, cos]]) @ (middle - level[0]) + level[0]
    return float(turned[0] - width / 2), float(turned[1] - height / 2), width, height


def _set_paragraph(properties: Any, text: LiveText) -> None:
    properties.set("algn", _ALIGN[text.alignment])
    properties.set("marL", "0")
    properties.set("indent", "0")
    if len(text.lines) > 1:
        spacing = properties.makeelement(f"{_A}lnSpc", {})
        percent = spacing.makeelement(f"{_A}spcPct", {"val": str(round(100_000 * _pitch(text) / _natural(text)))})
        spacing.append(percent)
        properties.insert(0, spacing)


def _set_run(properties: Any, text: LiveText, emu_per_pixel: float, opacity: float) -> None:
    font = text.font
    assert font is not None
    points = emu_per_pixel / EMU_PER_POINT
    properties.set("sz", str(min(max(round(100 * text.size * points), 100), 400_000)))
    office = font.office
    properties.set("b", "1" if office is not None and office.bold else "0")
    properties.set("i", "1" if office is not None and office.italic else "0")
    if round(100 * text.letter_spacing * points):
        properties.set("spc", str(round(100 * text.letter_spacing * points)))
    if len(text.colours) > 1 and text.outline_width:
        line = properties.makeelement(f"{_A}ln", {"w": str(round(2 * text.outline_width * emu_per_pixel))})
        line.append(_fill(line, text.colours[1], opacity))
        properties.append(line)
    properties.append(_fill(properties, text.colours[0], opacity))
    family = office.family if office is not None else font.family
    for tag in ("latin", "ea", "cs"):
        properties.append(properties.makeelement(_A + tag, {"typeface": xml_text(family)}))


def _fill(parent: Any, colour: str, opacity: float) -> Any:
    fill = parent.makeelement(f"{_A}solidFill", {})
    rgb = fill.makeelement(f"{_A}srgbClr", {"val": colour[1:].upper()})
    if opacity < 1:
        rgb.append(rgb.makeelement(f"{_A}alpha", {"val": str(round(100_000 * opacity))}))
    fill.append(rgb)
    return fill
