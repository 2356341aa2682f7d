"""One design file to one sample: read, check, normalise, filter, caption, save. Reads like this list.

Runs in a process of its own (``isolated``); the whole of a dataset is ``extract_run``.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from layerize.data.caption import make_caption
from layerize.data.dataset_folder import SAMPLES, FlagEntry, IndexEntry, Reason
from layerize.data.design_file import DesignFile
from layerize.data.expression import parse_expression
from layerize.data.filters import Facts, reasons_against, sample_flags
from layerize.data.gate import Gate, judge
from layerize.data.near_duplicates import perceptual_hash
from layerize.data.normalise import Merge, Normalised, normalise
from layerize.data.readers import READERS, read_design
from layerize.data.sources import SourceFile
from layerize.formats.image import DEFAULT_MAX_PIXELS
from layerize.formats.manifest import save_folder
from layerize.stack.composite import flatten
from layerize.stack.layer import U8, LayerStack
from layerize.stack.levels import levels

OWN_CAPTION = "file"
"""``caption_from`` of captions that were made without a model."""
PRELOAD = (
    "imagehash",
    "scipy.fftpack",
    *(f"layerize.data.readers.{name}" for name in sorted(set(READERS.values()))),
)
"""What every file needs and what its process would else import anew."""
NOISE_ALPHA = 6
"""Alpha from which a pixel counts for the number of levels: the faint end of a shadow is no overlap."""


@dataclass(frozen=True, kw_only=True)
class ExtractOptions:
    """What decides how a sample looks and whether it is kept; a dataset remembers it.

    Attributes:
        max_layers: Samples are merged down to as many.
        min_layers: Fewer are rejected.
        merge: "auto", "levels" or "none"; see ``normalise``.
        filters: Expressions that must be true.
        skip: Names of filters that are not asked.
        max_pixels: Limit on the canvas.
    """

    max_layers: int = 20
    min_layers: int = 2
    merge: Merge = "auto"
    filters: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    max_pixels: int = DEFAULT_MAX_PIXELS

    def to_json(self) -> dict[str, Any]:
        """For ``dataset.json`` and for other processes."""
        return asdict(self) | {"filters": list(self.filters), "skip": list(self.skip)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ExtractOptions:
        """Back from ``to_json``."""
        return cls(**(data | {"filters": tuple(data["filters"]), "skip": tuple(data["skip"])}))


def extract_job(job: dict[str, Any]) -> dict[str, Any]:
    """``extract_file`` for another process: ``source``, ``options``, ``root`` and ``id`` in, an index entry out."""
    source, options = SourceFile.from_json(job["source"]), ExtractOptions.from_json(job["options"])
    return extract_file(source, options, Path(job["root"]), job["id"]).model_dump(mode="json")


def extract_file(source: SourceFile, options: ExtractOptions, root: Path, name: str) -> IndexEntry:
    """Turn one file into a sample of the dataset at ``root``, or into reasons why not.

    Args:
        source: The file and its origin.
        options: Of the dataset.
        root: The dataset's folder; an accepted sample is written to ``samples/NAME``, atomically.
        name: The sample's id.

    Raises:
        InputError: The file cannot be read.
    """
    start = time.monotonic()
    design = read_design(source.path, max_pixels=options.max_pixels)
    composite = flatten(design.stack)
    gate = judge(design, composite)
    sample = normalise(design.stack, max_layers=options.max_layers, merge=options.merge, target=composite)
    facts, flags = _facts(source, options, design, gate, sample)
    expressions = [parse_expression(text) for text in options.filters]
    reasons = reasons_against(facts, skip=options.skip, expressions=expressions)
    if not reasons:
        _save(sample, facts, source, root / SAMPLES / name)
    entry = _entry(source, name, facts, flags, reasons)
    return entry.model_copy(update={"seconds": round(time.monotonic() - start, 3)})


def failed_entry(source: SourceFile, name: str, failure: str, message: str) -> IndexEntry:
    """The entry of a file that could not be read at all."""
    return IndexEntry(
        id=name,
        source=source.source,
        repository=source.repository,
        licence=source.licence,
        licence_from=source.licence_from,
        sha256=source.sha256,
        format=source.path.suffix.lower().lstrip("."),
        kind=source.kind,
        status="failed",
        reasons=[Reason(filter=failure, detail=_portable(message, source))],
    )


def _portable(text: str, source: SourceFile) -> str:
    """A message without this machine's folders."""
    return text.replace(str(source.path), source.source)


def _facts(
    source: SourceFile, options: ExtractOptions, design: DesignFile, gate: Gate, sample: Normalised
) -> tuple[Facts, list[FlagEntry]]:
    opaque = _opaque_share(sample.composite)
    own = sample_flags(sample.composite, opaque, gate)
    flags = [FlagEntry(kind=flag.kind, layer=flag.layer, detail=flag.detail) for flag in design.flags] + own
    names = tuple(layer.name for layer in sample.stack.layers)
    texts = [str(layer.text["content"]) for layer in sample.stack.walk() if layer.text and layer.text.get("content")]
    stem = Path(source.source).stem
    facts = Facts(
        size=sample.stack.size,
        layers=tuple(sample.stack.walk()),
        composite=sample.composite,
        elements=sample.elements,
        levels=max(levels(sample.stack, min_alpha=NOISE_ALPHA), default=-1) + 1,
        error=sample.error,
        gate=gate,
        flags=tuple(flag.kind for flag in flags),
        min_layers=options.min_layers,
        max_layers=options.max_layers,
        names=names,
        text="\n".join(texts),
        caption=make_caption(stem=stem, names=names, texts=texts, composite=sample.composite),
        name=Path(source.source).name,
        format=design.format,
        kind=source.kind,
        licence=source.licence,
        repository=source.repository,
        opaque=opaque,
    )
    return facts, flags


def _opaque_share(composite: U8) -> float:
    return float(np.mean(composite[..., 3] == 255))


def _entry(source: SourceFile, name: str, facts: Facts, flags: list[FlagEntry], reasons: list[Reason]) -> IndexEntry:
    return IndexEntry(
        id=name,
        source=source.source,
        repository=source.repository,
        licence=source.licence,
        licence_from=source.licence_from,
        sha256=source.sha256,
        format=facts.format,
        kind=source.kind,
        status="rejected" if reasons else "accepted",
        reasons=reasons,
        flags=flags,
        canvas=facts.size,
        layers=len(facts.layers),
        levels=facts.levels,
        elements=facts.elements,
        names=list(facts.names),
        text=facts.text,
        mad=None if facts.gate.mad is None else round(facts.gate.mad, 4),
        worst_tile=None if facts.gate.worst_tile is None else round(facts.gate.worst_tile, 2),
        error=facts.error,
        opaque=round(facts.opaque, 4),
        verified=facts.gate.verdict in ("verified", "near"),
        phash=perceptual_hash(facts.composite) if facts.layers else "",
        caption=facts.caption,
        caption_from=OWN_CAPTION,
        path=None if reasons else f"{SAMPLES}/{name}",
    )


def _save(sample: Normalised, facts: Facts, source: SourceFile, folder: Path) -> None:
    metadata: dict[str, Any] = {"source": source.source, "caption": facts.caption, "recompose_error": sample.error}
    if source.licence:
        metadata["licence"] = source.licence
    if sample.history:
        metadata["history"] = list(sample.history)
    stack: LayerStack = replace(sample.stack, metadata=metadata)
    save_folder(stack, folder)
