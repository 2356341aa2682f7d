"""The parts of refine and the laws they keep."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from layerize.refine.edge import project
from layerize.refine.fill import layer_colour, pull_push
from layerize.refine.floor import floor_alpha, sharpen_hidden
from layerize.refine.ownership import drop_specks
from layerize.refine.resample import TileView, enlarge, shrink, work_size
from layerize.refine.translucent import soft_areas
from layerize.refine.zones import find_zones


@pytest.mark.parametrize(
    ("height", "width", "pixels"), [(1, 1, 1), (4000, 3000, 10**6), (1, 60_000, 1000), (60_000, 1, 7), (300, 2, 1)]
)
def test_work_size_keeps_budget_and_aspect(height: int, width: int, pixels: int) -> None:
    rows, columns = work_size(height, width, pixels)
    assert 1 <= rows <= height
    assert 1 <= columns <= width
    assert rows * columns <= max(pixels, 1)


def test_shrink_does_not_bleed_hidden_colours() -> None:
    image = np.zeros((8, 8, 4), np.uint8)
    image[:, :4] = (200, 100, 50, 255)
    image[:, 4:] = (0, 255, 0, 0)
    small = shrink(image, (1, 1))[0, 0]
    assert np.abs(small.astype(int) - (200, 100, 50, 128)).max() <= 1


def test_enlarge_does_not_bleed_hidden_colours() -> None:
    layer = np.zeros((4, 4, 4), np.float32)
    layer[:, :2] = (1, 0, 0, 1)
    layer[:, 2:] = (0, 1, 0, 0)
    large = enlarge(layer, (32, 32))
    clear = large[..., 3] > 0.3
    assert large[clear][:, 1].max() < 0.05


def test_tile_views_are_one_picture() -> None:
    work = np.random.default_rng(0).integers(0, 256, (30, 40)).astype(np.uint8)
    whole = TileView((30, 40), (200, 333), (0, 0, 200, 333)).read(work)
    for box in ((0, 0, 64, 64), (64, 128, 128, 192), (150, 300, 200, 333)):
        part = TileView((30, 40), (200, 333), box).read(work)
        assert np.abs(part - whole[box[0] : box[2], box[1] : box[3]]).max() < 0.01
    reference = cv2.resize(work.astype(np.float32), (333, 200), interpolation=cv2.INTER_LINEAR)
    assert np.abs(whole - reference).mean() < 1.5


def test_zones_end_at_edges_and_cover_everything() -> None:
    image = np.full((60, 60, 3), 240, np.uint8)
    image[20:40, 20:40] = (20, 90, 200)
    zones = find_zones(image, block=1000)
    inside, outside = zones.label_hw[21:39, 21:39], zones.label_hw[:18]
    assert len(np.unique(inside)) == len(np.unique(outside)) == 1
    assert inside[0, 0] != outside[0, 0]
    assert zones.area.sum() == 3600
    assert zones.count == zones.label_hw.max() + 1


def test_zones_of_noise_are_valid() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (33, 17, 3)).astype(np.uint8)
    zones = find_zones(noise)
    assert (zones.area > 0).all()
    assert (zones.pairs[:, 0] < zones.pairs[:, 1]).all()


def test_projection_inverts_over() -> None:
    rng = np.random.default_rng(0)
    front, back = rng.random((2, 500, 3)).astype(np.float32)
    alpha = rng.random(500).astype(np.float32)
    apart = np.square(front - back).sum(1) > 0.05
    shown, trust = project(back + alpha[:, None] * (front - back), front, back)
    assert np.abs(shown - alpha)[apart].max() < 1e-3
    assert trust[apart].min() > 0.9
    _, off = project(np.float32([[0, 1, 0]]), np.float32([[0.2, 0, 0]]), np.float32([[0.6, 0, 0]]))
    assert off[0] < 1e-3, "a colour far from the line was trusted"


def test_floor_is_continuous_monotone_and_keeps_the_middle() -> None:
    alpha = np.linspace(0, 1, 10_001).astype(np.float32)
    floored = floor_alpha(alpha)
    assert (floored[alpha < 7.9 / 255] == 0).all()
    assert (floored[alpha > 1 - 7.9 / 255] == 1).all()
    assert np.abs(floored - alpha)[2000:8000].max() < 1e-6
    assert np.diff(floored).min() >= 0
    assert np.diff(floored).max() < 2e-4


def test_hidden_shape_is_crisp_and_free_of_islands() -> None:
    alpha = np.zeros((80, 80), np.float32)
    alpha[20:60, 20:60] = 0.9
    alpha[5:7, 5:7] = 0.9
    crisp = sharpen_hidden(cv2.GaussianBlur(alpha, (0, 0), 4), 4.0)
    assert crisp[40, 40] == 1
    assert crisp[:10, :10].max() == 0
    assert ((crisp > 0.02) & (crisp < 0.98)).mean() < 0.1


def test_specks_go_unless_the_picture_shows_them() -> None:
    image = np.full((40, 40, 3), 200, np.uint8)
    image[30:33, 30:33] = 10
    owner = np.zeros((40, 40), np.int32)
    owner[5:8, 5:8] = 1
    owner[30:33, 30:33] = 1
    kept = drop_specks(image, owner, 8.0)
    assert (kept[5:8, 5:8] == 0).all()
    assert (kept[30:33, 30:33] == 1).all()


def test_pull_push_keeps_what_is_known_and_stays_in_range() -> None:
    value = np.random.default_rng(0).random((33, 50, 3)).astype(np.float32)
    weight = np.zeros((33, 50), np.float32)
    weight[:, :20] = 1
    filled = pull_push(value, weight)
    assert np.abs(filled[:, :20] - value[:, :20]).max() < 1e-5
    assert filled.min() >= value[:, :20].min() - 1e-4
    assert filled.max() <= value[:, :20].max() + 1e-4


@pytest.mark.parametrize("hidden", ["blend", "diffuse"])
def test_ghost_of_the_object_in_front_is_removed(hidden: str) -> None:
    picture = np.full((96, 96, 3), 0.9, np.float32)
    picture[30:66, 30:66] = (0.1, 0.3, 0.7)
    model = np.full((96, 96, 3), 0.9, np.float32)
    model[30:66, 30:66] = 0.7 * 0.9 + 0.3 * np.float32([0.1, 0.3, 0.7])
    model = cv2.GaussianBlur(model, (0, 0), 2.8)
    seen = np.ones((96, 96), bool)
    seen[28:68, 28:68] = False
    colour = layer_colour(picture, model, seen, hidden, 4.0)  # type: ignore[arg-type]
    assert np.abs(colour - 0.9).max() < 0.03


def test_model_mode_keeps_hidden_structure() -> None:
    picture = np.full((96, 96, 3), 0.5, np.float32)
    model = picture.copy()
    model[40:56, 40:56] = (0.9, 0.1, 0.1)
    seen = np.ones((96, 96), bool)
    seen[28:68, 28:68] = False
    assert np.abs(layer_colour(picture, model, seen, "model", 4.0) - model).max() < 0.02


def test_soft_areas_tell_a_veil_from_a_doubt() -> None:
    picture = np.full((80, 80, 3), 0.9, np.float32)
    picture[20:60, 20:60] = 0.45
    layers = np.zeros((2, 80, 80, 4), np.float32)
    layers[0] = (0.9, 0.9, 0.9, 1)
    layers[1, 20:60, 20:60] = (0, 0, 0, 0.5)
    assert soft_areas(picture, layers, 4.0)[1, 25:55, 25:55].all(), "a shadow was not seen"
    layers[1, 20:60, 20:60, :3] = 0.45
    assert not soft_areas(picture, layers, 4.0).any(), "an object of doubtful alpha was taken for a veil"
