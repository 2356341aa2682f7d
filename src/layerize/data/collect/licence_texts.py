"""Which licence a text is, by its characteristic phrases; which licence a web address stands for. SPDX identifiers."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class _Rule:
    """A licence whose texts hold all of ``phrases`` and none of ``absent`` (both as ``plain`` leaves them)."""

    spdx: str
    phrases: tuple[str, ...]
    absent: tuple[str, ...] = ()


_CC = "creative commons"
_BSD = "redistribution and use in source and binary forms"
_MIT = "permission is hereby granted free of charge to any person obtaining a copy"
_ISC = "permission to use copy modify and or distribute this software for any purpose with or without fee is hereby"

# A text may match several rules; all are named. "-only" for the GNU licences: the text alone gives no later one.
# fmt: off
_RULES = (
    _Rule("MIT", (_MIT, "this permission notice shall be included in all copies"), ("the x consortium",)),
    _Rule("MIT-0", (_MIT,), ("this permission notice shall be included",)),
    _Rule("ISC", (_ISC, "copyright notice and this permission notice appear in all copies")),
    _Rule("0BSD", (_ISC,), ("appear in all copies",)),
    _Rule("BSD-4-Clause", (_BSD, "all advertising materials mentioning features")),
    _Rule("BSD-3-Clause", (_BSD, "endorse or promote products derived"), ("all advertising materials",)),
    _Rule("BSD-2-Clause", (_BSD,), ("endorse or promote products derived", "all advertising materials")),
    _Rule("Apache-2.0", ("apache license", "version 2 0"), ("incorporated by reference",)),
    _Rule("MPL-2.0", ("mozilla public license", "version 2 0")),
    _Rule("EPL-2.0", ("eclipse public license v 2 0",)),
    _Rule("AGPL-3.0-only", ("gnu affero general public license", "version 3")),
    _Rule("LGPL-3.0-only", ("gnu lesser general public license", "version 3"), ("preamble",)),
    _Rule("LGPL-2.1-only", ("gnu lesser general public license", "version 2 1", "preamble")),
    _Rule("GPL-3.0-only", ("gnu general public license", "version 3 29 june 2007"),
        ("affero general public license ver",)),
    _Rule("GPL-2.0-only", ("gnu general public license", "version 2 june 1991")),
    _Rule("GFDL-1.3-only", ("gnu free documentation license", "version 1 3")),
    _Rule("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    _Rule("WTFPL", ("do what the fuck you want to public license",)),
    _Rule("OFL-1.1", ("sil open font license", "version 1 1")),
    _Rule("Zlib", ("provided as is without any express or implied warranty", "altered source versions")),
    _Rule("BSL-1.0", ("boost software license version 1 0",)),
    _Rule("Artistic-2.0", ("the artistic license 2 0",)),
    _Rule("LAL-1.3", ("free art license 1 3",)),
    _Rule("CC0-1.0", ("cc0 1 0 universal",)),
)
# fmt: on

_CC_TITLE = re.compile(
    r"attribution(?P<nc> ?non ?commercial)?(?P<end> ?share ?alike| ?no ?deriv\w*)? (?P<version>[1234] [05])"
    r"( (international|unported|generic|licen[cs]e|public))"
)
_CC_SHORT = re.compile(r"\bcc ?(?P<kind>by(?: nc)?(?: sa| nd)?) (?P<version>[1234] [05])\b")
_ADDRESSES = (
    (re.compile(r"creativecommons\.org/licenses/(by(?:-nc)?(?:-sa|-nd)?)/([1234]\.[05])", re.I), "CC-{0}-{1}"),
    (re.compile(r"creativecommons\.org/publicdomain/zero/1\.0", re.I), "CC0-1.0"),
    (re.compile(r"creativecommons\.org/publicdomain/mark/1\.0", re.I), "CC-PDM-1.0"),
    (re.compile(r"opensource\.org/licenses?/(mit|isc|apache-2\.0|bsd-[23]-clause|mpl-2\.0)", re.I), "{0}"),
    (re.compile(r"apache\.org/licenses/license-2\.0", re.I), "Apache-2.0"),
    (re.compile(r"gnu\.org/licenses/(?:old-licenses/)?(a?gpl|lgpl)-([23]\.[01])", re.I), "{0}-{1}-only"),
    (re.compile(r"(?:scripts\.sil\.org|openfontlicense\.org)", re.I), "OFL-1.1"),
    (re.compile(r"artlibre\.org/licence", re.I), "LAL-1.3"),
    (re.compile(r"unlicense\.org", re.I), "Unlicense"),
    (re.compile(r"spdx\.org/licenses/([\w.-]+?)(?:\.html|\.json)?/?$", re.I), "{0}"),
)
_SPELLINGS = {
    name.lower(): name
    for name in (*(rule.spdx for rule in _RULES), "BSD-2-Clause", "BSD-3-Clause", "MIT", "ISC", "Apache-2.0", "MPL-2.0")
}
_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n]+)")


def recognise(text: str) -> str | None:
    """The SPDX expression of a licence text; several licences in one text are joined with AND. None: unknown."""
    tag = spdx_tag(text)
    if tag:
        return tag
    words = plain(text)
    found = [rule.spdx for rule in _RULES if _matches(rule, words)]
    found += _creative_commons(words)
    if not found:
        address = of_address(text)
        found = [address] if address else []
    return " AND ".join(dict.fromkeys(found)) or None


def of_address(text: str) -> str | None:
    """The SPDX identifier of the first licence whose web address is in a text."""
    for pattern, name in _ADDRESSES:
        match = pattern.search(text)
        if match:
            spdx = name.format(
                *(group.upper() if "CC-" in name or "only" in name else group for group in match.groups())
            )
            return _SPELLINGS.get(spdx.lower(), spdx)
    return None


def spdx_tag(text: str) -> str | None:
    """What ``SPDX-License-Identifier:`` says; several tags are joined with AND."""
    found = [re.split(r"\*/|-->|<", match)[0].strip() for match in _TAG.findall(text)]
    return " AND ".join(dict.fromkeys(name for name in found if name)) or None


def plain(text: str) -> str:
    """Lower case, one space between words, nothing but letters and digits; ``licence`` is spelled ``license``."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).replace("licence", "license").strip()


def _matches(rule: _Rule, words: str) -> bool:
    return all(phrase in words for phrase in rule.phrases) and not any(phrase in words for phrase in rule.absent)


def _creative_commons(words: str) -> list[str]:
    found = []
    if _CC in words:
        for match in _CC_TITLE.finditer(words):
            end = (match["end"] or "").replace(" ", "")
            kind = "-NC" * bool(match["nc"]) + ("-SA" if end == "sharealike" else "-ND" if end else "")
            found.append(f"CC-BY{kind}-{match['version'].replace(' ', '.')}")
    for match in _CC_SHORT.finditer(words):
        found.append(f"CC-{match['kind'].upper().replace(' ', '-')}-{match['version'].replace(' ', '.')}")
    return found
