"""What commands say: one line per warning on stderr, results on stdout, as text or as one JSON document."""

from __future__ import annotations

import errno
import json
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from layerize.errors import LayerizeError, LayerizeWarning

if TYPE_CHECKING:
    from layerize.stack import LayerStack, Node


def say(line: str = "") -> None:
    """A line of a result, on stdout."""
    print(line)


def say_json(document: Any) -> None:
    """The one JSON document of a command, on stdout; readable in any script where the encoding has them all."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    json.dump(document, sys.stdout, indent=2, ensure_ascii=not unicode)
    print()


def warn(text: str) -> None:
    """A line for the person, on stderr."""
    print(f"layerize: warning: {' '.join(text.split())}", file=sys.stderr)


def complain(text: str) -> None:
    """An error's one line, on stderr."""
    print(f"layerize: {text}", file=sys.stderr)


def describe(error: BaseException) -> str:
    """One line for a person: what went wrong, without Python's class names where the message says it already."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; nothing half-written is left under a final name."
    if isinstance(error, MemoryError):
        return "out of memory. Use a smaller picture or close other programs."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the disk is full{f' ({error.filename})' if error.filename else ''}. Free some space and run it again."
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}." if error.filename else str(error)
    text = " ".join(str(error).split())
    if isinstance(error, LayerizeError):
        return text
    return f"internal error, {type(error).__name__}: {text} (layerize --debug shows where; please report it)"


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Gather the LayerizeWarnings raised inside, each once; other warnings go their usual way afterwards."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LayerizeWarning)
        try:
            yield texts
        finally:
            texts += dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, LayerizeWarning))
    for other in caught:
        if not issubclass(other.category, LayerizeWarning):
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)


@contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Print the LayerizeWarnings raised inside, one line each."""
    with collected_warnings() as texts:
        yield
    for text in texts:
        warn(text)


def printable(name: str) -> str:
    """A name from a foreign file on one line, without the control characters that would steer a terminal."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) == "Cc" else c for c in name)


def layer_lines(stack: LayerStack) -> list[str]:
    """The layers of a stack, bottom to top, numbered as options take them; members of groups indented."""

    def lines(nodes: tuple[Node, ...], indent: str) -> Iterator[str]:
        for index, node in enumerate(nodes):
            number = f"{index:>3}" if not indent else "  -"
            hidden = "" if node.visible else "  (hidden)"
            yield f"{indent}{number}  {printable(node.name)}{hidden}"
            if hasattr(node, "layers"):
                yield from lines(node.layers, f"{indent}   ")

    return list(lines(stack.layers, ""))


def layer_names(stack: LayerStack) -> list[str]:
    """The names of all leaf layers, bottom to top."""
    return [layer.name for layer in stack.walk()]
