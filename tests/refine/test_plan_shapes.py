"""Hidden shapes: parts and gaps of which nothing can be seen are decided by what can."""

from __future__ import annotations

import numpy as np

from layerize.refine.plan import stray_veils, unseen_gaps, unseen_parts


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


def test_a_faint_patch_away_from_its_object_is_dropped_and_a_shadow_beside_it_stays() -> None:
    owner = np.zeros((100, 100), np.int32)
    owner[20:60, 20:60] = 1
    soft, alpha = np.zeros((3, 100, 100), bool), np.zeros((3, 100, 100), np.float32)
    soft[1, 60:64, 20:60] = soft[1, 80:90, 80:90] = soft[2, 80:90, 10:20] = True
    alpha[soft] = 0.3
    stray = stray_veils(soft, owner, alpha)
    assert stray[1, 80:90, 80:90].all()
    assert stray.sum() == 100  # the shadow stays, and so does the layer that is nothing but a veil
    alpha[1, 80:90, 80:90] = 0.6
    assert not stray_veils(soft, owner, alpha).any()  # what is hardly transparent is a thing of its own
