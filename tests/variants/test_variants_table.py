"""Tables: CSV as spreadsheets write it, JSON, names of files, and what is wrong with a row or with all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerize.errors import InputError
from layerize.variants.table import MAX_NAME, read_table, safe_name


@pytest.fixture
def table(tmp_path: Path):
    def write(text: str | bytes, name: str = "t.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_csv_as_spreadsheets_write_it(table, delimiter: str, start: str) -> None:
    lines = ["name,Text:recolor,Logo:hide", 'one,"rgb(1; 2)",', ",,", "two,teal,yes"]
    rows = read_table(table(start + "\r\n".join(line.replace(",", delimiter) for line in lines)))
    assert [(row.name, row.number) for row in rows] == [("one", 1), ("two", 2)]
    assert rows[0].cells == {"Text:recolor": "rgb(1; 2)"}, "empty cells are left out"
    assert rows[1].cells == {"Text:recolor": "teal", "Logo:hide": "yes"}


def test_json_takes_numbers_and_yes_and_no(table) -> None:
    text = '[{"name": "a", "T:opacity": 0.5, "T:hide": true, "L:hide": false, "x": null}, {"T:hue": 90}]'
    rows = read_table(table(text, "t.json"))
    assert rows[0].cells == {"T:opacity": "0.5", "T:hide": "yes", "L:hide": "no"}
    assert rows[1].name == "002"
    assert [row.name for row in read_table(table('{"rows": [{}, {}]}', "t.json"))] == ["001", "002"]


def test_what_is_wrong_with_a_row_is_noted_in_it(table) -> None:
    rows = read_table(table("name,a:hide\nx,yes,no\nX,yes\ncontact-sheet,yes\n..,yes\nok,yes\n"))
    problems = [row.problem for row in rows]
    assert "it has 3 cells, the header 2" in str(problems[0])
    assert problems[1] == "its name 'X' is that of row 1 already"
    assert "cannot be a file's" in str(problems[2])
    assert "cannot be a file's" in str(problems[3])
    assert problems[4] is None
    assert "holds list" in str(read_table(table('[{"a:hide": [1]}]', "t.json"))[0].problem)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "t.csv", "holds no rows"),
        ("a,b\n", "t.csv", "holds no rows"),
        ("a,a\n1,2\n", "t.csv", "the column 'a' is there twice"),
        ('a,b\n"1,2\n', "t.csv", "is no CSV table"),
        (b"a\n\xff\xfe\n", "t.csv", "is not UTF-8 text"),
        ("{", "t.json", "is no JSON"),
        ("[" * 100_000, "t.json", "is no JSON"),
        ("3", "t.json", "should be a list of objects"),
        ("[3]", "t.json", "should be a list of objects"),
        ("a\n1\n", "t.xlsx", "is a .csv or a .json file"),
    ],
)
def test_tables_that_are_none_are_refused(table, text: str | bytes, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table(table(text, name))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.csv: cannot be read"):
        read_table(tmp_path / "no.csv")


def test_names_are_safe_on_every_file_system() -> None:
    assert safe_name("../../etc/passwd") == "-..-etc-passwd"
    assert safe_name('a/b\\c:d*e?"f"<g>|h\0') == "a-b-c-d-e-f-g-h-"
    assert safe_name(" .hidden. ") == "hidden"
    assert safe_name("Größe 日本") == "Größe 日本"
    assert len(safe_name("x" * 500)) == MAX_NAME
