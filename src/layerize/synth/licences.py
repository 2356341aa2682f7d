"""Which licences allow which use: SPDX expressions against an allow-list."""

from __future__ import annotations

import re
from collections.abc import Sequence

DEFAULT_LICENCES = ("CC0-1.0", "MIT", "MIT-0", "CC-BY", "Apache-2.0", "BSD")
"""Open licences without share-alike; ``CC-BY`` and ``BSD`` stand for all their versions."""

_FAMILY_TAIL = re.compile(r"(-\d[\w.]*)?(-clause|-only|-or-later)?")


def is_allowed(licence: str | None, allowed: Sequence[str] | None) -> bool:
    """Whether an SPDX expression may be used.

    Args:
        licence: ``MIT``, ``MIT OR GPL-2.0-only``, ``(CC-BY-4.0 AND Apache-2.0)``, or None where none was found. With
            ``OR`` one licence has to be allowed, with ``AND`` all; a ``WITH`` exception is looked past.
        allowed: SPDX identifiers, case-insensitive. A name without a version allows every version of exactly that
            licence: ``CC-BY`` allows ``CC-BY-4.0`` but not ``CC-BY-SA-4.0``. None allows everything, also no licence.
    """
    if allowed is None:
        return True
    tokens = re.findall(r"[()]|[^\s()]+", licence or "")
    if not tokens:
        return False
    known = [name.lower() for name in allowed]
    try:
        result, rest = _either(tokens, known)
    except (IndexError, RecursionError):
        return False
    return result and not rest


def _either(tokens: list[str], known: Sequence[str]) -> tuple[bool, list[str]]:
    result, rest = _both(tokens, known)
    while rest and rest[0].upper() == "OR":
        other, rest = _both(rest[1:], known)
        result = result or other
    return result, rest


def _both(tokens: list[str], known: Sequence[str]) -> tuple[bool, list[str]]:
    result, rest = _one(tokens, known)
    while rest and rest[0].upper() == "AND":
        other, rest = _one(rest[1:], known)
        result = result and other
    return result, rest


def _one(tokens: list[str], known: Sequence[str]) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        result, rest = _either(tokens[1:], known)
        return result and rest[0] == ")", rest[1:]
    rest = tokens[1:]
    if rest and rest[0].upper() == "WITH":
        rest = rest[2:]
    return _named(tokens[0].lower(), known), rest


def _named(licence: str, known: Sequence[str]) -> bool:
    return any(licence.startswith(name) and _FAMILY_TAIL.fullmatch(licence[len(name) :]) is not None for name in known)
