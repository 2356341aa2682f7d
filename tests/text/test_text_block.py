"""Blocks as data, and which readings become one."""

from __future__ import annotations

import json

import pytest
from text_scenes import line

from layerize.text.block import TextBlock
from layerize.text.group import group
from layerize.text.measure import Measured, measure
from layerize.text.trust import is_word, trusted

CANVAS = (400, 300)


def measured(
    content: str, box: tuple[float, float, float, float], *, size: float = 20, fill: tuple[int, int, int] = (0, 0, 0)
) -> Measured:
    return Measured(
        line=line(content, box), fill=fill, outline=None, angle=0.0, size=size, start=box[0], end=box[2], base=box[3]
    )


def contents(lines: list[Measured]) -> list[str]:
    return [block.content for block, _ in group(lines)]


def test_a_block_says_what_a_manifest_needs() -> None:
    block = TextBlock(
        lines=(line("One", (10, 10, 60, 30)), line("Two", (10, 40, 62, 60))),
        angle=0.0,
        size=20.04,
        colours=((255, 0, 10), (0, 0, 0)),
        alignment="left",
        line_spacing=30,
    )
    data = json.loads(json.dumps(block.to_dict()))
    assert data["content"] == "One\nTwo"
    assert data["colours"] == ["#ff000a", "#000000"]
    assert data["lines"][1] == {"content": "Two", "polygon": [[10, 40], [62, 40], [62, 60], [10, 60]],
                                "box": [10, 40, 62, 60]}  # fmt: skip
    assert data["font"] is None
    assert block.box == (10, 10, 62, 60)


def test_lines_of_one_look_make_a_block_with_its_alignment() -> None:
    lines = [measured("first line", (100, 10, 300, 30)), measured("second", (150, 40, 250, 60))]
    [(block, members)] = group(lines)
    assert members == (0, 1)
    assert (block.content, block.alignment, block.line_spacing) == ("first line\nsecond", "center", 30)
    [(right, _)] = group([measured("first line", (100, 10, 300, 30)), measured("second", (200, 40, 300, 60))])
    assert right.alignment == "right"


@pytest.mark.parametrize(
    "other",
    [
        measured("second", (100, 40, 300, 60), fill=(200, 0, 0)),
        measured("second", (100, 40, 300, 70), size=32),
        measured("second", (100, 100, 300, 120)),
        measured("second", (320, 40, 390, 60)),
    ],
    ids=["another colour", "another size", "too far below", "beside"],
)
def test_lines_of_another_look_or_place_stay_apart(other: Measured) -> None:
    assert contents([measured("first line", (100, 10, 300, 30)), other]) == ["first line", "second"]


def test_pieces_of_a_line_are_joined_in_reading_order() -> None:
    pieces = [measured("BREAK", (160, 10, 230, 30)), measured("LUNCH", (80, 11, 150, 31))]
    assert contents(pieces) == ["LUNCH BREAK"]
    ideograms = [measured("拒绝", (10, 10, 50, 30)), measured("二手烟", (52, 10, 112, 30))]
    assert contents(ideograms) == ["拒绝二手烟"]


def test_the_size_is_that_of_the_font_whatever_letters_there_are() -> None:
    import numpy as np
    from text_scenes import letters

    from layerize.text.region import region_of

    for content in ("Hxg", "HEX", "nono", "nog"):
        alpha = letters(content, 60, (50, 100), (300, 160))
        ys, xs = np.nonzero(alpha > 0.5)
        found = line(content, (xs.min() - 5, ys.min() - 5, xs.max() + 5, ys.max() + 5))
        region = region_of(found.polygon, (300, 160))
        assert region is not None
        result = measure(found, alpha[region.slices] > 0.5, region, np.zeros(3, np.float32), None)
        assert result.size == pytest.approx(60, rel=0.12), content
        assert result.base == pytest.approx(100, abs=4), content


@pytest.mark.parametrize(
    ("content", "confidence", "kept"),
    [("Sale", 0.9, True), ("Sale", 0.6, False), ("7", 0.995, True), ("中", 0.9, False), ("■", 1.0, False),
     ("K", 0.76, False), ("<>", 0.99, False), ("50%", 0.9, True), ("A", 0.98, False)],
)  # fmt: skip
def test_icons_that_look_like_letters_are_not_words(content: str, confidence: float, kept: bool) -> None:
    assert is_word(line(content, (10, 10, 80, 30), confidence), CANVAS) is kept


def test_what_is_too_small_or_fills_the_picture_is_no_word() -> None:
    assert trusted([line("tiny", (0, 0, 30, 4)), line("16", (0, 0, 399, 299))], CANVAS) == []
