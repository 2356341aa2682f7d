"""``read_design``: any layered design file as a stack, its own merged picture, and flags."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from layerize.data.design_file import DesignFile
from layerize.errors import InputError, LayerizeError, LimitError
from layerize.formats.image import DEFAULT_MAX_PIXELS

# Extension -> module of this package; each has ``read(path, max_pixels)``.
READERS: dict[str, str] = {
    ".kra": "kra",
    ".layers": "manifest",
    ".ora": "ora",
    ".psb": "psd",
    ".psd": "psd",
    ".svg": "svg",
    ".svgz": "svg",
    ".xcf": "xcf",
    ".xcf.bz2": "xcf",
    ".xcf.gz": "xcf",
    ".xcf.xz": "xcf",
}


def read_design(path: Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> DesignFile:
    """Read a PSD, PSB, ORA, KRA, XCF or SVG file, or a manifest folder (or its ``manifest.json``).

    Nothing outside the file is ever opened or fetched. What the stack cannot hold is in the flags, not in warnings.

    Args:
        path: The file; its extension decides the reader.
        max_pixels: Limit on the canvas and on each layer; all layers together may hold 50 times as many.

    Raises:
        LimitError: Larger than the limits, or a bomb.
        InputError: No such file, an unknown extension, or damaged; one sentence.
    """
    path = Path(path)
    reader = _reader_of(path)
    try:
        return reader(path, max_pixels)
    except LayerizeError:
        raise
    except MemoryError as error:
        raise LimitError(f"{path}: not enough memory to read it.") from error
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply to be read.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the file.") from error
    except Exception as error:  # parsers raise nearly anything on damaged files
        detail = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path}: the file is damaged or cut off ({detail}); save it again.") from error


def is_design(path: Path) -> bool:
    """Whether ``read_design`` has a reader for a file of this name, or a folder of this content."""
    return (path.is_dir() and (path / "manifest.json").is_file()) or suffix_of(path) in READERS


def suffix_of(path: Path) -> str:
    """The extension that decides the reader, in lower case: ``.psd``, or two parts as in ``.xcf.gz``."""
    double = "".join(path.suffixes[-2:]).lower()
    return double if double in READERS else path.suffix.lower()


def _reader_of(path: Path) -> Callable[[Path, int], DesignFile]:
    if path.name == "manifest.json" or path.is_dir():
        name = "manifest"
    elif suffix_of(path) in READERS:
        name = READERS[suffix_of(path)]
    else:
        raise InputError(f"{path}: no design file that layerize can read; give one of {', '.join(READERS)}.")
    read: Callable[[Path, int], DesignFile] = importlib.import_module(f"layerize.data.readers.{name}").read
    return read
