"""What a set of shards holds: ``index.json`` for the whole and each shard, ``samples.jsonl`` for each sample.

The samples' sizes, layer counts and places are enough to plan all batches of an epoch without opening a shard.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from layerize.data.dataset_folder import IndexEntry
from layerize.errors import InputError
from layerize.formats.manifest_model import RelativePath

VERSION: Literal[1] = 1
INDEX, SAMPLES = "index.json", "samples.jsonl"

Format = Literal["webdataset", "parquet"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SampleEntry(_Strict):
    """One sample of a dataset or of a shard.

    Attributes:
        id: Of the dataset.
        split: ``train``, ``val`` or ``test``.
        size: (width, height) in pixels.
        layers: Number of layers.
        opaque: Whether the design has a background; otherwise training puts one below, one layer more.
        shard: File name; for a dataset folder the sample's path.
        start: WebDataset: first byte of the sample's members; Parquet: number of its row group.
        length: WebDataset: bytes of the members; Parquet: row in the row group.
    """

    id: str
    split: str
    size: tuple[int, int]
    layers: int
    opaque: bool
    shard: RelativePath
    start: int = 0
    length: int = 0


class SourceEntry(_Strict):
    """Where samples come from, for a model card: an origin, its licence, and how many samples it gave to a split."""

    split: str
    repository: str
    licence: str
    samples: int


class ShardEntry(_Strict):
    """One file."""

    name: RelativePath
    split: str
    samples: int
    bytes: int
    sha256: str


class ShardIndex(_Strict):
    """The whole: ``index.json``."""

    version: Literal[1] = VERSION
    format: Format
    made_with: str
    options: dict[str, Any] = {}
    splits: dict[str, int]
    layer_counts: dict[int, int]
    licences: dict[str, int] = {}
    sources: list[SourceEntry] = []
    left_out: list[dict[str, str]] = []
    shards: list[ShardEntry]

    def to_json(self) -> bytes:
        """Indented JSON."""
        return (self.model_dump_json(indent=1) + "\n").encode()


def tally(values: Iterable[Any]) -> dict[Any, int]:
    """How often each value comes, in the order of the values."""
    return dict(sorted(Counter(values).items()))


def sources_of(entries: Iterable[IndexEntry]) -> list[SourceEntry]:
    """The origins of a dataset's samples, most samples first."""
    counts = Counter((entry.split, entry.repository or entry.source, entry.licence) for entry in entries)
    rows = sorted(counts.items(), key=lambda row: (row[0][0], -row[1], row[0]))
    return [SourceEntry(split=s, repository=r, licence=lic, samples=n) for (s, r, lic), n in rows]


def parse_index(data: bytes, where: str) -> ShardIndex:
    """Validate ``index.json``.

    Raises:
        InputError: Damaged, or of another version.
    """
    try:
        return ShardIndex.model_validate_json(data)
    except ValidationError as error:
        raise InputError(f"{where}: {_first(error)}; write the shards anew.") from error


def parse_samples(data: bytes, where: str) -> list[SampleEntry]:
    """Validate ``samples.jsonl``.

    Raises:
        InputError: A line is damaged; the message has its number.
    """
    found = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            found.append(SampleEntry.model_validate_json(line))
        except ValidationError as error:
            raise InputError(f"{where}, line {number}: {_first(error)}; write the shards anew.") from error
    return found


def samples_to_jsonl(samples: list[SampleEntry]) -> bytes:
    """One line per sample."""
    return b"".join(json.dumps(sample.model_dump()).encode() + b"\n" for sample in samples)


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the document'}: {first['msg']}"
