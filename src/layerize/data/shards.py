"""Write an extracted dataset as shards to any place that fsspec knows: a folder, S3, GCS, HTTP, memory.

A set of shards is complete once its ``index.json`` is there: it is written last.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, get_args

from layerize import __version__
from layerize.data import shard_parquet, shard_tar
from layerize.data.dataset_folder import DatasetFolder, IndexEntry
from layerize.data.sample import ABOUT, LayeredSample, from_stack
from layerize.data.shard_index import (
    INDEX,
    SAMPLES,
    Format,
    SampleEntry,
    ShardEntry,
    ShardIndex,
    parse_index,
    samples_to_jsonl,
    sources_of,
    tally,
)
from layerize.errors import InputError, LayerizeError, MissingExtraError, OutputError, UsageError
from layerize.synth.licences import is_allowed

SHARD_BYTES = 256 << 20
"""Usual size of a shard: large enough to stream well, small enough to hold in memory."""

Progress = Callable[[int, int, str], None]

_WRITERS: dict[str, Any] = {"webdataset": shard_tar.TarWriter, "parquet": shard_parquet.ParquetWriter}
_SUFFIXES = {"webdataset": shard_tar.SUFFIX, "parquet": shard_parquet.SUFFIX}


class Place:
    """A folder anywhere, by its fsspec URL; a plain path is a local folder.

    Raises:
        MissingExtraError: fsspec, or the package for this kind of URL, is not installed.
        UsageError: fsspec does not know this kind of URL.
    """

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise MissingExtraError("Reading and writing shards", "fsspec", "data") from error
        try:
            self._fs, root = url_to_fs(url)
        except ValueError as error:
            raise UsageError(f"{url}: {error}; give a folder or a URL like s3://bucket/folder.") from error
        except ImportError as error:
            raise MissingExtraError(f"Reading {url.split(':')[0]}:// URLs", str(error), "data") from error
        self.url = url
        self._root = root.rstrip("/")

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """A file, or the bytes ``start`` to ``end`` of it.

        Raises:
            InputError: It is not there or cannot be read.
        """
        try:
            data: bytes = self._fs.cat_file(self._at(name), start=start, end=end)
        except Exception as error:  # every kind of storage has its own
            raise InputError(f"{self.url}/{name}: cannot be read ({type(error).__name__}: {error}).") from error
        return data

    def open(self, name: str) -> IO[bytes]:
        """A file to read from, anywhere in it.

        Raises:
            InputError: It is not there.
        """
        try:
            file: IO[bytes] = self._fs.open(self._at(name), "rb")
        except Exception as error:
            raise InputError(f"{self.url}/{name}: cannot be read ({type(error).__name__}: {error}).") from error
        return file

    def exists(self, name: str) -> bool:
        """Whether a file is there."""
        return bool(self._fs.exists(self._at(name)))

    def write(self, name: str, source: IO[bytes]) -> None:
        """A file from what an open one holds.

        Raises:
            OutputError: The storage refuses.
        """
        try:
            self._fs.makedirs(self._root, exist_ok=True)
            with self._fs.open(self._at(name), "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
        except Exception as error:
            raise OutputError(f"{self.url}/{name}: cannot be written ({type(error).__name__}: {error}).") from error

    def remove(self, name: str) -> None:
        """Remove a file if it is there.

        Raises:
            OutputError: The storage refuses.
        """
        try:
            if self.exists(name):
                self._fs.rm_file(self._at(name))
        except Exception as error:
            raise OutputError(f"{self.url}/{name}: cannot be removed ({type(error).__name__}: {error}).") from error

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"


@dataclass(frozen=True, kw_only=True)
class ShardOptions:
    """What the shards hold.

    Attributes:
        format: ``webdataset`` or ``parquet``.
        shard_bytes: A shard ends with the first sample beyond this size.
        longest: Shrink designs so that the longer side has at most this many pixels; None: as they are.
        licences: SPDX identifiers that may be in, None: all.
    """

    format: Format = "webdataset"
    shard_bytes: int = SHARD_BYTES
    longest: int | None = None
    licences: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.format not in get_args(Format):
            raise UsageError(f"--format {self.format}: allowed are {', '.join(get_args(Format))}.")
        if self.shard_bytes < 1 or (self.longest is not None and self.longest < 16):
            raise UsageError(
                f"--shard-size {self.shard_bytes} --longest {self.longest}: allowed are 1 byte and 16 pixels or more."
            )


def write_shards(
    dataset: Path,
    url: str,
    options: ShardOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ShardIndex:
    """Write the accepted samples of a dataset as shards, each split by itself, in an order that mixes the sources.

    Args:
        dataset: What ``layerize data extract`` wrote.
        url: Where to; a path or an fsspec URL.
        options: Format, sizes, licences.
        overwrite: Replace the shards that are there.
        progress: Told (done, total, sample) after each sample.

    Returns:
        What ``index.json`` now says. Samples that could not be read are in ``left_out``.

    Raises:
        InputError: No dataset, or nothing in it that may be written.
        OutputError: There are shards already, or the storage refuses.
    """
    options = options or ShardOptions()
    place, folder = Place(url), DatasetFolder.open(dataset)
    accepted = folder.accepted()
    entries = [entry for entry in accepted if is_allowed(entry.licence, options.licences)]
    if not entries:
        raise InputError(f"{dataset}: none of {len(accepted)} accepted samples may be written; look at the licences.")
    entries.sort(key=lambda entry: (entry.split, hashlib.sha256(entry.id.encode()).digest()))
    _make_room(place, overwrite)
    run = _Run(place, options, folder, progress, len(entries))
    for split in dict.fromkeys(entry.split for entry in entries):
        run.write_split(split, [entry for entry in entries if entry.split == split])
    return run.finish(entries)


def _make_room(place: Place, overwrite: bool) -> None:
    """Remove the shards of an older run, its index first."""
    if not place.exists(INDEX):
        return
    if not overwrite:
        raise OutputError(f"{place.url} holds shards already; choose another place or --overwrite.")
    old = parse_index(place.read(INDEX), f"{place.url}/{INDEX}")
    for name in (INDEX, SAMPLES, *(shard.name for shard in old.shards)):
        place.remove(name)


class _Run:
    """One writing of shards, split after split."""

    def __init__(
        self, place: Place, options: ShardOptions, folder: DatasetFolder, progress: Progress | None, total: int
    ) -> None:
        self.place, self.options, self.folder = place, options, folder
        self._progress, self._total, self._done = progress, total, 0
        self.samples: list[SampleEntry] = []
        self.shards: list[ShardEntry] = []
        self.left_out: list[dict[str, str]] = []

    def write_split(self, split: str, entries: Sequence[IndexEntry]) -> None:
        """All shards of one split; a file that is full is sent before the next one begins."""
        samples = self._samples(entries)
        sample = next(samples, None)
        number = 0
        while sample is not None:
            name = f"{split}-{number:05d}{_SUFFIXES[self.options.format]}"
            with tempfile.TemporaryFile() as file:
                sample = self._fill(file, name, split, sample, samples)
                self._send(file, name, split)
            number += 1

    def finish(self, entries: Sequence[IndexEntry]) -> ShardIndex:
        """Write the two index files."""
        if not self.samples:
            raise InputError(f"{self.folder.root}: no sample could be read: {self.left_out[0]['reason']}")
        known = {sample.id for sample in self.samples}
        index = ShardIndex(
            format=self.options.format,
            made_with=f"layerize {__version__}",
            options={"longest": self.options.longest, "licences": self.options.licences},
            splits=tally(sample.split for sample in self.samples),
            layer_counts=tally(sample.layers for sample in self.samples),
            licences=tally(entry.licence or "none" for entry in entries if entry.id in known),
            sources=sources_of(entry for entry in entries if entry.id in known),
            left_out=self.left_out,
            shards=self.shards,
        )
        for name, data in ((SAMPLES, samples_to_jsonl(self.samples)), (INDEX, index.to_json())):
            with tempfile.TemporaryFile() as file:
                file.write(data)
                file.seek(0)
                self.place.write(name, file)
        return index

    def _samples(self, entries: Sequence[IndexEntry]) -> Iterator[LayeredSample]:
        """Every sample that can be read."""
        for entry in entries:
            about = {key: str(getattr(entry, key) or "") for key in ABOUT}
            try:
                yield from_stack(self.folder.load(entry), entry.id, about, longest=self.options.longest)
            except LayerizeError as error:
                self.left_out.append({"id": entry.id, "reason": str(error)})
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, self._total, entry.id)

    def _fill(
        self, file: IO[bytes], name: str, split: str, sample: LayeredSample | None, samples: Iterator[LayeredSample]
    ) -> LayeredSample | None:
        """Write samples until the shard is full; the first one that it does not hold, if any."""
        writer = _WRITERS[self.options.format](file)
        while sample is not None:
            start, length = writer.add(sample)
            self.samples.append(
                SampleEntry(
                    id=sample.id,
                    split=split,
                    size=sample.size,
                    layers=len(sample),
                    opaque=sample.opaque,
                    shard=name,
                    start=start,
                    length=length,
                )
            )
            sample = next(samples, None)
            if writer.written >= self.options.shard_bytes:
                break
        writer.close()
        return sample

    def _send(self, file: IO[bytes], name: str, split: str) -> None:
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        size = file.tell()
        file.seek(0)
        self.place.write(name, file)
        count = sum(sample.shard == name for sample in self.samples)
        self.shards.append(ShardEntry(name=name, split=split, samples=count, bytes=size, sha256=digest))
