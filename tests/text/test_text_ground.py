"""What lies under text: surfaces are found among outliers, known values stay, flat colours keep their edges."""

from __future__ import annotations

import numpy as np
from text_scenes import gradient

from layerize.text.ground import fit_surface, inpaint, mode_of, smooth_fill, spread


def test_a_quadratic_surface_is_found_though_a_third_of_the_pixels_are_something_else() -> None:
    rng = np.random.default_rng(0)
    truth = gradient((160, 90)).astype(np.float32)
    seen = truth + rng.normal(0, 1, truth.shape).astype(np.float32)
    other = rng.random((90, 160)) < 0.33
    seen[other] = rng.uniform(0, 255, (int(other.sum()), 3))
    surface = fit_surface(seen, np.ones((90, 160), bool))
    assert surface.smooth
    assert np.abs(surface.colour_HW3 - truth).max() < 1.5
    assert 0.6 < surface.share < 0.8


def test_a_texture_is_no_surface() -> None:
    noise = np.random.default_rng(1).uniform(0, 255, (60, 60, 3)).astype(np.float32)
    assert not fit_surface(noise, np.ones((60, 60), bool)).smooth


def test_two_panels_are_no_surface() -> None:
    panels = np.zeros((60, 100, 3), np.float32)
    panels[:, 55:] = (200, 30, 90)
    assert not fit_surface(panels, np.ones((60, 100), bool)).smooth


def test_spread_keeps_what_is_known_and_carries_a_constant_unchanged() -> None:
    rng = np.random.default_rng(2)
    values = rng.uniform(0, 255, (37, 53, 5)).astype(np.float32)
    known = (rng.random((37, 53)) < 0.2).astype(np.float32)
    carried = spread(values, known)
    assert np.allclose(carried[known == 1], values[known == 1], atol=1e-3)
    constant = np.full((37, 53, 3), 77.0, np.float32)
    assert np.abs(spread(constant, known) - 77).max() < 1e-2


def test_a_hole_in_a_gradient_is_filled_within_a_level() -> None:
    truth = gradient((160, 90)).astype(np.float32)
    hole = np.zeros((90, 160), bool)
    hole[20:70, 30:130] = True
    seen = np.where(hole[..., None], 255, truth).astype(np.float32)
    surface = fit_surface(seen, ~hole)
    filled = smooth_fill(seen, surface.colour_HW3, hole, 9.0)
    assert np.array_equal(filled[~hole], truth[~hole])
    assert np.abs(filled - truth).max() < 1


def test_the_edge_between_two_flat_colours_is_carried_on() -> None:
    truth = np.full((80, 120, 3), (20, 60, 200), np.float32)
    truth[40:] = (230, 220, 90)
    hole = np.zeros((80, 120), bool)
    hole[25:55, 20:100] = True
    filled = inpaint(np.where(hole[..., None], 128, truth).astype(np.float32), hole)
    error = np.abs(filled - truth).max(2)
    assert (error[hole] > 20).mean() < 0.08
    assert np.array_equal(filled[~hole], truth[~hole])


def test_a_texture_is_filled_with_colours_of_its_own() -> None:
    rng = np.random.default_rng(3)
    texture = rng.uniform(60, 120, (64, 64, 3)).astype(np.float32)
    hole = np.zeros((64, 64), bool)
    hole[28:36, 10:54] = True
    filled = inpaint(np.where(hole[..., None], 255, texture).astype(np.float32), hole)
    assert 55 <= filled[hole].min() <= filled[hole].max() <= 125


def test_the_mode_is_the_most_frequent_colour_not_the_mean() -> None:
    colours = np.concatenate([np.full((60, 3), 200.0), np.random.default_rng(4).uniform(0, 255, (40, 3))])
    assert np.abs(mode_of(colours.astype(np.float32)) - 200).max() < 6


def test_where_no_pixel_may_be_ground_all_are_tried() -> None:
    rgb = np.full((12, 20, 3), (40.0, 90.0, 160.0), np.float32)
    surface = fit_surface(rgb, np.zeros((12, 20), bool))
    assert np.isfinite(surface.colour_HW3).all()
    assert np.abs(surface.colour_HW3 - rgb).max() < 1
