"""Letters of a word, dots of a pattern: one owner."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from layerize.refine.kin import find_patches, longest_neighbour, one_family_one_owner
from layerize.refine.zones import find_zones

SIDE = 120
RED, CARD, GROUND = (220, 30, 40), (240, 240, 230), (40, 60, 160)
Picture = npt.NDArray[np.uint8]


def dots(count: int, *, colours: tuple[tuple[int, int, int], ...] = (RED,), step: int = 16) -> tuple[Picture, list]:
    """A card on a ground with a row of square dots on it, and where they are."""
    picture = np.full((SIDE, SIDE, 3), GROUND, np.uint8)
    picture[20:100, 6:114] = CARD
    places = [(slice(56, 66), slice(10 + step * i, 20 + step * i)) for i in range(count)]
    for i, place in enumerate(places):
        picture[place] = colours[i % len(colours)]
    return picture, places


def decide(picture: Picture, places: list, said: list[int], sure: float = 0.9) -> list[int]:
    """Who owns the dots afterwards, if the model has said this of each of them."""
    owner = np.ones((SIDE, SIDE), np.int32)
    owner[picture[..., 2] == GROUND[2]] = 0
    for place, layer in zip(places, said, strict=True):
        owner[place] = layer
    weight = np.full((3, SIDE, SIDE), (1 - sure) / 2, np.float32)
    np.put_along_axis(weight, owner[None], np.float32(sure), 0)
    result = one_family_one_owner(picture, owner, weight, find_zones(picture))
    for place in places:
        assert len(np.unique(result[place])) == 1
    rest = np.ones((SIDE, SIDE), bool)
    for rows, columns in places:
        rest[rows.start - 1 : rows.stop + 1, columns.start - 1 : columns.stop + 1] = False
    assert (result[rest] == owner[rest]).all()
    return [int(result[rows, columns][5, 5]) for rows, columns in places]


def test_a_row_of_dots_goes_to_the_layer_that_most_of_it_was_given_to() -> None:
    assert decide(*dots(6), [2, 2, 1, 2, 2, 2]) == [2] * 6
    assert decide(*dots(6), [1, 1, 1, 2, 1, 1]) == [1] * 6


def test_three_are_no_family() -> None:
    assert decide(*dots(3), [2, 1, 2]) == [2, 1, 2]


def test_a_family_without_a_leading_opinion_does_not_decide() -> None:
    assert decide(*dots(6), [0, 1, 2, 0, 1, 2]) == [0, 1, 2, 0, 1, 2]
    assert decide(*dots(6), [0, 1, 2, 2, 2, 1]) == [2] * 6


@pytest.mark.parametrize("difference", ["colour", "distance", "surroundings"])
def test_strangers_are_no_kin(difference: str) -> None:
    if difference == "colour":
        picture, places = dots(6, colours=(RED, (30, 160, 60)))
    elif difference == "distance":
        picture, places = dots(4, step=26)
    else:
        picture, places = dots(6)
        for rows, columns in places[::2]:  # every second one on a plate of its own
            picture[rows.start - 2 : rows.stop + 2, columns.start - 2 : columns.stop + 2] = (250, 210, 60)
            picture[rows, columns] = RED
    said = [2, 2, 2, 1, 2, 2][: len(places)]
    assert decide(picture, places, said) == said


def test_a_zone_that_the_grid_cuts_is_one_patch() -> None:
    picture, _ = dots(6)
    patches = find_patches(picture, find_zones(picture))
    assert len(patches.colour) == 8  # ground, card, six dots
    assert sorted(patches.small) == [False] * 2 + [True] * 6
    card = patches.label_hw[30, 30]
    assert (patches.around[patches.small] == card).all()
    assert patches.box[card].tolist() == [20, 6, 100, 114]


def test_the_longest_border_counts() -> None:
    pairs = np.array([[0, 1], [0, 2], [1, 2]], np.int32)
    assert longest_neighbour(pairs, np.array([3, 9, 4], np.float32), 4).tolist() == [2, 2, 0, -1]
