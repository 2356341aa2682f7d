"""Which design files there are, and what is known of each: origin, repository, licence.

A source is a folder that ``layerize data collect`` has filled (``INDEX.jsonl``), a folder with an ``INDEX.tsv`` of the
columns path, repository (or source_repository), licence, kind, any other folder, or a single file.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from layerize.data.readers import is_design
from layerize.errors import InputError
from layerize.formats.manifest import MANIFEST

JSON_INDEX, TABLE_INDEX = "INDEX.jsonl", "INDEX.tsv"
HASH_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One design file to extract.

    Attributes:
        path: Where it lies on this machine.
        source: URL, or path below the source's folder: what a sample says about its origin, the same on any machine.
        repository: Files of one repository share a split.
        licence: SPDX, "" if unknown.
        licence_from: Where the licence was found.
        kind: As the index says: design, ui, fixture ...
        sha256: Of the content, "" where it cannot be read.
    """

    path: Path
    source: str
    repository: str
    licence: str = ""
    licence_from: str = ""
    kind: str = ""
    sha256: str = ""

    @property
    def id(self) -> str:
        """A name for the sample: the file's, and its content's hash (where there is none, its origin's)."""
        stem = re.sub(r"[^a-z0-9]+", "-", self.path.stem.lower()).strip("-")[:40] or "file"
        return f"{stem}-{(self.sha256 or hashlib.sha256(self.source.encode()).hexdigest())[:12]}"

    def to_json(self) -> dict[str, Any]:
        """For another process."""
        return asdict(self) | {"path": str(self.path)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SourceFile:
        """Back from ``to_json``."""
        return cls(**(data | {"path": Path(data["path"])}))


def find_sources(paths: Sequence[Path], *, licence: str = "") -> list[SourceFile]:
    """All design files of the sources, in a fixed order, each once.

    Args:
        paths: Folders and files.
        licence: SPDX of the files whose source says none.

    Raises:
        InputError: A path does not exist, is no design file, or its index is damaged.
    """
    found: dict[Path, SourceFile] = {}
    for path in paths:
        for source in _of(path):
            if licence and not source.licence:
                source = _replace(source, licence=licence, licence_from="stated")
            found.setdefault(source.path, source)
    return list(found.values())


def hashed(source: SourceFile) -> SourceFile:
    """The source with the hash of its content; without one where it cannot be read."""
    try:
        return _replace(source, sha256=_sha256(source.path))
    except OSError:
        return _replace(source, sha256="")


def _of(path: Path) -> Iterator[SourceFile]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; check the name.")
    if is_design(path) or path.is_file():
        if not is_design(path):
            raise InputError(f"{path}: no design file that layerize can read.")
        yield SourceFile(path=path.resolve(), source=path.name, repository=path.resolve().parent.name)
    elif (path / JSON_INDEX).is_file():
        yield from _from_json(path)
    elif (path / TABLE_INDEX).is_file():
        yield from _from_table(path)
    else:
        yield from _walk(path)


def _walk(root: Path) -> Iterator[SourceFile]:
    """Design files below a folder, by name; the first folder below the root counts as repository."""
    top = root.resolve()
    for here, folders, files in os.walk(top):
        folder = Path(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if folder != top and (folder / MANIFEST).is_file():
            folders.clear()
            names = [folder]
        else:
            names = [folder / name for name in sorted(files) if not name.startswith(".") and is_design(folder / name)]
        for path in names:
            relative = path.relative_to(top)
            repository = f"{top.name}/{relative.parts[0]}" if len(relative.parts) > 1 else top.name
            yield SourceFile(path=path, source=f"{top.name}/{relative.as_posix()}", repository=repository)


def _from_json(root: Path) -> Iterator[SourceFile]:
    """The folder of a collection: what it says of every file."""
    index = root / JSON_INDEX
    for number, line in enumerate(index.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            path = _inside(root, str(row["path"]))
            if not is_design(path):
                continue
            yield SourceFile(
                path=path,
                source=str(row.get("url") or row["path"]),
                repository=str(row.get("repository") or root.resolve().name),
                licence=str(row.get("licence") or ""),
                licence_from=str(row.get("licence_from") or ""),
                kind=str(row.get("kind") or ""),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{index}, line {number}: cannot be read ({error}); collect again.") from error


def _from_table(root: Path) -> Iterator[SourceFile]:
    index = root / TABLE_INDEX
    with index.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if "path" not in (rows.fieldnames or ()):
            raise InputError(f"{index}: has no column 'path'; name the columns in the first line.")
        for row in rows:
            relative = row["path"] or ""
            yield SourceFile(
                path=_inside(root, relative),
                source=relative,
                repository=row.get("source_repository") or row.get("repository") or root.resolve().name,
                licence=row.get("licence") or "",
                licence_from=TABLE_INDEX if row.get("licence") else "",
                kind=row.get("kind") or "",
            )


def _inside(root: Path, relative: str) -> Path:
    """A path of an index; it may not leave the folder.

    Raises:
        InputError: It would.
    """
    path = (root / relative).resolve()
    if not relative or not path.is_relative_to(root.resolve()):
        raise InputError(f"{root}: the index names {relative!r}, which is not inside the folder.")
    return path


def _replace(source: SourceFile, **changes: str) -> SourceFile:
    return SourceFile.from_json(source.to_json() | changes)


def _sha256(path: Path) -> str:
    """Of a file, or of a manifest folder's files with their names."""
    digest = hashlib.sha256()
    path.stat()  # a missing one has no files, but is no empty folder either
    files = [path] if path.is_file() else sorted(entry for entry in path.rglob("*") if entry.is_file())
    for file in files:
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode(errors="replace") + b"\0")
        with file.open("rb") as stream:
            while chunk := stream.read(HASH_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
