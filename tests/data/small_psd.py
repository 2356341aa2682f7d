"""Small Photoshop documents for tests, made with psd-tools' writing side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from psd_tools import PSDImage
from psd_tools.constants import Tag
from psd_tools.psd.descriptor import Bool, Descriptor, DescriptorBlock2, Double, Enumerated, UnitFloat
from psd_tools.terminology import Unit


def block(class_id: bytes, **items: Any) -> Descriptor:
    """A descriptor; keys are padded to four bytes as Photoshop's are."""
    found = Descriptor(classID=class_id)
    for key, value in items.items():
        found[key.encode().ljust(4) if len(key) < 4 else key.encode()] = value
    return found


def colour(red: float, green: float, blue: float) -> Descriptor:
    return block(b"RGBC", Rd=Double(red), Grn=Double(green), Bl=Double(blue))


def percent(value: float) -> UnitFloat:
    return UnitFloat(value, Unit.Percent)


def overlay(red: int, green: int, blue: int, *, enabled: bool = True) -> Descriptor:
    """A colour overlay as Photoshop CS6 wrote it: without ``present``."""
    return block(
        b"SoFi",
        enab=Bool(enabled),
        Md=Enumerated(b"BlnM", b"Nrml"),
        Opct=percent(100.0),
        Clr=colour(red, green, blue),
    )


def shadow() -> Descriptor:
    return block(b"DrSh", enab=Bool(True), Opct=percent(75.0))


def add_effects(layer: Any, *, switched_on: bool = True, **effects: Descriptor) -> None:
    """Give a layer an effects block as old Photoshop versions did."""
    data = DescriptorBlock2(classID=b"null")
    data[b"Scl "] = percent(100.0)
    data[b"masterFXSwitch"] = Bool(switched_on)
    for key, effect in effects.items():
        data[key.encode()] = effect
    layer.tagged_blocks.set_data(Tag.OBJECT_BASED_EFFECTS_LAYER_INFO, data)


def write(path: Path, build: Callable[[Any], None], *, size: tuple[int, int] = (20, 16), mode: str = "RGBA") -> Path:
    """A document that ``build`` fills; its preview is psd-tools' own rendering."""
    document = PSDImage.new(mode, size)
    build(document)
    document.save(path)
    return path


def solid(width: int, height: int, rgba: tuple[int, int, int, int]) -> Image.Image:
    return Image.fromarray(np.broadcast_to(np.array(rgba, np.uint8), (height, width, 4)).copy())
