"""Design files of a git repository, through the git command. Nothing is checked out: no link, hook or filter runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from layerize.data.collect.collection import Collection, Found
from layerize.data.collect.licences import LicenceFinder
from layerize.data.collect.local import Seen
from layerize.data.readers import READERS, suffix_of
from layerize.errors import InputError, MissingExtraError

PROTOCOLS = "https:http:ssh:git:file"
"""What git may use; ``ext::`` runs commands."""

TIME_LIMIT = 1800.0
"""Seconds for one clone."""

_HOSTS = {"github.com": "blob", "codeberg.org": "src/commit", "gitlab.com": "-/blob"}


@dataclass(frozen=True)
class _Blob:
    path: str
    name: str


def is_repository(source: str) -> bool:
    """Whether a source is a git repository: it ends in ``.git``, or is a project's page on one of the large hosts."""
    if source.startswith(("git+", "ssh://", "git://")) or re.match(r"[\w.-]+@[\w.-]+:\S+", source):
        return True
    source = source.partition("#")[0]
    if source.rstrip("/").endswith(".git"):
        return True
    parts = urlsplit(source)
    return parts.hostname in _HOSTS and len([part for part in parts.path.split("/") if part]) == 2


def collect_repository(
    source: str, collection: Collection, seen: Seen | None = None, *, time_limit: float = TIME_LIMIT
) -> None:
    """Clone a repository without its history and keep its design files.

    Args:
        source: What ``git clone`` takes; ``git+`` before it is dropped, ``#name`` after it is a branch or tag.
        collection: Where to keep them.
        seen: Told the path of each file.
        time_limit: Seconds for the clone.

    Raises:
        InputError: It cannot be cloned.
        MissingExtraError: git is not installed.
    """
    url, _, branch = source.removeprefix("git+").partition("#")
    if url.startswith("-") or not re.fullmatch(r"(\w[\w./+-]*)?", branch):
        raise InputError(f"{source}: an address may not begin with a dash, a branch is a word like main or v1.0.")
    if shutil.which("git") is None:
        raise MissingExtraError("Collecting from repositories", "git (of the system)", "data")
    with tempfile.TemporaryDirectory(prefix="layerize-git-") as folder:
        clone = Path(folder) / "clone.git"
        limit = f"--filter=blob:limit={collection.options.max_bytes + 1}"
        chosen = [f"--branch={branch}"] if branch else []
        options = ["--quiet", "--bare", "--depth=1", "--no-tags", limit, *chosen]
        _run(["clone", *options, "--", _plain(url), str(clone)], time_limit)
        _keep(_without_password(url), clone, collection, seen)


def _keep(url: str, clone: Path, collection: Collection, seen: Seen | None) -> None:
    git = ["--git-dir", str(clone)]
    try:
        commit, date = _run([*git, "log", "-1", "--format=%H %cI"]).decode().split()
    except InputError as error:
        raise InputError(f"{url}: the repository is empty.") from error
    blobs = list(_tree(_run([*git, "ls-tree", "-r", "-z", commit])))
    sizes = _sizes(git)
    by_path = {blob.path: blob.name for blob in blobs}

    def read(path: str) -> bytes:
        if by_path[path] not in sizes:
            raise LookupError(path)
        return _run([*git, "cat-file", "blob", by_path[path]])

    finder = LicenceFinder(by_path, read)
    for blob in blobs:
        if suffix_of(Path(blob.path)) not in READERS:
            continue
        if seen is not None:
            seen(blob.path)
        found = Found(
            url=_address(url, commit, blob.path), repository=_repository(url), path=blob.path, commit=commit, date=date
        )
        size = sizes.get(blob.name)
        if size is None or size > collection.options.max_bytes:
            collection.skip(found, "too-large", f"{size} bytes" if size else "left out by the server")
        elif collection.knows(found):
            collection.tally.known += 1
        else:
            content = read(blob.path)
            licence = finder.licence_of(blob.path, content)
            collection.add(Found(**{**vars(found), "licence": licence}), content)


def _tree(listing: bytes) -> Iterator[_Blob]:
    """Regular files of ``git ls-tree -z``: no links, no submodules."""
    for record in listing.split(b"\0"):
        about, _, path = record.partition(b"\t")
        if about.startswith(b"100"):
            yield _Blob(os.fsdecode(path).encode(errors="replace").decode(), about.split()[2].decode())


def _sizes(git: list[str]) -> dict[str, int]:
    """Object name -> bytes of all blobs that the clone has; asking for others would fetch them."""
    listing = _run([*git, "cat-file", "--batch-all-objects", "--unordered", "--batch-check"])
    rows = (line.split() for line in listing.decode().splitlines())
    return {name: int(size) for name, kind, size in rows if kind == "blob"}


def _run(arguments: list[str], time_limit: float = 600.0) -> bytes:
    """What git prints.

    Raises:
        InputError: git fails or takes too long; the message is the first thing that it calls fatal.
    """
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": PROTOCOLS,
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C",
    }
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "credential.helper=", *arguments]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=time_limit, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"git {arguments[0]} took longer than {time_limit:g} s; try again later.") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        fatal = next((line for line in said if "fatal: " in line), said[-1])
        raise InputError(f"git: {fatal.split('fatal: ')[-1].strip()}")
    return done.stdout


def _plain(url: str) -> str:
    """A local path as an absolute one with a scheme, so that ``--depth`` and the filter hold for it too."""
    return Path(url).resolve().as_uri() if Path(url).exists() else url


def _without_password(url: str) -> str:
    """The address without user and password, which do not belong into an index."""
    if Path(url).exists():
        return Path(url).resolve().as_uri()
    parts = urlsplit(url)
    if "@" not in parts.netloc or parts.scheme == "":
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rsplit("@", 1)[1]))


def _repository(url: str) -> str:
    """``owner/name``: the last two parts of the address."""
    parts = [part for part in re.split(r"[/:]", url.removesuffix("/").removesuffix(".git")) if part]
    return "/".join(parts[-2:])


def _address(url: str, commit: str, path: str) -> str:
    """Where a person finds the file: the page of the large hosts, elsewhere repository, commit and path."""
    parts = urlsplit(url)
    if parts.hostname in _HOSTS:
        base = url.removesuffix("/").removesuffix(".git")
        return f"{base}/{_HOSTS[parts.hostname]}/{commit}/{quote(path)}"
    return f"{url}#{commit}:{quote(path)}"
