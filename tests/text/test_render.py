"""Shaping and drawing: kerning, ligatures, letter spacing, turning, colours."""

from __future__ import annotations

import numpy as np
import pytest
from type_scenes import BLACK, SCRIPT, SLAB, face

from layerize.text.render import Line, Setting, alpha_of, draw_block, shape


def ink(setting: Setting, words: str, angle: float = 0) -> tuple[np.ndarray, tuple[int, int]]:
    drawn = draw_block(setting, [Line(content=words, x=100, y=100)], angle=angle)
    assert drawn is not None
    return drawn


def test_the_box_of_a_run_is_where_it_draws() -> None:
    setting = Setting(face=face(SLAB), size=60)
    run = shape(setting.face, "Harbour")
    assert run.box is not None
    pixels, (x, y) = ink(setting, "Harbour")
    expected = np.array(run.box) * 60 + 100
    assert np.abs(expected - (x, y, x + pixels.shape[1], y + pixels.shape[0])).max() <= 1.01


def test_pairs_are_kerned() -> None:
    run = shape(face(BLACK), "AV")
    apart = shape(face(BLACK), "A").advance + shape(face(BLACK), "V").advance
    assert run.advance < apart - 0.01


def test_letter_spacing_widens_by_one_gap_less_than_letters() -> None:
    plain, wide = (Setting(face=face(BLACK), size=40, spacing=s) for s in (0, 5))
    assert wide.width("SPACE") == pytest.approx(plain.width("SPACE") + 4 * 5, abs=1e-6)
    assert ink(wide, "SPACE")[0].shape[1] - ink(plain, "SPACE")[0].shape[1] == pytest.approx(20, abs=1)


def test_turning_is_about_the_start_of_the_baseline_and_clockwise() -> None:
    setting = Setting(face=face(BLACK), size=40)
    level, (x, _) = ink(setting, "HHHH")
    turned, (tx, ty) = ink(setting, "HHHH", angle=90)
    assert turned.shape[0] == pytest.approx(level.shape[1], abs=2)
    assert tx == pytest.approx(100, abs=1)
    assert ty == pytest.approx(100 + (x - 100), abs=1)


def test_colours_are_exact_and_the_outline_lies_outside() -> None:
    setting = Setting(face=face(SLAB), size=60, fill=(250, 200, 0), outline=(10, 20, 90), outline_width=4)
    pixels, (x, y) = ink(setting, "Out")
    plain, (px, py) = ink(Setting(face=face(SLAB), size=60, fill=(250, 200, 0)), "Out")
    assert 3 <= px - x <= 5
    assert 3 <= py - y <= 5
    inner = pixels[py - y :, px - x :][: plain.shape[0], : plain.shape[1]]
    assert (inner[plain[..., 3] == 255] == (250, 200, 0, 255)).all()
    assert np.unique(plain[plain[..., 3] > 0][:, :3], axis=0).tolist() == [[250, 200, 0]]


def test_nothing_to_draw() -> None:
    setting = Setting(face=face(SCRIPT), size=30)
    assert draw_block(setting, [Line(content="   ", x=0, y=20)]) is None
    assert not alpha_of(setting, [Line(content="", x=0, y=20)], (30, 30)).any()


def test_places_between_pixels_matter() -> None:
    setting = Setting(face=face(BLACK), size=30)
    one = alpha_of(setting, [Line(content="E", x=5, y=30)], (40, 40)).astype(int)
    half = alpha_of(setting, [Line(content="E", x=5, y=30.5)], (40, 40)).astype(int)
    assert 20 < np.abs(one - half).max() < 200
