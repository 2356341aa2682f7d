"""Captions without a model, and with a tiny random one."""

from __future__ import annotations

import numpy as np
import pytest
from design_stacks import block

from layerize.data.caption import colours_of, make_caption, quoted, telling_names, title_of


@pytest.mark.parametrize(
    ("stem", "title"),
    [
        ("vector__fairy-tale__king", "Fairy tale king"),
        ("background-169", ""),
        ("IMG_2041", ""),
        ("summer_sale_Final2", "Summer sale"),
        ("", ""),
        ("日本のポスター", "日本のポスター"),
    ],
)
def test_titles_are_the_telling_words(stem: str, title: str) -> None:
    assert title_of(stem) == title


def test_names_that_say_nothing_are_left_out() -> None:
    names = ["Background", "Layer 3 copy", "path1234-5", "Crown", "gopher_hands", "crown", "Rounded Rectangle 1", "x"]
    assert telling_names(names) == ["crown", "gopher hands"]


def test_a_copy_is_called_like_its_original() -> None:
    assert telling_names(["Star copy 2", "Sun 12"]) == ["sun", "star"]


def test_writing_is_quoted_up_to_a_limit() -> None:
    assert quoted(["Second", 'First "line"\nmore']) == '"First \'line\' more", "Second"'
    assert quoted(["", "  "]) == ""
    long = quoted(["word " * 100])
    assert len(long) < 130
    assert long.endswith(' ..."')


def test_colours_are_counted_by_area() -> None:
    picture = block(40, 40, (20, 85, 40, 255))
    picture[:10] = (250, 250, 250, 255)
    picture[0, 0] = (255, 0, 0, 255)
    assert colours_of(picture) == "Mostly dark green and white."
    picture[10:] = 0
    assert colours_of(picture) == "Mostly white on a transparent ground."
    assert colours_of(np.zeros((5, 5, 4), np.uint8)) == ""


def test_the_whole_sentence() -> None:
    caption = make_caption(
        stem="king", names=["Layer 1", "Cape", "Crown"], texts=["Long live"], composite=block(9, 9, (25, 35, 95, 255))
    )
    assert caption == 'King: crown and cape. Text: "Long live". Mostly dark blue.'
    assert make_caption(stem="1", names=[], texts=[], composite=block(9, 9, (0, 0, 0, 0))) == "A design."
