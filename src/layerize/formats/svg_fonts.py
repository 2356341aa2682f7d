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
_SANS = ("arial", "helvetica", "liberation sans", "dejavu sans", "noto sans", "open sans")
_PREFERRED = {
    "serif_family": ("times new roman", "times", "liberation serif", "dejavu serif", "noto serif", *_SANS),
    "sans_serif_family": _SANS,
    "monospace_family": ("courier new", "courier", "liberation mono", "dejavu sans mono", "noto sans mono", *_SANS),
    "cursive_family": ("comic sans ms", *_SANS),
    "fantasy_family": ("impact", *_SANS),
    "font_family": ("times new roman", "times", *_SANS),
}
_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")


def missing_families(root: Element) -> list[str]:
    """Families that a text names first and that are not installed, in order of appearance."""
    wanted = list(dict.fromkeys(_families(root, None)))
    if not wanted:
        return []
    installed = installed_families()
    return [family for family in wanted if family.lower() not in installed]


@functools.lru_cache(maxsize=1)
def installed_families() -> dict[str, str]:
    """The families of all fonts in the folders that the system's programs look into, by their name in lower case."""
    found: dict[str, str] = {}
    for folder in _folders():
        for file in sorted(folder.rglob("*")):
            if file.suffix.lower() in _SUFFIXES:
                try:
                    family = ImageFont.truetype(str(file), 10).getname()[0] or ""
                except OSError:  # not a font after all
                    continue
                found[family.lower()] = family
    return found


@functools.lru_cache(maxsize=1)
def generic_families() -> dict[str, str]:
    """What resvg should take for serif, sans-serif and so on: its own choices are fonts of Windows.

    Without them a text whose family is missing would not be drawn at all.
    """
    installed = installed_families()
    chosen: dict[str, str] = {}
    for option, wanted in _PREFERRED.items():
        name = next((installed[name] for name in wanted if name in installed), next(iter(installed.values()), ""))
        if name:
            chosen[option] = name
    return chosen


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
