"""``layerize edit``: order, values, layers by index, id and name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layerize.cli.edit import OPERATIONS, Edit, take_edits
from layerize.errors import UsageError
from layerize.formats import load
from layerize.stack import LayerStack
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


def test_each_operation_does_what_it_says(cli, folder: Path, tmp_path: Path) -> None:
    Image.new("RGBA", (20, 20), (9, 9, 9, 255)).save(tmp_path / "new.png")
    commands = {
        "--move": ("1", "-5,3"),
        "--resize": ("1", "200%"),
        "--recolor": ("1", "#ffaa00"),
        "--opacity": ("1", "50%"),
        "--hide": ("1",),
        "--show": ("1",),
        "--rename": ("1", "Badge"),
        "--delete": ("1",),
        "--reorder": ("1", "0"),
        "--replace": ("1", "new.png"),
        "--background": ("teal",),
    }
    assert set(commands) == set(OPERATIONS)
    result = {}
    for option, words in commands.items():
        cli("edit", folder, "-o", "out.layers", option, *words)
        result[option] = load("out.layers")
    red = {option: layers[0] for option, stack in result.items() if (layers := at_red(stack))}
    assert red["--move"].offset == (0, 8)
    assert red["--resize"].size == (20, 20)
    assert tuple(red["--recolor"].pixels[0, 0, :3]) == (255, 170, 0)
    assert red["--opacity"].opacity == 0.5
    assert not red["--hide"].visible
    assert red["--show"].visible
    assert red["--rename"].name == "Badge"
    assert "--delete" not in red
    assert result["--reorder"].layers[0].name == "Shape 1, red"
    assert tuple(red["--replace"].pixels[0, 0]) == (9, 9, 9, 255)
    assert tuple(result["--background"].layers[0].pixels[0, 0, :3]) == (0, 128, 128)


def at_red(stack: LayerStack) -> list:
    return [layer for layer in stack.walk() if layer.name in ("Shape 1, red", "Badge")]


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
    ("words", "message"),
    [
        (["--move", "Shape 9", "1,1"], "--move: there is no layer 'Shape 9'"),
        (["--move", "1", "far"], "--move: 'far' should be two whole numbers"),
        (["--opacity", "1", "nan"], "--opacity: 'nan' is no number"),
        (["--opacity", "1", "1.5"], "--opacity: opacity 1.5 is out of range"),
        (["--resize", "1", "0x5"], "--resize: '0x5' should be a width and a height"),
        (["--resize", "1", "-2"], "--resize: cannot resize"),
        (["--recolor", "1", "sort of blue"], "--recolor: 'sort of blue' is not a colour"),
        (["--reorder", "1", "top"], "--reorder: 'top' is no whole number"),
        (["--background", "wall.png"], "--background wall.png: there is no such picture"),
        (["--hide", "7"], "--hide: there is no layer 7"),
        ([], "there is nothing to do; give one of --move"),
    ],
)
def test_wrong_edits_are_usage_errors_and_write_nothing(cli, folder: Path, words: list[str], message: str) -> None:
    stderr = cli("edit", folder, "-o", "out.layers", *words, code=2).stderr
    assert message in stderr
    assert len(stderr.splitlines()) == 1
    assert not Path("out.layers").exists()


def test_a_failing_edit_leaves_the_source_as_it_was(cli, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    cli("edit", folder, "-o", folder, "--delete", "1", "--move", "nobody", "1,1", code=2)
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
