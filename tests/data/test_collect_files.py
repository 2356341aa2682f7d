"""Collecting from folders and git repositories: everything is kept once, or skipped with its reason."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from layerize.cli.data import app
from layerize.cli.data_collect import parse_bytes
from layerize.data.collect.collection import REASONS, Collection, CollectOptions, Found
from layerize.data.collect.git import collect_repository, is_repository
from layerize.data.collect.local import collect_folder
from layerize.data.collect.run import collect, kind_of
from layerize.errors import InputError, OutputError, UsageError

MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy... this permission notice shall be "
    "included in all copies"
)
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 12345\n"


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def lines(root: Path, name: str = "INDEX.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / name).read_text().splitlines()] if (root / name).exists() else []


def reasons(root: Path) -> dict[str, str]:
    return {entry["url"].rsplit("/", 1)[-1]: entry["reason"] for entry in lines(root, "SKIPPED.jsonl")}


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_COMMITTER_DATE": "2024-05-06T07:08:09+00:00"}
    names = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
    done = subprocess.run(
        ["git", *names, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def repository(folder: Path, files: dict[str, str | bytes]) -> Path:
    write(folder, files)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "First")
    return folder


@pytest.fixture
def art(tmp_path: Path) -> Path:
    return write(
        tmp_path / "art",
        {
            "LICENSE": MIT, "one/a.psd": b"8BPS one", "one/sub/b.SVG": "<svg/>", "two/c.xcf.gz": b"gimp",
            "two/copy.psd": b"8BPS one", "two/notes.txt": "x", "two/big.psd": b"8" * 5000, "two/empty.ora": b"",
            "two/lfs.kra": POINTER, ".hidden/d.psd": b"8BPS hidden", "three/LICENSE": "All rights reserved. SPDX-"
            "License-Identifier: LicenseRef-Closed", "three/e.psd": b"8BPS three",
        },
    )  # fmt: skip


def test_a_folder(art: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tally = collect([str(art)], out, CollectOptions(max_bytes=4000, licences=("MIT",)))
    entries = {entry["path"]: entry for entry in lines(out)}
    assert set(entries) == {"files/art__one/one/a.psd", "files/art__one/one/sub/b.SVG", "files/art__two/two/c.xcf.gz"}
    first = entries["files/art__one/one/a.psd"]
    assert (out / first["path"]).read_bytes() == b"8BPS one"
    assert first["url"] == (art / "one/a.psd").as_uri()
    assert (first["repository"], first["licence"], first["licence_from"]) == ("art/one", "MIT", "LICENSE")
    assert (first["bytes"], first["commit"]) == (8, "")
    assert first["date"].startswith("20")
    assert len(first["sha256"]) == 64
    skips = {
        "copy.psd": "duplicate",
        "big.psd": "too-large",
        "empty.ora": "empty",
        "lfs.kra": "lfs-pointer",
        "e.psd": "licence",
    }
    assert reasons(out) == skips
    assert (tally.kept, dict(tally.skipped)) == (3, dict.fromkeys(skips.values(), 1))
    assert set(skips.values()) <= set(REASONS)
    pointer = next(entry for entry in lines(out, "SKIPPED.jsonl") if entry["reason"] == "lfs-pointer")
    assert "4d7a214614ab2935" in pointer["detail"]


def test_run_again_adds_only_what_is_new(art: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    collect([str(art)], out)
    before, skipped = lines(out), lines(out, "SKIPPED.jsonl")
    write(art, {"one/new.psd": b"8BPS new"})
    tally = collect([str(art)], out)
    assert (tally.kept, tally.skipped) == (1, {})
    assert tally.known == len(before) + 3, "duplicate, empty file and pointer do not change either"
    assert lines(out)[:-1] == before
    assert lines(out, "SKIPPED.jsonl") == skipped
    write(art, {"one/new.psd": b"8BPS newer"})
    assert collect([str(art)], out).kept == 1, "another version of a file"
    assert len({entry["path"] for entry in lines(out)}) == len(lines(out))


def test_a_killed_run_goes_on(art: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    collect([str(art)], out)
    whole = (out / "INDEX.jsonl").read_bytes()
    (out / "INDEX.jsonl").write_bytes(whole[:-40])
    tally = collect([str(art)], out)
    assert tally.kept == 1
    assert [entry["sha256"] for entry in lines(out)] == [json.loads(line)["sha256"] for line in whole.splitlines()]
    assert all((out / entry["path"]).is_file() for entry in lines(out))


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret", {"s.psd": b"8BPS secret"})
    art = write(tmp_path / "art", {"a.psd": b"8BPS"})
    (art / "link.psd").symlink_to(secret / "s.psd")
    (art / "folder").symlink_to(secret)
    collect([str(art)], tmp_path / "out")
    assert [entry["repository"] for entry in lines(tmp_path / "out")] == ["art"]


def test_versions_of_a_file_stand_beside_each_other_and_names_are_harmless(tmp_path: Path) -> None:
    collection = Collection(tmp_path / "out")
    for number, path in enumerate(
        ("x/a.psd", "x/a.psd", "../../etc/a.psd", "/abs/-rf.psd", "ü/" + "n" * 200 + ".xcf.gz")
    ):
        collection.add(Found(url=f"u{number}", repository="../r", path=path), b"8BPS%d" % number)
    paths = [entry["path"] for entry in lines(tmp_path / "out")]
    assert len(set(paths)) == 5
    assert all((tmp_path / "out" / path).resolve().is_relative_to(tmp_path / "out" / "files") for path in paths)
    assert paths[1].startswith("files/__r/x/a-")
    assert paths[1].endswith(".psd")
    assert paths[3].endswith("/rf.psd")
    assert paths[4].endswith(".xcf.gz")


def test_a_repository(tmp_path: Path) -> None:
    source = repository(
        tmp_path / "art",
        {"LICENSE-ART": "Creative Commons Attribution 4.0 International", "LICENSE": MIT, "a.psd": b"8BPS", "sub/ü.svg":
         "<svg/>", "sub/lfs.psd": POINTER, "sub/big.psd": os.urandom(9000), "x.txt": "x"},
    )  # fmt: skip
    (source / "link.psd").symlink_to("/etc/passwd")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "A link")
    head = git(source, "rev-parse", "HEAD")
    out = tmp_path / "out"
    tally = collect([f"git+{source.as_uri()}"], out, CollectOptions(max_bytes=8000))
    entries = {entry["path"].rsplit("/", 1)[-1]: entry for entry in lines(out)}
    assert set(entries) == {"a.psd", "ü.svg".replace("ü", "_")}
    first = entries["a.psd"]
    assert (first["commit"], first["date"]) == (head, "2024-05-06T07:08:09+00:00")
    assert (first["licence"], first["licence_from"]) == ("CC-BY-4.0", "LICENSE-ART")
    assert first["url"] == f"{source.as_uri()}#{head}:a.psd"
    assert first["repository"].endswith("/art")
    assert reasons(out) == {"lfs.psd": "lfs-pointer", "big.psd": "too-large"}
    assert tally.messages == []
    again = collect([f"git+{source.as_uri()}"], out, CollectOptions(max_bytes=8000))
    assert (again.kept, again.known) == (0, 3)
    write(source, {"a.psd": b"8BPS second version"})
    git(source, "commit", "-qam", "Second")
    assert collect([f"git+{source.as_uri()}"], out, CollectOptions(max_bytes=8000)).kept == 1
    assert len({entry["path"] for entry in lines(out)}) == 3


def test_a_branch_of_a_repository(tmp_path: Path) -> None:
    source = repository(tmp_path / "art", {"README": "x"})
    git(source, "checkout", "-qb", "leap/15.1")
    write(source, {"a.psd": b"8BPS"})
    git(source, "add", "-A")
    git(source, "commit", "-qm", "Art")
    git(source, "checkout", "-q", "main")
    tally = collect([f"git+{source.as_uri()}", f"git+{source.as_uri()}#leap/15.1"], tmp_path / "out")
    assert (tally.kept, tally.messages) == (1, [])
    for wrong in ("no-such", "--upload-pack=x"):
        with pytest.raises(InputError):
            collect_repository(f"git+{source.as_uri()}#{wrong}", Collection(tmp_path / "out"))


def test_hooks_and_filters_of_a_repository_do_not_run(tmp_path: Path) -> None:
    source = repository(tmp_path / "art", {"a.psd": b"8BPS", ".gitattributes": "*.psd filter=evil\n"})
    marker = tmp_path / "ran"
    git(source, "config", "filter.evil.smudge", f"touch {marker}")
    hook = write(source / ".git/hooks", {"post-checkout": f"#!/bin/sh\ntouch {marker}\n"}) / "post-checkout"
    hook.chmod(0o755)
    collect_repository(f"git+{source.as_uri()}", Collection(tmp_path / "out"))
    assert len(lines(tmp_path / "out")) == 1
    assert not marker.exists()


@pytest.mark.parametrize(
    "source", ["git+file:///nowhere/at.git", "git+ext::sh -c touch% x", "git+-oProxyCommand=x", "a@127.0.0.1:1/x.git"]
)
def test_repositories_that_are_none(source: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        collect_repository(source, Collection(tmp_path / "out"), time_limit=20)
    assert not lines(tmp_path / "out")


def test_an_empty_repository_and_one_bad_source_do_not_stop_the_others(tmp_path: Path, art: Path) -> None:
    bare = tmp_path / "empty.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    tally = collect([str(bare), str(tmp_path / "missing"), str(art)], tmp_path / "out")
    assert tally.kept > 2
    assert len(tally.messages) == 2
    assert "empty" in tally.messages[0]
    with pytest.raises(InputError, match="missing"):
        collect([str(tmp_path / "missing")], tmp_path / "out")
    with pytest.raises(UsageError, match="at least one"):
        collect([], tmp_path / "out")


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("https://github.com/owner/name", "git"), ("https://github.com/owner/name/issues", "web"),
        ("https://example.org/name.git", "git"), ("git@example.org:owner/name", "git"), ("https://example.org/", "web"),
        ("/some/folder", "folder"), ("ssh://host/x", "git"), ("git+https://example.org/x", "git"),
    ],
)  # fmt: skip
def test_kinds_of_sources(source: str, kind: str) -> None:
    assert kind_of(source) == kind
    assert is_repository(source) is (kind == "git")


def test_what_is_in_the_way_is_refused(art: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="holds other files"):
        collect([str(art)], art / "two")
    with pytest.raises(InputError, match="contains the collection"):
        collect_folder(art, Collection(art / "collection"))
    broken = write(tmp_path / "broken", {"INDEX.jsonl": '{"url": "x"}\n'})
    with pytest.raises(InputError, match="line 1"):
        Collection(broken)


def test_the_command(art: Path, tmp_path: Path) -> None:
    arguments = ["collect", str(art), "-o", str(tmp_path / "out"), "--licence", "MIT", "--max-size", "4kB"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "3 files in" in done.stdout
    assert "1 skipped: larger than the limit." in done.stdout
    again = CliRunner().invoke(app, [*arguments, "--json"])
    assert json.loads(again.stdout)["kept"] == 0
    assert isinstance(CliRunner().invoke(app, [*arguments[:-1], "huge"]).exception, UsageError)


@pytest.mark.parametrize(
    ("text", "value"), [("100", 100), ("4kB", 4000), ("1.5 MB", 1_500_000), ("1GiB", 2**30), ("2k", 2000)]
)
def test_sizes_in_bytes(text: str, value: int) -> None:
    assert parse_bytes(text, "--x") == value
