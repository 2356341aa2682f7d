"""Documentation that cannot drift: every command and option is described, every shown command and file exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from layerize.cli.edit import OPERATIONS, take_edits
from layerize.cli.main import COMMANDS, load_command

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/cli.md", "docs/architecture.md", "docs/editing.md")
EXTRA_OPTIONS = {"edit": set(OPERATIONS)}
DEFAULTS = {"train": "train run"}
"""Groups of which one command may be left out."""


def leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """(full name, command) of a command or of all commands of a group."""
    members = getattr(command, "commands", None)
    if members is None:
        yield name, command
    else:
        for member_name, member in members.items():
            yield from leaves(f"{name} {member_name}", member)


LEAVES = dict(leaf for name in COMMANDS for leaf in leaves(name, load_command(name)))


def options_of(name: str) -> set[str]:
    found = {word for parameter in LEAVES[name].params for word in parameter.opts if word.startswith("-")}
    return found | EXTRA_OPTIONS.get(name, set()) - {"--help"}


def sections() -> dict[str, str]:
    """The chapters of docs/cli.md by command."""
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    return {part.split("\n", 1)[0].strip(): part for part in text.split("\n## ")[1:]}


def shown_commands(page: str) -> list[list[str]]:
    """The words of every complete ``layerize ...`` line in a page's code blocks (no placeholders in capitals)."""
    blocks = re.findall(r"```[a-z]*\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if re.match(r"layerize \S", line)]


def test_every_command_has_a_chapter_and_no_chapter_is_left_over() -> None:
    assert set(sections()) == set(COMMANDS)


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_is_described(name: str) -> None:
    chapter = sections()[name.split()[0]]
    words = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", chapter))
    missing = sorted(options_of(name) - words - {"--help"})
    assert not missing, f"docs/cli.md, chapter {name.split()[0]}: {missing}"


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_is_described_that_does_not_exist(command: str) -> None:
    known = {word for name in LEAVES if name.split()[0] == command for word in options_of(name)} | {"--help"}
    rows = re.findall(r"^\| (`-[^|]*) \|", sections()[command], re.MULTILINE)
    described = {word for row in rows for word in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", row)}
    assert described <= known, sorted(described - known)


@pytest.mark.parametrize("page", PAGES)
def test_every_shown_command_exists(page: str) -> None:
    for words in shown_commands(page):
        if words[0].startswith("-"):
            continue
        name = next((n for n in LEAVES if words[: len(n.split())] == n.split()), DEFAULTS.get(words[0]))
        assert name, f"{page}: layerize {' '.join(words)}"
        edits, rest = take_edits([word.strip("[]") for word in words]) if name == "edit" else ([], words)
        used = {word.strip("[]").split("=")[0] for word in rest if re.match(r"\[?--?[a-z]", word)}
        assert used <= options_of(name), f"{page}: layerize {' '.join(words)}: {sorted(used - options_of(name))}"
        assert all(edit.option in OPERATIONS for edit in edits)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    links += re.findall(r'<img[^>]* src="([^"]+)"', text)
    local = [link for link in links if link and "://" not in link]
    missing = [link for link in local if not ((ROOT / page).parent / link).exists()]
    assert not missing, f"{page}: {missing}"


def test_every_make_target_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        shown = set(re.findall(r"`?make ([a-z]+)\b`", (ROOT / page).read_text(encoding="utf-8")))
        assert shown <= targets, f"{page}: {sorted(shown - targets)}"


def test_the_file_tree_of_the_readme_is_the_package() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = re.search(r"```text\n(src/layerize/.*?)```", readme, re.DOTALL)
    assert tree, "README.md has no file tree"
    shown = set(re.findall(r"^  ([a-z_]+)(?:/|\.py)", tree[1], re.MULTILINE))
    package = ROOT / "src/layerize"
    rooms = {path.parent.name for path in package.glob("*/*.py")} | {path.stem for path in package.glob("[a-z]*.py")}
    assert rooms <= shown, f"not in the tree: {sorted(rooms - shown)}"
    assert shown <= rooms | {"assets"}, f"in the tree only: {sorted(shown - rooms)}"


def test_documents_hold_no_places_to_fill() -> None:
    for page in [*PAGES, "examples/CREDITS.md", "CITATION.cff"]:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert not re.search(r"\b(TODO|FIXME|TBD|XXX)\b", text), page
