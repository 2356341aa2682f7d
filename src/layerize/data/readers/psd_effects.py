"""Layer effects, found in the raw descriptors ("Object-based effects layer info" and its older kin).

psd-tools knows an effect only where the descriptor says ``present``, a key that Photoshop CS6 and older did not write:
their effects would be lost without a word. Here ``enab`` and ``masterFXSwitch`` decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psd_tools.constants import Tag
from psd_tools.psd.descriptor import Bool, Descriptor, List

_TAGS = (
    Tag.OBJECT_BASED_EFFECTS_LAYER_INFO,
    Tag.OBJECT_BASED_EFFECTS_LAYER_INFO_V0,
    Tag.OBJECT_BASED_EFFECTS_LAYER_INFO_V1,
)
NAMES = {
    b"SoFi": "color overlay",
    b"GrFl": "gradient overlay",
    b"patternFill": "pattern overlay",
    b"FrFX": "stroke",
    b"DrSh": "drop shadow",
    b"IrSh": "inner shadow",
    b"OrGl": "outer glow",
    b"IrGl": "inner glow",
    b"ebbl": "bevel",
    b"ChFX": "satin",
}
DRAWN = frozenset({"color overlay", "gradient overlay", "pattern overlay", "stroke"})
"""What psd-tools draws."""

# Names of the effects in the block of Photoshop 5 and 6, which knew no other.
_OLD_NAMES = {
    "DROP_SHADOW": "drop shadow",
    "INNER_SHADOW": "inner shadow",
    "OUTER_GLOW": "outer glow",
    "INNER_GLOW": "inner glow",
    "BEVEL": "bevel",
    "SOLID_FILL": "color overlay",
}


@dataclass(frozen=True)
class Effect:
    """One enabled effect: its name for people and its descriptor (None: from the block of Photoshop 5)."""

    name: str
    descriptor: Any


def enabled_effects(layer: Any) -> list[Effect]:
    """The effects that Photoshop shows on this layer or group, in file order; psd-tools sees them afterwards, too."""
    for tag in _TAGS:
        block = layer.tagged_blocks.get_data(tag)
        if isinstance(block, Descriptor):
            return list(_enabled(block)) if _flag(block, b"masterFXSwitch", False) else []
    return list(_enabled_old(layer.tagged_blocks.get_data(Tag.EFFECTS_LAYER)))


def _enabled(block: Descriptor) -> Iterator[Effect]:
    for key in list(block):
        value = block[key]
        for item in value if isinstance(value, List) else [value]:
            if not isinstance(item, Descriptor) or item.classID not in NAMES:
                continue
            if b"present" not in item:
                item[b"present"] = Bool(True)
            if _flag(item, b"present", True) and _flag(item, b"enab", False) and not _invisible(item):
                yield Effect(NAMES[item.classID], item)


def _invisible(item: Descriptor) -> bool:
    """Whether the effect is on and yet shows nothing."""
    if item.classID == b"ebbl":
        return _number(item, b"hglO", 100) == 0 and _number(item, b"sdwO", 100) == 0
    if item.classID == b"FrFX" and _number(item, b"Sz  ", 1) == 0:
        return True
    return _number(item, b"Opct", 100) == 0


def _enabled_old(block: Any) -> Iterator[Effect]:
    for key in block or ():
        name = _OLD_NAMES.get(getattr(key, "name", ""))
        if name is not None and bool(getattr(block[key], "enabled", False)):
            yield Effect(name, None)


def _flag(block: Descriptor, key: bytes, default: bool) -> bool:
    value = block.get(key)
    return default if value is None else bool(getattr(value, "value", value))


def _number(block: Descriptor, key: bytes, default: float) -> float:
    value = block.get(key)
    value = getattr(value, "value", value)
    return float(value) if isinstance(value, (int, float)) else default
