"""Captions of procedural designs say what is there, and in which colour where there is one."""

from __future__ import annotations

import re

import numpy as np

from layerize.naming import COLOURS, colour_word, colour_words
from layerize.synth.caption import clear_colour
from layerize.synth.design import draw_design

WORDS = "|".join(sorted({word for word, _ in COLOURS}, key=len, reverse=True))


def test_many_colours_at_once_get_the_words_of_each() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (50, 3), np.uint8)
    assert colour_words(colours) == [colour_word(colour) for colour in colours]


def test_a_colour_is_told_where_most_pixels_have_it() -> None:
    red, blue = [225, 35, 35], [35, 95, 215]
    assert clear_colour(np.array([red] * 70 + [blue] * 30, np.uint8)) == "red"
    assert clear_colour(np.array([red, blue] * 50, np.uint8)) == ""
    assert clear_colour(np.zeros((0, 3), np.uint8)) == ""


def test_the_told_ground_is_the_painted_one() -> None:
    told = 0
    for seed in range(2_000_000, 2_000_080):
        design = draw_design(seed, (64, 64))
        found = re.search(rf"on a (?:plain|gradient|patterned|blurred) ({WORDS}) background", design.caption)
        if found:
            told += 1
            words = colour_words(design.layers_u8_KHW4[0][..., :3].reshape(-1, 3))
            assert words.count(found[1]) > 0.4 * len(words)
    assert told > 15


def test_things_of_one_name_are_counted_and_single_ones_are_coloured() -> None:
    captions = [draw_design(seed, (64, 64)).caption for seed in range(2_000_000, 2_000_080)]
    assert not any(re.search(rf"(two|three|four) ({WORDS}) ", caption) for caption in captions)
    assert sum(bool(re.search(rf"\ban? ({WORDS}) \w+", caption)) for caption in captions) > 40
    assert not any(re.search(r"\ba [aeio]", caption) for caption in captions)
