"""Crello's texts from their characters and a folder of font files.

LayerD takes its fonts from a pickle in the dataset. Opening a pickle can run any code, so Layerize does not: it takes
ordinary font files, and names every family that it had to replace.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from layerize.errors import InputError, MissingExtraError

FALLBACK = "montserrat"
"""The family that stands in for a missing one, as in LayerD's renderer."""
WEIGHTS = {
    "thin": 100, "extralight": 200, "light": 300, "regular": 400, "medium": 500, "semibold": 600, "bold": 700,
    "extrabold": 800, "black": 900,
}  # fmt: skip
_STYLE_WORDS = re.compile(r"\b(bold|regular|light|italic|medium)\b")


def skia_module() -> Any:
    """skia-python.

    Raises:
        MissingExtraError: It is absent.
    """
    try:
        import skia
    except ImportError as error:
        raise MissingExtraError("Drawing Crello designs", "skia-python", "synth") from error
    return skia


class Fonts:
    """Font files of a folder, found by family, weight and slant.

    Attributes:
        fallbacks: Families that were asked for and not found.
    """

    def __init__(self, folder: Path) -> None:
        """Read all .ttf and .otf files, at any depth.

        Raises:
            InputError: There are none.
        """
        skia = skia_module()
        self.fallbacks: set[str] = set()
        self._families: dict[str, list[Any]] = {}
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".ttf", ".otf")) if folder.is_dir() else []
        for file in files:
            face = skia.Typeface.MakeFromFile(str(file))
            if face is not None:
                self._families.setdefault(_key(face.getFamilyName()), []).append(face)
        if not self._families:
            raise InputError(f"{folder}: holds no font files (.ttf, .otf).")

    def find(self, family: str, *, bold: bool, italic: bool) -> Any:
        """The typeface nearest to what is asked; a weight in the family's name counts before ``bold``."""
        key = self._family(family)
        named = family.replace("_", " ").lower().split()
        weight = WEIGHTS.get(named[-1] if named else "", 700 if bold else 400)
        slanted = italic or bool(named and named[-1] == "italic")

        def far(face: Any) -> tuple[bool, int]:
            return bool(face.isItalic()) != slanted, abs(int(face.fontStyle().weight()) - weight)

        return min(self._families[key], key=far)

    def _family(self, family: str) -> str:
        """The key of a family: itself, a longer or a shorter name of it, Montserrat, or whatever there is."""
        key = _key(family)
        if key in self._families:
            return key
        longer = sorted(known for known in self._families if key and known.startswith(key))
        shorter = sorted((known for known in self._families if key.startswith(known)), key=len)
        if longer or shorter:
            return (longer or shorter[::-1])[0]
        self.fallbacks.add(family)
        return FALLBACK if FALLBACK in self._families else next(iter(self._families))


def _key(family: str) -> str:
    """A family's name in small letters without style words and spaces."""
    return re.sub(r"\s+", "", _STYLE_WORDS.sub("", family.replace("_", " ").lower()))


@dataclass(frozen=True)
class _Span:
    text: str
    colour: str
    bold: bool
    italic: bool


def text_lines(text: dict[str, Any]) -> Iterator[list[_Span]]:
    """Lines of equally styled spans. ``text_line`` numbers the line of every character."""
    characters = html.unescape(str(text["text"]))
    start = 0
    for _, members in groupby(text["text_line"]):
        end = start + len(list(members))
        styles = [
            (_at(text["text_color"], i), bool(_at(text["font_bold"], i)), bool(_at(text["font_italic"], i)))
            for i in range(start, min(end, len(characters)))
        ]
        spans, place = [], start
        for style, same in groupby(styles):
            count = len(list(same))
            spans.append(_Span(characters[place : place + count], str(style[0] or "rgb(0,0,0)"), style[1], style[2]))
            place += count
        yield spans
        start = end


def _at(values: Sequence[Any], index: int) -> Any:
    return values[index] if index < len(values) else None


def draw_text(canvas: Any, text: dict[str, Any], width: float, fonts: Fonts) -> None:
    """Draw an element's lines from its top-left corner; its opacity is not applied, as in LayerD's renderer.

    Args:
        canvas: skia's.
        text: The text columns of the dataset for one element.
        width: Of the element, for alignment.
        fonts: Where typefaces come from.

    Raises:
        InputError: A colour cannot be understood.
    """
    skia = skia_module()
    size, spacing = float(text["font_size"]), float(text["letter_spacing"])
    capitals = text["capitalize"] in (True, 1, "true")
    for number, line in enumerate(text_lines(text)):
        runs = []
        for span in line:
            words = (span.text.upper() if capitals else span.text).strip("\n")
            font = skia.Font(fonts.find(str(text["font"]), bold=span.bold, italic=span.italic), int(size))
            glyphs = font.textToGlyphs(words)
            advance = sum(font.getWidths(glyphs)) + spacing * max(0, len(glyphs) - 1)
            runs.append((font, glyphs, advance, span.colour))
        total = sum(advance for _, _, advance, _ in runs)
        x = {"center": (width - total) / 2, "right": width - total}.get(str(text["text_align"]), 0.0)
        y = number * size * (float(text["line_height"]) or 1.0)
        for font, glyphs, advance, colour in runs:
            if glyphs:
                places = [place + spacing * i for i, place in enumerate(font.getXPos(glyphs))]
                builder = skia.TextBlobBuilder()
                builder.allocRunPosH(font, glyphs, places, 0)
                paint = skia.Paint(AntiAlias=True, Color=skia.Color(*_rgba(colour)))
                canvas.drawTextBlob(builder.make(), x, y - font.getMetrics().fAscent, paint)
            x += advance


def _rgba(colour: str) -> tuple[int, int, int, int]:
    """``rgb(r, g, b)``, ``rgba(r, g, b, a)`` with a in 0..1, or hexadecimal, to four numbers 0..255.

    Raises:
        InputError: It is none of them.
    """
    if match := re.fullmatch(r"rgba?\(([^)]*)\)", colour.strip()):
        try:
            values = [float(value) for value in match[1].split(",")]
            red, green, blue = (int(min(max(value, 0), 255)) for value in values[:3])
            return red, green, blue, int(min(max(values[3] if len(values) > 3 else 1.0, 0), 1) * 255)
        except ValueError:
            pass
    elif match := re.fullmatch(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", colour.strip()):
        digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16), 255
    raise InputError(f"the text colour {colour!r} cannot be understood")
