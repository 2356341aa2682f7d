"""A small web site of design files on this machine, with everything that goes wrong on real ones."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CC = '<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC-BY</a>'
CC0 = b"http://creativecommons.org/publicdomain/zero/1.0/"
OWN = b'<svg><metadata><cc:license rdf:resource="' + CC0 + b'"/></metadata></svg>'
BIG = 300_000

PAGES: dict[str, tuple[str, bytes]] = {
    "/robots.txt": ("text/plain", b"User-agent: *\nDisallow: /private/\n"),
    "/": (
        "text/html",
        f"""<html><head><title>x</title></head><body>{CC}
        <a href="art/poster.psd">poster</a> <a href="/art/own.svg">own</a> <img src="/art/picture.svg">
        <a href="/art/same-as-poster.psd">same</a> <a href="/private/secret.psd">secret</a> <a href="/gone.kra">gone</a>
        <a href="/slow.psd">slow</a> <a href="/big.psd">big</a> <a href="/endless.psd">all</a> <a href="/moved">m</a>
        <a href="/flaky.ora">flaky</a> <a href="/page2">two</a> <a href="http://elsewhere.invalid/x.psd">away</a>
        <a href="mailto:a@example.org">mail</a> <a href="/notes.txt">notes</a> <a href="javascript:x()">js</a>
        <a href="/download?id=7">download</a></body></html>""".encode(),
    ),
    "/page2": ("text/html", b'<a href="/page3">three</a><a href="/art/plain.xcf">plain</a><a href="/">home</a>'),
    "/page3": ("text/html", b'<a href="/page4">four</a><a href="/art/deep.psd">deep</a>'),
    "/page4": ("text/html", b'<a href="/art/deepest.psd">deepest</a>'),
    "/art/poster.psd": ("image/vnd.adobe.photoshop", b"8BPS poster"),
    "/art/same-as-poster.psd": ("application/octet-stream", b"8BPS poster"),
    "/art/own.svg": ("image/svg+xml", OWN),
    "/art/picture.svg": ("image/svg+xml", b"<svg><rect/></svg>"),
    "/art/plain.xcf": ("image/x-xcf", b"gimp xcf plain"),
    "/art/deep.psd": ("application/octet-stream", b"8BPS deep"),
    "/art/deepest.psd": ("application/octet-stream", b"8BPS deepest"),
    "/art/moved.psd": ("application/octet-stream", b"8BPS moved"),
    "/private/secret.psd": ("application/octet-stream", b"8BPS secret"),
    "/notes.txt": ("text/plain", b"notes"),
}


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.requests.append((time.monotonic(), self.path, dict(self.headers)))
        if self.path == "/moved":
            self._send(302, {"Location": "/art/moved.psd"})
        elif self.path == "/flaky.ora" and sum(path == "/flaky.ora" for _, path, _ in self.server.requests) < 2:
            self._send(503, {})
        elif self.path == "/flaky.ora":
            self._send(200, {"Content-Type": "image/openraster"}, b"PK flaky")
        elif self.path == "/slow.psd":
            time.sleep(self.server.slow)
            self._send(200, {}, b"8BPS slow")
        elif self.path == "/big.psd":
            self._send(200, {"Content-Type": "application/octet-stream"}, b"8" * BIG)
        elif self.path == "/endless.psd":
            self._endless()
        elif self.path.startswith("/download"):
            headers = {"Content-Disposition": 'attachment; filename="../named.kra"', "Content-Type": "application/zip"}
            self._send(200, headers, b"PK named")
        elif self.path in PAGES:
            kind, body = PAGES[self.path]
            self._send(200, {"Content-Type": kind, "Set-Cookie": "a=b"}, body)
        else:
            self._send(404, {}, b"no")

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Last-Modified": "Mon, 06 May 2024 07:08:09 GMT", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _endless(self) -> None:
        """A body of unknown length that never ends by itself."""
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.end_headers()
        try:
            for _ in range(2000):
                self.wfile.write(b"8" * 4096)
                self.server.endless_sent += 4096
                time.sleep(0.001)
        except OSError:
            pass  # the other side has had enough

    def log_message(self, *_: object) -> None: ...


class Site(ThreadingHTTPServer):
    """The site while it runs.

    Attributes:
        requests: (time, path, headers) of everything that was asked for.
        slow: Seconds that ``/slow.psd`` takes.
        endless_sent: Bytes of ``/endless.psd`` that went out.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[float, str, dict[str, str]]] = []
        self.slow = 30.0
        self.endless_sent = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no error of the site."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        """Its first page."""
        return f"http://127.0.0.1:{self.server_port}/"

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [path for _, path, _ in self.requests]


@contextmanager
def site() -> Iterator[Site]:
    """The site, running in a thread."""
    server = Site()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
