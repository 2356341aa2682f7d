"""What a design's layers are called and how the picture is described."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from layerize.naming import colour_words
from layerize.stack.layer import U8
from layerize.synth.scene import Placed

_MOST_NAMED = 3
_SAMPLED = 160
"""Pixels whose colours are looked at."""
_CLEAR = 0.55
"""Share of them that must have one colour for it to be named."""
_PLURALS = {"person": "people", "fish": "fish", "flash": "flashes", "leaf": "leaves"}
_NUMBERS = ("", "a", "two", "three", "four", "five", "six")


def layer_names(placed: Sequence[Placed], count: int) -> tuple[str, ...]:
    """One name per layer, made of what is in it: ``Person, text "Hello"``."""
    names = ["Background"]
    for level in range(1, count):
        inside = sorted((p for p in placed if p.level == level), key=lambda p: -p.total)
        said = list(dict.fromkeys(_name(p) for p in inside))[:_MOST_NAMED]
        names.append(", ".join(said))
    return tuple(names)


def caption_of(layout: str, ground: str, background_HW3: U8, placed: Sequence[Placed]) -> str:
    """One sentence: ``A poster with a red person and a badge on a plain blue background. Text: "Hello".``

    A thing's colour is told where it has one; things of the same name are counted instead.
    """
    things = [p for p in sorted(placed, key=lambda p: -p.total) if p.item.text is None]
    numbers = Counter(p.item.name.lower() for p in things)
    colours = {p.item.name.lower(): _colour_of(p.cutout.pixels) for p in things}
    listed = [_counted(name, number, colours[name]) for name, number in list(numbers.items())[:5]]
    what = f" with {_joined(listed)}" if listed else ""
    texts = [f'"{p.item.text}"' for p in placed if p.item.text]
    said = f" Text: {', '.join(texts)}." if texts else ""
    return f"A {layout}{what} on {_coloured(ground, clear_colour(background_HW3.reshape(-1, 3)))}.{said}"


def clear_colour(rgb_N3: U8) -> str:
    """The colour word that most pixels share, or "" where there is none."""
    if not len(rgb_N3):
        return ""
    step = -(-len(rgb_N3) // _SAMPLED)
    words = Counter(colour_words(np.ascontiguousarray(rgb_N3[::step])))
    word, number = words.most_common(1)[0]
    return word if number >= _CLEAR * words.total() else ""


def _colour_of(premultiplied_hw4: U8) -> str:
    opaque = premultiplied_hw4[premultiplied_hw4[..., 3] >= 250]
    return clear_colour(opaque[:, :3])


def _coloured(ground: str, colour: str) -> str:
    before, found, after = ground.partition("background")
    return f"{before}{colour} {found}{after}" if found and colour and colour not in ground else ground


def _name(element: Placed) -> str:
    return f'Text "{element.item.text}"' if element.item.text else element.item.name


def _counted(name: str, number: int, colour: str) -> str:
    if name.startswith("two "):
        return name
    if number == 1:
        named = name if colour in name else f"{colour} {name}"
        if name in ("food", "furniture"):
            return named
        return f"{'an' if named[0] in 'aeiou' else 'a'} {named}"
    if name in ("food", "furniture"):
        return name
    word = _NUMBERS[number] if number < len(_NUMBERS) else "many"
    return f"{word} {_PLURALS.get(name, name + 's')}"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
