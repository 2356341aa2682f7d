"""Text fits its box, is big enough or refused, and every bundled font writes Latin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from layerize.synth import fonts, words
from layerize.synth.dice import Dice
from layerize.synth.lettering import fit, ideograms, wrapped
from layerize.synth.raster import Box, Cutout, Easel, Finish


def _cut(draw: Any) -> Cutout:
    cutout = Easel((256, 192)).cut(draw, Finish(), Dice("text"))
    assert cutout is not None
    return cutout


@pytest.mark.parametrize("name", fonts.BUNDLED)
def test_bundled_fonts_have_every_letter_that_is_written(name: str) -> None:
    face = fonts.bundled(name)
    letters = set("".join((*words.HEADLINES, *words.WORDS, *words.LINES, *words.LABELS)))
    letters |= {letter.upper() for letter in letters}
    missing = [letter for letter in letters if letter != " " and face.unicharToGlyph(ord(letter)) == 0]
    assert not missing, f"{name} lacks {missing}"


@pytest.mark.parametrize("name", fonts.BUNDLED)
@pytest.mark.parametrize("align", ["left", "centre", "right"])
def test_text_stays_in_its_box(name: str, align: str) -> None:
    box = Box(40, 50, 160, 60)
    fitted = fit(Dice("fit"), "Summer Market Sale", box, fonts.bundled(name), (9, 9, 9), least_cap=7, align=align)
    assert fitted is not None
    cutout = _cut(fitted.draw)
    assert cutout.x >= box.x - 4
    assert cutout.x + cutout.pixels.shape[1] <= box.x + box.w + 5
    assert cutout.y >= box.y - 6
    assert cutout.y + cutout.pixels.shape[0] <= box.y + box.h + 6


def test_capitals_are_as_high_as_promised() -> None:
    fitted = fit(Dice("cap"), "H", Box(60, 40, 80, 100), fonts.bundled("sans-black.ttf"), (0, 0, 0), least_cap=7)
    assert fitted is not None
    assert abs(_cut(fitted.draw).pixels.shape[0] - fitted.cap_height) <= 3


def test_text_that_would_be_too_small_is_refused() -> None:
    face = fonts.bundled("serif-bold.ttf")
    assert fit(Dice("small"), "An endless line of words", Box(0, 0, 60, 8), face, (0, 0, 0), least_cap=7) is None


def test_an_outline_and_an_arc_change_the_pixels() -> None:
    box, face = Box(30, 40, 190, 110), fonts.bundled("round-bold.ttf")
    plain, outlined, arc = (
        fit(Dice("arc"), "Hello", box, face, (250, 250, 250), least_cap=5, **more)
        for more in ({}, {"stroke": (200, 0, 0)}, {"arc": True})
    )
    assert plain is not None
    assert outlined is not None
    assert arc is not None
    areas = [int((_cut(fitted.draw).pixels[..., 3] > 0).sum()) for fitted in (plain, outlined)]
    assert areas[1] > 1.1 * areas[0]
    tops = (_cut(arc.draw).pixels[..., 3] > 0).argmax(0)
    assert np.ptp(tops[tops > 0]) > 8


def test_wrapping_balances_lines() -> None:
    assert wrapped("Back To School", 2) == ["Back To", "School"]
    assert wrapped("One", 3) == ["One"]
    assert " ".join(wrapped("a bb ccc dddd", 3)) == "a bb ccc dddd"


def test_ideograms_fill_a_row() -> None:
    cutout = _cut(ideograms(Dice("signs"), Box(20, 60, 200, 50), (10, 10, 10)))
    assert cutout.pixels.shape[1] > 3 * cutout.pixels.shape[0]
    share = (cutout.pixels[..., 3] > 0).mean()
    assert 0.15 < share < 0.85


def test_only_bundled_fonts_unless_asked() -> None:
    faces = {fonts.draw_typeface(Dice(str(i)), use_system_fonts=False).uniqueID() for i in range(200)}
    assert faces == {fonts.bundled(name).uniqueID() for name in fonts.BUNDLED}
