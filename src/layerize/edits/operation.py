"""What an edit in words is, and how its settings are told from its words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from layerize.errors import UsageError

if TYPE_CHECKING:
    from layerize.stack import LayerStack

_SETTING = re.compile(r"([a-z]+(?::[^=]+)?)=(.*)", re.DOTALL)
_SPELLINGS = {"color": "colour"}


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One kind of edit.

    Attributes:
        words: What must follow the option, as shown to people; "LAYER" is a layer's index, id or name.
        summary: What it does, one line.
        apply: (stack, one text per word, one keyword per setting) → stack.
        settings: What may follow the words as ``key=value``, key → value as shown to people. A key that ends in ":"
            is followed by a layer: ``anchor:Logo=top``.
    """

    words: tuple[str, ...]
    summary: str
    apply: Callable[..., LayerStack]
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def usage(self) -> str:
        """The words and settings as shown to people."""
        settings = (f"[{key}{'LAYER' if key.endswith(':') else ''}={value}]" for key, value in self.settings.items())
        return " ".join([*self.words, *settings])


class Edit(NamedTuple):
    """One edit as written: ``--resize``, ("Text", "50%"), (("about", "left"),)."""

    option: str
    words: tuple[str, ...]
    settings: tuple[tuple[str, str], ...] = ()


def as_setting(word: str) -> tuple[str, str] | None:
    """``"about=left"`` → ("about", "left"); None for any other word."""
    match = _SETTING.fullmatch(word)
    return (_SPELLINGS.get(match[1], match[1]), match[2]) if match else None


def check_settings(option: str, operation: Operation, settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The settings of an edit by key.

    Raises:
        UsageError: A key is unknown or given twice; the message lists the known ones, nearest first.
    """
    found: dict[str, str] = {}
    for key, value in settings:
        base = key.partition(":")[0] + ":" if ":" in key else key
        if base not in operation.settings:
            known = sorted(operation.settings, key=lambda k: -difflib.SequenceMatcher(None, k, key).ratio())
            allowed = f"it knows {', '.join(f'{k}=' for k in known)}" if known else "it has no settings"
            raise UsageError(f"{option} has no setting {key}=; {allowed}.")
        if key in found:
            raise UsageError(f"{option}: {key}= is given twice.")
        found[key] = value
    return found
