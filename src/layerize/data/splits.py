"""Train, val or test by source repository: what one author drew never lies on both sides, and nothing ever moves."""

from __future__ import annotations

import hashlib

from layerize.data.dataset_folder import Split

DEFAULT_SHARES = (80, 10, 10)
"""Percent of the repositories for train, val and test."""


def split_of(repository: str, shares: tuple[int, int, int] = DEFAULT_SHARES) -> Split:
    """The split of everything from a repository: a hash of its name, so that it is the same in every dataset.

    Args:
        repository: Any text; upper and lower case are the same.
        shares: Percent for train, val and test, 100 together.
    """
    digest = hashlib.sha256(b"layerize split\0" + repository.lower().encode(errors="replace")).digest()
    place = int.from_bytes(digest[:8]) % 10_000 / 100
    if place < shares[0]:
        return "train"
    return "val" if place < shares[0] + shares[1] else "test"
