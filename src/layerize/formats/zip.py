"""The manifest folder as a ZIP archive, read without unpacking to disk."""

from __future__ import annotations

import zipfile
from pathlib import Path

from layerize.errors import InputError
from layerize.formats.atomic import atomic_path
from layerize.formats.image import DEFAULT_MAX_PIXELS
from layerize.formats.manifest import MANIFEST, MAX_MANIFEST_BYTES, build, describe, encoded
from layerize.formats.manifest_model import parse_manifest
from layerize.formats.zip_read import Members, open_members, picture_limit
from layerize.stack.layer import LayerStack


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
    with open_members(path) as members:
        return _load(members, path, max_pixels)


def _load(members: Members, path: Path, max_pixels: int) -> LayerStack:
    tops = {name.split("/")[0] for name in members.infos}
    prefix = "" if MANIFEST in members.infos else f"{tops.pop()}/" if len(tops) == 1 else ""
    if prefix + MANIFEST not in members.infos:
        raise InputError(f"{path} holds no {MANIFEST}; give a ZIP that layerize has written.")

    def read(name: str) -> bytes:
        return members.read(prefix + name, picture_limit(max_pixels))

    manifest = parse_manifest(members.read(prefix + MANIFEST, MAX_MANIFEST_BYTES), f"{path}/{MANIFEST}")
    return build(manifest, read, str(path), max_pixels=max_pixels)
