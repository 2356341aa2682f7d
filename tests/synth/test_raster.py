"""Cutting out: boxes, shadows, rims, opacity and light."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from layerize.synth.dice import Dice
from layerize.synth.merge import straight
from layerize.synth.pen import skia_colour
from layerize.synth.raster import FAINTEST_ALPHA, Cutout, Easel, Finish
from layerize.synth.skia_module import skia


def _square(x: int, y: int, side: int) -> Any:
    paint = skia.Paint(Color=skia_colour((200, 40, 20)))
    return lambda canvas: canvas.drawRect(skia.Rect.MakeXYWH(x, y, side, side), paint)


def _cut(finish: Finish, x: int = 20, y: int = 24, side: int = 16) -> Cutout:
    cutout = Easel((64, 64)).cut(_square(x, y, side), finish, Dice("cut"))
    assert cutout is not None
    return cutout


def test_a_plain_square_is_cut_exactly() -> None:
    cutout = _cut(Finish())
    assert (cutout.x, cutout.y, cutout.pixels.shape) == (20, 24, (16, 16, 4))
    assert (cutout.pixels == (200, 40, 20, 255)).all()


def test_nothing_on_the_canvas_gives_nothing() -> None:
    assert Easel((64, 64)).cut(_square(100, 100, 10), Finish(), Dice("none")) is None


def test_opacity_scales_premultiplied_pixels() -> None:
    assert np.abs(_cut(Finish(opacity=0.5)).pixels.astype(int) - (100, 20, 10, 128)).max() <= 1


def test_a_rim_surrounds_and_keeps_the_inside() -> None:
    cutout = _cut(Finish(rim=3))
    assert cutout.x in (16, 17)
    assert cutout.pixels.shape[0] in range(22, 26)
    inside = cutout.pixels[24 - cutout.y : 40 - cutout.y, 20 - cutout.x : 36 - cutout.x]
    assert (inside == (200, 40, 20, 255)).all()
    assert (cutout.pixels[cutout.pixels.shape[0] // 2, 2] > 200).all()


def test_a_shadow_is_dark_soft_and_moved() -> None:
    cutout = _cut(Finish(shadow=(2.0, 4.0, 5.0, 0.5)))
    y, x = 43 - cutout.y, 32 - cutout.x
    red, _, _, alpha = cutout.pixels[y, x].tolist()
    assert red == 0
    assert 60 < alpha < 130
    assert cutout.y + cutout.pixels.shape[0] > 24 + 16 + 5
    alphas = cutout.pixels[..., 3]
    assert alphas[alphas > 0].min() >= FAINTEST_ALPHA


def test_a_shadow_at_the_edge_stays_on_the_canvas() -> None:
    cutout = _cut(Finish(shadow=(3.0, 6.0, 6.0, 0.6), rim=2), x=55, y=50, side=20)
    assert cutout.x + cutout.pixels.shape[1] <= 64
    assert cutout.y + cutout.pixels.shape[0] <= 64


@pytest.mark.parametrize("finish", [Finish(light=0.6), Finish(texture=0.6), Finish(light=1.0, texture=1.0)])
def test_light_and_texture_change_colour_but_not_shape(finish: Finish) -> None:
    plain, lit = _cut(Finish()), _cut(finish)
    assert np.array_equal(plain.pixels[..., 3], lit.pixels[..., 3])
    assert np.ptp(lit.pixels[..., 0].astype(int)) > 15
    assert (lit.pixels[..., :3] <= lit.pixels[..., 3:]).all()


def test_straight_inverts_premultiplication_within_its_precision() -> None:
    rng = np.random.default_rng(1)
    colour, alpha = rng.integers(0, 256, (50, 50, 3)), rng.integers(1, 256, (50, 50, 1))
    premultiplied = np.concatenate([np.rint(colour * alpha / 255), alpha], -1).astype(np.uint8)
    error = np.abs(straight(premultiplied)[..., :3].astype(int) - colour) * alpha / 255
    assert error.max() <= 1.0
    assert not straight(np.zeros((2, 2, 4), np.uint8)).any()
