"""A dataset on disk: ``dataset.json``, ``index.jsonl`` with one line per source file, ``samples/ID/`` per accepted one.

The index is appended to while an extraction runs, so that nothing is lost when it is killed, and rewritten atomically
when it ends. Knows nothing of how samples come to be.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from layerize.errors import InputError, OutputError
from layerize.formats.atomic import atomic_path, output_error
from layerize.formats.manifest import MANIFEST, load_folder
from layerize.formats.manifest_model import RelativePath
from layerize.stack.layer import LayerStack

VERSION: Literal[1] = 1
DATASET, INDEX, SAMPLES = "dataset.json", "index.jsonl", "samples"

Status = Literal["accepted", "rejected", "failed"]
Split = Literal["train", "val", "test"]


class Reason(BaseModel):
    """Why a file did not become a sample: the filter's name and a sentence."""

    filter: str
    detail: str


class FlagEntry(BaseModel):
    """A flag of the reader (``design_file.FLAGS``) or of the extraction (``filters.SAMPLE_FLAGS``)."""

    kind: str
    layer: str = ""
    detail: str = ""


class IndexEntry(BaseModel):
    """One line of ``index.jsonl``: a source file and what became of it. ``docs/data.md`` explains every key."""

    model_config = ConfigDict(extra="ignore")

    id: str
    source: str
    repository: str = ""
    licence: str = ""
    licence_from: str = ""
    sha256: str = ""
    format: str = ""
    kind: str = ""
    status: Status
    reasons: list[Reason] = []
    flags: list[FlagEntry] = []
    canvas: tuple[int, int] = (0, 0)
    layers: int = 0
    levels: int = 0
    elements: int = 0
    names: list[str] = []
    text: str = ""
    mad: float | None = None
    worst_tile: float | None = None
    error: int = 0
    opaque: float = 0.0
    verified: bool = False
    phash: str = ""
    split: Split = "train"
    caption: str = ""
    caption_from: str = ""
    seconds: float = 0.0
    path: RelativePath | None = None

    def reject(self, filter_name: str, detail: str) -> IndexEntry:
        """The same file, rejected for one more reason; it has no sample any more."""
        reasons = [*self.reasons, Reason(filter=filter_name, detail=detail)]
        return self.model_copy(update={"status": "rejected", "reasons": reasons, "path": None})


class DatasetFolder:
    """A dataset that is being made or read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def open(cls, root: Path) -> DatasetFolder:
        """An existing dataset.

        Raises:
            InputError: There is none in the folder.
        """
        if not (root / DATASET).is_file():
            raise InputError(f"{root} holds no {DATASET}; give a folder that 'layerize data extract' has written.")
        return cls(root)

    @property
    def exists(self) -> bool:
        """Whether the folder holds a dataset."""
        return (self.root / DATASET).is_file()

    @property
    def samples(self) -> Path:
        """The folder of the samples."""
        return self.root / SAMPLES

    def options(self) -> dict[str, Any]:
        """The options that the dataset was made with.

        Raises:
            InputError: ``dataset.json`` is damaged or of another version.
        """
        path = self.root / DATASET
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            version, options = document["version"], dict(document["options"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: damaged ({error}); extract the dataset again.") from error
        if version != VERSION:
            raise InputError(f"{path}: version {version!r}; this layerize reads version {VERSION}.")
        return options

    def create(self, options: dict[str, Any], made_with: str) -> None:
        """Begin a dataset in an empty or new folder.

        Raises:
            OutputError: The folder holds something else, or cannot be written.
        """
        if self.root.exists() and (not self.root.is_dir() or any(self.root.iterdir())):
            raise OutputError(f"{self.root} holds other files; choose another or an empty folder.")
        try:
            self.samples.mkdir(parents=True)
        except OSError as error:
            raise output_error(self.root, error) from error
        document = {"version": VERSION, "options": options, "made_with": made_with}
        with atomic_path(self.root / DATASET) as temporary:
            temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def clear(self) -> None:
        """Remove what this class has written, and nothing else."""
        for name in (DATASET, INDEX):
            (self.root / name).unlink(missing_ok=True)
        if self.samples.is_dir():
            shutil.rmtree(self.samples)

    def entries(self) -> list[IndexEntry]:
        """The index, in file order; of two lines with one id the later holds, a last line that was cut off is ignored.

        Raises:
            InputError: Another line is damaged.
        """
        path = self.root / INDEX
        if not path.is_file():
            return []
        lines = path.read_bytes().split(b"\n")
        found: dict[str, IndexEntry] = {}
        for number, line in enumerate(lines, 1):
            try:
                if line.strip():
                    entry = IndexEntry.model_validate_json(line)
                    found[entry.id] = entry
            except ValidationError as error:
                if number == len(lines):
                    break
                first = error.errors(include_url=False)[0]
                place = ".".join(map(str, first["loc"]))
                raise InputError(f"{path}, line {number}: {place} {first['msg']}; extract the file again.") from error
        return list(found.values())

    def accepted(self) -> list[IndexEntry]:
        """The entries that have a sample."""
        return [entry for entry in self.entries() if entry.status == "accepted"]

    def append(self, entry: IndexEntry) -> None:
        """Add one line, on disk when this returns."""
        line = entry.model_dump_json().encode(errors="replace") + b"\n"
        try:
            with (self.root / INDEX).open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise output_error(self.root / INDEX, error) from error

    def rewrite(self, entries: Sequence[IndexEntry]) -> None:
        """Replace the whole index, atomically."""
        with atomic_path(self.root / INDEX) as temporary, temporary.open("wb") as file:
            file.writelines(entry.model_dump_json().encode(errors="replace") + b"\n" for entry in entries)

    def folder_of(self, entry: IndexEntry) -> Path:
        """The sample's manifest folder.

        Raises:
            InputError: The entry has none, or its path leads out of the dataset.
        """
        if entry.path is None:
            raise InputError(f"{entry.source}: was {entry.status}; it has no sample.")
        folder = self.root / entry.path
        if not folder.resolve().is_relative_to(self.root.resolve()):
            raise InputError(f"{entry.source}: the path {entry.path!r} leads out of the dataset.")
        return folder

    def load(self, entry: IndexEntry) -> LayerStack:
        """The sample of an accepted entry.

        Raises:
            InputError: It is missing or damaged.
        """
        return load_folder(self.folder_of(entry))

    def discard(self, sample: str) -> None:
        """Remove a sample's folder, if there is one."""
        folder = self.samples / sample
        if (folder / MANIFEST).is_file():
            shutil.rmtree(folder)

    def sweep(self) -> None:
        """Remove what killed writers have left behind: hidden temporary folders between the samples."""
        if not self.samples.is_dir():
            return
        for entry in self.samples.iterdir():
            if entry.name.startswith(".") and entry.suffix in (".tmp", ".old"):
                shutil.rmtree(entry, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second extraction out while this one runs (where the system has file locks).

        Raises:
            OutputError: Another one runs.
        """
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        with (self.root / DATASET).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise OutputError(f"{self.root}: another extraction is writing here; wait until it ends.") from error
            yield
