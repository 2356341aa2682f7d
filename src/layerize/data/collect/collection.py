"""The folder of a collection: ``files/``, ``INDEX.jsonl`` (what is there) and ``SKIPPED.jsonl`` (what is not, and why).

Lines are appended and synced one by one, so that a killed run loses nothing and the next one goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from layerize.data.collect.licences import Licence
from layerize.data.readers import suffix_of
from layerize.errors import InputError, OutputError
from layerize.formats.atomic import atomic_path, output_error
from layerize.synth.licences import is_allowed

INDEX, SKIPPED, FILES = "INDEX.jsonl", "SKIPPED.jsonl", "files"
MOST_BYTES = 512 << 20
"""Usual limit on one file: the largest layered files in use have some hundred megabytes."""

_LFS = b"version https://git-lfs.github.com/spec/v1"

REASONS = {
    "duplicate": "a file with the same content is there already",
    "licence": "its licence is not on the allow-list, or none was found",
    "too-large": "larger than the limit",
    "lfs-pointer": "only a Git LFS pointer is in the repository; the file itself was not fetched",
    "empty": "the file has no bytes",
    "not-found": "the server or repository does not have it",
    "robots": "robots.txt forbids it",
    "timeout": "it took too long",
    "failed": "it could not be read",
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """A design file that was found somewhere.

    Attributes:
        url: Where it is, as exactly as possible.
        repository: Repository, host or folder: files of one author, which share a split.
        path: Path inside the repository, POSIX.
        commit: Of a git repository, else "".
        date: ISO date of the commit, or of the file.
        licence: What was found, or None.
    """

    url: str
    repository: str
    path: str
    commit: str = ""
    date: str = ""
    licence: Licence | None = None


@dataclass(frozen=True, kw_only=True)
class CollectOptions:
    """What is collected.

    Attributes:
        licences: SPDX identifiers that may be kept (``synth.licences.is_allowed``); None: all files, licence or not.
        max_bytes: Limit on one file.
    """

    licences: tuple[str, ...] | None = None
    max_bytes: int = MOST_BYTES


@dataclass
class Tally:
    """What a run has done.

    Attributes:
        kept: New files.
        known: Files of which an earlier run says all there is.
        skipped: Reason (``REASONS``) -> number of new skips.
        licences: SPDX -> number of new files.
        messages: Sources that failed as a whole.
    """

    kept: int = 0
    known: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)


class Collection:
    """A collection on disk; made if it is not there.

    Raises:
        OutputError: The folder holds something else, or cannot be written.
        InputError: Its index is damaged.
    """

    def __init__(self, root: Path, options: CollectOptions | None = None) -> None:
        self.root, self.options = root, options or CollectOptions()
        self.tally = Tally()
        try:
            root.mkdir(parents=True, exist_ok=True)
            for name in (INDEX, SKIPPED):
                _repair(root / name)
            foreign = [
                p for p in root.iterdir() if p.name not in (INDEX, SKIPPED, FILES) and not p.name.startswith(".")
            ]
        except OSError as error:
            raise output_error(root, error) from error
        if foreign:
            raise OutputError(f"{root} holds other files ({foreign[0].name}); choose another or an empty folder.")
        entries = _lines(root / INDEX, "url", "path", "sha256")
        self._hashes = {str(entry["sha256"]): str(entry["path"]) for entry in entries}
        self._paths = set(self._hashes.values())
        self._urls = {_key(entry) for entry in entries}
        self._skips = {_key(entry): str(entry["reason"]) for entry in _lines(root / SKIPPED, "url", "reason")}

    def knows(self, found: Found) -> bool:
        """Whether an earlier run has kept this address (at this commit), or skipped it for what hardly changes."""
        key = _key(asdict(found))
        return key in self._urls or self._skips.get(key) in ("duplicate", "lfs-pointer", "empty")

    def add(self, found: Found, content: bytes) -> bool:
        """Keep a file, or say why not; True if it was kept.

        Raises:
            OutputError: The folder cannot be written.
        """
        digest = hashlib.sha256(content).hexdigest()
        key = _key(asdict(found))
        if key in self._urls and digest in self._hashes:
            self.tally.known += 1
            return False
        reason, detail = self._objection(found, content, digest)
        if reason:
            if self._skips.get(key) == reason:
                self.tally.known += 1
                return False
            return self.skip(found, reason, detail)
        path = self._place(found, digest)
        with atomic_path(self.root / path) as temporary:
            temporary.write_bytes(content)
        self._keep(found, path, digest, len(content))
        return True

    def _objection(self, found: Found, content: bytes, digest: str) -> tuple[str, str]:
        """(reason, detail) why a file is not kept, or two empty texts."""
        spdx = found.licence.spdx if found.licence else None
        if not content:
            return "empty", ""
        if content.startswith(_LFS) and len(content) < 1024:
            return "lfs-pointer", " ".join(content.decode(errors="replace").split()[3:])
        if len(content) > self.options.max_bytes:
            return "too-large", f"{len(content)} bytes"
        if not is_allowed(spdx, self.options.licences):
            return "licence", spdx or "none found"
        if digest in self._hashes:
            return "duplicate", self._hashes[digest]
        return "", ""

    def skip(self, found: Found, reason: str, detail: str = "") -> bool:
        """Record that a file is not kept; always False."""
        assert reason in REASONS, reason
        key = _key(asdict(found))
        if self._skips.get(key) != reason:
            self._skips[key] = reason
            entry = {"url": found.url, "repository": found.repository, "commit": found.commit}
            self._append(SKIPPED, entry | {"reason": reason, "detail": detail})
        self.tally.skipped[reason] += 1
        return False

    def _keep(self, found: Found, path: str, digest: str, size: int) -> None:
        entry = {
            "path": path,
            "url": found.url,
            "repository": found.repository,
            "commit": found.commit,
            "date": found.date,
            "licence": found.licence.spdx if found.licence else "",
            "licence_from": found.licence.found_in if found.licence else "",
            "sha256": digest,
            "bytes": size,
        }
        self._append(INDEX, entry)
        self._hashes[digest] = path
        self._paths.add(path)
        self._urls.add(_key(entry))
        self.tally.kept += 1
        self.tally.licences[entry["licence"] or "none"] += 1  # type: ignore[index]

    def _append(self, name: str, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False).encode(errors="replace") + b"\n"
        try:
            with (self.root / name).open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise output_error(self.root / name, error) from error

    def _place(self, found: Found, digest: str) -> str:
        """``files/REPOSITORY/PATH`` of harmless names; another version of a file gets its hash into the name."""
        parts = [_harmless(part) for part in PurePosixPath(found.path).parts if part not in ("", ".", "..", "/")]
        path = "/".join([FILES, _harmless(found.repository.replace("/", "__")), *parts[-8:]])
        if path in self._paths or (self.root / path).exists():
            suffix = suffix_of(Path(path))
            path = f"{path[: len(path) - len(suffix)]}-{digest[:10]}{suffix}"
        return path


def _key(entry: dict[str, Any]) -> tuple[str, str]:
    return str(entry["url"]), str(entry.get("commit") or "")


def _harmless(name: str) -> str:
    """Letters, digits and ``._-`` only, no leading dot or dash, at most 80 characters with the extension kept."""
    clean = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).lstrip(".-") or "file"
    suffix = suffix_of(Path(clean))
    return clean if len(clean) <= 80 else clean[: 80 - len(suffix)] + suffix


def _repair(path: Path) -> None:
    """Cut off a last line that a crash has left unfinished."""
    if not path.is_file():
        return
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))


def _lines(path: Path, *keys: str) -> Sequence[dict[str, Any]]:
    """The entries of a file of JSON lines; each has at least the keys."""
    if not path.is_file():
        return []
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            entry = json.loads(line)
            _ = [entry[key] for key in keys]
            found.append(entry)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}, line {number}: cannot be read ({error}); remove the line.") from error
    return found
