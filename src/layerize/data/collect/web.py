"""Design files of web pages: starts the spider in a process of its own, as a reactor runs only once in a process."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from layerize.data.collect.collection import Collection
from layerize.errors import LayerizeError, MissingExtraError, UsageError


@dataclass(frozen=True, kw_only=True)
class WebOptions:
    """Where a crawl begins and how it behaves.

    Attributes:
        urls: First pages (or files). Their hosts are allowed.
        domains: Further hosts that may be visited, with their subdomains.
        depth: How many links away from a first page; 1: only what the first pages link to.
        rate: Most requests per second to one host; a slow server is asked less often.
        retries: Further tries after a failure that may pass.
        timeout: Seconds for one download.
        max_files: Stop after so many new files.
        contact: Web or mail address in the user agent, for a host's owner.
        state: Folder of the queue of an interrupted crawl.
    """

    urls: tuple[str, ...]
    domains: tuple[str, ...] = ()
    depth: int = 3
    rate: float = 1.0
    retries: int = 3
    timeout: float = 180.0
    max_files: int = 10_000
    contact: str = ""
    state: str = ""

    def __post_init__(self) -> None:
        wrong = [
            url for url in self.urls if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname
        ]
        if wrong or not self.urls:
            raise UsageError(
                f"{wrong[0] if wrong else 'no address'}: give addresses that begin with http:// or https://."
            )
        if self.depth < 1 or self.rate <= 0 or self.retries < 0 or self.timeout <= 0 or self.max_files < 1:
            raise UsageError(
                f"depth {self.depth}, rate {self.rate}, retries {self.retries}, timeout {self.timeout}, max_files "
                f"{self.max_files}: allowed are 1 or more, above 0, 0 or more, above 0, 1 or more."
            )


def collect_web(web: WebOptions, collection: Collection) -> None:
    """Crawl pages and keep the design files that they link to; an interrupted crawl goes on with its queue.

    Raises:
        MissingExtraError: Scrapy is not installed.
        LayerizeError: The crawl ended with an error.
    """
    if importlib.util.find_spec("scrapy") is None:
        raise MissingExtraError("Collecting from web pages", "scrapy", "data")
    key = hashlib.sha256(json.dumps([web.urls, web.domains, web.depth]).encode()).hexdigest()[:12]
    state = collection.root / f".crawl-{key}"
    order = {
        "web": {**asdict(web), "state": str(state)},
        "options": asdict(collection.options),
        "root": str(collection.root),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "layerize.data.collect.spider"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        said, _ = process.communicate(json.dumps(order))
    except KeyboardInterrupt:  # the spider has the signal too, and puts its queue away
        process.wait()
        raise
    _take(said, process.returncode, collection)


def _take(said: str, code: int, collection: Collection) -> None:
    try:
        result: dict[str, Any] = json.loads(said.splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise LayerizeError(
            f"the crawl ended with exit code {code}; start it again, it goes on where it was."
        ) from error
    if "error" in result:
        raise LayerizeError(str(result["error"]))
    tally = collection.tally
    tally.kept += result["kept"]
    tally.known += result["known"]
    tally.skipped += Counter(result["skipped"])
    tally.licences += Counter(result["licences"])
