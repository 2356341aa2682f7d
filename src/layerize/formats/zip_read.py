"""Members of an untrusted ZIP archive, read without unpacking to disk and within budgets."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from layerize.errors import InputError, LimitError
from layerize.formats.manifest_model import check_relative

# PNG and JSON shrink little in a ZIP (JSON perhaps tenfold); a member that grows far beyond is a bomb.
MAX_RATIO = 200
# An uncompressed 16-bit RGBA PNG: the largest a member of a given pixel count can honestly be.
BYTES_PER_PIXEL = 8


class Members:
    """The files of an archive by name; names that lead out of it, doubles and encrypted members are refused.

    Raises:
        InputError: From the constructor, for the archive as a whole.
    """

    def __init__(self, archive: zipfile.ZipFile, label: str) -> None:
        self._archive, self._label = archive, label
        self.infos: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            try:
                check_relative(info.filename)
            except ValueError as error:
                raise InputError(f"{label}: {error}; the ZIP is refused.") from error
            if info.is_dir():
                continue
            if info.filename in self.infos:
                raise InputError(f"{label}: {info.filename!r} is in the ZIP twice; save the stack again.")
            if info.flag_bits & 1:
                raise InputError(f"{label}: {info.filename!r} is encrypted; unpack it with its password first.")
            self.infos[info.filename] = info

    def read(self, name: str, limit: int) -> bytes:
        """One member's bytes.

        Raises:
            LimitError: It would unpack to more than ``limit`` bytes or to absurdly much.
            InputError: It is missing.
        """
        info = self.infos.get(name)
        if info is None:
            raise InputError(f"{self._label}: {name!r} is missing from the ZIP; save the stack again.")
        if info.file_size > limit or info.file_size > MAX_RATIO * max(info.compress_size, 1024):
            raise LimitError(
                f"{self._label}: {name!r} would unpack to {info.file_size} bytes from {info.compress_size}; "
                "refused as a bomb."
            )
        return self._archive.read(info)  # reads no more than file_size, checks the CRC


def picture_limit(max_pixels: int) -> int:
    """The bytes that a picture of so many pixels can honestly need."""
    return max_pixels * BYTES_PER_PIXEL + 2**20


@contextmanager
def open_members(path: Path) -> Iterator[Members]:
    """Open an archive; what the body meets of damage becomes an InputError.

    Raises:
        InputError: No such file, not a ZIP, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield Members(archive, str(path))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InputError(f"{path}: the ZIP is damaged or of an unknown kind ({error}); save it again.") from error
