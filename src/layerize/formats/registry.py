"""Which extension is which format: one table, one entry per format; a format's libraries load when it is first used."""

from __future__ import annotations

import errno
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerize.errors import InputError, OutputError, UsageError
from layerize.formats.atomic import output_error
from layerize.formats.image import DEFAULT_MAX_PIXELS
from layerize.formats.image_write import IMAGE_EXTENSIONS
from layerize.formats.live_text import LiveTextMode
from layerize.stack.layer import LayerStack


@dataclass(frozen=True, kw_only=True)
class Format:
    """A layered format: its name for people, and where its functions are ("module:function" below layerize.formats).

    ``save(stack, path)`` writes atomically; None: read only. ``load(path, max_pixels=...)`` reads untrusted files;
    None: write only.
    """

    name: str
    save: str | None = None
    load: str | None = None
    live_text: bool = False


FOLDER = Format(name="manifest folder", save="manifest:save_folder", load="manifest:load_folder")
_PSD = Format(name="Photoshop", save="psd:save_psd", load="psd_read:load_psd")
_BUILD_UP = Format(name="an animation", save="build_up:save_build_up")
_XCF = Format(name="GIMP", load="xcf_read:load_xcf")
_TIFF = Format(name="layered TIFF", save="tiff:save_tiff", load="tiff:load_tiff")

FORMATS: dict[str, Format] = {
    ".apng": _BUILD_UP,
    ".exr": Format(name="OpenEXR", save="exr:save_exr", load="exr:load_exr"),
    ".gif": _BUILD_UP,
    ".kra": Format(name="Krita", load="kra_read:load_kra"),
    ".layers": FOLDER,
    ".ora": Format(name="OpenRaster", save="ora:save_ora", load="ora_read:load_ora"),
    ".pptx": Format(name="PowerPoint", save="pptx:save_pptx", live_text=True),
    ".psd": _PSD,
    ".psb": _PSD,
    ".svg": Format(name="SVG", save="svg:save_svg", load="svg:load_svg", live_text=True),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": _BUILD_UP,
    ".xcf": _XCF,
    ".xcf.bz2": _XCF,
    ".xcf.gz": _XCF,
    ".xcf.xz": _XCF,
    ".zip": Format(name="zipped manifest folder", save="zip:save_zip", load="zip:load_zip"),
}

WRITABLE: tuple[str, ...] = tuple(suffix for suffix, chosen in FORMATS.items() if chosen.save is not None)
"""The extensions that ``save`` knows."""


def save(stack: LayerStack, path: str | Path, *, overwrite: bool = True, live_text: LiveTextMode | None = None) -> None:
    """Write a stack; the extension decides the format, no extension means a manifest folder.

    Args:
        stack: Any stack.
        path: Where to.
        overwrite: Whether an existing target may be replaced.
        live_text: Whether text is written as text, in PowerPoint and SVG; default: the format's own.

    Raises:
        UsageError: ``live_text`` for a format that has no such choice.
        OutputError: Unknown extension, the target exists and ``overwrite`` is False, or it cannot be written.
    """
    path = Path(path)
    try:
        chosen = format_of(path)
        taken = _exists(path)
    except OSError as error:  # a name too long, a folder that may not be entered
        raise output_error(path, error) from error
    if taken and not overwrite:
        raise OutputError(f"{path} exists already; choose another name or allow overwriting.")
    if chosen.save is None:
        raise OutputError(f"{path}: {chosen.name} files can only be read; save as one of {', '.join(WRITABLE)}.")
    if live_text is None:
        _function(chosen.save)(stack, path)
    elif chosen.live_text:
        _function(chosen.save)(stack, path, live_text=live_text)
    else:
        raise UsageError(f"{chosen.name} holds pictures of text only; live text is for .pptx and .svg.")


def load(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> LayerStack:
    """Read a stack from any of ``FORMATS`` that can be read; ``manifest.json`` stands for its folder.

    Raises:
        InputError: No such file, a flat picture, an unknown extension, or damaged; LimitError if it is too large.
    """
    path = Path(path)
    if path.name == "manifest.json":
        path = path.parent
    try:
        found = _exists(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the name.") from error
    if not found:
        raise InputError(f"{path}: no such file or folder; check the name.")
    layered = FORMATS.get(suffix_of(path))
    if (
        path.suffix.lower() in (*IMAGE_EXTENSIONS, ".gif")
        and not path.is_dir()
        and (layered is None or layered.load is None)
    ):
        raise InputError(f"{path} is a flat picture without layers; run 'layerize split' on it first.")
    try:
        chosen = format_of(path)
    except OutputError as error:
        raise InputError(str(error)) from error
    if chosen is FOLDER and not path.is_dir():
        raise InputError(f"{path} is a file without a known extension; give a folder or one of {', '.join(FORMATS)}.")
    if chosen.load is None:
        raise InputError(f"{path}: {chosen.name} can only be written; keep the layers in another format as well.")
    try:
        stack: LayerStack = _function(chosen.load)(path, max_pixels=max_pixels)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check its permissions.") from error
    return stack


def format_of(path: Path) -> Format:
    """The format of a path by its extension; an existing folder or a name without extension is a manifest folder.

    Raises:
        OutputError: The extension is unknown; the message lists the known ones.
    """
    suffix = suffix_of(path)
    if path.is_dir() or not suffix:
        return FOLDER
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise OutputError(f"{path}: unknown extension {path.suffix!r}; use {known}, or no extension for a folder.")
    return FORMATS[suffix]


def suffix_of(path: Path) -> str:
    """The extension that decides the format, in lower case: ``.psd``, or two parts as in ``.xcf.gz``."""
    double = "".join(path.suffixes[-2:]).lower()
    return double if double in FORMATS else path.suffix.lower()


def _exists(path: Path) -> bool:
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "the name holds a NUL character")
    return path.exists() or path.is_symlink()


def _function(where: str) -> Callable[..., Any]:
    module, name = where.split(":")
    function: Callable[..., Any] = getattr(importlib.import_module(f"layerize.formats.{module}"), name)
    return function
