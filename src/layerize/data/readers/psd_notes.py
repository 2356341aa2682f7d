"""What a Photoshop layer has that a stack cannot hold, told from its record, as flags."""

from __future__ import annotations

from typing import Any

from psd_tools.api.layers import AdjustmentLayer
from psd_tools.constants import Tag

from layerize.data.readers.notes import Notes
from layerize.data.readers.psd_effects import DRAWN, Effect

_KINDS = {"smartobject": "smart-object", "type": "text", "shape": "shape"}


def note_layer(layer: Any, effects: list[Effect], notes: Notes) -> None:
    """Note a layer's or group's kind, effects, fill opacity, knockout and blending options."""
    name = layer.name
    if layer.kind in _KINDS:
        notes.add(_KINDS[layer.kind], name, _linked(layer))
    if missing := [effect.name for effect in effects if effect.name not in DRAWN or effect.descriptor is None]:
        notes.add("effect", name, ", ".join(dict.fromkeys(missing)))
    if drawn := [effect.name for effect in effects if effect.name in DRAWN and effect.descriptor is not None]:
        notes.add("effect-baked", name, ", ".join(dict.fromkeys(drawn)))
    if layer.fill_opacity < 255 and not isinstance(layer, AdjustmentLayer):
        notes.add("fill-opacity", name, f"{layer.fill_opacity / 255:.0%}")
    if layer.tagged_blocks.get_data(Tag.KNOCKOUT_SETTING, 0):
        notes.add("knockout", name)
    if _blends_if(layer):
        notes.add("blend-if", name)


def text_of(layer: Any) -> dict[str, Any] | None:
    """The content of a text layer, lines separated by line feeds; None for other layers and unreadable text."""
    if layer.kind != "type":
        return None
    try:
        content = str(layer.text)
    except Exception:  # the engine data inside is a language of its own; its damage spoils only the text
        return None
    content = content.replace("\r\n", "\n").replace("\r", "\n").replace("\x03", "\n").strip("\0\n")
    return {"content": content} if content.strip() else None


def _linked(layer: Any) -> str:
    if layer.kind != "smartobject":
        return ""
    try:
        return "linked file" if layer.smart_object.kind == "external" else ""
    except Exception:  # an embedded document that is missing or damaged
        return ""


def _blends_if(layer: Any) -> bool:
    """Whether "Blend If" hides parts of the layer by brightness, or some channels are switched off."""
    ranges = layer._record.blending_ranges
    used = [ranges.composite_ranges or [], *(ranges.channel_ranges or [])]
    untouched = {(0, 65535), (0, 0)}  # all zero: not filled in
    return any(tuple(pair) not in untouched for pairs in used for pair in pairs) or bool(
        layer.tagged_blocks.get_data(Tag.CHANNEL_BLENDING_RESTRICTIONS_SETTING)
    )
