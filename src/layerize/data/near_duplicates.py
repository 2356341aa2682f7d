"""Files that are there twice: the same bytes, or nearly the same picture.

A perceptual hash (imagehash's pHash: the low frequencies of the picture's brightness) is the same after rescaling,
recompression and small edits. Two pictures count as one only if their shapes and their colours agree as well, since a
card in blue and the same card in red are two samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from layerize.data.dataset_folder import IndexEntry
from layerize.errors import MissingExtraError
from layerize.stack.layer import U8

HASH_SIDE = 12
"""The hash has 144 bits."""
COLOUR_SIDE = 3
"""Beside it 3 x 3 mean colours of 5 bits a channel."""
COLOUR_LEVELS = 32
MOST_BITS = 10
"""Bits that may differ, of 144; unrelated pictures differ in about half."""
MOST_COLOUR = 1.5
"""Mean difference of the colours, in steps of 8 levels of 255."""
MOST_ASPECT = 1.06
"""Ratio of the two aspect ratios."""


def perceptual_hash(composite: U8) -> str:
    """Hex: pHash of the picture over grey, then its 3 x 3 colours.

    Args:
        composite: ``u8`` (H, W, 4), straight alpha.

    Raises:
        MissingExtraError: imagehash is not installed.
    """
    try:
        from imagehash import phash
    except ImportError as error:
        raise MissingExtraError("Finding near-duplicates", "imagehash", "data") from error
    small = cv2.resize(np.ascontiguousarray(composite), _small(composite), interpolation=cv2.INTER_AREA)
    alpha = small[..., 3:].astype(np.float32) / 255
    grey = np.rint(128 + alpha * (small[..., :3] - np.float32(128))).astype(np.uint8)
    bits = phash(Image.fromarray(grey), hash_size=HASH_SIDE).hash
    colours = cv2.resize(grey, (COLOUR_SIDE, COLOUR_SIDE), interpolation=cv2.INTER_AREA) // (256 // COLOUR_LEVELS)
    return bytes([*np.packbits(bits).tobytes(), *colours.astype(np.uint8).tobytes()]).hex()


def reject_duplicates(entries: Sequence[IndexEntry], *, skip: Sequence[str] = ()) -> list[IndexEntry]:
    """Of the accepted entries that are the same picture, keep the first.

    Args:
        entries: In the order that decides who is first.
        skip: Names of filters that are not asked: "duplicate" (same bytes), "near-duplicate".

    Returns:
        All entries, the later ones of each set rejected with the first one's source as the reason.
    """
    result: list[IndexEntry] = []
    contents: dict[str, IndexEntry] = {}
    kept: list[IndexEntry] = []
    hashes = _Hashes()
    for entry in entries:
        if entry.status != "accepted":
            result.append(entry)
            continue
        same = contents.get(entry.sha256) if entry.sha256 and "duplicate" not in skip else None
        near = hashes.nearest(entry) if same is None and "near-duplicate" not in skip else None
        if same is not None:
            entry = entry.reject("duplicate", f"the same bytes as {same.source}")
        elif near is not None:
            index, bits = near
            first = kept[index]
            entry = entry.reject("near-duplicate", f"the same picture as {first.source} ({bits} of 144 bits differ)")
        else:
            contents.setdefault(entry.sha256, entry)
            kept.append(entry)
            hashes.add(entry)
        result.append(entry)
    return result


class _Hashes:
    """The hashes of the entries that are kept, to compare one with all at once."""

    def __init__(self) -> None:
        self._bits: npt.NDArray[np.uint8] = np.zeros((64, HASH_SIDE**2 // 8), np.uint8)
        self._colours: npt.NDArray[np.uint8] = np.zeros((64, 3 * COLOUR_SIDE**2), np.uint8)
        self._aspects = np.ones(64)
        self.count = 0

    def add(self, entry: IndexEntry) -> None:
        if self.count == len(self._bits):
            self._bits, self._colours = np.tile(self._bits, (2, 1)), np.tile(self._colours, (2, 1))
            self._aspects = np.tile(self._aspects, 2)
        self._bits[self.count], self._colours[self.count] = _parts(entry)
        self._aspects[self.count] = entry.canvas[0] / entry.canvas[1]
        self.count += 1

    def nearest(self, entry: IndexEntry) -> tuple[int, int] | None:
        """(place, differing bits) of the nearest kept entry that is the same picture; None if none is."""
        bits, colours = _parts(entry)
        live = slice(0, self.count)
        apart = np.unpackbits(self._bits[live] ^ bits, axis=1).sum(1, dtype=np.int64)
        shade = np.abs(self._colours[live].astype(np.int16) - colours.astype(np.int16)).mean(1)
        ratio = self._aspects[live] / (entry.canvas[0] / entry.canvas[1])
        same = (apart <= MOST_BITS) & (shade <= MOST_COLOUR) & (np.maximum(ratio, 1 / ratio) <= MOST_ASPECT)
        if not same.any():
            return None
        best = int(np.where(same, apart, 1 << 20).argmin())
        return best, int(apart[best])


def _parts(entry: IndexEntry) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    data = np.frombuffer(bytes.fromhex(entry.phash), np.uint8)
    return data[: HASH_SIDE**2 // 8], data[HASH_SIDE**2 // 8 :]


def _small(composite: U8) -> tuple[int, int]:
    """At most 512 pixels a side: hashing needs no more, and area averaging is what it wants."""
    scale = min(1.0, 512 / max(composite.shape[:2]))
    return max(1, round(composite.shape[1] * scale)), max(1, round(composite.shape[0] * scale))
