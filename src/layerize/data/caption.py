"""Captions without a model: what the file is called, what its layers are called, what is written, which colours.

``King: crown, cape and head. Text: "Long live". Mostly yellow and dark red on a transparent ground.``
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2
import numpy as np

from layerize.naming import colour_word
from layerize.stack.layer import U8

MOST_NAMES = 6
MOST_COLOURS = 3
MOST_TEXT = 120
"""Characters of writing that are quoted."""
COLOUR_SIDE = 96
"""Colours are counted on a copy of at most this many pixels a side."""
LEAST_SHARE = 0.08
"""Of the opaque pixels that a colour must have to be named."""

_GENERIC_WORDS = """
adjustment artboard background base bg bitmap canvas circle clip clone color colour content copy curve curves
default design document drawing effect ellipse example examples file fill final fixture flowroot frame
gradient group guide guides image images img item layer layers line main mask merged misc new object objects
old original outline path pixel png polygon polyline preview psd raster read rect rectangle root rounded
sample selection shape shapes slice smart source spec src stroke svg symbol temp template test tests text
textpath tspan untitled use vector visible website websites write xcf
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())
_WORD = re.compile(r"[^\W\d_]{3,}")


def make_caption(*, stem: str, names: Sequence[str], texts: Sequence[str], composite: U8) -> str:
    """One to three sentences.

    Args:
        stem: The file's name without its extension.
        names: Of the layers, bottom to top.
        texts: What text layers say.
        composite: ``u8`` (H, W, 4).
    """
    subject = title_of(stem)
    things = [name for name in telling_names(names) if name != subject.lower()]
    if subject and things:
        first = f"{subject}: {_joined(things)}."
    elif subject or things:
        first = f"{(subject or _joined(things)).capitalize()}."
    else:
        first = "A design."
    said = quoted(texts)
    return " ".join(filter(None, [first, f"Text: {said}." if said else "", colours_of(composite)]))


def title_of(stem: str) -> str:
    """The telling words of a file's name: ``vector__fairy-tale__king`` to ``Fairy tale king``."""
    words = [word for word in _WORD.findall(stem.replace("'", "")) if word.lower() not in _GENERIC]
    return " ".join(dict.fromkeys(word.lower() for word in words[-4:])).capitalize()


def telling_names(names: Sequence[str]) -> list[str]:
    """Layer names that say something, topmost first, each once, in lower case; ``Layer 3 copy`` says nothing."""
    found: dict[str, None] = {}
    for name in reversed(names):
        words = _WORD.findall(name)
        if not any(word.lower() not in _GENERIC for word in words) or len(name) > 60:
            continue
        tidy = re.sub(r"[\W_]+(copy|kopie|copie)?[\W_\d]*$", "", re.sub(r"[_\s]+", " ", name.strip()), flags=re.I)
        if tidy:
            found.setdefault(tidy.lower())
    return list(found)[:MOST_NAMES]


def quoted(texts: Sequence[str]) -> str:
    """What is written, in quotation marks, up to ``MOST_TEXT`` characters."""
    tidy = list(dict.fromkeys(" ".join(text.split()).replace('"', "'") for text in reversed(texts)))
    parts: list[str] = []
    for text in filter(None, tidy):
        if sum(map(len, parts)) + len(text) > MOST_TEXT:
            if not parts:
                parts.append(f'"{text[:MOST_TEXT].rsplit(" ", 1)[0]} ..."')
            break
        parts.append(f'"{text}"')
    return ", ".join(parts)


def colours_of(composite: U8) -> str:
    """``Mostly blue and white on a transparent ground.``; the most frequent colours in words."""
    scale = min(1.0, COLOUR_SIDE / max(composite.shape[:2]))
    size = (max(1, round(composite.shape[1] * scale)), max(1, round(composite.shape[0] * scale)))
    small = cv2.resize(np.ascontiguousarray(composite), size, interpolation=cv2.INTER_NEAREST)
    body = small[small[..., 3] >= 128]
    if not len(body):
        return ""
    cells, counts = np.unique(body[:, :3] >> 4, axis=0, return_counts=True)
    shares: dict[str, float] = {}
    for cell, count in zip(cells, counts, strict=True):
        word = colour_word(cell.astype(np.uint8) * 16 + 8)
        shares[word] = shares.get(word, 0) + count / len(body)
    words = [word for word in sorted(shares, key=lambda w: -shares[w]) if shares[word] >= LEAST_SHARE][:MOST_COLOURS]
    ground = " on a transparent ground" if len(body) < 0.6 * small.shape[0] * small.shape[1] else ""
    return f"Mostly {_joined(words)}{ground}." if words else f"Many colours{ground}."


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
