"""The typeface of drawn letters is found again: at small sizes, turned, spaced, in several lines; others are not."""

from __future__ import annotations

import numpy as np
import pytest
from type_scenes import BLACK, FACES, MEDIUM, SCRIPT, SLAB, face, written

from layerize.text.live import SURE, least_certainty
from layerize.text.match import best_matches, certainty, fit, soft_iou
from layerize.text.style_estimate import has_serifs, is_bold, is_italic, slant, vote_on_serifs
from layerize.text.upright import upright


@pytest.mark.parametrize("name", [found.name for found in FACES])
@pytest.mark.parametrize("size", [16, 28, 90])
def test_every_face_is_found_again(name: str, size: int) -> None:
    block, layer = written(name, "Grand Opening", size=size)
    flat = upright(block, layer)
    best = best_matches(flat.lines, FACES)[0]
    assert best.face.name == name
    assert best.setting.size / flat.scale == pytest.approx(size, rel=0.04)
    assert certainty(flat.lines, best) >= least_certainty(size)


@pytest.mark.parametrize("angle", [-17.0, 0.0, 6.0])
def test_a_wrong_angle_of_the_reader_is_corrected(angle: float) -> None:
    block, layer = written(SLAB, "Every Friday night", size=36, angle=angle, reader_angle=angle + 0.8)
    flat = upright(block, layer)
    assert flat.angle == pytest.approx(angle, abs=0.25)
    assert best_matches(flat.lines, FACES)[0].face.name == SLAB


def test_places_are_those_of_the_canvas() -> None:
    block, layer = written(BLACK, "Harbour\nnight", size=80, at=(33.4, 120.7), angle=9)
    flat = upright(block, layer)
    best = best_matches(flat.lines, FACES)[0]
    x, y = flat.place(0, *best.baselines[0])
    assert (x, y) == pytest.approx((33.4, 120.7), abs=1.0)


def test_letter_spacing_is_measured() -> None:
    block, layer = written(MEDIUM, "Tracked words", size=40, spacing=6)
    flat = upright(block, layer)
    best = best_matches(flat.lines, FACES)[0]
    assert best.face.name == MEDIUM
    assert best.setting.spacing / flat.scale == pytest.approx(6, abs=0.6)


def test_an_outline_does_not_hide_the_face() -> None:
    block, layer = written(SLAB, "Big outline", size=60, fill=(250, 220, 60), outline=(20, 20, 80))
    assert best_matches(upright(block, layer).lines, FACES)[0].face.name == SLAB


def test_another_face_is_not_certain() -> None:
    block, layer = written(SCRIPT, "See you there", size=40)
    others = [found for found in FACES if found.name != SCRIPT]
    flat = upright(block, layer)
    best = best_matches(flat.lines, others)[0]
    assert certainty(flat.lines, best) < SURE


def test_faces_without_the_letters_are_passed_over() -> None:
    block, layer = written(BLACK, "Cafe", size=40)
    lines = upright(block, layer).lines
    wrong = [type(line)(content="日本", alpha=line.alpha, box=line.box) for line in lines]
    assert best_matches(wrong, FACES) == []
    assert best_matches([], FACES) == []


def test_an_empty_layer_has_no_lines() -> None:
    block, layer = written(BLACK, "Cafe", size=40)
    empty = type(layer)(pixels=np.zeros_like(layer.pixels), offset=layer.offset)
    assert upright(block, empty).lines == ()


def test_soft_iou() -> None:
    a = np.array([[0.0, 0.5, 1.0]], np.float32)
    assert soft_iou(a, a) == 1
    assert soft_iou(a, 0 * a) == 0
    assert soft_iou(a, a[:, ::-1]) == pytest.approx(0.5 / 2.5)


def test_style_of_letters() -> None:
    heavy = upright(*written(BLACK, "Grand Opening", size=48)).lines
    light = upright(*written(MEDIUM, "Grand Opening", size=48)).lines
    leaning = upright(*written(SCRIPT, "hill milk till", size=48)).lines
    assert is_bold(heavy)
    assert not is_italic(heavy)
    assert slant(light) == pytest.approx(0, abs=2)
    assert is_italic(leaning)
    assert has_serifs(face(SLAB)) is True
    assert has_serifs(face(BLACK)) is False
    assert has_serifs(face(SCRIPT)) is None
    assert vote_on_serifs([(face(SLAB), 0.8), (face(BLACK), 0.3)]) is True
    assert vote_on_serifs([(face(SLAB), 0.8), (face(BLACK), 0.7)]) is None
    assert fit(heavy, face(BLACK)) is not None
