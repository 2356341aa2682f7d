"""Whatever is said to be text: text over the rest is the picture again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_scenes import line, opaque, scene, worst

from layerize.stack import Layer, LayerStack, flatten
from layerize.text.exact import solve_over
from layerize.text.extract import lift_lines, name_of

pixel = st.tuples(*[st.integers(0, 255)] * 4)


def composite(text: np.ndarray, under: np.ndarray) -> np.ndarray:
    layers = tuple(Layer(pixels=part[None]) for part in (under, text))
    return flatten(LayerStack(size=(len(text), 1), layers=layers))[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(pixel, st.integers(0, 255), pixel), min_size=1, max_size=40))
def test_any_picture_any_wish_any_ground(cases: list) -> None:
    picture, cover, under = (np.array(column, np.uint8) for column in zip(*cases, strict=True))
    text, rest = solve_over(picture, cover, under)
    assert worst(picture[None], composite(text, rest)[None]) <= 1
    bare = text[:, 3] == 0
    assert np.array_equal(rest[bare], picture[bare])


def test_a_possible_wish_is_granted_and_an_impossible_one_raises_alpha() -> None:
    picture = np.array([[200, 200, 200, 255], [250, 0, 0, 255]], np.uint8)
    under = np.array([[100, 100, 100, 255], [0, 250, 0, 255]], np.uint8)
    text, rest = solve_over(picture, np.array([128, 128], np.uint8), under)
    assert text[0].tolist() == [255, 255, 255, 165]  # at 128 the colour would be 299
    assert text[1, 3] >= 250
    assert np.array_equal(rest, under)


def test_faint_text_does_not_grow_where_what_is_under_it_can_move() -> None:
    picture, under = np.array([[120, 130, 240, 255]], np.uint8), np.array([[100, 130, 200, 255]], np.uint8)
    text, rest = solve_over(picture, np.array([10], np.uint8), under)
    assert text[0, 3] <= 30
    assert rest[0, 2] > 200


@pytest.mark.parametrize("alpha", [255, 128, "noise"])
def test_absurd_lines_on_noise(alpha: object) -> None:
    rng = np.random.default_rng(7)
    picture = rng.integers(0, 256, (90, 140, 4), dtype=np.uint8)
    if alpha != "noise":
        picture[..., 3] = alpha
    lines = [
        line(f"word{i}", (float(x), float(y), float(x + w), float(y + h)))
        for i, (x, y, w, h) in enumerate(zip(*rng.integers(1, 70, (4, 12)), strict=True))
    ]
    result = lift_lines(picture, lines)
    stack = LayerStack(size=(140, 90), layers=(Layer(pixels=result.clean_HW4), *result.layers))
    assert worst(picture, flatten(stack)) <= 1


@pytest.mark.parametrize("ground_alpha", [0, 120])
def test_text_on_a_transparent_picture_leaves_no_white_behind(ground_alpha: int) -> None:
    made = scene(colour=(20, 20, 30))
    cover = made.alpha + (1 - made.alpha) * ground_alpha / 255
    colour = made.alpha[..., None] * np.array([20, 20, 30]) + (1 - made.alpha[..., None]) * ground_alpha / 255 * 200
    picture = np.dstack([colour / np.maximum(cover, 1e-6)[..., None], 255 * cover])
    picture = np.rint(picture).astype(np.uint8)
    picture[picture[..., 3] == 0] = 0
    result = lift_lines(picture, [made.line])
    [layer] = result.layers
    stack = LayerStack(size=(360, 120), layers=(Layer(pixels=result.clean_HW4), layer))
    assert worst(picture, flatten(stack)) <= 1
    left = result.clean_HW4[..., 3][made.alpha > 0.5].astype(int)
    assert np.abs(left - ground_alpha).max() <= 12


def test_a_picture_without_lines_comes_back_as_it_is() -> None:
    picture = opaque(scene().picture)
    result = lift_lines(picture, [])
    assert result.clean_HW4 is picture
    assert result.layers == ()


def test_long_names_end_at_a_word() -> None:
    from layerize.text.block import TextBlock

    words = " ".join(["lorem"] * 30)
    block = TextBlock(
        lines=(line(words, (0, 0, 10, 10)),), angle=0, size=9, colours=(), alignment="left", line_spacing=11
    )
    assert len(name_of(block)) <= 48
    assert name_of(block).endswith("lorem…")
