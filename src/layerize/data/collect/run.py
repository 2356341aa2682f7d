"""``collect``: sources of any kind into one collection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from layerize.data.collect.collection import Collection, CollectOptions, Tally
from layerize.data.collect.git import collect_repository, is_repository
from layerize.data.collect.local import collect_folder
from layerize.data.collect.web import WebOptions, collect_web
from layerize.errors import InputError, LayerizeError, OutputError, UsageError

Progress = Callable[[int, str, str], None]


def collect(
    sources: Sequence[str],
    out: Path,
    options: CollectOptions | None = None,
    *,
    web: WebOptions | None = None,
    progress: Progress | None = None,
) -> Tally:
    """Gather the design files of folders, repositories and web pages; run again, it adds only what is new.

    Args:
        sources: Folders, addresses of git repositories, addresses of web pages. A folder that is a bare repository
            (``name.git``) is cloned.
        out: Folder of the collection.
        options: Which licences and sizes.
        web: How to crawl; its addresses are replaced by those among the sources.
        progress: Told (number of the source, source, file).

    Returns:
        What was kept and what not; a source that fails as a whole is in ``messages`` and does not stop the others.

    Raises:
        UsageError: No source.
        InputError: Every source failed.
        OutputError: The folder cannot be written.
    """
    if not sources:
        raise UsageError("give at least one folder, repository or web address.")
    collection = Collection(out, options)
    pages = [source for source in sources if kind_of(source) == "web"]
    steps = [source for source in sources if source not in pages] + pages[:1]
    for number, source in enumerate(steps):
        if progress is not None:
            progress(number, source, "")
        seen = None if progress is None else lambda name, n=number, s=source: progress(n, s, name)
        try:
            if source in pages:
                everything = replace(web, urls=tuple(pages)) if web else WebOptions(urls=tuple(pages))
                collect_web(everything, collection)
            elif kind_of(source) == "git":
                collect_repository(source, collection, seen)
            else:
                collect_folder(Path(source), collection, seen)
        except (OutputError, UsageError):
            raise
        except LayerizeError as error:
            collection.tally.messages.append(f"{source}: {error}")
    if len(collection.tally.messages) == len(steps):
        raise InputError(" ".join(collection.tally.messages))
    return collection.tally


def kind_of(source: str) -> str:
    """``folder``, ``git`` or ``web``."""
    if Path(source).is_dir() and not source.rstrip("/").endswith(".git"):
        return "folder"
    if is_repository(source):
        return "git"
    return "web" if source.startswith(("http://", "https://")) else "folder"
