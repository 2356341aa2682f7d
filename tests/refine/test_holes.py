"""Small enclosed pieces: true holes show what lies behind, false ones are given back."""

from __future__ import annotations

import numpy as np

from layerize.refine.holes import close_false_holes

NO_VEIL = np.zeros((64, 64), bool)
GROUND, FIGURE, CHEEK = (0.9, 0.8, 0.1), (0.1, 0.5, 0.3), (0.9, 0.4, 0.5)


def scene(inside: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A figure on a ground with a patch in it that the owner map gives to the ground."""
    rgb, owner = np.empty((64, 64, 3), np.float32), np.zeros((64, 64), np.int32)
    rgb[:] = GROUND
    rgb[16:48, 16:48] = FIGURE
    owner[16:48, 16:48] = 1
    rgb[28:34, 28:34] = inside
    owner[28:34, 28:34] = 0
    return rgb, owner


def test_a_cheek_goes_back_to_the_figure() -> None:
    rgb, owner = scene(CHEEK)
    found = close_false_holes(rgb, owner, NO_VEIL, cell=2.0)
    assert (found[16:48, 16:48] == 1).all()
    assert (found != owner).sum() == 36


def test_a_hole_that_shows_the_ground_stays() -> None:
    rgb, owner = scene(GROUND)
    np.testing.assert_array_equal(close_false_holes(rgb, owner, NO_VEIL, cell=2.0), owner)


def test_large_pieces_and_pieces_between_two_layers_stay() -> None:
    rgb, owner = scene(CHEEK)
    np.testing.assert_array_equal(
        close_false_holes(rgb, owner, NO_VEIL, cell=0.25), owner
    )  # 36 pixels are large for this cell
    owner[28:34, 34:40] = 2  # half of the surroundings is another layer
    rgb[28:34, 34:40] = 0
    owner[27, 28:34] = 2
    np.testing.assert_array_equal(close_false_holes(rgb, owner, NO_VEIL, cell=2.0), owner)


def test_what_lies_in_front_of_its_surroundings_is_no_hole() -> None:
    rgb, owner = scene(CHEEK)
    owner[28:34, 28:34] = 2
    np.testing.assert_array_equal(close_false_holes(rgb, owner, NO_VEIL, cell=2.0), owner)


def test_a_shadow_on_what_is_seen_through_a_hole_is_no_reason() -> None:
    rgb, owner = scene((0.3, 0.27, 0.03))  # the ground in the shade
    veiled = NO_VEIL.copy()
    assert (close_false_holes(rgb, owner, veiled, cell=2.0) != owner).any()
    veiled[28:34, 28:34] = True
    np.testing.assert_array_equal(close_false_holes(rgb, owner, veiled, cell=2.0), owner)
