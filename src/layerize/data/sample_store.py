"""Where samples are read from: a dataset folder, or shards anywhere. One list of what there is, one way to get each."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from layerize.data import shard_parquet, shard_tar
from layerize.data.dataset_folder import DATASET, DatasetFolder
from layerize.data.sample import ABOUT, FILLED, LayeredSample, from_stack
from layerize.data.shard_index import INDEX, SAMPLES, SampleEntry, SourceEntry, parse_index, parse_samples, sources_of
from layerize.data.shards import Place
from layerize.errors import InputError
from layerize.formats.image import DEFAULT_MAX_PIXELS
from layerize.synth.licences import is_allowed

GROUPS_KEPT = 64
"""Row groups of Parquet shards that stay in memory: as many as one window of the shuffle reads."""


class SampleStore(Protocol):
    """Samples of one split.

    Attributes:
        entries: What there is, in a fixed order.
        sources: Where it comes from and under which licences, for a model card.
    """

    entries: Sequence[SampleEntry]
    sources: Sequence[SourceEntry]

    def read(self, entry: SampleEntry) -> LayeredSample:
        """The sample of an entry.

        Raises:
            InputError: It is damaged or missing; the message names it.
        """
        ...


def open_store(where: str | Path, split: str, licences: Sequence[str] | None = None) -> SampleStore:
    """A dataset folder or shards, whichever is there.

    Args:
        where: Folder of ``layerize data extract``, or folder or URL of ``layerize data shard``.
        split: ``train``, ``val`` or ``test``.
        licences: SPDX identifiers that samples may have (see ``licences.is_allowed``); None: all.

    Raises:
        InputError: Neither is there, the split is empty, or these are shards that hold another licence: they do not
            say which of their samples it is.
    """
    store: SampleStore
    if "://" not in str(where) and (Path(where) / DATASET).is_file():
        store = FolderStore(Path(where), split, licences)
    else:
        store = ShardStore(str(where), split)
        there = {source.licence for source in store.sources}
        other = sorted(licence or "none" for licence in there if not is_allowed(licence, licences))
        if other:
            raise InputError(
                f"{where}: these shards also hold samples of the licences {', '.join(other)}; write shards of the "
                f"allowed ones alone ({', '.join(licences or ())})."
            )
    if not store.entries:
        only = f" of the licences {', '.join(licences)}" if licences is not None else ""
        raise InputError(f"{where}: the split {split!r} holds no sample{only}.")
    return store


class FolderStore:
    """The accepted samples of a dataset folder."""

    def __init__(self, root: Path, split: str, licences: Sequence[str] | None = None) -> None:
        self._folder = DatasetFolder.open(root)
        self._index = {
            entry.id: entry
            for entry in self._folder.accepted()
            if entry.split == split and is_allowed(entry.licence, licences)
        }
        self.entries: Sequence[SampleEntry] = [
            SampleEntry(
                id=entry.id,
                split=split,
                size=entry.canvas,
                layers=entry.layers,
                opaque=entry.opaque >= FILLED,
                shard=entry.path or "none",
            )
            for entry in sorted(self._index.values(), key=lambda entry: entry.id)
        ]
        self.sources: Sequence[SourceEntry] = sources_of(self._index.values())

    def read(self, entry: SampleEntry) -> LayeredSample:
        """See ``SampleStore``."""
        index = self._index[entry.id]
        about = {key: str(getattr(index, key) or "") for key in ABOUT}
        try:
            sample = from_stack(self._folder.load(index), entry.id, about)
        except InputError as error:
            raise InputError(f"sample {entry.id}: {error}") from error
        return _checked(entry, sample)


class ShardStore:
    """The samples of shards; nothing but the index is read before a sample is asked for."""

    def __init__(self, url: str, split: str, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> None:
        self._place = Place(url)
        if not self._place.exists(INDEX):
            raise InputError(f"{url} holds neither {DATASET} nor {INDEX}; give what 'layerize data' has written.")
        self.index = parse_index(self._place.read(INDEX), f"{url}/{INDEX}")
        everything = parse_samples(self._place.read(SAMPLES), f"{url}/{SAMPLES}")
        self.entries: Sequence[SampleEntry] = [entry for entry in everything if entry.split == split]
        self.sources: Sequence[SourceEntry] = [source for source in self.index.sources if source.split == split]
        self._max_pixels = max_pixels
        self._groups: OrderedDict[tuple[str, int], list[dict[str, Any]]] = OrderedDict()

    def read(self, entry: SampleEntry) -> LayeredSample:
        """See ``SampleStore``."""
        try:
            if self.index.format == "webdataset":
                data = self._place.read(entry.shard, entry.start, entry.start + entry.length)
                sample = shard_tar.read_sample(data, entry.id, max_pixels=self._max_pixels)
            else:
                row = _row(self._group(entry.shard, entry.start), entry.length)
                sample = shard_parquet.sample_of(row, max_pixels=self._max_pixels)
        except InputError as error:
            raise InputError(f"{self._place.url}/{entry.shard}, sample {entry.id}: {error}") from error
        return _checked(entry, sample)

    def _group(self, shard: str, number: int) -> list[dict[str, Any]]:
        key = (shard, number)
        if key not in self._groups:
            with self._place.open(shard) as file:
                self._groups[key] = shard_parquet.read_group(file, number)
            if len(self._groups) > GROUPS_KEPT:
                self._groups.popitem(last=False)
        self._groups.move_to_end(key)
        return self._groups[key]


def _row(rows: list[dict[str, Any]], number: int) -> dict[str, Any]:
    if number >= len(rows):
        raise InputError(f"row {number} is missing; write the shards anew.")
    return rows[number]


def _checked(entry: SampleEntry, sample: LayeredSample) -> LayeredSample:
    """The sample, if it is what the index says: batches were planned by that.

    Raises:
        InputError: It is another one.
    """
    if (sample.id, len(sample), sample.size) != (entry.id, entry.layers, entry.size):
        raise InputError(
            f"sample {entry.id}: the index says {entry.layers} layers of {entry.size}, the files hold sample "
            f"{sample.id} with {len(sample)} of {sample.size}; extract or shard it again."
        )
    return sample
