"""The manifest folder as a ZIP archive, read without unpacking to disk."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from layerize.errors import InputError, LimitError
from layerize.formats.atomic import atomic_path
from layerize.formats.image import DEFAULT_MAX_PIXELS
from layerize.formats.manifest import MANIFEST, MAX_MANIFEST_BYTES, build, describe, encoded
from layerize.formats.manifest_model import check_relative, parse_manifest
from layerize.stack.layer import LayerStack

# PNG and JSON shrink little in a ZIP (JSON perhaps tenfold); a member that grows far beyond is a bomb.
MAX_RATIO = 200
# An uncompressed 16-bit RGBA PNG: the largest a member of a given pixel count can honestly be.
BYTES_PER_PIXEL = 8


def save_zip(stack: LayerStack, path: str | Path) -> None:
    """Write the stack as a ZIP of its manifest folder, atomically.

    Raises:
        OutputError: The system refuses (disk full, no permission).
    """
    manifest, images = describe(stack, crop=True)
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, data in encoded(stack, manifest, images):
            kind = zipfile.ZIP_DEFLATED if name == MANIFEST else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=kind)


def load_zip(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> LayerStack:
    """Read a ZIP of a manifest folder; the folder itself may be packed as the one top-level entry.

    Raises:
        LimitError: A member unpacks to absurdly much, or the pixels are over the limits.
        InputError: Not a ZIP, no manifest in it, names used twice or leading out of it, damaged members.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _load(archive, path, max_pixels)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InputError(f"{path}: the ZIP is damaged or of an unknown kind ({error}); save it again.") from error


def _load(archive: zipfile.ZipFile, path: Path, max_pixels: int) -> LayerStack:
    infos = _checked(archive, path)
    tops = {name.split("/")[0] for name in infos}
    prefix = "" if MANIFEST in infos else f"{tops.pop()}/" if len(tops) == 1 else ""
    if prefix + MANIFEST not in infos:
        raise InputError(f"{path} holds no {MANIFEST}; give a ZIP that layerize has written.")

    def read(name: str, limit: int = max_pixels * BYTES_PER_PIXEL + 2**20) -> bytes:
        info = infos.get(prefix + name)
        if info is None:
            raise InputError(f"{path}: {name!r} is missing from the ZIP; save the stack again.")
        if info.file_size > limit or info.file_size > MAX_RATIO * max(info.compress_size, 1024):
            raise LimitError(
                f"{path}: {name!r} would unpack to {info.file_size} bytes from {info.compress_size}; refused as a bomb."
            )
        return archive.read(info)  # reads no more than file_size, checks the CRC

    manifest = parse_manifest(read(MANIFEST, MAX_MANIFEST_BYTES), f"{path}/{MANIFEST}")
    return build(manifest, read, str(path), max_pixels=max_pixels)


def _checked(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    infos: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        try:
            check_relative(info.filename)
        except ValueError as error:
            raise InputError(f"{path}: {error}; the ZIP is refused.") from error
        if info.is_dir():
            continue
        if info.filename in infos:
            raise InputError(f"{path}: {info.filename!r} is in the ZIP twice; save the stack again.")
        if info.flag_bits & 1:
            raise InputError(f"{path}: {info.filename!r} is encrypted; unpack it with its password first.")
        infos[info.filename] = info
    return infos
