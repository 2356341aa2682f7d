"""``layerize edit``: order, values, layers by index, id and name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layerize.cli.edit import OPERATIONS, Edit, take_edits
from layerize.errors import UsageError
from layerize.formats import load
from layerize.stack import Layer, LayerStack
from layerize.stack.composite import flatten


def named(stack: LayerStack, name: str):
    return next(layer for layer in stack.walk() if layer.name == name)


def test_edits_are_taken_out_in_order_and_the_rest_stays() -> None:
    edits, rest = take_edits(["in.psd", "--hide", "1", "-o", "out.psd", "--move=Text", "-4,0", "--show", "1"])
    assert edits == [Edit("--hide", ("1",)), Edit("--move", ("Text", "-4,0")), Edit("--show", ("1",))]
    assert rest == ["in.psd", "-o", "out.psd"]


def test_everything_after_two_dashes_is_no_edit() -> None:
    assert take_edits(["--", "--hide", "1"]) == ([], ["--", "--hide", "1"])


@pytest.mark.parametrize("arguments", [["--move", "Text"], ["--hide"], ["--move=Text"]])
def test_too_few_words_are_named(arguments: list[str]) -> None:
    with pytest.raises(UsageError, match="takes LAYER"):
        take_edits(arguments)


def test_order_of_options_matters(cli, folder: Path) -> None:
    cli("edit", folder, "-o", "a.layers", "--move", "1", "10,0", "--reorder", "1", "2")
    cli("edit", folder, "-o", "b.layers", "--reorder", "1", "2", "--move", "1", "10,0")
    assert named(load("a.layers"), "Shape 1, red").offset == (15, 5)
    b = load("b.layers")
    assert named(b, "Shape 1, red").offset == (5, 5)
    assert named(b, "Shape 2, green").offset == (40, 20)


def test_same_option_twice_applies_twice(cli, folder: Path) -> None:
    cli("edit", folder, "-o", "out.layers", "--move", "1", "10,0", "--move", "Shape 1, red", "0,7")
    assert named(load("out.layers"), "Shape 1, red").offset == (15, 12)


# One case of every edit: its words, and what must then hold of the stack.
CASES: dict[str, tuple[tuple[str, ...], Callable[[LayerStack], object]]] = {
    "--move": (("1", "-5,3"), lambda s: s.layers[1].offset == (0, 8)),
    "--resize": (
        ("1", "200%", "about=top-left"),
        lambda s: (s.layers[1].size, s.layers[1].offset) == ((20, 20), (5, 5)),
    ),
    "--rotate": (("1", "90", "about=30,20"), lambda s: s.layers[1].offset == (35, -5)),
    "--flip": (("1", "vertical"), lambda s: s.layers[1].offset == (5, 5)),
    "--opacity": (("1", "50%"), lambda s: s.layers[1].opacity == 0.5),
    "--blend": (("1", "multiply"), lambda s: s.layers[1].blend == "multiply"),
    "--hide": (("1",), lambda s: not s.layers[1].visible),
    "--show": (("1",), lambda s: s.layers[1].visible),
    "--rename": (("1", "Badge"), lambda s: s.layers[1].name == "Badge"),
    "--delete": (("1",), lambda s: len(s.layers) == 2),
    "--duplicate": (("1", "name=Twin"), lambda s: s.layers[2].name == "Twin"),
    "--reorder": (("1", "0"), lambda s: s.layers[0].name == "Shape 1, red"),
    "--group": (("1..2", "Shapes"), lambda s: s.layers[1].name == "Shapes" and len(s.layers[1].layers) == 2),
    "--ungroup": (("Shapes",), lambda s: len(s.layers) == 3),
    "--merge": (("Shape 1, red+2", "name=Both"), lambda s: (s.layers[1].name, s.layers[1].size) == ("Both", (35, 25))),
    "--crop": (("5,5", "10x10", "trim=yes"), lambda s: (s.size, s.layers[0].size) == ((10, 10), (10, 10))),
    "--extend": (("1,2,3,4", "fill=edge"), lambda s: (s.size, s.layers[0].size) == ((64, 46), (64, 46))),
    "--layout": (
        ("40x40", "anchor:Shape 1, red=bottom-right", "fit:2=keep"),
        lambda s: (s.size, s.layers[0].size, s.layers[2].size) == ((40, 40), (60, 40), (10, 10)),
    ),
    "--recolor": (("1", "#ffaa00"), lambda s: first_pixel(s.layers[1]) == (255, 170, 0)),
    "--hue": (("1", "180deg"), lambda s: first_pixel(s.layers[1])[0] < first_pixel(s.layers[1])[2]),
    "--tint": (("1", "blue", "amount=100%"), lambda s: first_pixel(s.layers[1])[2] > first_pixel(s.layers[1])[0]),
    "--duotone": (("1", "lime", "lime"), lambda s: first_pixel(s.layers[1]) == (0, 255, 0)),
    "--palette": (("1", "red:rgb(0, 0, 99)"), lambda s: first_pixel(s.layers[1]) == (0, 0, 99)),
    "--brightness": (("1", "-50%"), lambda s: first_pixel(s.layers[1]) == (255, 0, 0)),
    "--contrast": (("1", "-100%"), lambda s: first_pixel(s.layers[1]) == (128, 128, 128)),
    "--saturation": (("1", "-1"), lambda s: len(set(first_pixel(s.layers[1]))) == 1),
    "--curves": (("1", "0:50,255:70", "channel=green"), lambda s: first_pixel(s.layers[1]) == (255, 50, 0)),
    "--replace": (("1", "new.png", "fit=stretch", "alpha=old"), lambda s: first_pixel(s.layers[1]) == (9, 9, 9)),
    "--background": (("linear-gradient(teal, teal)",), lambda s: first_pixel(s.layers[0]) == (0, 128, 128)),
    "--shadow": (
        ("1", "offset=2,2", "blur=4", "spread=1", "color=navy", "opacity=30%"),
        lambda s: (
            (s.layers[1].name, s.layers[1].opacity, s.layers[1].blend) == ("Shape 1, red shadow", 0.3, "multiply")
        ),
    ),
    "--outline": (("1", "width=3", "colour=white", "bake=yes"), lambda s: len(s) == 3 and s.layers[1].size[0] >= 16),
    "--feather": (("1", "3"), lambda s: 0 < s.layers[1].pixels[..., 3].min() + 1 < 255 and s.layers[1].size[0] > 10),
    "--grow": (("1", "2"), lambda s: (s.layers[1].pixels[..., 3] == 255).sum() > 100),
    "--shrink": (("1", "2"), lambda s: (s.layers[1].pixels[..., 3] > 0).sum() == 36),
    "--clean-edge": (("1", "shrink=1", "strength=50%"), lambda s: (s.layers[1].pixels[..., 3] > 0).sum() == 64),
}


def first_pixel(layer: Layer) -> tuple[int, ...]:
    return tuple(int(value) for value in layer.pixels[0, 0, :3])


def test_every_operation_has_a_case() -> None:
    in_their_own_files = {"--latent", "--style", "--text"}  # these need a model or an extra
    assert set(CASES) == set(OPERATIONS) - in_their_own_files


@pytest.mark.parametrize("option", CASES)
def test_each_operation_does_what_it_says(cli, folder: Path, tmp_path: Path, option: str) -> None:
    Image.new("RGBA", (20, 20), (9, 9, 9, 255)).save(tmp_path / "new.png")
    words, holds = CASES[option]
    before = ("--group", "1+2", "Shapes") if option == "--ungroup" else ()
    cli("edit", folder, "-o", "out.zip", *before, option, *words)
    assert holds(load("out.zip"))


def test_settings_belong_to_the_edit_before_them() -> None:
    edits, rest = take_edits(["--resize", "1", "50%", "about=left", "in.psd", "--hide", "2", "a=b"])
    assert edits == [Edit("--resize", ("1", "50%"), (("about", "left"),)), Edit("--hide", ("2",))]
    assert rest == ["in.psd", "a=b"]


def test_an_unknown_setting_is_named_with_the_known(cli, folder: Path) -> None:
    stderr = cli("edit", folder, "-o", "out.zip", "--replace", "1", "a.png", "fitt=cover", code=2).stderr
    assert "--replace has no setting fitt=; it knows fit=, alpha=." in stderr


def test_resize_to_a_size(cli, folder: Path) -> None:
    cli("edit", folder, "-o", "out.layers", "--resize", "1", "30x4")
    assert named(load("out.layers"), "Shape 1, red").size == (30, 4)


def test_background_takes_a_picture(cli, folder: Path, tmp_path: Path) -> None:
    Image.new("RGB", (90, 20), (1, 2, 3)).save(tmp_path / "wall.png")
    cli("edit", folder, "-o", "out.layers", "--background", "wall.png")
    assert tuple(flatten(load("out.layers"))[0, 0]) == (1, 2, 3, 255)


def test_result_may_replace_its_source(cli, folder: Path) -> None:
    cli("edit", folder, "-o", folder, "--delete", "Shape 2, green")
    assert [layer.name for layer in load(folder).walk()] == ["Background", "Shape 1, red"]


def test_an_edited_stack_does_not_claim_to_equal_the_picture(cli, folder: Path) -> None:
    assert load(folder).metadata["recompose_error"] == 0
    cli("edit", folder, "-o", "out.layers", "--hide", "1")
    assert load("out.layers").metadata.get("recompose_error") is None


@pytest.mark.parametrize(
    ("code", "words", "message"),
    [
        (1, ["--move", "Shape 9", "1,1"], "--move: there is no layer 'Shape 9'; the stack has 'Shape "),
        (1, ["--opacity", "1", "1.5"], "--opacity: opacity 1.5 is out of range"),
        (1, ["--resize", "1", "0x5"], "--resize: cannot resize by 0 x 0.5"),
        (1, ["--resize", "1", "-2"], "--resize: cannot resize"),
        (
            1,
            ["--hide", "7"],
            "--hide: there is no layer 7; the stack has 3, counted from 0 at the bottom: 'Background'",
        ),
        (1, ["--reorder", "1", "3"], "--reorder: there is no place 3"),
        (1, ["--blend", "1", "dissolve"], "--blend: 'Shape 1, red' cannot blend as 'dissolve'; use one of normal, "),
        (1, ["--rotate", "1", "5", "about=middle"], "--rotate: 'middle' is no anchor; use one of top-left, top"),
        (1, ["--flip", "1", "sideways"], "--flip: cannot flip 'sideways'"),
        (1, ["--crop", "50,30", "20x20"], "--crop: cannot crop to 20x20 at 50,30; the box must lie on the canvas"),
        (1, ["--extend", "-1"], "--extend: cannot extend by -1"),
        (1, ["--layout", "0x10"], "--layout: the canvas cannot become 0x10"),
        (1, ["--merge", "1"], "--merge: 'Shape 1, red' is one layer already"),
        (1, ["--merge", "1+Shape"], "--merge: there is no layer 'Shape'"),
        (1, ["--ungroup", "1"], "--ungroup: 'Shape 1, red' is a layer; only groups"),
        (1, ["--brightness", "1", "200%"], "--brightness: brightness 2 is out of range"),
        (1, ["--curves", "1", "0:0,0:9"], "--curves: a curve needs at least two points"),
        (1, ["--feather", "1", "0"], "--feather: feather 0 is out of range"),
        (1, ["--shadow", "1", "opacity=7"], "--shadow: opacity 7 is out of range"),
        (1, ["--replace", "1", "no.png"], "--replace: no.png"),
        (1, ["--replace", "1", "drawn.layers", "fit=tile"], "--replace: drawn.layers"),
        (1, ["--background", "wall.png"], "--background: wall.png: there is no such picture"),
        (2, ["--move", "1", "far"], "--move: 'far' should be two whole numbers"),
        (2, ["--opacity", "1", "nan"], "--opacity: 'nan' is no number"),
        (2, ["--recolor", "1", "sort of blue"], "--recolor: 'sort of blue' is not a colour"),
        (2, ["--reorder", "1", "top"], "--reorder: 'top' is no whole number"),
        (2, ["--resize", "1", "x"], "--resize: 'x' should be a width and a height"),
        (2, ["--palette", "1", "red:blue,teal"], "--palette: 'red:blue,teal' should be pairs"),
        (2, ["--curves", "1", "up"], "--curves: 'up' should be OLD:NEW pairs"),
        (
            2,
            ["--background", "linear-gradient(red)"],
            "--background: 'linear-gradient(red)' has fewer than two colours",
        ),
        (2, ["--shadow", "1", "bake=perhaps"], "--shadow: 'perhaps' is neither yes nor no"),
        (2, ["--recolour", "1", "red"], "there is no edit --recolour; did you mean --recolor"),
        (2, [], "there is nothing to do; give one of --move"),
    ],
)
def test_wrong_edits_are_one_sentence_and_write_nothing(
    cli, folder: Path, code: int, words: list[str], message: str
) -> None:
    stderr = cli("edit", folder, "-o", "out.layers", *words, code=code).stderr
    assert message in stderr
    assert len(stderr.splitlines()) == 1
    assert not Path("out.layers").exists()


def test_an_unknown_extension_is_named_with_the_known(cli, folder: Path) -> None:
    stderr = cli("edit", folder, "-o", "out.doc", "--hide", "1", code=1).stderr
    assert "unknown extension '.doc'" in stderr
    assert ".psd" in stderr
    assert not Path("out.doc").exists()


def test_a_failing_edit_leaves_the_source_as_it_was(cli, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    cli("edit", folder, "-o", folder, "--delete", "1", "--move", "nobody", "1,1", code=1)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_replacement_that_is_no_picture_is_refused(cli, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new.png").write_text("no picture")
    assert "new.png" in cli("edit", folder, "-o", "out.layers", "--replace", "1", "new.png", code=1).stderr


def test_help_lists_the_edits(cli) -> None:
    shown = cli("edit", "--help").stdout
    assert all(option in shown for option in OPERATIONS)


def test_composite_of_the_result_shows_the_edit(cli, folder: Path) -> None:
    cli("edit", folder, "-o", "out.layers", "--recolor", "1", "white", "--move", "1", "20,0")
    picture = flatten(load("out.layers"))
    assert tuple(picture[6, 26]) == (255, 255, 255, 255)
    assert tuple(picture[6, 6]) == (0, 0, 255, 255)
    assert np.count_nonzero((picture == 255).all(2)) == 100
