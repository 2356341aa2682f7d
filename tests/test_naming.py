"""Names from drawn layers whose content is known."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from layerize.naming import COLOURS, colour_word, describe, name_layers

SIZE = (640, 480)


def blank() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    return picture, ImageDraw.Draw(picture)


def array(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, np.uint8)


def text(words: str, size: int, fill: str = "white") -> np.ndarray:
    picture, draw = blank()
    draw.multiline_text((40, 60), words, font=ImageFont.load_default(size), fill=fill)
    return array(picture)


def shape(colour: str = "orange") -> np.ndarray:
    picture, draw = blank()
    draw.ellipse((100, 100, 300, 300), fill=colour)
    return array(picture)


def noise(box: tuple[int, int, int, int] | None = None, *, round_: bool = False) -> np.ndarray:
    picture, draw = blank()
    (draw.ellipse if round_ else draw.rectangle)(box or (60, 60, 400, 300), fill="white")
    pixels = array(picture).copy()
    base = np.array([110, 70, 40])
    pixels[..., :3] = np.clip(base + np.random.default_rng(0).normal(0, 30, (*pixels.shape[:2], 1)), 0, 255)
    return pixels


def shadow() -> np.ndarray:
    picture, draw = blank()
    draw.ellipse((150, 150, 420, 320), fill=(0, 0, 0, 150))
    alpha = array(picture.filter(ImageFilter.GaussianBlur(18)))[..., 3:]
    return np.concatenate([np.zeros((*alpha.shape[:2], 3), np.uint8), alpha], 2)


def full(colour: str) -> np.ndarray:
    return array(Image.new("RGBA", SIZE, colour))


@pytest.mark.parametrize(
    ("pixels", "kind"),
    [
        (text("Summer sale", 60), "Text"),
        (text("Summer sale", 16), "Text"),
        (text("Two lines of words\nin one block", 34, "black"), "Text"),
        (shape(), "Shape"),
        (noise(round_=True), "Object"),
        (noise(), "Picture"),
        (shadow(), "Shadow"),
        (np.zeros((480, 640, 4), np.uint8), "Empty"),
    ],
    ids=["headline", "small text", "two lines", "disc", "textured disc", "photo", "shadow", "empty"],
)
def test_kind_of_drawn_layer(pixels: np.ndarray, kind: str) -> None:
    assert describe(pixels)[0] == kind


def test_a_drawn_figure_of_many_plain_colours_is_an_object() -> None:
    picture, draw = blank()
    for row, colour in enumerate(["black", "bisque", "red", "blue", "white", "green"]):
        draw.ellipse((200 - 8 * row, 40 + 60 * row, 320 + 8 * row, 140 + 60 * row), fill=colour)
    assert describe(array(picture))[0] == "Object"


def test_a_smooth_sweep_of_colour_is_a_shape() -> None:
    sweep = np.linspace(0, 255, 640).astype(np.uint8)
    pixels = shape().copy()
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = sweep, 255 - sweep, 128
    assert describe(pixels)[0] == "Shape"


def test_a_tinted_pane_is_no_shadow() -> None:
    picture, draw = blank()
    draw.rounded_rectangle((80, 80, 500, 380), 20, fill=(0, 0, 0, 110))
    assert describe(array(picture)) == ("Panel", "black")


def test_panel_with_holes_is_a_panel() -> None:
    picture, draw = blank()
    draw.rounded_rectangle((80, 80, 500, 380), 20, fill="navy")
    draw.ellipse((200, 150, 300, 250), fill=(0, 0, 0, 0))
    assert describe(array(picture)) == ("Panel", "dark blue")


def test_discs_and_outlines_are_no_text() -> None:
    picture, draw = blank()
    for x in range(60, 560, 80):
        draw.ellipse((x, 100, x + 50, 150), fill="red")
    assert describe(array(picture)) == ("Shape", "red")


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_kind_does_not_depend_on_resolution(factor: int) -> None:
    def scaled(pixels: np.ndarray) -> np.ndarray:
        return pixels.repeat(factor, 0).repeat(factor, 1)

    assert [describe(scaled(p)) for p in (text("Poster 2026", 48), shape("teal"))] == [
        ("Text", None),
        ("Shape", "teal"),
    ]


def test_names_are_unique_and_numbered_per_kind() -> None:
    layers = [full("navy"), shape("orange"), shape("blue"), text("Words here", 40), shadow(), shape("orange")]
    assert name_layers(layers, full("navy")[..., :3]) == [
        "Background",
        "Shape 1, orange",
        "Shape 2, blue",
        "Text",
        "Shadow",
        "Shape 3, orange",
    ]


def test_only_the_bottom_layer_can_be_the_background() -> None:
    names = name_layers([full("white"), full("red")])
    assert names == ["Background", "Panel, red"]


def test_bottom_layer_that_does_not_cover_is_named_for_its_content() -> None:
    assert name_layers([shape("green"), text("Words here", 40)]) == ["Shape, green", "Text"]


def test_background_of_a_transparent_picture_covers_what_there_is() -> None:
    picture = shape("red")
    assert name_layers([picture], picture) == ["Background"]
    assert name_layers([picture], None) == ["Shape, red"]


def test_colours_under_zero_alpha_do_not_count() -> None:
    pixels = shape("orange").copy()
    pixels[pixels[..., 3] == 0, :3] = (0, 255, 0)
    assert describe(pixels) == ("Shape", "orange")


def test_every_anchor_gets_its_own_word() -> None:
    assert [colour_word(rgb) for _, rgb in COLOURS] == [word for word, _ in COLOURS]


def test_same_input_same_names() -> None:
    layers = [full("white"), noise(round_=True), text("Words", 30)]
    assert name_layers(layers) == name_layers([layer.copy() for layer in layers])


def test_tiny_and_narrow_layers_have_names() -> None:
    for size in [(1, 1), (1, 500), (3, 2)]:
        assert name_layers([np.full((*size, 4), 255, np.uint8)]) == ["Background"]


def test_six_layers_of_a_large_poster_take_less_than_a_second() -> None:
    base = [full("navy"), shape(), noise(round_=True), text("Words here", 60), shadow(), noise()]
    layers = [np.asarray(Image.fromarray(p).resize((1328, 1328))) for p in base]
    start = time.perf_counter()
    name_layers(layers, layers[0])
    seconds = time.perf_counter() - start
    assert seconds < 1.0, f"{seconds:.2f} s; 0.1 s on an idle core"
