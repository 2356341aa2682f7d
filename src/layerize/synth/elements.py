"""Real cut-outs for synthetic designs: an ``ElementBank`` made from the samples of an extracted dataset.

All processes share its pixels (``element_store.py``). Needs no skia; ``element_items.py`` draws what the bank holds.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from layerize.errors import InputError, UsageError
from layerize.synth.dice import Dice
from layerize.synth.element_store import KINDS, Credit, Element, open_store
from layerize.synth.licences import DEFAULT_LICENCES, is_allowed

__all__ = ["Credit", "Element", "ElementBank"]

U8 = npt.NDArray[np.uint8]


class ElementBank:
    """Cut-outs to draw designs with; ``ElementBank.load`` makes one. Cheap to send to other processes.

    Args:
        elements: What is in it.
        pixels: All rasters, premultiplied RGBA ``u8``, one after the other.
        digest: Names the content: designs drawn from banks of one digest are the same.
        origin: Arguments of ``load``, with which another process maps the same file.
    """

    def __init__(self, elements: Sequence[Element], pixels: U8, digest: str, origin: tuple[Any, ...]) -> None:
        self.elements = tuple(elements)
        self.digest = digest
        self._pixels = pixels
        self._origin = origin
        self._shelves = {kind: _Shelf([e for e in elements if e.kind == kind]) for kind in KINDS}

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        licences: Sequence[str] | None = DEFAULT_LICENCES,
        split: str | None = "train",
        longest: int = 256,
    ) -> ElementBank:
        """The bank of a dataset; the first call reads all samples and keeps the result in the user's cache.

        Args:
            folder: What ``layerize data extract`` wrote: ``index.jsonl`` and ``samples/``.
            licences: SPDX identifiers that may be used (see ``licences.is_allowed``), None: all.
            split: ``train``, ``val`` or ``test``; None: all. Designs for training must not show the other splits.
            longest: Longer side of the largest raster, 64 to 1024 pixels; cut-outs are never enlarged.

        Raises:
            InputError: No dataset, a damaged index, or nothing in it that may be used.
            UsageError: ``longest`` is out of range.
        """
        folder = Path(folder)
        if not 64 <= longest <= 1024:
            raise UsageError(f"longest is {longest}; allowed are 64 to 1024 pixels.")
        allowed = None if licences is None else tuple(licences)
        everything, pixels, key = open_store(folder, longest)
        fit = [e for e in everything if is_allowed(e.credit.licence, allowed) and split in (None, e.split)]
        if not fit:
            raise InputError(_nothing(folder, everything, allowed, split))
        digest = hashlib.sha256(json.dumps([key, allowed, split]).encode()).hexdigest()[:16]
        return cls(fit, pixels, digest, (folder, allowed, split, longest))

    def __len__(self) -> int:
        return len(self.elements)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reloaded, self._origin

    @property
    def sources(self) -> list[dict[str, Any]]:
        """For a model card: every repository (or file) with its licence and how many cut-outs come from it."""
        tally: dict[tuple[str, str | None], int] = {}
        for element in self.elements:
            key = (element.credit.repository or element.credit.source, element.credit.licence)
            tally[key] = tally.get(key, 0) + 1
        return [
            {"source": source, "licence": licence, "elements": count}
            for (source, licence), count in sorted(tally.items(), key=lambda item: (-item[1], item[0][0]))
        ]

    def has(self, kind: str) -> bool:
        """Whether there is any element of a kind."""
        return bool(self._shelves[kind].groups)

    def pick(self, dice: Dice, kind: str) -> Element:
        """One element of a kind that the bank has; a source counts as much as the square root of what it gave."""
        return self._shelves[kind].pick(dice)

    def raster(self, element: Element, side: float) -> U8:
        """The smallest raster whose longer side is at least ``side``, else the largest; premultiplied (h, w, 4)."""
        fits = [raster for raster in element.rasters if max(raster[1:]) >= side]
        start, width, height = fits[-1] if fits else element.rasters[0]
        return self._pixels[start : start + width * height * 4].reshape(height, width, 4)


class _Shelf:
    """Elements of one kind by source: a source of a thousand stickers must not drown one of ten."""

    def __init__(self, elements: Sequence[Element]) -> None:
        by_source: dict[str, list[Element]] = {}
        for element in elements:
            by_source.setdefault(element.credit.repository or element.credit.source, []).append(element)
        self.groups = list(by_source.values())
        self._edges = list(accumulate(len(group) ** 0.5 for group in self.groups))

    def pick(self, dice: Dice) -> Element:
        group = bisect(self._edges, dice.unit() * self._edges[-1])
        return dice.pick(self.groups[min(group, len(self.groups) - 1)])


def _reloaded(folder: Path, licences: tuple[str, ...] | None, split: str | None, longest: int) -> ElementBank:
    return ElementBank.load(folder, licences=licences, split=split, longest=longest)


def _nothing(folder: Path, everything: Sequence[Element], licences: Sequence[str] | None, split: str | None) -> str:
    found = sorted({e.credit.licence or "none" for e in everything})
    return (
        f"{folder}: no cut-out may be used: {len(everything)} found, licences {', '.join(found) or '-'}; allowed "
        f"are {'all' if licences is None else ', '.join(licences)} in the split {split or 'of any name'}."
    )
