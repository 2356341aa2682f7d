"""``layerize variants``: the summary, the exit code, JSON, and where things go."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image


def write(text: str, name: str = "table.csv") -> str:
    Path(name).write_text(text)
    return name


def test_rows_become_pictures_and_a_contact_sheet(cli, folder: Path) -> None:
    shown = cli("variants", folder, write("name,2:recolor\nteal,teal\nplain,\n"), "-o", "out", "-j", "1").stdout
    assert shown.startswith("2 variants in out: 2 made, 0 kept, 0 failed, ")
    assert Image.open("out/teal.png").getpixel((35, 25)) == (0, 128, 128)
    assert Image.open("out/plain.png").getpixel((35, 25)) == (0, 128, 0)
    assert Path("out/contact-sheet.jpg").exists()
    assert "0 made, 2 kept" in cli("variants", folder, "table.csv", "-o", "out").stdout


def test_failures_are_named_the_others_run_and_the_exit_code_is_1(cli, folder: Path) -> None:
    table = write('[{"2:hide": true}, {"2:colour": "teal"}, {"9:hide": true}]', "t.json")
    result = cli("variants", folder, table, "-o", "out", "--format", "webp", code=1)
    assert "3 variants in out: 1 made, 0 kept, 2 failed" in result.stdout
    lines = result.stderr.splitlines()
    assert lines[0].startswith("layerize: row 2 (002): unknown column '2:colour'; known are LAYER:")
    assert lines[1].startswith("layerize: row 3 (003): column '9:hide': there is no layer 9; the stack has 3")
    assert sorted(path.name for path in Path("out").glob("0*")) == ["001.webp"]


def test_json_has_every_row(cli, folder: Path) -> None:
    table = write("name,2:hide\na,yes\nb,perhaps\n")
    result = cli("variants", folder, table, "-o", "out", "--sheet", "s.png", "--json", code=1)
    document = json.loads(result.stdout)
    assert (document["made"], document["kept"], document["failed"]) == (1, 0, 1)
    assert document["sheet"] == "s.png"
    assert [row["status"] for row in document["results"]] == ["made", "failed"]
    assert document["results"][0]["out"] == "out/a.png"
    assert "neither yes nor no" in document["results"][1]["error"]


def test_what_is_wrong_as_a_whole_writes_nothing(cli, folder: Path) -> None:
    table = write("name,2:hide\na,yes\n")
    assert "none.psd" in cli("variants", "none.psd", table, "-o", "out", code=1).stderr
    assert "no.csv" in cli("variants", folder, "no.csv", "-o", "out", code=1).stderr
    assert "unknown extension" in cli("variants", folder, table, "-o", "out", "--format", "doc", code=1).stderr
    assert "s.txt" in cli("variants", folder, table, "-o", "out", "--sheet", "s.txt", code=1).stderr
    assert "-j 0" in cli("variants", folder, table, "-o", "out", "-j", "0", code=2).stderr
    assert not Path("out").exists()


def test_restart_makes_all_again(cli, folder: Path) -> None:
    table = write("name,2:hide\na,yes\n")
    cli("variants", folder, table, "-o", "out")
    assert "1 made, 0 kept" in cli("variants", folder, table, "-o", "out", "--restart").stdout
