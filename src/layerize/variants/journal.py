"""What has been made already: a line per finished variant, so that a run that was stopped goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from layerize import __version__
from layerize.errors import InputError
from layerize.formats.atomic import output_error
from layerize.variants.recipe import Recipe

FOLDER = ".variants"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A finished variant: its name, what it was made from (a digest), its file, and the file's size in bytes."""

    name: str
    key: str
    out: str
    size: int


class Journal:
    """The finished variants of an output folder. A line that was cut off by a crash is ignored."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / FOLDER / "journal.jsonl"
        self._entries: dict[str, Entry] = {}
        try:
            (folder / FOLDER).mkdir(parents=True, exist_ok=True)
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines() if self._path.exists() else []
        except OSError as error:
            raise output_error(folder, error) from error
        for line in lines:
            try:
                entry = Entry(**json.loads(line))
            except (ValueError, TypeError):
                continue
            self._entries[entry.name] = entry

    def is_done(self, name: str, key: str) -> bool:
        """Whether this variant was made from the same things, and its file is still as it was written."""
        entry = self._entries.get(name)
        return entry is not None and entry.key == key and _size(self.folder / entry.out) == entry.size

    def add(self, name: str, key: str, out: Path) -> None:
        """Note a finished variant.

        Raises:
            OutputError: The journal cannot be written.
        """
        entry = Entry(name=name, key=key, out=out.name, size=_size(out))
        self._entries[name] = entry
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write("\n" * self._torn() + json.dumps(asdict(entry)) + "\n")
        except OSError as error:
            raise output_error(self._path, error) from error

    def thumbnail(self, name: str) -> Path:
        """Where a variant's small picture for the contact sheet is kept."""
        return self.folder / FOLDER / f"{name}.jpg"

    def _torn(self) -> bool:
        """Whether the file ends in the middle of a line."""
        if not self._path.exists() or self._path.stat().st_size == 0:
            return False
        with self._path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) != b"\n"


class Keys:
    """Digests of what variants are made from; every file is read once."""

    def __init__(self, stack: Path, extension: str) -> None:
        self._base = f"layerize {__version__} {extension} {digest(stack)}"
        self._files: dict[Path, str] = {}

    def of(self, recipe: Recipe) -> str:
        """The digest of a recipe, the pictures it names, the stack, the output's format and this version."""
        for path in recipe.files():
            self._files.setdefault(path, digest(path))
        files = [self._files[path] for path in recipe.files()]
        return hashlib.sha256(repr((self._base, recipe, files)).encode()).hexdigest()


def digest(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder with their names.

    Raises:
        InputError: It cannot be read.
    """
    total = hashlib.sha256()
    try:
        for file in _files(path):
            total.update(file.relative_to(path.parent).as_posix().encode())
            with file.open("rb") as data:
                total.update(hashlib.file_digest(data, "sha256").digest())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the name.") from error
    return total.hexdigest()


def _files(path: Path) -> Iterable[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _size(path: Path) -> int:
    """Bytes of a file or of all files of a folder; -1 if there is none."""
    try:
        return sum(file.stat().st_size for file in _files(path))
    except OSError:
        return -1
