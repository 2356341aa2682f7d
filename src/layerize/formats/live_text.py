"""What a layer's ``text`` says, as pydantic models, and where its lines lie now.

Edits keep the description true (``stack/text_facts.py``), others do not: the description names the ink box and a
hash of the shape that it belongs to, and ``placed_text`` follows the layer, or says that the two no longer fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, cast, get_args

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from layerize.errors import UsageError
from layerize.stack.composite import ink_box
from layerize.stack.layer import Layer

Number = Annotated[float, Field(allow_inf_nan=False, ge=-(2**31), le=2**31)]
Point = tuple[Number, Number]

LiveTextMode = Literal["replace", "over", "off"]
"""Text in place of its picture, over its hidden picture, or not at all."""

# Bits of 64 in which the hashes of a shape and of the same shape, scaled, may differ.
_SAME_SHAPE = 10
_SAME_ASPECT = 0.04
_SAME_COLOUR = 24


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class OfficeFont(_Open):
    """The face as office programs name it: one of four styles of a family."""

    family: str
    bold: bool = False
    italic: bool = False


class LiveFont(_Open):
    """The typeface; lengths in em."""

    family: str
    style: str = "Regular"
    name: str | None = None
    file: str | None = None
    score: Number | None = None
    weight: int = 400
    italic: bool = False
    ascent: Number = 0.93
    descent: Number = 0.24
    line_gap: Number = 0.0
    office: OfficeFont | None = None


class LiveLine(_Open):
    """One line; ``baseline`` is where it starts, ``advance`` its length in pixels; only where the font is known."""

    content: str
    polygon: list[Point] = []
    box: tuple[Number, Number, Number, Number] | None = None
    baseline: Point | None = None
    advance: Number | None = None


class LiveText(_Open):
    """A text block as ``docs/live_text.md`` describes it; lengths in pixels of the canvas."""

    content: str
    lines: list[LiveLine]
    size: Annotated[Number, Field(gt=0)]
    angle: Number = 0.0
    colours: list[Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]] = []
    alignment: Literal["left", "center", "right"] = "left"
    line_spacing: Number = 0.0
    letter_spacing: Number = 0.0
    outline_width: Number = 0.0
    vertical: bool = False
    flat: bool = True
    ink: tuple[Number, Number, Number, Number] | None = None
    shape: Annotated[str, Field(pattern="^[0-9a-f]{16}$")] | None = None
    font: LiveFont | None = None

    @property
    def level_baselines(self) -> list[Point]:
        """The starts of the baselines, turned about the first one so that they are level; empty without a font."""
        starts = [line.baseline for line in self.lines if line.baseline is not None]
        if not starts or len(starts) < len(self.lines):
            return []
        first = np.array(starts[0])
        cos, sin = np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))
        turned = (np.array(starts) - first) @ np.array([[cos, -sin], [sin, cos]]) + first
        return [(float(x), float(y)) for x, y in turned]


def as_mode(word: str) -> LiveTextMode:
    """A mode by its name.

    Raises:
        UsageError: It is none.
    """
    if word not in get_args(LiveTextMode):
        raise UsageError(f"{word!r} is no way to write text; use {', '.join(get_args(LiveTextMode))}.")
    return cast(LiveTextMode, word)


def check_text(text: dict[str, Any]) -> dict[str, Any]:
    """The description as it is; texts of other sources, without our ``ink``, may have any keys.

    Raises:
        ValueError: A key of ours has an impossible value.
    """
    if "ink" in text:
        try:
            LiveText.model_validate(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"the live text's {place} is wrong ({first['msg']})") from error
    return text


def parse_live_text(text: dict[str, Any] | None) -> LiveText | None:
    """The description as a model; None for other sources' texts, which may have any shape."""
    try:
        return LiveText.model_validate(text) if text is not None else None
    except ValidationError:
        return None


def placed_text(layer: Layer) -> LiveText | None:
    """The layer's text with all places and lengths where the layer is now.

    None if it was never matched, or if the layer was turned, flipped, distorted or recoloured since.
    """
    text = parse_live_text(layer.text)
    box = ink_box(layer)
    if text is None or text.font is None or text.ink is None or box is None or not _same_colour(layer, text.colours):
        return None
    if text.shape is None:
        return text if _about_there(text.ink, (box.x0, box.y0, box.x1, box.y1)) else None
    width, height = text.ink[2] - text.ink[0], text.ink[3] - text.ink[1]
    if width <= 0 or height <= 0 or not same_shape(text.shape, shape_hash(layer)):
        return None
    across, down = (box.x1 - box.x0) / width, (box.y1 - box.y0) / height
    unsure = 1.5 / min(width, height)  # a pixel more or less
    if abs(across / down - 1) > _SAME_ASPECT + unsure:
        return None
    if tuple(map(float, box)) == text.ink:
        return text
    x, y = text.ink[:2]
    return _rescaled(
        text,
        lambda point: (box.x0 + (point[0] - x) * across, box.y0 + (point[1] - y) * down),
        (across * down) ** 0.5,
    )


def _about_there(described: tuple[float, ...], box: tuple[float, ...]) -> bool:
    """Whether an ink box is as described after a turn, which makes the described one larger than need be."""
    for low, high, now, then in ((described[i], described[i + 2], box[i], box[i + 2]) for i in (0, 1)):
        if abs((low + high) - (now + then)) > 0.2 * (high - low) or then - now > 1.05 * (high - low) + 3:
            return False
    return True


def _rescaled(text: LiveText, moved: Callable[[Point], Point], scale: float) -> LiveText:
    lines = [
        line.model_copy(
            update={
                "polygon": [moved(point) for point in line.polygon],
                "box": None if line.box is None else (*moved(line.box[:2]), *moved(line.box[2:4])),
                "baseline": None if line.baseline is None else moved(line.baseline),
                "advance": None if line.advance is None else line.advance * scale,
            }
        )
        for line in text.lines
    ]
    lengths = {key: getattr(text, key) * scale for key in ("size", "line_spacing", "letter_spacing", "outline_width")}
    return text.model_copy(update={"lines": lines, **lengths})


def shape_hash(layer: Layer) -> str:
    """64 bits of which half of each of 8 x 8 neighbouring cells is more inked: the same at any place and size."""
    box = ink_box(layer)
    if box is None:
        return "0" * 16
    alpha = layer.pixels[box.slices(*layer.offset)][..., 3].astype(np.float32)
    cells = cv2.resize(alpha, (9, 8), interpolation=cv2.INTER_AREA)
    return np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes().hex()


def same_shape(one: str, other: str) -> bool:
    """Whether two hashes are of one shape."""
    return (int(one, 16) ^ int(other, 16)).bit_count() <= _SAME_SHAPE


def _same_colour(layer: Layer, colours: list[str]) -> bool:
    """Whether solid pixels still have one of the colours that were described."""
    rgb = layer.pixels[layer.pixels[..., 3] > 230][:, :3].astype(int)
    if not colours or not len(rgb):
        return True
    known = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours])
    away = np.abs(np.median(rgb, axis=0)[None] - known).max(axis=1)
    return bool(away.min() <= _SAME_COLOUR)
