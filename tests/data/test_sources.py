"""Where design files are found, and what is known of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from design_stacks import poster

from layerize.data.sources import SourceFile, find_sources, hashed
from layerize.errors import InputError


def told(source: SourceFile) -> tuple[str, str, str, str, str]:
    return source.source, source.repository, source.licence, source.licence_from, source.kind


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "art"
    for name in ("one/b.psd", "one/a.XCF.gz", "c.svg", "readme.txt", ".hidden/d.psd", "two/deep/e.kra"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    poster().save(root / "two/sample.layers")
    return root


def test_a_folder_is_walked_in_order_and_manifests_count_as_one(folder: Path) -> None:
    assert [told(source) for source in find_sources([folder])] == [
        ("art/c.svg", "art", "", "", ""),
        ("art/one/a.XCF.gz", "art/one", "", "", ""),
        ("art/one/b.psd", "art/one", "", "", ""),
        ("art/two/deep/e.kra", "art/two", "", "", ""),
        ("art/two/sample.layers", "art/two", "", "", ""),
    ]


def test_every_file_comes_once_and_unknown_licences_can_be_stated(folder: Path) -> None:
    sources = find_sources([folder / "c.svg", folder, folder / "c.svg"], licence="CC0-1.0")
    assert len(sources) == 5
    assert {(source.licence, source.licence_from) for source in sources} == {("CC0-1.0", "stated")}


def test_an_index_of_a_collection(folder: Path) -> None:
    rows = [
        {
            "path": "one/b.psd",
            "url": "https://example.org/b.psd",
            "repository": "some/art",
            "licence": "MIT",
            "licence_from": "LICENSE",
        },
        {"path": "readme.txt", "url": "https://example.org/readme.txt"},
        {"path": "c.svg", "url": None, "repository": None, "licence": None},
    ]
    (folder / "INDEX.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    assert [told(source) for source in find_sources([folder])] == [
        ("https://example.org/b.psd", "some/art", "MIT", "LICENSE", ""),
        ("c.svg", "art", "", "", ""),
    ]


def test_an_index_as_a_table(folder: Path) -> None:
    (folder / "INDEX.tsv").write_text(
        'path\tsource_repository\tlicence\tkind\tnote\none/b.psd\tsome/art\tMIT\tui\t"quoted\ngone.psd\tx/y\t\t\t\n'
    )
    assert [told(source) for source in find_sources([folder])] == [
        ("one/b.psd", "some/art", "MIT", "INDEX.tsv", "ui"),
        ("gone.psd", "x/y", "", "", ""),
    ]


@pytest.mark.parametrize("path", ["../outside.psd", "/etc/passwd.psd", ""])
@pytest.mark.parametrize("index", ["INDEX.jsonl", "INDEX.tsv"])
def test_an_index_cannot_leave_its_folder(folder: Path, path: str, index: str) -> None:
    text = json.dumps({"path": path}) if index == "INDEX.jsonl" else f"path\tlicence\n{path}\tMIT"
    (folder / index).write_text(text)
    with pytest.raises(InputError, match="not inside the folder"):
        find_sources([folder])


def test_damaged_indexes_and_wrong_paths_are_named(folder: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        find_sources([folder / "nothing"])
    with pytest.raises(InputError, match="no design file"):
        find_sources([folder / "readme.txt"])
    (folder / "INDEX.tsv").write_text("file\tlicence\n")
    with pytest.raises(InputError, match="no column 'path'"):
        find_sources([folder])
    (folder / "INDEX.jsonl").write_text("{broken\n")
    with pytest.raises(InputError, match=r"INDEX\.jsonl, line 1"):
        find_sources([folder])


def test_ids_follow_from_the_content(folder: Path) -> None:
    one = hashed(find_sources([folder / "one/b.psd"])[0])
    (folder / "B copy!.psd").write_bytes(b"one/b.psd")
    other = hashed(find_sources([folder / "B copy!.psd"])[0])
    assert one.id == f"b-{one.sha256[:12]}"
    assert other.id == f"b-copy-{one.sha256[:12]}"
    sample = find_sources([folder / "two/sample.layers"])[0]
    before = hashed(sample).sha256
    (folder / "two/sample.layers/composite.png").write_bytes(b"changed")
    assert hashed(sample).sha256 != before
    assert SourceFile.from_json(one.to_json()) == one


def test_a_missing_file_has_no_hash_but_an_id(folder: Path) -> None:
    (source,) = find_sources([folder / "c.svg"])
    (folder / "c.svg").unlink()
    assert hashed(source).sha256 == ""
    assert hashed(source).id.startswith("c-")
