"""Whether text is lifted: asked for, possible, and what that makes of a picture."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

from layerize.errors import LayerizeWarning, UsageError
from layerize.stack.layer import Group, Layer, Node
from layerize.text.ocr import available, require

TextMode: TypeAlias = Literal["auto", "off", "only"]
TEXT_MODES: tuple[str, ...] = get_args(TextMode)

MOST_LOOSE = 12  # text layers; more are gathered in one group, so that the other layers can be found

_told: set[str] = set()


def wants_text(mode: str) -> bool:
    """Whether to look for text.

    Args:
        mode: ``auto`` (where the extra is installed), ``off`` or ``only``.

    Warns:
        LayerizeWarning: ``auto``, and the extra is absent; once per process.

    Raises:
        UsageError: No such mode.
        MissingExtraError: ``only``, and the extra is absent.
    """
    if mode not in TEXT_MODES:
        raise UsageError(f"text {mode!r} is unknown; choose one of {', '.join(TEXT_MODES)}.")
    if mode == "off":
        return False
    if mode == "only":
        require()
    elif not available():
        if "absent" not in _told:
            _told.add("absent")
            warnings.warn(
                "text stays in the picture's layers: reading it needs pip install 'layerize[text]' (--text off hides "
                "this).",
                LayerizeWarning,
                stacklevel=3,
            )
        return False
    return True


def on_top(layers: tuple[Layer, ...], taken: set[str]) -> list[Node]:
    """Text layers as they go on top of a stack: each named alone, many of them in one group."""
    used, named = set(taken), []
    for layer in layers:
        name, number = layer.name, 2
        while name in used:
            name, number = f"{layer.name} {number}", number + 1
        used.add(name)
        named.append(replace(layer, name=name))
    if len(named) <= MOST_LOOSE:
        return list(named)
    title = next(title for title in ("Text", "All text", "Text group") if title not in used or title == "Text group")
    return [Group(layers=tuple(named), name=title)]
