"""What a design's layers are called and how the picture is described."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from layerize.synth.scene import Placed

_MOST_NAMED = 3
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


def caption_of(layout: str, ground: str, placed: Sequence[Placed]) -> str:
    """One sentence: ``A poster with a person and a badge on a plain background. Text: "Hello".``"""
    things = Counter(p.item.name.lower() for p in sorted(placed, key=lambda p: -p.total) if p.item.text is None)
    listed = [_counted(name, number) for name, number in list(things.items())[:5]]
    what = f" with {_joined(listed)}" if listed else ""
    texts = [f'"{p.item.text}"' for p in placed if p.item.text]
    said = f" Text: {', '.join(texts)}." if texts else ""
    return f"A {layout}{what} on {ground}.{said}"


def _name(element: Placed) -> str:
    return f'Text "{element.item.text}"' if element.item.text else element.item.name


def _counted(name: str, number: int) -> str:
    if name.startswith("two "):
        return name
    if name in ("food", "furniture"):
        return name
    if number == 1:
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    word = _NUMBERS[number] if number < len(_NUMBERS) else "many"
    return f"{word} {_PLURALS.get(name, name + 's')}"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
