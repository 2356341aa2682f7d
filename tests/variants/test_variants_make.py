"""Runs: what is made, what is kept, what fails alone, and what a stopped run leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layerize.errors import InputError, OutputError, UsageError
from layerize.formats import load, save
from layerize.stack import Layer, LayerStack, flatten
from layerize.variants.make import Outcome, Variants
from layerize.variants.sheet import write_sheet
from layerize.variants.table import Row


def layer(name: str, colour: tuple[int, int, int], size: tuple[int, int], offset: tuple[int, int] = (0, 0)) -> Layer:
    return Layer(pixels=np.full((size[1], size[0], 4), (*colour, 255), np.uint8), name=name, offset=offset)


@pytest.fixture
def design(tmp_path: Path) -> Path:
    ground, shoe, text = (
        layer("Background", (250, 250, 250), (60, 40)),
        layer("Shoe", (200, 30, 30), (20, 10), (5, 25)),
        layer("Text", (10, 10, 10), (30, 6), (15, 4)),
    )
    save(LayerStack(size=(60, 40), layers=(ground, shoe, text)), tmp_path / "design.zip")
    Image.new("RGBA", (40, 20), (0, 0, 200, 255)).save(tmp_path / "blue.png")
    return tmp_path / "design.zip"


def rows(*cells: dict[str, str]) -> list[Row]:
    return [Row(name=f"r{i}", number=i, cells=cell) for i, cell in enumerate(cells, 1)]


def run(design: Path, table: list[Row], **options: object) -> dict[str, Outcome]:
    made = Variants(design, table, folder=design.parent, out=design.parent / "out", **options)  # type: ignore[arg-type]
    return {outcome.row.name: outcome for outcome in made}


def picture(outcome: Outcome) -> np.ndarray:
    assert outcome.out is not None
    with Image.open(outcome.out) as image:
        return np.asarray(image.convert("RGBA"))


TABLE = rows(
    {"Shoe:recolor": "teal"},
    {"Shoe:replace": "blue.png fit=stretch", "Text:hide": "yes"},
    {"size": "30x60", "background": "gold", "Text:anchor": "top", "Shoe:anchor": "bottom"},
    {},
)


def test_each_row_is_its_edits_on_the_design(design: Path) -> None:
    outcomes = run(design, TABLE)
    stack = load(design)
    assert {outcome.status for outcome in outcomes.values()} == {"made"}
    assert np.array_equal(picture(outcomes["r1"]), flatten(stack.recolor("Shoe", "teal")))
    second = picture(outcomes["r2"])
    assert second[30, 10].tolist() == [0, 0, 200, 255]
    assert second[6, 20].tolist() == [250, 250, 250, 255]
    third = stack.relayout((30, 60), anchors={"Text": "top", "Shoe": "bottom"}).background("gold")
    assert np.array_equal(picture(outcomes["r3"]), flatten(third))
    assert np.array_equal(picture(outcomes["r4"]), flatten(stack))


def test_a_bad_row_fails_alone_and_writes_nothing(design: Path) -> None:
    bad = rows(
        {"Shoe:recolor": "teal"},
        {"Shoe:recolour": "teal"},
        {"Shoes:hide": "yes"},
        {"Shoe:replace": "gone.png"},
        {"Shoe:opacity": "7"},
        {"size": "5x5", "Boot:fit": "keep"},
        {"Text:hide": "yes"},
    )
    bad.append(Row(name="r8", number=8, problem="it is odd"))
    outcomes = run(design, bad)
    assert [name for name, outcome in outcomes.items() if outcome.status == "made"] == ["r1", "r7"]
    errors = {name: str(outcome.error) for name, outcome in outcomes.items()}
    assert errors["r2"].startswith("unknown column 'Shoe:recolour'; known are LAYER:recolor")
    assert errors["r3"].startswith("column 'Shoes:hide': there is no layer 'Shoes'; the stack has 'Shoe'")
    assert errors["r4"].startswith("column 'Shoe:replace': ")
    assert "gone.png" in errors["r4"]
    assert errors["r5"].startswith("column 'Shoe:opacity': opacity 7 is out of range")
    assert errors["r6"].startswith("column 'size' and its rules: there is no layer 'Boot'")
    assert errors["r8"] == "it is odd"
    written = sorted(path.name for path in (design.parent / "out").iterdir() if not path.name.startswith("."))
    assert written == ["r1.png", "r7.png"]


def test_finished_variants_are_kept_until_something_changes(design: Path) -> None:
    run(design, TABLE)
    times = {path: path.stat().st_mtime_ns for path in (design.parent / "out").glob("*.png")}
    assert {outcome.status for outcome in run(design, TABLE).values()} == {"kept"}
    assert times == {path: path.stat().st_mtime_ns for path in times}, "nothing was written again"

    changed = [replace(TABLE[0], cells={"Shoe:recolor": "navy"}), *TABLE[1:]]
    assert [n for n, o in run(design, changed).items() if o.status == "made"] == ["r1"]
    Image.new("RGBA", (40, 20), (0, 200, 0, 255)).save(design.parent / "blue.png")
    assert [n for n, o in run(design, changed).items() if o.status == "made"] == ["r2"], "its picture is another"
    (design.parent / "out" / "r3.png").write_bytes(b"half")
    (design.parent / "out" / "r4.png").unlink()
    assert [n for n, o in run(design, changed).items() if o.status == "made"] == ["r3", "r4"]
    assert {o.status for o in run(design, changed, extension=".jpg").values()} == {"made"}
    assert {o.status for o in run(design, changed, restart=True).values()} == {"made"}
    save(load(design).hide("Text"), design)
    assert {o.status for o in run(design, changed).values()} == {"made"}, "another design"


def test_a_stopped_run_goes_on(design: Path) -> None:
    first = iter(Variants(design, TABLE, folder=design.parent, out=design.parent / "out"))
    assert [next(first).status, next(first).status] == ["made", "made"]
    first.close()  # type: ignore[attr-defined]
    journal = design.parent / "out" / ".variants" / "journal.jsonl"
    journal.write_text(journal.read_text() + '{"name": "r3", "ke')  # the line that a crash cut off
    statuses = {name: outcome.status for name, outcome in run(design, TABLE).items()}
    assert statuses == {"r1": "kept", "r2": "kept", "r3": "made", "r4": "made"}
    assert {outcome.status for outcome in run(design, TABLE).values()} == {"kept"}


def test_processes_make_the_same_pictures(design: Path) -> None:
    table = rows(*[{"Shoe:hue": str(20 * i)} for i in range(6)])
    alone = {name: picture(outcome) for name, outcome in run(design, table).items()}
    together = run(design, table, jobs=2, restart=True)
    assert {outcome.status for outcome in together.values()} == {"made"}
    assert all(np.array_equal(alone[name], picture(outcome)) for name, outcome in together.items())


@pytest.mark.parametrize("extension", [".jpg", ".webp", ".psd", ".layers"])
def test_other_formats(design: Path, extension: str) -> None:
    outcome = run(design, TABLE[:1], extension=extension)["r1"]
    assert outcome.out is not None
    assert outcome.out.exists()
    if extension in (".psd", ".layers"):
        assert [leaf.name for leaf in load(outcome.out).walk()] == ["Background", "Shoe", "Text"]
    assert run(design, TABLE[:1], extension=extension)["r1"].status == "kept"


def test_a_bug_in_an_edit_fails_its_row_alone(design: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> LayerStack:
        raise IndexError("seven")

    monkeypatch.setattr(LayerStack, "hue", broken)
    outcomes = run(design, rows({"Shoe:hue": "9"}, {"Shoe:hide": "yes"}))
    assert outcomes["r1"].error == "internal error, IndexError: seven (please report it)"
    assert outcomes["r2"].status == "made"


def test_warnings_belong_to_their_row(design: Path) -> None:
    outcomes = run(design, rows({"background": "teal shadows=keep"}, {"Text:hide": "yes"}))
    assert "no shadow" in outcomes["r1"].warnings[0]
    assert outcomes["r2"].warnings == []


def test_what_is_wrong_as_a_whole_is_refused(design: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="-j 0"):
        run(design, TABLE, jobs=0)
    with pytest.raises(OutputError, match=r"unknown extension '\.doc'; use one of \.png"):
        run(design, TABLE, extension=".doc")
    with pytest.raises(InputError, match="no such file"):
        run(tmp_path / "none.psd", TABLE)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        Variants(design, TABLE, folder=tmp_path, out=tmp_path / "file")
    assert not (tmp_path / "out").exists()


def test_the_contact_sheet_shows_every_row(design: Path, tmp_path: Path) -> None:
    table = [*TABLE, *rows({}, {}, {}, {}, {"no:such": "column"})[4:]]
    made = Variants(design, table, folder=tmp_path, out=tmp_path / "out")
    outcomes = list(made)
    (tmp_path / "out" / ".variants" / "r1.jpg").unlink()
    write_sheet(outcomes, made.journal, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        colours = {colour for _, colour in sheet.convert("RGB").getcolors(1 << 20) or []}
    assert any(abs(r - 255) < 9 and abs(g - 215) < 9 and b < 40 for r, g, b in colours), "the golden one"
    assert (176, 32, 32) in colours, "the failed one's name"
