"""Columns and cells: what they mean, and how a wrong one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerize.edits.operation import Edit
from layerize.edits.table import OPERATIONS
from layerize.errors import UsageError
from layerize.variants.recipe import known_columns, recipe_of
from layerize.variants.table import Row


def recipe(cells: dict[str, str], folder: Path = Path("shop")):
    return recipe_of(Row(name="x", number=1, cells=cells), folder)


@pytest.mark.parametrize(
    ("column", "cell", "edit"),
    [
        ("Text:recolor", "rgb(1, 2, 3)", Edit("--recolor", ("Text", "rgb(1, 2, 3)"))),
        ("Text: main:hue", "90", Edit("--hue", ("Text: main", "90"))),
        ("Text:duotone", 'navy "rgb(1, 2, 3)"', Edit("--duotone", ("Text", "navy", "rgb(1, 2, 3)"))),
        ("Text:hide", "yes", Edit("--hide", ("Text",))),
        ("Text:hide", "no", None),
        ("Text:shadow", "blur=4 colour=navy", Edit("--shadow", ("Text",), (("blur", "4"), ("colour", "navy")))),
        ("Text:shadow", "yes", Edit("--shadow", ("Text",))),
        ("Text:shadow", "no", None),
        ("A:replace", "red shoe.png fit=cover", Edit("--replace", ("A", "shop/red shoe.png"), (("fit", "cover"),))),
        ("Shoe:replace", "/abs/a.png", Edit("--replace", ("Shoe", "/abs/a.png"))),
        ("Text:rename", "a=b", Edit("--rename", ("Text", "a=b"))),
        ("Text:duplicate", 'name="Text two"', Edit("--duplicate", ("Text",), (("name", "Text two"),))),
        ("background", "teal", Edit("--background", ("teal",))),
        ("background", "wall.png shadows=keep", Edit("--background", ("shop/wall.png",), (("shadows", "keep"),))),
        ("background", "linear-gradient(red, blue)", Edit("--background", ("linear-gradient(red, blue)",))),
        ("crop", "0,0 20x20", Edit("--crop", ("0,0", "20x20"))),
    ],
)  # fmt: skip
def test_a_cell_is_an_edit(column: str, cell: str, edit: Edit | None) -> None:
    made = recipe({column: cell})
    assert made.edits == (() if edit is None else (edit,))
    assert made.columns == (() if edit is None else (column,))


def test_every_edit_can_be_a_column() -> None:
    names = {name.removeprefix("LAYER:") for name in known_columns()} - {"name", "size", "anchor", "fit"}
    assert names == {option[2:] for option in OPERATIONS} - {"layout"}, "size is the layout's column"


def test_size_and_its_rules() -> None:
    made = recipe({"Logo:anchor": "top", "size": "1080x1920", "Logo:fit": "keep"})
    assert made.size == (1080, 1920)
    assert made.rules == (("anchor", "Logo", "top"), ("fit", "Logo", "keep"))
    assert not made.edits


def test_edits_keep_the_order_of_the_columns() -> None:
    made = recipe({"b:hide": "1", "background": "red", "a:show": "x"})
    assert [edit.option for edit in made.edits] == ["--hide", "--background", "--show"]


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("Text:recolour", "teal", "unknown column 'Text:recolour'; known are LAYER:recolor, "),
        ("Text:wobble", "9", "unknown column 'Text:wobble'; known are LAYER:"),
        ("colour", "teal", "unknown column 'colour'; known are "),
        (":hide", "yes", "unknown column ':hide'"),
        ("hide", "yes", "unknown column 'hide'; known are "),
        ("", "yes", "unknown column ''"),
        ("size", "large", "column 'size': 'large' should be a width and a height"),
        ("Text:hide", "maybe", "column 'Text:hide': 'maybe' is neither yes nor no"),
        ("Text:duotone", "navy", "column 'Text:duotone': 'navy' should be DARK LIGHT"),
        ("Text:duotone", 'navy "gold', "column 'Text:duotone': No closing quotation"),
    ],
)
def test_wrong_columns_and_cells_are_named(column: str, cell: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        recipe({column: cell})
    assert message in str(error.value)
