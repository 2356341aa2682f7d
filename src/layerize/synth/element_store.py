"""The cut-outs of a dataset on disk: found once, scaled to a few sizes, then mapped into memory by every process.

``pixels.bin`` holds all rasters one after the other, ``elements.json`` says what they are. Needs no skia.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from layerize.errors import InputError, LayerizeError, OutputError
from layerize.formats.atomic import atomic_folder
from layerize.formats.manifest import load_folder
from layerize.stack.resample import resize_pixels
from layerize.synth.colour import Colour
from layerize.synth.element_scan import Found, cutouts

U8 = npt.NDArray[np.uint8]

VERSION = 3
"""Of what counts as a cut-out and of the file; other versions are made anew."""
LEAST_RASTER = 32  # px of the longer side of the smallest size that is kept
KINDS = ("figure", "photo", "ground")
NO_ART = ("fixture",)  # kinds of samples without cut-outs: files that test a program


@dataclass(frozen=True, kw_only=True)
class Credit:
    """Where a cut-out comes from; what a model card or a caption of an exhibition has to say.

    Attributes:
        sample: Id of the sample in the dataset.
        source: File or URL.
        repository: Where the source was collected, or ``""``.
        licence: SPDX expression, or None.
    """

    sample: str
    source: str
    repository: str
    licence: str | None


@dataclass(frozen=True, kw_only=True)
class Element:
    """One cut-out.

    Attributes:
        kind: ``figure``, ``photo`` or ``ground``.
        name: For people and captions.
        colour: Mean colour of what is seen of it.
        credit: Where it comes from.
        split: ``train``, ``val`` or ``test``: that of its sample.
        layer: Id of the layer in the sample, or ``composite``.
        rasters: (first byte, width, height) of every size in the bank's pixels, largest first.
    """

    kind: str
    name: str
    colour: Colour
    credit: Credit
    split: str
    layer: str
    rasters: tuple[tuple[int, int, int], ...]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the largest raster in pixels."""
        return self.rasters[0][1:]


def open_store(folder: Path, longest: int) -> tuple[list[Element], U8, str]:
    """All cut-outs of a dataset, their pixels as a memory map, and a key that changes with the dataset.

    They are kept in the user's cache, one folder for each dataset and size.

    Args:
        folder: Dataset.
        longest: Longer side of the largest raster in pixels.

    Raises:
        InputError: No dataset, or a damaged index.
        OutputError: The cache cannot be written.
    """
    index = folder / "index.jsonl"
    try:
        lines = index.read_bytes()
    except OSError as error:
        raise InputError(
            f"{folder} holds no index.jsonl; give the folder that 'layerize data extract' wrote."
        ) from error
    key = hashlib.sha256(f"{VERSION} {longest} ".encode() + lines).hexdigest()[:16]
    place = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    store = _cache() / f"{place}-{longest}"
    held = _read(store, key)
    if held is None:
        failure = _write(store, key, folder, _samples(lines, index), longest)
        held = _read(store, key)  # if writing failed, another process may have been quicker
        if held is None and failure is not None:
            raise failure
    if held is None:
        raise OutputError(f"{store}: was written and cannot be read back; check the disk.")
    return *held, key


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "layerize" / "elements"


def _read(store: Path, key: str) -> tuple[list[Element], U8] | None:
    try:
        held = json.loads((store / "elements.json").read_bytes())
        if held["key"] != key:
            return None
        elements = [_element(entry) for entry in held["elements"]]
        return elements, np.memmap(store / "pixels.bin", np.uint8, mode="r", shape=(held["bytes"],))
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or damaged: made anew
        return None


def _element(entry: dict[str, Any]) -> Element:
    red, green, blue = entry.pop("colour")
    return Element(
        colour=(red, green, blue),
        credit=Credit(**entry.pop("credit")),
        rasters=tuple((start, width, height) for start, width, height in entry.pop("rasters")),
        **entry,
    )


def _samples(lines: bytes, index: Path) -> list[dict[str, Any]]:
    """The accepted samples of an index that are somebody's design, by id."""
    try:
        entries = [json.loads(line) for line in lines.splitlines() if line.strip()]
        wanted = (e for e in entries if e["status"] == "accepted" and e.get("kind") not in NO_ART)
        return sorted(wanted, key=lambda e: str(e["id"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{index} is damaged ({error}); extract the dataset again.") from error


def _write(store: Path, key: str, folder: Path, samples: Sequence[dict[str, Any]], longest: int) -> OutputError | None:
    """Find and keep all cut-outs; the error if the store could not be written."""
    try:
        _fill(store, key, folder, samples, longest)
    except OutputError as error:
        return error
    return None


def _fill(store: Path, key: str, folder: Path, samples: Sequence[dict[str, Any]], longest: int) -> None:
    with atomic_folder(store, may_replace=lambda path: (path / "elements.json").is_file()) as target:
        end, entries = 1, []  # an empty file cannot be mapped: one byte comes first
        with (target / "pixels.bin").open("wb") as file:
            file.write(b"\0")
            for element, rasters in _gathered(folder, samples, longest):
                entries.append(asdict(element(end)))
                for raster in rasters:
                    file.write(raster.tobytes())
                    end += raster.size
        (target / "elements.json").write_text(json.dumps({"key": key, "bytes": end, "elements": entries}))


def _gathered(
    folder: Path, samples: Sequence[dict[str, Any]], longest: int
) -> Iterator[tuple[Callable[[int], Element], list[U8]]]:
    """(element from the place of its first byte, rasters) of every cut-out that is not there twice."""
    seen: set[bytes] = set()
    for sample in samples:
        try:
            found_here = list(cutouts(load_folder(folder / str(sample["path"]))))
        except LayerizeError:  # 'layerize data validate' names what is broken
            continue
        for found in found_here:
            rasters = _sizes(found.pixels, longest)
            content = hashlib.sha256(rasters[-1].tobytes()).digest()
            if content not in seen:
                seen.add(content)
                yield partial(_described, found, sample, rasters), rasters


def _sizes(pixels: U8, longest: int) -> list[U8]:
    """Premultiplied rasters: ``longest`` pixels on the longer side (or what there is), then halves."""
    height, width = pixels.shape[:2]
    scale = min(1.0, longest / max(width, height))
    result: list[U8] = []
    while not result or max(width, height) * scale >= LEAST_RASTER:
        small = resize_pixels(pixels, max(1, round(width * scale)), max(1, round(height * scale)))
        alpha = small[..., 3:].astype(np.float32) / 255
        result.append(np.dstack([np.rint(small[..., :3] * alpha).astype(np.uint8), small[..., 3]]))
        scale /= 2
    return result


def _described(found: Found, sample: dict[str, Any], rasters: Sequence[U8], start: int) -> Element:
    places = []
    for raster in rasters:
        places.append((start, raster.shape[1], raster.shape[0]))
        start += raster.size
    total = rasters[-1].reshape(-1, 4).sum(0, dtype=np.float64)
    red, green, blue = (min(255, round(float(c * 255 / total[3]))) for c in total[:3])
    credit = Credit(
        sample=str(sample["id"]),
        source=str(sample.get("source") or ""),
        repository=str(sample.get("repository") or ""),
        licence=sample.get("licence"),
    )
    return Element(
        kind=found.kind,
        name=found.name,
        colour=(red, green, blue),
        credit=credit,
        split=str(sample.get("split") or "train"),
        layer=found.layer,
        rasters=tuple(places),
    )
