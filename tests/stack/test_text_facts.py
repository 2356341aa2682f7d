"""What is known of a text stays true when its layer is edited."""

from __future__ import annotations

import numpy as np
import pytest
from edit_scenes import disc

from layerize.stack import Layer, LayerStack
from layerize.stack.text_facts import placed_text, scaling, turning

FACTS = {
    "content": "Sale",
    "lines": [{"content": "Sale", "polygon": [[10, 20], [50, 20], [50, 30], [10, 30]], "box": [10, 20, 50, 30]}],
    "angle": 0.0,
    "size": 10.0,
    "line_spacing": 12.0,
    "colours": ["#c83c28", "#ffffff"],
    "font": None,
    "odd": {"box": "a cardboard", "size": "large", "angle": True, "polygon": [1, 2]},
}


@pytest.fixture
def stack() -> LayerStack:
    layer = Layer(pixels=disc(6, (200, 60, 40)), name="Text", offset=(2, 2), text=FACTS)
    return LayerStack(size=(80, 60), layers=(layer,)).group(["Text"], name="G")


def text_of(stack: LayerStack) -> dict:
    text = next(iter(stack.walk())).text
    assert text is not None
    assert text["content"] == "Sale"
    assert text["odd"] == FACTS["odd"], "what only looks like a place stays"
    return text


def test_moving_cropping_and_extending_move_places(stack: LayerStack) -> None:
    for edited in (stack.move("G", dx=5, dy=-2), stack.extend(left=5, top=0).crop(0, 2, 70, 50)):
        line = text_of(edited)["lines"][0]
        assert line["box"] == [15, 18, 55, 28]
        assert line["polygon"][2] == [55, 28]
        assert text_of(edited)["size"] == 10


def test_resizing_scales_measures(stack: LayerStack) -> None:
    text = text_of(stack.resize("G", scale=2, about=(0.0, 0.0)))
    assert (text["size"], text["line_spacing"], text["angle"]) == (20, 24, 0)
    assert np.allclose(text["lines"][0]["box"], [20, 40, 100, 60], atol=1)


@pytest.mark.parametrize(("degrees", "angle"), [(90, 90), (30, 30), (200, -160)])
def test_turning_turns_the_base_line(stack: LayerStack, degrees: float, angle: float) -> None:
    text = text_of(stack.rotate("G", degrees, about=(10.0, 20.0)))
    assert text["angle"] == pytest.approx(angle, abs=0.01)
    assert text["size"] == 10
    first, second = text["lines"][0]["polygon"][:2]
    assert first == [10, 20]
    assert np.allclose(second, [10 + 40 * np.cos(np.radians(degrees)), 20 + 40 * np.sin(np.radians(degrees))], atol=0.1)


def test_colours_follow_the_ink(stack: LayerStack) -> None:
    assert text_of(stack.recolor("G", "teal"))["colours"] == ["#008080", "#008080"]
    assert text_of(stack.opacity("G", 0.5))["colours"] == FACTS["colours"]


def test_what_is_no_text_any_more_loses_it(stack: LayerStack) -> None:
    for edited in (stack.flip("G"), stack.replace("Text", disc(3, (1, 1, 1))), stack.shadow("Text", bake=True)):
        assert next(iter(edited.walk())).text is None


def test_maps_agree_with_each_other() -> None:
    assert placed_text(None, turning(30, (0, 0))) is None
    there = placed_text(FACTS, turning(37, (5, 6)))
    back = placed_text(there, turning(-37, (5, 6)))
    assert back is not None
    assert np.allclose(back["lines"][0]["polygon"], FACTS["lines"][0]["polygon"], atol=0.2)  # type: ignore[index]
    assert placed_text(FACTS, scaling((1, 1), (0, 0)))["angle"] == 0  # type: ignore[index]
