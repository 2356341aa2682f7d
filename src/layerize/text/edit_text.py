"""Other words in a text layer: set in its typeface, size, colours and angle, where the old words began."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from layerize.errors import EditError, LayerizeWarning
from layerize.formats.live_text import LiveText, parse_live_text, placed_text
from layerize.stack.colour import parse_colour
from layerize.stack.composite import ink_box
from layerize.stack.layer import Layer, LayerStack
from layerize.stack.tree import Ref, change, find
from layerize.text.block import RGB, Alignment, TextBlock, TextLine
from layerize.text.fonts import FontFace, face_named, face_of_file, installed_faces, near_families
from layerize.text.live import fingerprint, font_entry
from layerize.text.match import best_matches, fit, refined
from layerize.text.render import Line, Setting, draw_block
from layerize.text.style_estimate import BOLD_WEIGHT, has_serifs
from layerize.text.upright import upright

MOST_LETTERS = 5000


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """How the old words are set: the setting, and where their lines start once they are level."""

    setting: Setting
    starts: tuple[tuple[float, float], ...]
    widths: tuple[float, ...]
    angle: float
    alignment: Alignment
    line_spacing: float


def edit_text(
    stack: LayerStack, ref: Ref, words: str, *, font: str | Path | None = None, shrink: bool = False
) -> LayerStack:
    """Set other words in a text layer; all other layers stay the same objects.

    The first baseline stays where it is, and with it the left end, middle or right end of the lines as they are
    aligned. Words without a line break are wrapped at the old width where the old text had several lines.

    Args:
        stack: The stack.
        ref: A layer with text.
        words: The new text; lines end with a line break.
        font: A font file instead of the matched typeface.
        shrink: Make the letters smaller where the words are longer than the old ones.

    Warns:
        LayerizeWarning: The typeface is unknown, and the nearest installed one was taken.

    Raises:
        EditError: The layer has no text or stands upright letter below letter, there are no words, the typeface is not
            on this machine, or it lacks characters.
        InputError: The font file cannot be read.
        MissingExtraError: The extra ``text`` is not installed.
    """
    layer, content = _text_layer(stack, ref)
    lines = [line.strip() for line in words.replace("\r\n", "\n").strip("\n").split("\n")]
    if not "".join(lines) or len(words) > MOST_LETTERS:
        raise EditError(f"there are {len(words)} characters of text; give 1 to {MOST_LETTERS}, or delete the layer.")
    plan = _plan(layer, content, None if font is None else face_of_file(Path(font)))
    _refuse_missing(plan.setting.face, "".join(lines))
    if len(lines) == 1 and len(plan.starts) > 1:
        lines = _wrapped(lines[0], plan)
    new = _set(layer, content, lines, _shrunk(plan, lines) if shrink else plan)
    return change(stack, ref, lambda _: new)


def _text_layer(stack: LayerStack, ref: Ref) -> tuple[Layer, str]:
    node = find(stack, ref)
    content = (node.text or {}).get("content") if isinstance(node, Layer) else None
    if not isinstance(node, Layer) or not isinstance(content, str) or not content.strip():
        having = [repr(layer.name) for layer in stack.walk() if isinstance((layer.text or {}).get("content"), str)]
        shown = ", ".join(having[:8]) or "no layer of the stack has"
        raise EditError(f"{node.name!r} has no text that is known; layers with text: {shown}.")
    if (node.text or {}).get("vertical"):
        raise EditError(f"the text of {node.name!r} stands letter below letter; only level lines can be set anew.")
    if ink_box(node) is None:
        raise EditError(f"the text layer {node.name!r} is empty; there is nothing to take size and colour from.")
    return node, content


def _plan(layer: Layer, content: str, given: FontFace | None) -> _Plan:
    """What is known of the old setting; what is not is found by laying a typeface over the old letters."""
    text = placed_text(layer)
    if text is not None and text.font is not None and text.level_baselines:
        face = given or face_named(text.font.model_dump(), installed_faces())
        if face is None:
            near = near_families(text.font.family, installed_faces())
            hint = f" (installed: {', '.join(near)})" if near else ""
            raise EditError(
                f"the typeface of {layer.name!r}, {text.font.family} {text.font.style}, is not on this machine{hint}; "
                "give a font file with font=FILE."
            )
        if given is None or given.name == text.font.name:
            return _known(layer, text, face)
    block = _block(layer, content)
    flat = upright(block, layer)
    match = None
    if given is None:
        match = next(iter(best_matches(flat.lines, installed_faces(), count=1)), None)
    elif not given.missing(content) and (first := fit(flat.lines, given)) is not None:
        match = refined(flat.lines, first)
    if match is None and given is None:
        raise EditError(f"no installed typeface has the letters of {layer.name!r}; give a font file with font=FILE.")
    if match is None:
        assert given is not None
        return _guessed(layer, block, given)
    if given is None:
        warnings.warn(
            f"the typeface of {layer.name!r} is unknown; the nearest on this machine, {match.face.family} "
            f"{match.face.style} (score {match.score:.2f}), is used; give another with font=FILE.",
            LayerizeWarning,
            3,
        )
    setting = replace(match.setting, size=match.setting.size / flat.scale, spacing=match.setting.spacing / flat.scale)
    starts = [flat.place(i, *match.baselines[i]) for i in range(len(flat.lines))]
    level = _levelled(starts, flat.angle)
    return _Plan(
        setting=_coloured(setting, layer, parse_live_text(layer.text)),
        starts=level,
        widths=tuple(setting.width(line.content) for line in flat.lines),
        angle=flat.angle,
        alignment=block.alignment,
        line_spacing=_pitch(level) or block.line_spacing,
    )


def _known(layer: Layer, text: LiveText, face: FontFace) -> _Plan:
    setting = Setting(face=face, size=text.size, spacing=text.letter_spacing)
    return _Plan(
        setting=_coloured(setting, layer, text),
        starts=tuple(text.level_baselines),
        widths=tuple(setting.width(line.content) for line in text.lines),
        angle=text.angle,
        alignment=text.alignment,
        line_spacing=_pitch(text.level_baselines) or text.line_spacing or 1.2 * text.size,
    )


def _guessed(layer: Layer, block: TextBlock, face: FontFace) -> _Plan:
    """For a typeface that cannot write the old words: by the lines' boxes alone."""
    starts = tuple((line.box[0], line.box[3] - 0.22 * (line.box[3] - line.box[1])) for line in block.lines)
    return _Plan(
        setting=_coloured(Setting(face=face, size=block.size), layer, parse_live_text(layer.text)),
        starts=starts,
        widths=tuple(line.box[2] - line.box[0] for line in block.lines),
        angle=block.angle,
        alignment=block.alignment,
        line_spacing=block.line_spacing,
    )


def _block(layer: Layer, content: str) -> TextBlock:
    """The layer's text as a block: as described, or from its ink in as many rows as the text has lines."""
    box = ink_box(layer)
    assert box is not None
    text = parse_live_text(layer.text)
    fill = _fill(layer)
    described = text is not None and text.ink == tuple(map(float, box)) and all(line.polygon for line in text.lines)
    if text is not None and described:
        colours = [fill, *(parse_colour(colour) for colour in text.colours[1:2])]
        return TextBlock(
            lines=tuple(
                TextLine(content=line.content, polygon=tuple(line.polygon), confidence=1.0) for line in text.lines
            ),
            angle=text.angle,
            size=text.size,
            colours=tuple(colours),
            alignment=text.alignment,
            line_spacing=text.line_spacing or 1.2 * text.size,
        )
    rows = [line for line in content.split("\n") if line.strip()]
    pitch = (box.y1 - box.y0) / len(rows)
    lines = []
    for number, row in enumerate(rows):
        top, bottom = box.y0 + number * pitch, box.y0 + (number + 1) * pitch
        polygon = ((box.x0, top), (box.x1, top), (box.x1, bottom), (box.x0, bottom))
        lines.append(TextLine(content=row, polygon=polygon, confidence=1.0))
    alignment = text.alignment if text is not None else "left"
    return TextBlock(
        lines=tuple(lines), angle=0.0, size=pitch, colours=(fill,), alignment=alignment, line_spacing=pitch
    )


def _fill(layer: Layer) -> RGB:
    """The colour of most solid pixels; of a described layer that of its first colour unless it was recoloured."""
    alpha = layer.pixels[..., 3]
    rgb = layer.pixels[alpha >= max(1, int(0.9 * alpha.max()))][:, :3]
    red, green, blue = (int(value) for value in np.median(rgb, axis=0))
    text = parse_live_text(layer.text)
    if text is not None and text.colours:
        known = np.array([parse_colour(colour) for colour in text.colours])
        if np.abs(known - (red, green, blue)).max(axis=1).min() <= 24:
            return parse_colour(text.colours[0])
    return red, green, blue


def _coloured(setting: Setting, layer: Layer, text: LiveText | None) -> Setting:
    fill = _fill(layer)
    if text is None or len(text.colours) < 2 or fill != parse_colour(text.colours[0]):
        return replace(setting, fill=fill)
    width = text.outline_width or 0.06 * setting.size
    return replace(setting, fill=fill, outline=parse_colour(text.colours[1]), outline_width=width)


def _pitch(starts: Sequence[tuple[float, float]]) -> float:
    """Pixels from one baseline to the next; 0 for a single line."""
    return (starts[-1][1] - starts[0][1]) / (len(starts) - 1) if len(starts) > 1 else 0.0


def _levelled(starts: Sequence[tuple[float, float]], angle: float) -> tuple[tuple[float, float], ...]:
    first = np.array(starts[0])
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    level = (np.array(starts) - first) @ np.array([[cos, -sin], [sin, cos]]) + first
    return tuple((float(x), float(y)) for x, y in level)


def _refuse_missing(face: FontFace, words: str) -> None:
    missing = face.missing(words)
    if not missing:
        return
    able = next((other for other in installed_faces() if not other.missing(words)), None)
    hint = f"{able.family} has them: font={able.file}" if able is not None else "give a font file with font=FILE"
    shown = ", ".join(f"{c} (U+{ord(c):04X})" for c in missing[:8]) + (" ..." if len(missing) > 8 else "")
    raise EditError(f"{face.family} {face.style} has no letters for {shown}; {hint}.")


def _wrapped(words: str, plan: _Plan) -> list[str]:
    """The words in lines of at most the old width; a longer word has a line of its own."""
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and plan.setting.width(longer) <= 1.02 * max(plan.widths):
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _shrunk(plan: _Plan, lines: Sequence[str]) -> _Plan:
    """The plan with letters so small that no line is longer than the longest old one."""
    share = max(plan.widths) / max(max(plan.setting.width(line) for line in lines), 1e-6)
    if share >= 1:
        return plan
    old = plan.setting
    setting = replace(old, size=old.size * share, spacing=old.spacing * share, outline_width=old.outline_width * share)
    return replace(plan, setting=setting, line_spacing=plan.line_spacing * share)


def _set(layer: Layer, content: str, lines: Sequence[str], plan: _Plan) -> Layer:
    """The layer with the words drawn, described and named anew."""
    setting = plan.setting
    share = {"left": 0.0, "center": 0.5, "right": 1.0}[plan.alignment]
    anchors = [x + share * width for (x, _), width in zip(plan.starts, plan.widths, strict=True)]
    anchor = min(anchors) if plan.alignment == "left" else float(np.mean(anchors))
    placed = [
        Line(content=line, x=anchor - share * setting.width(line), y=plan.starts[0][1] + number * plan.line_spacing)
        for number, line in enumerate(lines)
    ]
    pivot = Line(content="", x=plan.starts[0][0], y=plan.starts[0][1])
    drawn = draw_block(setting, [pivot, *placed], angle=plan.angle)
    if drawn is None:
        raise EditError(f"{setting.face.family} draws nothing for these words; give a font file with font=FILE.")
    pixels, offset = drawn
    words = "\n".join(lines)
    name = layer.name.replace(" ".join(content.split()), " ".join(words.split()))
    new = replace(layer, pixels=pixels, offset=offset, name=name)
    return replace(new, text=_description(new, words, placed, pivot, plan))


def _description(layer: Layer, words: str, placed: Sequence[Line], pivot: Line, plan: _Plan) -> dict[str, Any]:
    setting, face = plan.setting, plan.setting.face
    cos, sin = float(np.cos(np.radians(plan.angle))), float(np.sin(np.radians(plan.angle)))

    def turned(x: float, y: float) -> list[float]:
        dx, dy = x - pivot.x, y - pivot.y
        return [round(pivot.x + cos * dx - sin * dy, 2), round(pivot.y + sin * dx + cos * dy, 2)]

    lines = []
    for line in placed:
        width = setting.width(line.content)
        top, bottom = line.y - face.ascent * setting.size, line.y + face.descent * setting.size
        corners = ((line.x, top), (line.x + width, top), (line.x + width, bottom), (line.x, bottom))
        polygon = [turned(x, y) for x, y in corners]
        xs, ys = zip(*polygon, strict=True)
        box = [min(xs), min(ys), max(xs), max(ys)]
        start = turned(line.x, line.y)
        lines.append(
            {"content": line.content, "polygon": polygon, "box": box, "baseline": start, "advance": round(width, 2)}
        )
    colours = [setting.fill] if setting.outline is None else [setting.fill, setting.outline]
    return {
        **(layer.text or {}),
        "content": words,
        "lines": lines,
        "angle": round(plan.angle, 2),
        "size": round(setting.size, 2),
        "colours": ["#{:02x}{:02x}{:02x}".format(*colour) for colour in colours],
        "alignment": plan.alignment,
        "line_spacing": round(plan.line_spacing, 2),
        "letter_spacing": round(setting.spacing, 3),
        "outline_width": round(setting.outline_width, 2),
        "vertical": False,
        "flat": True,
        "weight": "bold" if face.weight >= BOLD_WEIGHT else "regular",
        "italic": face.italic,
        "serif": has_serifs(face),
        "font": font_entry(face, 1.0),
        **fingerprint(layer),
    }
