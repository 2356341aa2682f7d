"""Hidden shapes: parts and gaps of which nothing can be seen are decided by what can."""

from __future__ import annotations

import numpy as np

from layerize.refine.plan import unseen_gaps, unseen_parts


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A sheet with a gap of 6 x 6 pixels, and a front layer that hides a square of 20 x 20 around it."""
    shape, hidden = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    shape[4:36, 4:36] = True
    hidden[10:30, 10:30] = True
    shape[16:22, 16:22] = False
    return shape, hidden


def test_a_gap_that_nobody_sees_is_closed() -> None:
    shape, hidden = scene()
    gaps = unseen_gaps(shape, hidden)
    assert gaps[16:22, 16:22].all()
    assert gaps.sum() == 36


def test_a_gap_that_reaches_what_is_seen_or_the_outside_stays() -> None:
    shape, hidden = scene()
    shape[16:22, 5:22] = False  # now it begins where the sheet can be seen to be absent
    assert not unseen_gaps(shape, hidden).any()
    shape, hidden = scene()
    hidden[10:30, :] = True
    shape[16:22, :22] = False  # and now it runs behind the front layer to the picture's rim
    assert not unseen_gaps(shape, hidden).any()


def test_a_part_that_nobody_sees_is_dropped() -> None:
    shape = np.zeros((20, 20), bool)
    shape[2:8, 2:8] = shape[12:18, 12:18] = True
    owned = np.zeros((20, 20), bool)
    owned[3, 3] = True
    parts = unseen_parts(shape, owned)
    assert parts[12:18, 12:18].all()
    assert parts.sum() == 36
