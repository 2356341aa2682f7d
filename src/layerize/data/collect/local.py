"""Design files of a folder on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from layerize.data.collect.collection import Collection, Found
from layerize.data.collect.licences import MOST_LICENCE_BYTES, LicenceFinder
from layerize.data.readers import READERS, suffix_of
from layerize.errors import InputError

Seen = Callable[[str], None]


def collect_folder(folder: Path, collection: Collection, seen: Seen | None = None) -> None:
    """Copy every design file below a folder into the collection; links and hidden folders are not followed.

    Args:
        folder: Where to look. Its first level counts as repositories if it has folders, as in a folder of clones.
        collection: Where to keep them.
        seen: Told the path of each file.

    Raises:
        InputError: No such folder, or it contains the collection.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise InputError(f"{folder}: no such folder; check the name.")
    if collection.root.resolve().is_relative_to(root):
        raise InputError(f"{folder}: contains the collection {collection.root}; choose another place for it.")
    files = _files(root)

    def read(name: str) -> bytes:
        with (root / name).open("rb") as file:
            return file.read(MOST_LICENCE_BYTES)

    finder = LicenceFinder(files, read)
    for name in files:
        if suffix_of(Path(name)) in READERS:
            if seen is not None:
                seen(name)
            _add(root, name, finder, collection)


def _add(root: Path, name: str, finder: LicenceFinder, collection: Collection) -> None:
    path = root / name
    parts = Path(name).parts
    repository = f"{root.name}/{parts[0]}" if len(parts) > 1 else root.name
    bare = Found(url=path.as_uri(), repository=repository, path=name)
    try:
        about = path.stat()
        if about.st_size > collection.options.max_bytes:
            collection.skip(bare, "too-large", f"{about.st_size} bytes")
            return
        content = path.read_bytes()
    except OSError as error:
        collection.skip(bare, "failed", error.strerror or str(error))
        return
    date = datetime.fromtimestamp(about.st_mtime, UTC).isoformat(timespec="seconds")
    licence = finder.licence_of(name, content)
    collection.add(Found(url=bare.url, repository=repository, path=name, date=date, licence=licence), content)


def _files(root: Path) -> list[str]:
    """All regular files, POSIX and relative, in a fixed order; hidden folders only where REUSE keeps its file."""
    found = []
    for here, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") or name == ".reuse")
        for name in sorted(names):
            path = Path(here) / name
            if path.is_file() and not path.is_symlink():
                found.append(path.relative_to(root).as_posix())
    return found
