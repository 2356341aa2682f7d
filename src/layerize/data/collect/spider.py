"""The Scrapy spider: follows pages, downloads design files, obeys robots.txt; in a process of its own (``web.py``).

Scrapy does what it is good at: robots.txt, throttling, retries, the size limit while downloading, the queue on disk.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from layerize import __version__
from layerize.data.collect.collection import Collection, CollectOptions, Found
from layerize.data.collect.licence_texts import of_address
from layerize.data.collect.licences import Licence, licence_in
from layerize.data.collect.web import WebOptions
from layerize.data.readers import READERS, suffix_of
from layerize.errors import LayerizeError, MissingExtraError

try:
    import scrapy
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy.exceptions import CloseSpider, IgnoreRequest
    from scrapy.http import HtmlResponse, Response
except ImportError as error:
    raise MissingExtraError("Collecting from web pages", "scrapy", "data") from error

_LINKS = "a::attr(href), area::attr(href), img::attr(src), object::attr(data), embed::attr(src)"
_FILE_NAME = re.compile(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", re.IGNORECASE)


class DesignSpider(scrapy.Spider):  # type: ignore[misc]
    """Design files that pages link to.

    Args:
        collection: Where to keep them.
        web: Where to begin, where to stay.
    """

    name = "layerize"

    def __init__(self, collection: Collection, web: WebOptions, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.collection, self.web = collection, web
        hosts = {urlsplit(url).hostname or "" for url in web.urls}
        self.allowed_domains = sorted(hosts | set(web.domains))

    async def start(self) -> AsyncIterator[Any]:
        """The first pages; those of an interrupted run come from its queue."""
        for url in self.web.urls:
            yield self._request(url, None)

    def parse(self, response: Response) -> Iterator[Any]:
        """A page: its licence, then every link; or a design file that no link announced."""
        if _suffix(response) in READERS:
            self.keep(response)
            return
        if not isinstance(response, HtmlResponse):
            return
        licence = page_licence(response)
        for link in dict.fromkeys(response.css(_LINKS).getall()):
            url = response.urljoin(link.strip())
            if url.startswith(("http://", "https://")):
                yield self._request(url, licence)

    def keep(self, response: Response) -> None:
        """A design file."""
        date = datetime.now(UTC)  # the day of the visit, unless the server says better
        with contextlib.suppress(ValueError, TypeError):
            date = parsedate_to_datetime(response.headers.get("Last-Modified", b"").decode(errors="replace"))
        own = licence_in(response.body)
        found = _found(response.url, licence=own or response.meta.get("licence"), name=_file_name(response))
        found = Found(**{**vars(found), "date": date.astimezone(UTC).isoformat(timespec="seconds")})
        if self.collection.tally.kept >= self.web.max_files:
            raise CloseSpider("max_files")
        self.collection.add(found, response.body)

    def failed(self, failure: Any) -> None:
        """A design file that could not be downloaded."""
        request = failure.request
        response = getattr(failure.value, "response", None)
        reason, detail = "failed", failure.getErrorMessage()
        if response is not None:
            reason, detail = ("not-found" if response.status in (404, 410) else "failed"), f"status {response.status}"
        elif failure.check(IgnoreRequest):
            reason = "robots" if "robots" in detail.lower() else "failed"
        elif "timeout" in type(failure.value).__name__.lower() or "took longer" in detail:
            reason = "timeout"
        elif re.search(
            r"maxsize|larger than|exceed|too large", f"{type(failure.value).__name__} {detail}", re.IGNORECASE
        ):
            reason = "too-large"
        elif "Cancel" in type(failure.value).__name__:
            reason, detail = "too-large", f"more than {self.collection.options.max_bytes} bytes"
        self.collection.skip(_found(request.url), reason, detail)

    def _request(self, url: str, licence: Licence | None) -> Any:
        path = PurePosixPath(unquote(urlsplit(url).path))
        if suffix_of(Path(path.name)) in READERS:
            found = _found(url)
            if self.collection.knows(found):
                self.collection.tally.known += 1
                return None
            return scrapy.Request(url, self.keep, errback=self.failed, meta={"licence": licence}, priority=10)
        return scrapy.Request(url, self.parse)


def page_licence(response: HtmlResponse) -> Licence | None:
    """What a page says with ``rel=license`` (a link, or ``<link>`` in its head)."""
    for address in response.css("[rel~=license]::attr(href)").getall():
        spdx = of_address(response.urljoin(address))
        if spdx:
            return Licence(spdx, f"rel=license of {response.url}")
    return None


def _found(url: str, *, licence: Licence | None = None, name: str = "") -> Found:
    parts = urlsplit(url)
    path = PurePosixPath(unquote(parts.path).lstrip("/") or "index")
    return Found(
        url=url, repository=parts.hostname or "web", path=str(path.with_name(name) if name else path), licence=licence
    )


def _file_name(response: Response) -> str:
    """The name that the server gives a download, where the address has none of its own."""
    if suffix_of(Path(PurePosixPath(unquote(urlsplit(response.url).path)).name)) in READERS:
        return ""
    match = _FILE_NAME.search(response.headers.get("Content-Disposition", b"").decode(errors="replace"))
    return PurePosixPath(unquote(match[1])).name if match else "design.svg"


def _suffix(response: Response) -> str:
    """Extension of a response: of its address, of the name that the server gives it, or SVG by its type."""
    own = suffix_of(Path(PurePosixPath(unquote(urlsplit(response.url).path)).name))
    if own in READERS:
        return own
    match = _FILE_NAME.search(response.headers.get("Content-Disposition", b"").decode(errors="replace"))
    if match:
        return suffix_of(Path(unquote(match[1]).strip()))
    kind = response.headers.get("Content-Type", b"").decode(errors="replace")
    return ".svg" if kind.startswith("image/svg+xml") else ""


def settings_of(web: WebOptions, options: CollectOptions) -> dict[str, Any]:
    """Scrapy's settings."""
    contact = f"; {web.contact}" if web.contact else ""
    return {
        "USER_AGENT": f"layerize/{__version__} (collects openly licensed design files{contact})",
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": "layerize",
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "DOWNLOAD_DELAY": 1 / web.rate,
        "DOWNLOAD_DELAY_JITTER": 0,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 2,
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": 1 / web.rate,
        "AUTOTHROTTLE_MAX_DELAY": 60.0,
        "RETRY_TIMES": web.retries,
        "DOWNLOAD_MAXSIZE": options.max_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_TIMEOUT": web.timeout,
        "DEPTH_LIMIT": web.depth,
        "JOBDIR": web.state,
        "LOG_LEVEL": "ERROR",
    }


def main() -> None:
    """Run one crawl from the JSON on stdin; the tally goes to stdout as JSON."""
    order = json.load(sys.stdin)
    web = WebOptions(**order["web"])
    licences = order["options"]["licences"]
    options = CollectOptions(
        licences=None if licences is None else tuple(licences), max_bytes=order["options"]["max_bytes"]
    )
    try:
        collection = Collection(Path(order["root"]), options)
    except LayerizeError as error:
        print(json.dumps({"error": str(error)}))
        return
    process = AsyncCrawlerProcess(settings_of(web, options))
    crawler = process.create_crawler(DesignSpider)
    process.crawl(crawler, collection=collection, web=web)
    process.start()
    if crawler.stats.get_value("finish_reason") == "finished":  # the next crawl is to look at every page again
        shutil.rmtree(web.state, ignore_errors=True)
    tally = collection.tally
    print(json.dumps({"kept": tally.kept, "known": tally.known, "skipped": tally.skipped, "licences": tally.licences}))


if __name__ == "__main__":
    main()
