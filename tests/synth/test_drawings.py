"""Every drawing fills its square, stays near it, and is one element of several colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from layerize.synth import backgrounds, creatures, icons, people, surfaces, things
from layerize.synth.colour import Palette, draw_palette
from layerize.synth.config import DesignConfig
from layerize.synth.dice import Dice
from layerize.synth.heroes import path_draw
from layerize.synth.pen import Pen
from layerize.synth.raster import Box, Cutout, Easel, Finish, in_unit_square

FIGURES = [
    people.bust, people.full_figure, people.couple,
    creatures.quadruped, creatures.portrait, creatures.bird, creatures.fish, creatures.monster, creatures.abstract,
    things.bottle, things.cup, things.car, things.house, things.plant, things.tree, things.folder, things.device,
    things.food, things.present, things.rocket, things.lamp,
]  # fmt: skip
MIDDLE = Box(48, 48, 96, 96)


def _drawn(painter: Callable[[Pen, Dice, Palette], None], seed: int, outlined: bool) -> Cutout | None:
    dice = Dice(f"drawing {seed}")
    palette = draw_palette(dice)

    def draw(canvas: Any) -> None:
        in_unit_square(canvas, MIDDLE)
        painter(Pen(canvas, ((0, 0, 0), 0.02) if outlined else None), dice, palette)

    return Easel((192, 192)).cut(draw, Finish(), dice)


@pytest.mark.parametrize("painter", FIGURES, ids=lambda painter: painter.__name__)
def test_figures(painter: Callable[[Pen, Dice, Palette], None]) -> None:
    for seed in range(6):
        cutout = _drawn(painter, seed, outlined=bool(seed % 2))
        assert cutout is not None
        alpha = cutout.pixels[..., 3]
        assert cutout.x >= 48 - 20
        assert cutout.y >= 48 - 20
        assert cutout.x + alpha.shape[1] <= 144 + 20
        assert cutout.y + alpha.shape[0] <= 144 + 20
        assert (alpha > 200).sum() > 0.07 * 96 * 96
        colours = np.unique(cutout.pixels[alpha == 255][:, :3] // 16, axis=0)
        assert len(colours) >= 3, f"{painter.__name__} {seed} has {len(colours)} colours"


@pytest.mark.parametrize("sign", sorted({*icons.ICONS, *icons.PLAIN, *icons.BADGES}, key=lambda sign: sign.__name__))
def test_signs_lie_in_the_unit_square(sign: Callable[[Dice], Any]) -> None:
    for seed in range(5):
        dice = Dice(f"sign {seed}")
        cutout = Easel((192, 192)).cut(path_draw(dice, sign(dice), MIDDLE, (200, 30, 30)), Finish(), dice)
        assert cutout is not None
        box = cutout.box
        assert min(box.x, box.y) >= 44
        assert max(box.x + box.w, box.y + box.h) <= 148
        assert max(box.w, box.h) > 60


def test_every_icon_has_a_name() -> None:
    assert set(icons.NAMES) == set(icons.ICONS)


@pytest.mark.parametrize("kind", backgrounds.KINDS)
def test_backgrounds_fill_the_canvas(kind: str) -> None:
    paint, words = backgrounds.KINDS[kind]
    means = []
    for seed in range(4):
        dice = Dice(f"background {seed}")
        pixels = paint(Easel((80, 64)), dice, draw_palette(dice))
        assert pixels.shape == (64, 80, 3)
        assert pixels.dtype == np.uint8
        means.append(pixels.mean())
    assert len(set(means)) == (2 if kind == "white" else 4)  # white has few tones
    assert words.startswith("a ")


def test_backgrounds_leave_the_easel_clean() -> None:
    easel, dice = Easel((64, 64)), Dice("clean")
    backgrounds.gradient(easel, dice, draw_palette(dice))
    cutout = easel.cut(path_draw(dice, icons.circle(dice), Box(8, 8, 16, 16), (9, 9, 9)), Finish(), dice)
    assert cutout is not None
    assert max(cutout.pixels.shape[:2]) <= 18


@pytest.mark.parametrize("maker", [surfaces.panel, surfaces.shape, surfaces.badge, surfaces.photo])
def test_surfaces_cover_their_box(maker: Callable[..., Any]) -> None:
    box = Box(30, 40, 120, 80)
    for seed in range(8):
        dice = Dice(f"surface {seed}")
        config = DesignConfig(shadow_probability=0.0, rotation_probability=0.0, translucent_probability=0.0)
        item = maker(dice, config, draw_palette(dice), (128, 128, 128), box)
        cutout = Easel((192, 192)).cut(item.draw, item.finish, dice)
        assert cutout is not None
        assert (cutout.pixels[..., 3] > 200).sum() > 0.1 * 120 * 80
        assert cutout.x >= 28
        assert cutout.x + cutout.pixels.shape[1] <= 152
