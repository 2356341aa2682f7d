"""Crawling a web site on this machine: polite, bounded, resumable, and everything is accounted for."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from design_server import BIG, Site, site

from layerize.data.collect.collection import Collection, CollectOptions
from layerize.data.collect.run import collect
from layerize.data.collect.web import WebOptions, collect_web
from layerize.errors import LayerizeError, UsageError

LIMIT = 100_000
FAST = WebOptions(urls=("http://127.0.0.1/",), rate=50.0, retries=1, timeout=1.5, depth=2, contact="me@example.org")


def lines(root: Path, name: str = "INDEX.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / name).read_text().splitlines()] if (root / name).exists() else []


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Path, Any]]:
    """One crawl of the whole site, two links deep."""
    out = tmp_path_factory.mktemp("crawl") / "out"
    with site() as server:
        tally = collect([server.url], out, CollectOptions(max_bytes=LIMIT), web=FAST)
        yield server, out, tally


def test_what_pages_link_to_is_kept(crawled: tuple[Site, Path, Any]) -> None:
    server, out, tally = crawled
    names = {entry["url"].removeprefix(server.url): entry for entry in lines(out)}
    kept = {"art/own.svg", "art/picture.svg", "art/plain.xcf", "art/moved.psd", "flaky.ora", "download?id=7"}
    assert set(names) - {"art/poster.psd", "art/same-as-poster.psd"} == kept
    assert len(names) == 7 == tally.kept
    for entry in names.values():
        assert (out / entry["path"]).stat().st_size == entry["bytes"]
        assert entry["repository"] == "127.0.0.1"
        assert entry["date"] == "2024-05-06T07:08:09+00:00"
    assert names["download?id=7"]["path"] == "files/127.0.0.1/named.kra"


def test_licences_of_pages_and_files(crawled: tuple[Site, Path, Any]) -> None:
    server, out, _ = crawled
    found = {entry["url"].removeprefix(server.url): (entry["licence"], entry["licence_from"]) for entry in lines(out)}
    assert found["art/own.svg"] == ("CC0-1.0", "the file's metadata")
    assert found["art/picture.svg"] == ("CC-BY-4.0", f"rel=license of {server.url}")
    assert found["art/plain.xcf"] == ("", ""), "another page, which says nothing"


def test_what_is_not_kept_has_its_reason(crawled: tuple[Site, Path, Any]) -> None:
    server, out, tally = crawled
    reasons = {entry["url"].removeprefix(server.url): entry["reason"] for entry in lines(out, "SKIPPED.jsonl")}
    twins = {"art/poster.psd", "art/same-as-poster.psd"}
    assert {reasons.pop(name) for name in twins & set(reasons)} == {"duplicate"}
    assert reasons == {
        "private/secret.psd": "robots", "gone.kra": "not-found", "slow.psd": "timeout", "big.psd": "too-large",
        "endless.psd": "too-large",
    }  # fmt: skip
    assert sum(tally.skipped.values()) == 6


def test_the_site_is_treated_politely(crawled: tuple[Site, Path, Any]) -> None:
    server, _, _ = crawled
    assert server.paths[0] == "/robots.txt"
    assert "/private/secret.psd" not in server.paths
    agents = {headers["User-Agent"] for _, _, headers in server.requests}
    assert len(agents) == 1
    assert agents.pop().startswith("layerize/")
    assert all("me@example.org" in headers["User-Agent"] for _, _, headers in server.requests)
    assert not any("Cookie" in headers for _, _, headers in server.requests)
    assert not any(path.startswith("/page4") for path in server.paths), "deeper than two links"
    assert "/art/deep.psd" not in server.paths
    once = [path for path in server.paths if path not in ("/flaky.ora", "/slow.psd")]
    assert len(once) == len(set(once)), "nothing is asked for twice but what failed"
    assert server.paths.count("/flaky.ora") == 2


def test_too_much_is_stopped_while_it_comes(crawled: tuple[Site, Path, Any]) -> None:
    server, _, _ = crawled
    assert server.endless_sent < 10 * LIMIT
    assert BIG > LIMIT


def test_run_again_fetches_no_file_again(crawled: tuple[Site, Path, Any]) -> None:
    server, out, _ = crawled
    before, asked = lines(out), len(server.requests)
    tally = collect([server.url], out, CollectOptions(max_bytes=LIMIT), web=replace(FAST, timeout=0.5, retries=0))
    assert lines(out) == before
    assert tally.kept == 0
    assert "/page2" in server.paths[asked:], "pages are looked at again: there may be something new"
    assert not list(out.glob(".crawl*"))
    kept = {"/" + entry["url"].removeprefix(server.url) for entry in before}
    assert not kept & set(server.paths[asked:]) - {"/art/moved.psd", "/download?id=7"}, "their addresses tell nothing"


def test_the_rate_holds(tmp_path: Path) -> None:
    with site() as server:
        web = replace(FAST, urls=(f"{server.url}page2",), rate=4.0, depth=1, timeout=5.0)
        collect_web(web, Collection(tmp_path / "out"))
        times = [when for when, path, _ in server.requests if path != "/robots.txt"]
    assert len(times) == 4
    assert min(b - a for a, b in itertools.pairwise(times)) > 0.2


def test_an_allow_list_and_a_stop(tmp_path: Path) -> None:
    with site() as server:
        server.slow = 0.0
        only = collect([server.url], tmp_path / "a", CollectOptions(licences=("CC0-1.0",), max_bytes=LIMIT),
                       web=replace(FAST, depth=1))  # fmt: skip
        assert [entry["licence"] for entry in lines(tmp_path / "a")] == ["CC0-1.0"]
        assert only.skipped["licence"] >= 5
        few = collect(
            [server.url], tmp_path / "b", CollectOptions(max_bytes=LIMIT), web=replace(FAST, max_files=2, depth=1)
        )
        assert few.kept == len(lines(tmp_path / "b")) == 2


def test_an_interrupted_crawl_goes_on_with_its_queue(tmp_path: Path) -> None:
    """Interrupted once by Ctrl-C; the second run visits what the first one had not."""
    out = tmp_path / "out"
    with site() as server:
        server.slow = 0.0
        code = (
            "import sys; from pathlib import Path\n"
            "from layerize.data.collect.run import collect\n"
            "from layerize.data.collect.collection import CollectOptions\n"
            "from layerize.data.collect.web import WebOptions\n"
            "web = WebOptions(urls=(sys.argv[1],), rate=4.0, depth=3, timeout=5.0)\n"
            f"collect([sys.argv[1]], Path(sys.argv[2]), CollectOptions(max_bytes={LIMIT}), web=web)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", code, server.url, str(out)], start_new_session=True,
                                   stderr=subprocess.PIPE)  # fmt: skip
        deadline = time.monotonic() + 30
        while len(lines(out)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        _interrupt(process)
        first = {entry["url"] for entry in lines(out)}
        asked = list(server.paths)
        assert 2 <= len(first) < 9
        assert list(out.glob(".crawl*"))
        tally = collect([server.url], out, CollectOptions(max_bytes=LIMIT),
                        web=replace(FAST, urls=(server.url,), depth=3, timeout=5.0))  # fmt: skip
        again = server.paths[len(asked) :]
    assert len(lines(out)) == 9, "all: eight files of three links deep, of twins one, and the moved one"
    assert tally.kept == 9 - len(first)
    done = {path for path in asked if path.startswith("/art/")}
    assert not done & set(again), "what was fetched is not fetched again"


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C in a terminal: every process of the group gets the signal."""
    import os

    os.killpg(process.pid, signal.SIGINT)
    process.wait(20)


def test_what_is_no_web_address_is_refused() -> None:
    with pytest.raises(UsageError, match="http"):
        WebOptions(urls=("ftp://x/",))
    with pytest.raises(UsageError, match="http"):
        WebOptions(urls=())
    for change in ({"depth": 0}, {"rate": 0.0}, {"retries": -1}, {"timeout": 0.0}, {"max_files": 0}):
        with pytest.raises(UsageError, match="allowed"):
            replace(FAST, **change)  # type: ignore[arg-type]


def test_a_crawl_that_cannot_write_says_so(tmp_path: Path) -> None:
    collection = Collection(tmp_path / "out")
    (tmp_path / "out" / "foreign").write_text("x")
    with pytest.raises(LayerizeError, match="other files"):
        collect_web(FAST, collection)
