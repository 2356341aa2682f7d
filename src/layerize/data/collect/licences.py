"""The licence of one file: what it says itself, what lies beside it, the nearest licence file above it.

A licence of code is no licence of art: where it was found is always said, and a file called ``LICENSE-ART`` or the like
goes before a plain ``LICENSE`` of the same folder.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from layerize.data.collect.licence_texts import of_address, recognise, spdx_tag

Read = Callable[[str], bytes]
"""A path inside the tree to the file's bytes; raises OSError or LookupError if it is not there."""

HEAD_BYTES = 1 << 20
"""So much of a design file is searched for what it says of itself."""

MOST_LICENCE_BYTES = 1 << 20

_LICENCE_FILE = re.compile(r"(un)?licen[cs]es?|copying|copyright|.*[-_.]licen[cs]e", re.IGNORECASE)
_TEXT_SUFFIXES = ("", ".md", ".txt", ".rst", ".html", ".adoc", ".lesser", ".lib")
_ART = re.compile(r"art|asset|media|graphic|image|icon|logo|design|cc|content|data", re.IGNORECASE)
_METADATA = (
    re.compile(rb"<cc:license[^>]*?rdf:resource\s*=\s*[\"']([^\"']+)", re.IGNORECASE),
    re.compile(rb"<cc:license>\s*([^<\s][^<]*)<", re.IGNORECASE),
    re.compile(rb"WebStatement[^h]{0,20}(https?://[^<\"'\s]+)", re.IGNORECASE),
    re.compile(rb"<license>\s*([^<\s][^<]*)</license>", re.IGNORECASE),
)


@dataclass(frozen=True)
class Licence:
    """What was found.

    Attributes:
        spdx: An SPDX expression.
        found_in: Where: ``the file's metadata``, or the path of a licence file in its tree.
    """

    spdx: str
    found_in: str


class LicenceFinder:
    """Licences of the files of one tree (a folder or a repository).

    Args:
        files: All paths of the tree, POSIX, relative.
        read: Gives the bytes of one of them.
    """

    def __init__(self, files: Iterable[str], read: Read) -> None:
        self._read = read
        self._files = set(files)
        self._folders: dict[str, list[str]] = {}
        for path in sorted(self._files):
            if _is_licence_file(PurePosixPath(path).name):
                self._folders.setdefault(str(PurePosixPath(path).parent), []).append(path)
        self._texts: dict[str, str | None] = {}
        self._rules = self._reuse_rules()

    def licence_of(self, path: str, content: bytes = b"") -> Licence | None:
        """The licence of a file, or None.

        In this order: a REUSE sidecar ``path.license``; the file's own metadata; ``REUSE.toml`` or a Debian copyright
        file (what it says of ``*`` only after a licence file in a folder); the nearest licence file upwards that can be
        recognised.

        Args:
            path: In the tree.
            content: Its bytes, or their beginning.
        """
        beside = f"{path}.license"
        if beside in self._files:
            spdx = recognise(self._text(beside))
            if spdx:
                return Licence(spdx, beside)
        own = licence_in(content)
        if own is not None:
            return own
        rule = next((rule for rule in reversed(self._rules) if fnmatchcase(path, rule[0])), None)
        if rule is None:
            return self._nearest(path)
        in_folder = self._nearest(path, with_root=False) if rule[0] == "*" else None
        return in_folder or Licence(rule[1], rule[2])

    def _nearest(self, path: str, *, with_root: bool = True) -> Licence | None:
        folders = list(PurePosixPath(path).parents)
        for folder in folders if with_root else folders[:-1]:
            known = [(name, self._recognised(name)) for name in self._folders.get(str(folder), ())]
            found = [(name, spdx) for name, spdx in known if spdx]
            about_art = [item for item in found if _ART.search(_tail(item[0]))]
            chosen = about_art or found
            if chosen:
                spdx = dict.fromkeys(part for _, one in chosen for part in one.split(" AND "))
                return Licence(" AND ".join(spdx), ", ".join(name for name, _ in chosen))
        return None

    def _recognised(self, name: str) -> str | None:
        if name not in self._texts:
            self._texts[name] = recognise(self._text(name))
        return self._texts[name]

    def _text(self, name: str) -> str:
        try:
            return self._read(name)[:MOST_LICENCE_BYTES].decode(errors="replace")
        except (OSError, LookupError):
            return ""

    def _reuse_rules(self) -> list[tuple[str, str, str]]:
        """(glob, SPDX, file) of files that speak of many others: Debian's format, REUSE.toml; the last match counts."""
        rules: list[tuple[str, str, str]] = []
        for name in sorted(self._files):
            if name in (".reuse/dep5", "debian/copyright") or ("/" not in name and name.endswith(".dep5")):
                rules += [(glob, spdx, name) for glob, spdx in _dep5(self._text(name))]
        if "REUSE.toml" in self._files:
            try:
                annotations: list[Any] = tomllib.loads(self._text("REUSE.toml")).get("annotations", [])
                for item in annotations:
                    globs = [item["path"]] if isinstance(item["path"], str) else list(item["path"])
                    spdx = item["SPDX-License-Identifier"]
                    spdx = spdx if isinstance(spdx, str) else " AND ".join(spdx)
                    rules += [(glob.replace("**", "*"), spdx, "REUSE.toml") for glob in globs]
            except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError):
                pass  # not a REUSE file that anybody could follow
        return rules


def _dep5(text: str) -> Iterator[tuple[str, str]]:
    """(glob, SPDX) of a machine-readable Debian copyright file, version 1.0."""
    for block in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^(\w[\w-]*):[ \t]*(.*(?:\n[ \t].*)*)", block, re.MULTILINE))
        if "Files" in fields and fields.get("License", "").strip():
            spdx = " ".join(_debian(word) for word in fields["License"].strip().splitlines()[0].split())
            yield from ((glob, spdx) for glob in fields["Files"].split())


def _debian(name: str) -> str:
    """Debian's short name of a licence as SPDX: ``GPL-2+`` is ``GPL-2.0-or-later``, ``Expat`` is ``MIT``."""
    if name in ("or", "and", "with"):
        return name.upper()
    match = re.fullmatch(r"(A?GPL|LGPL|GFDL)-(\d)(?:\.(\d))?(\+)?", name)
    if match:
        return f"{match[1]}-{match[2]}.{match[3] or 0}-{'or-later' if match[4] else 'only'}"
    return {"Expat": "MIT", "CC0": "CC0-1.0", "public-domain": "LicenseRef-public-domain"}.get(name, name)


def licence_in(content: bytes) -> Licence | None:
    """What a file says of itself: RDF of SVG and XMP (``cc:license``, ``WebStatement``), ``<license>``, SPDX tag."""
    head = content[:HEAD_BYTES]
    for pattern in _METADATA:
        for match in pattern.finditer(head):
            said = match[1].decode(errors="replace")
            spdx = of_address(said) or recognise(said)
            if spdx:
                return Licence(spdx, "the file's metadata")
    if b"SPDX-License-Identifier:" in head:
        spdx = spdx_tag(head.decode(errors="replace"))
        if spdx:
            return Licence(spdx, "the file's metadata")
    return None


def _is_licence_file(name: str) -> bool:
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix.lower()
    if suffix not in _TEXT_SUFFIXES:
        stem, suffix = name, ""  # LICENSE.apache: the end is no file type
    first = re.split(r"[-_. ]", stem)[0]
    return suffix in _TEXT_SUFFIXES and bool(_LICENCE_FILE.fullmatch(stem) or re.fullmatch(
        r"(un)?licen[cs]e|copying|copyright", first, re.IGNORECASE
    ))  # fmt: skip


def _tail(path: str) -> str:
    """What follows the word licence in a file's name: ``ART`` of ``LICENSE-ART.md``."""
    name = PurePosixPath(path).name
    return re.sub(r"^(un)?licen[cs]es?|^copying|^copyright|\.(md|txt|rst|html|adoc)$", "", name, flags=re.IGNORECASE)
