"""Which font families a drawing's texts ask for, and which of them are installed here."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from PIL import ImageFont

from layerize.formats.svg_source import property_of
from layerize.formats.xml_safe import local

_GENERIC = frozenset({"serif", "sans-serif", "sans", "monospace", "cursive", "fantasy", "system-ui", "inherit"})
_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")


def missing_families(root: Element) -> list[str]:
    """Families that a text names first and that are not installed, in order of appearance."""
    wanted = list(dict.fromkeys(_families(root, None)))
    if not wanted:
        return []
    installed = installed_families()
    return [family for family in wanted if family.lower() not in installed]


@functools.lru_cache(maxsize=1)
def installed_families() -> frozenset[str]:
    """The families of all fonts in the folders that the system's programs look into, in lower case."""
    found: set[str] = set()
    for folder in _folders():
        for file in sorted(folder.rglob("*")):
            if file.suffix.lower() in _SUFFIXES:
                try:
                    found.add((ImageFont.truetype(str(file), 10).getname()[0] or "").lower())
                except OSError:  # not a font after all
                    continue
    return frozenset(found)


def _folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "darwin":
        folders = [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    elif sys.platform == "win32":
        folders = [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    else:
        folders = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".fonts"]
        folders.append(home / ".local/share/fonts")
    return [folder for folder in folders if folder.is_dir()]


def _families(element: Element, inherited: str | None) -> Iterator[str]:
    """The first family of every text element that has text."""
    own = property_of(element, "font-family") or inherited
    if local(element) in ("text", "tspan", "textPath") and (element.text or "").strip() and own:
        first = own.split(",")[0].strip().strip("'\"")
        if first and first.lower() not in _GENERIC:
            yield first
    for child in element:
        yield from _families(child, own)
