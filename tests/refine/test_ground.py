"""A smooth ground decides what is background, and only where there is one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from layerize.refine import refine
from layerize.refine.ground import by_ground, find_ground, veils_on

U8 = npt.NDArray[np.uint8]
SIDE = 160


def grounds() -> dict[str, U8]:
    x, y = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
    shade = np.stack([200 + 40 * x, 120 + 30 * y, 60 + 20 * x * y], axis=-1)
    grain = np.random.default_rng(0).normal(0, 1.2, (SIDE, SIDE, 1))
    return {
        "flat": np.full((SIDE, SIDE, 3), (240, 236, 220), np.uint8),
        "gradient": np.rint(shade).astype(np.uint8),
        "grainy": np.clip(np.rint(shade + grain), 0, 255).astype(np.uint8),
    }


def with_things(ground: U8) -> tuple[U8, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """A picture with a dark ring and a thin word on it; where something is, and the hole of the ring."""
    picture = ground.copy()
    ink = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(ink, (50, 60), 28, 255, 10)
    cv2.putText(ink, "Word", (70, 140), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 1)
    picture[ink > 0] = (20, 30, 90)
    hole = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(hole, (50, 60), 20, 255, -1)
    return picture, ink > 0, hole > 0


def unsure(picture: U8, size: int = 20) -> npt.NDArray[np.float32]:
    """Two coarse layers of a model that has seen the ring, a little too large, and not the word."""
    layers = np.zeros((2, size, size, 4), np.float32)
    layers[..., :3] = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) / np.float32(255)
    layers[0, ..., 3] = 1
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, (52, 62), 36, 255, -1)
    layers[1, ..., 3] = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA) / np.float32(255)
    return layers


@pytest.mark.parametrize("kind", ["flat", "gradient", "grainy"])
def test_what_reaches_the_rim_is_ground_and_what_differs_is_in_front(kind: str) -> None:
    picture, ink, hole = with_things(grounds()[kind])
    ground = find_ground(picture, np.ones((SIDE, SIDE), np.float32) * (~ink), 8.0)
    assert ground is not None
    assert not (ground.is_ground_hw & ink).any()
    assert not (ground.is_ground_hw & hole).any()  # a hole stays with the model: the ring may be a plate
    assert (ground.is_ground_hw | ink | hole).mean() > 0.98
    assert ground.in_front_hw[ink].all()
    assert not (ground.in_front_hw & ~ink).any()


@pytest.mark.parametrize("kind", ["noise", "two halves", "stripes"])
def test_a_rim_that_is_no_surface_has_no_ground(kind: str) -> None:
    picture = np.full((SIDE, SIDE, 3), 200, np.uint8)
    if kind == "noise":
        picture = np.random.default_rng(1).integers(0, 256, picture.shape).astype(np.uint8)
    elif kind == "two halves":
        picture[:, SIDE // 2 :] = (40, 90, 30)
    else:
        picture[:, ::8] = picture[:, 1::8] = picture[:, 2::8] = (90, 20, 160)
    assert find_ground(picture, np.ones((SIDE, SIDE), np.float32), 8.0) is None


def test_a_model_that_sees_a_patterned_background_is_believed() -> None:
    picture = np.full((SIDE, SIDE, 3), 230, np.uint8)
    for x in range(20, SIDE - 20, 20):
        for y in range(20, SIDE - 20, 20):
            cv2.circle(picture, (x, y), 6, (60, 140, 200), -1)
    assert find_ground(picture, np.ones((SIDE, SIDE), np.float32), 8.0) is None
    assert find_ground(picture, (picture[..., 0] == 230).astype(np.float32), 8.0) is not None


def test_an_object_of_which_the_model_misses_a_part_has_a_ground() -> None:
    picture = np.full((SIDE, SIDE, 3), (0, 0, 250), np.uint8)
    picture[20:140, 20:140] = (240, 220, 210)
    background = (picture[..., 0] == 0).astype(np.float32)
    background[30:84, 30:80] = 1  # a fifth of the object, a sixth of what the model calls background
    ground = find_ground(picture, background, 8.0)
    assert ground is not None
    assert ground.in_front_hw[30:84, 30:80].all()
    background[30:130, 30:130] = 1  # most of it: then it may be a part of the background
    assert find_ground(picture, background, 8.0) is None


def test_claims_sum_to_one_and_what_nobody_claims_goes_to_the_first_layer() -> None:
    picture, ink, _ = with_things(grounds()["flat"])
    ground = find_ground(picture, (~ink).astype(np.float32), 8.0)
    assert ground is not None
    weight = np.zeros((3, SIDE, SIDE), np.float32)
    weight[0] = 1
    decided = by_ground(weight, ground)
    assert np.abs(decided.sum(0) - 1).max() < 1e-5
    assert (decided[1][ink] > 0.99).all()
    assert (decided[0][ground.is_ground_hw] == 1).all()


def test_refined_layers_leave_nothing_of_a_missed_word_on_a_smooth_ground() -> None:
    for name, ground in grounds().items():
        picture, ink, hole = with_things(ground)
        opaque = np.dstack([picture, np.full((SIDE, SIDE), 255, np.uint8)])
        back, front = refine(opaque, unsure(picture))
        assert front[..., 3][ink].mean() > 235, name
        outside = ~cv2.dilate((ink | hole).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
        assert front[..., 3][outside].max() <= 8, name
        assert np.abs(back[..., :3].astype(int) - ground).mean() < 1.5, name


def test_a_soft_shadow_stays_with_the_model() -> None:
    ground = grounds()["flat"]
    shade = np.ones((SIDE, SIDE), np.float32)
    shade[60:110, 50:120] = 0.55
    shade = cv2.GaussianBlur(shade, (0, 0), 8)
    picture = np.rint(ground * shade[..., None]).astype(np.uint8)
    picture[50:90, 40:100] = (30, 110, 60)
    ground_found = find_ground(picture, (shade > 0.99).astype(np.float32), 8.0)
    assert ground_found is not None
    shadow = (shade < 0.97) & (picture != (30, 110, 60)).any(axis=2)
    shadow &= ~cv2.dilate((picture == (30, 110, 60)).all(axis=2).astype(np.uint8), np.ones((5, 5))).astype(bool)
    assert shadow.sum() > 2000
    assert not ground_found.in_front_hw[shadow].any()
    assert ground_found.in_front_hw[55:85, 45:95].all()


def test_a_transparent_picture_has_no_ground(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("what is transparent has no colour")

    monkeypatch.setattr("layerize.refine.ownership.find_ground", never)
    picture, ink, _ = with_things(grounds()["flat"])
    cut = np.dstack([picture, np.where(ink, 255, 0).astype(np.uint8)])
    assert len(refine(cut, unsure(picture))) == 2
    with pytest.raises(AssertionError, match="transparent"):
        refine(np.dstack([picture, np.full((SIDE, SIDE), 255, np.uint8)]), unsure(picture))


def test_small_holes_are_ground_where_its_colour_is_its_own() -> None:
    for colour, own in (((40, 48, 80), True), ((128, 128, 128), True), ((250, 250, 248), False), ((4, 4, 6), False)):
        picture = np.full((SIDE, SIDE, 3), colour, np.uint8)
        picture[20:90, 20:140] = (200, 60, 50)
        picture[40:48, 40:48] = colour  # narrower than two coarse pixels of 8
        picture[40:70, 80:110] = colour  # wider
        ground = find_ground(picture, (picture == colour).all(axis=2).astype(np.float32), 8.0)
        assert ground is not None
        assert ground.is_ground_hw[40:48, 40:48].all() == own, colour
        assert not ground.is_ground_hw[40:70, 80:110].any(), colour


def test_a_veil_that_does_not_show_the_ground_is_none() -> None:
    """A pane of red at .5 over the ground, and a solid drawing that the model calls half transparent."""
    picture = grounds()["gradient"].copy()
    red = np.array([220, 40, 40])
    picture[20:70, 30:120] = np.rint(0.5 * picture[20:70, 30:120] + 0.5 * red).astype(np.uint8)
    picture[90:140, 30:120] = (20, 60, 160)
    picture[100:130, 60:80] = (250, 250, 250)
    ground = find_ground(picture, (picture == grounds()["gradient"]).all(axis=2).astype(np.float32), 8.0)
    assert ground is not None
    layers = np.zeros((2, SIDE, SIDE, 4), np.float32)
    layers[0, ..., 3] = 1
    layers[1, 20:70, 30:120] = (*(red / 255), 0.5)
    layers[1, 90:140, 30:120] = (0.1, 0.3, 0.7, 0.5)
    soft = layers[..., 3] == 0.5
    kept = veils_on(ground, picture.astype(np.float32) / 255, layers, soft)
    assert kept[1, 20:70, 30:120].all()
    assert not kept[1, 90:140].any()


def test_a_layer_that_the_ground_contradicts_is_not_believed_elsewhere() -> None:
    """The model sees a panel behind a word on a plain ground: neither the word's holes nor its edge are the panel."""
    picture = np.full((SIDE, SIDE, 3), (40, 48, 80), np.uint8)
    ink = np.zeros((SIDE, SIDE), np.uint8)
    cv2.putText(ink, "BOB", (20, 100), cv2.FONT_HERSHEY_SIMPLEX, 2.0, 255, 9)
    picture[ink > 0] = (240, 120, 110)
    layers = np.zeros((3, SIDE, SIDE, 4), np.float32)
    layers[..., :3] = picture / np.float32(255)
    layers[0, ..., 3] = 1
    layers[1, 30:130, 10:150] = (40 / 255, 48 / 255, 80 / 255, 0.95)
    layers[2, ..., 3] = (ink > 0) * 0.9
    opaque = np.dstack([picture, np.full((SIDE, SIDE), 255, np.uint8)])
    back, panel, word = refine(opaque, layers)
    assert not panel[..., 3].any()
    assert (word[..., 3] > 200)[ink > 0].mean() > 0.98
    assert word[..., 3][cv2.dilate(ink, np.ones((7, 7), np.uint8)) == 0].max() <= 8
    assert np.abs(back[..., :3].astype(int) - (40, 48, 80)).max() <= 3
