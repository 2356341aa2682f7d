"""Outputs appear whole or not at all: write beside the target under a hidden temporary name, sync, rename.

A process killed at any moment leaves at worst a hidden ``.<name>.<pid>-*.tmp`` beside the target, never half a result
under the final name.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from layerize.errors import LayerizeError, OutputError

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another place",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
    errno.EFBIG: "the file-size limit of this system or session is reached; choose another place or format",
}

# Linux: <fcntl.h> and <linux/fs.h>.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Write one file: yields a temporary path beside the target and renames it to the target at the end.

    Missing parent folders are made. If the body raises, the temporary file is removed and the target stays as it was.

    Raises:
        OutputError: The target is a folder, or the system refuses (disk full, no permission); the message says which.
    """
    target = Path(target)
    with _reported(target):
        if target.is_dir():
            raise OutputError(f"{target} is a folder; give the name of a file.")
        target = target.resolve()  # a link stays, what it points to is replaced
        temporary = _sibling(target, "tmp")
        try:
            yield temporary
            _sync(temporary)
            temporary.replace(target)
            _sync(target.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: str | Path, *, may_replace: Callable[[Path], bool]) -> Iterator[Path]:
    """Write one folder: yields an empty temporary folder beside the target and renames it to the target at the end.

    Args:
        target: The final folder. If it exists, it is replaced when it is empty or ``may_replace`` says so.
        may_replace: Told the existing folder; True when nothing of the user's own would be lost.

    Raises:
        OutputError: The target exists and may not be replaced, or the system refuses.
    """
    target = Path(target)
    with _reported(target):
        _refuse_foreign(target, may_replace)
        target = target.resolve()
        temporary = _sibling(target, "tmp")
        temporary.mkdir()
        try:
            yield temporary
            for path in [*temporary.rglob("*"), temporary]:
                _sync(path)
            _swap(temporary, target)
            _sync(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def output_error(target: str | Path, error: OSError) -> OutputError:
    """What the system refused, in one sentence that names the target."""
    default = f"{error.strerror or error}; choose another place"
    return OutputError(f"{target}: cannot be written, {_REASONS.get(error.errno or 0, default)}.")


@contextmanager
def _reported(target: Path) -> Iterator[None]:
    try:
        yield
    except LayerizeError:
        raise
    except OSError as error:
        raise output_error(target, error) from error


def _refuse_foreign(target: Path, may_replace: Callable[[Path], bool]) -> None:
    if target.is_symlink() and not target.is_dir():
        raise OutputError(f"{target} is a link that leads nowhere; remove it or choose another name.")
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target} is a file; choose another name for the folder.")
    if any(target.iterdir()) and not may_replace(target):
        raise OutputError(f"{target} holds files that are not layerize's; choose another or an empty folder.")


def _sibling(target: Path, kind: str) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    stem = target.name.encode(errors="ignore")[:200].decode(
        errors="ignore"
    )  # names end at 255 bytes on common file systems
    return target.parent / f".{stem}.{os.getpid()}-{secrets.token_hex(3)}.{kind}"


def _swap(temporary: Path, target: Path) -> None:
    """Rename; an existing target changes places with the new folder in one step where the system can do that.

    Elsewhere (not Linux, some network file systems) the old target moves aside first, and comes back if the second
    rename fails; a process killed between the two leaves it under a hidden ``.old`` name beside the target.
    """
    if not target.exists():
        temporary.rename(target)
    elif not _exchanged(temporary, target):
        old = _sibling(target, "old")
        target.rename(old)
        try:
            temporary.rename(target)
        except OSError:
            old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Let two paths change places in one step (renameat2(2) with RENAME_EXCHANGE); False where that does not exist."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):  # TypeError: Windows takes no None
        return False
    names = (os.fsencode(one), os.fsencode(other))
    return bool(rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems cannot sync folders
            raise
    finally:
        os.close(handle)
