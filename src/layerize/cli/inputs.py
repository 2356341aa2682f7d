"""Which pictures a command line names, and where each result goes. Knows nothing of models or formats' insides."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from layerize.errors import InputError, LayerizeError, OutputError, UsageError

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif"})
"""Extensions that are looked for in a folder; a file named directly may have any extension."""

FOLDER_SUFFIX = ".layers"


@dataclass(frozen=True)
class Job:
    """One picture to split, or the reason why it cannot be tried."""

    source: Path
    out: Path | None = None
    sheet: Path | None = None
    error: LayerizeError | None = None


def plan(
    inputs: Sequence[Path],
    *,
    out: Path | None = None,
    extension: str | None = None,
    sheet: Path | None = None,
    extensions: Iterable[str],
) -> list[Job]:
    """One job per picture, in the order given; a folder stands for the pictures directly in it, sorted by name.

    Args:
        inputs: Files and folders.
        out: For one picture the result itself; for several, or with an ``extension`` that ``out`` does not end in, the
            folder that gets ``<stem>.layers`` or ``<stem><extension>`` for every picture. None: the current folder.
        extension: ``.psd`` ..., or None for a manifest folder.
        sheet: A contact sheet's file; for several pictures a folder of them.
        extensions: Of all formats that can be written.

    Raises:
        UsageError: ``out`` or ``sheet`` names one file and there are several pictures.
    """
    sources = [job for path in inputs for job in _expand(path)]
    several = len(inputs) > 1 or inputs[0].is_dir()
    known = set(extensions)
    _refuse_one_file("OUT", out, known, several)
    _refuse_one_file("--sheet", sheet, PICTURES, several)
    whole = out is not None and not several and extension in (None, out.suffix.lower())
    taken: set[str] = set()
    jobs = []
    for job in sources:
        if job.error is not None:
            jobs.append(job)
            continue
        stem = _free(job.source.stem, taken)
        result = out if whole else (out or Path()) / f"{stem}{extension or FOLDER_SUFFIX}"
        jobs.append(Job(job.source, result, sheet / f"{stem}.png" if sheet is not None and several else sheet))
    return jobs


def check_target(out: Path) -> None:
    """Find out before the work what would stop its result from being written after it.

    Raises:
        OutputError: An unknown extension, a folder that holds something else than an older result, a file where a
            folder should go, or a place where nothing may be written.
    """
    from layerize.formats.atomic import output_error

    try:
        _check_target(out)
    except OSError as error:
        raise output_error(out, error) from error


def check_sheet(sheet: Path) -> None:
    """The same for a contact sheet.

    Raises:
        OutputError: Its extension is no picture's, or it cannot be written there.
    """
    from layerize.formats.atomic import output_error
    from layerize.formats.image_write import IMAGE_EXTENSIONS

    if sheet.suffix.lower() not in IMAGE_EXTENSIONS:
        known = ", ".join(IMAGE_EXTENSIONS)
        raise OutputError(f"{sheet}: a sheet is a picture, not {sheet.suffix or 'a folder'!r}; use one of {known}.")
    try:
        _check_place(sheet)
    except OSError as error:
        raise output_error(sheet, error) from error


def _check_target(out: Path) -> None:
    from layerize.formats.manifest import is_manifest_folder
    from layerize.formats.registry import FOLDER, format_of

    chosen = format_of(out)
    if out.is_dir() and any(out.iterdir()) and not is_manifest_folder(out):
        raise OutputError(f"{out} is a folder with other files in it; name a new one, like {out / 'poster.layers'}.")
    if chosen is FOLDER and out.is_file():
        raise OutputError(f"{out} is a file; choose another name for the folder.")
    _check_place(out)


def _check_place(out: Path) -> None:
    place = next(parent for parent in out.absolute().parents if parent.exists())
    if not place.is_dir():
        raise OutputError(f"{out}: {place} is a file, not a folder; choose another place.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputError(f"{out}: {place} may not be written to; choose another place.")


def _expand(path: Path) -> list[Job]:
    try:
        return _listed(path)
    except OSError as error:  # a folder that may not be entered, a name too long
        reason = f"cannot be read ({error.strerror or error}); check the name and its permissions."
        return [Job(path, error=InputError(f"{path}: {reason}"))]


def _listed(path: Path) -> list[Job]:
    if (path / "manifest.json").is_file():
        reason = "it is a stack of layers already; see layerize join, convert and edit."
        return [Job(path, error=InputError(f"{path}: {reason}"))]
    if path.is_dir():
        inside = sorted(file for file in path.iterdir() if _is_picture(file))
        if inside:
            return [Job(file) for file in inside]
        return [Job(path, error=InputError(f"{path}: the folder has no pictures directly in it; name a file."))]
    if not path.exists():
        return [Job(path, error=InputError(f"{path}: there is no such file; check the name."))]
    return [Job(path)]


def _is_picture(file: Path) -> bool:
    """By name; hidden files are other programs' (``._poster.png`` beside every picture that a Mac has copied)."""
    return file.suffix.lower() in PICTURES and not file.name.startswith(".") and file.is_file()


def _refuse_one_file(option: str, path: Path | None, extensions: Iterable[str], several: bool) -> None:
    if several and path is not None and path.suffix.lower() in extensions and not path.is_dir():
        raise UsageError(
            f"{option} {path} names one result, but there are several pictures. Name a folder"
            + (f", and --format {path.suffix[1:].lower()}." if option == "OUT" else ".")
        )


def _free(stem: str, taken: set[str]) -> str:
    """``stem``, or ``stem-2``, ``stem-3`` ... when an earlier picture has it (in any letter case)."""
    name, number = stem, 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name.lower())
    return name
