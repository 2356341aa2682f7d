"""Which pictures a command line names and where their results go."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerize.cli.inputs import check_sheet, check_target, plan
from layerize.errors import OutputError, UsageError

EXTENSIONS = (".psd", ".zip", ".layers")


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a/poster.png", "a/Second.JPG", "a/notes.txt", "a/deep/inner.png", "b/poster.webp", "one.png"):
        Path(name).parent.mkdir(exist_ok=True, parents=True)
        Path(name).write_bytes(b"x")


def outs(*inputs: str, **options: object) -> list[str]:
    return [str(job.out) for job in plan([Path(i) for i in inputs], extensions=EXTENSIONS, **options)]


def test_one_picture() -> None:
    assert outs("one.png") == ["one.layers"]
    assert outs("one.png", out=Path("x")) == ["x"]
    assert outs("one.png", out=Path("x.psd")) == ["x.psd"]
    assert outs("one.png", extension=".psd") == ["one.psd"]
    assert outs("one.png", extension=".psd", out=Path("x.PSD")) == ["x.PSD"]
    assert outs("one.png", extension=".psd", out=Path("results")) == ["results/one.psd"]


def test_a_folder_stands_for_the_pictures_directly_in_it() -> None:
    jobs = plan([Path("a")], extensions=EXTENSIONS)
    assert [str(job.source) for job in jobs] == ["a/Second.JPG", "a/poster.png"]
    assert [str(job.out) for job in jobs] == ["Second.layers", "poster.layers"]


def test_several_pictures_go_into_the_folder_out() -> None:
    assert outs("a", "one.png", out=Path("res"), extension=".zip") == [
        "res/Second.zip",
        "res/poster.zip",
        "res/one.zip",
    ]


def test_equal_names_are_numbered_in_the_order_given() -> None:
    assert outs("a/poster.png", "b", "a/poster.png") == ["poster.layers", "poster-2.layers", "poster-3.layers"]


def test_several_pictures_into_one_file_are_refused() -> None:
    with pytest.raises(UsageError, match=r"OUT x\.psd names one result.*--format psd"):
        outs("a", out=Path("x.psd"))
    with pytest.raises(UsageError, match=r"--sheet s\.png names one result"):
        outs("a", sheet=Path("s.png"))


def test_sheets() -> None:
    one = plan([Path("one.png")], extensions=EXTENSIONS, sheet=Path("s.png"))
    assert [str(job.sheet) for job in one] == ["s.png"]
    many = plan([Path("a"), Path("b")], extensions=EXTENSIONS, sheet=Path("s"))
    assert [str(job.sheet) for job in many] == ["s/Second.png", "s/poster.png", "s/poster-2.png"]


def test_missing_files_empty_folders_and_results_become_errors_of_their_own() -> None:
    Path("empty").mkdir()
    Path("old.layers").mkdir()
    Path("old.layers/manifest.json").write_text("{}")
    jobs = plan([Path("no.png"), Path("empty"), Path("old.layers"), Path("one.png")], extensions=EXTENSIONS)
    messages = [str(job.error) if job.error else None for job in jobs]
    assert messages[0] == "no.png: there is no such file; check the name."
    assert "no pictures directly in it" in str(messages[1])
    assert "a stack of layers already" in str(messages[2])
    assert messages[3] is None
    assert str(jobs[3].out) == "one.layers"


def test_hidden_files_of_a_folder_are_left_out() -> None:
    Path("a/._poster.png").write_bytes(b"x")
    assert outs("a") == ["Second.layers", "poster.layers"]
    assert outs("a/._poster.png") == ["._poster.layers"]


def test_a_name_that_cannot_be_looked_up_does_not_stop_the_others() -> None:
    jobs = plan([Path("x" * 300 + ".png"), Path("one.png")], extensions=EXTENSIONS)
    assert "cannot be read (File name too long); check the name" in str(jobs[0].error)
    assert str(jobs[1].out) == "one.layers"


def test_targets_are_checked_before_the_work() -> None:
    check_target(Path("new"))
    check_target(Path("new.psd"))
    with pytest.raises(OutputError, match="unknown extension"):
        check_target(Path("new.doc"))
    with pytest.raises(OutputError, match="a is a folder with other files in it; name a new one"):
        check_target(Path("a"))
    with pytest.raises(OutputError, match=r"one\.png/x\.psd: .*one\.png is a file, not a folder"):
        check_target(Path("one.png/x.psd"))
    Path("plain").write_bytes(b"x")
    with pytest.raises(OutputError, match="plain is a file; choose another name"):
        check_target(Path("plain"))
    with pytest.raises(OutputError, match="cannot be written, File name too long"):
        check_target(Path("x" * 300))


def test_sheets_are_checked_before_the_work() -> None:
    check_sheet(Path("new/sheet.PNG"))
    with pytest.raises(OutputError, match=r"s\.doc: a sheet is a picture, not '\.doc'; use one of \.png"):
        check_sheet(Path("s.doc"))
    with pytest.raises(OutputError, match="sheets: a sheet is a picture, not 'a folder'"):
        check_sheet(Path("sheets"))
    with pytest.raises(OutputError, match=r"one\.png is a file, not a folder"):
        check_sheet(Path("one.png/sheet.png"))


def test_a_place_that_may_not_be_written_to_is_found_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(OutputError, match=r"x\.psd: .* may not be written to; choose another place"):
        check_target(Path("x.psd"))
