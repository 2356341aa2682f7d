"""Read a Photoshop document into a stack.

Pixel layers, groups, offsets, opacity, blend modes and visibility come over exactly, from files of our own the rest too
(``psd_marks.py``). What a Layer cannot express is
rendered into it by psd-tools: masks, vector shapes, clipped layers, layer effects. Each loss is a LayerizeWarning.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from psd_tools import PSDImage
from psd_tools.api import utils as psd_utils
from psd_tools.api.layers import AdjustmentLayer
from psd_tools.compression import PSDDecompressionWarning
from psd_tools.constants import BlendMode as PsdBlend

from layerize.errors import InputError, LayerizeError, LayerizeWarning, LimitError
from layerize.formats.image import DEFAULT_MAX_PIXELS, check_pixels
from layerize.formats.manifest import STACK_BUDGET
from layerize.formats.psd import PSB_MAX_SIDE
from layerize.formats.psd_marks import with_marks
from layerize.formats.psd_records import BLENDS
from layerize.stack.composite import Box, ink_box
from layerize.stack.convert import to_u8
from layerize.stack.layer import U8, Group, GroupBlendMode, Layer, LayerStack, Node

# psd-tools holds PSB to the limit of PSD, 30,000 pixels a side; sizes are checked here on the header instead.
psd_utils.MAX_DIMENSION_PSD = PSB_MAX_SIDE

MODES: dict[PsdBlend, GroupBlendMode] = {psd: ours for ours, psd in BLENDS.items()}

# Photoshop's modes that W3C does not have, and the nearest that it has.
NEAREST: dict[PsdBlend, GroupBlendMode] = {
    PsdBlend.DISSOLVE: "normal",
    PsdBlend.LINEAR_BURN: "color-burn",
    PsdBlend.DARKER_COLOR: "darken",
    PsdBlend.LINEAR_DODGE: "screen",
    PsdBlend.LIGHTER_COLOR: "lighten",
    PsdBlend.VIVID_LIGHT: "hard-light",
    PsdBlend.LINEAR_LIGHT: "hard-light",
    PsdBlend.PIN_LIGHT: "hard-light",
    PsdBlend.HARD_MIX: "hard-light",
    PsdBlend.SUBTRACT: "difference",
    PsdBlend.DIVIDE: "color-dodge",
}


def load_psd(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> LayerStack:
    """Read a PSD or PSB of any colour mode; a document without layers becomes one layer.

    Warns:
        LayerizeWarning: Something was rendered, replaced or left out; the message names the layer.

    Raises:
        LimitError: The canvas, one layer or all layers together are over the limits.
        InputError: Not a PSD, or damaged.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, _repairs_reported(str(path)):
            _check_header(file.read(26), str(path), max_pixels)
            file.seek(0)
            document = PSDImage.open(file)
            return with_marks(document, _Reader(document, str(path), max_pixels).stack())
    except LayerizeError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name.") from error
    except MemoryError as error:
        raise LimitError(f"{path}: not enough memory to read it.") from error
    except Exception as error:  # psd-tools raises nearly anything on damaged files
        detail = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path}: the PSD is damaged or cut off ({detail}); save it again.") from error


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _repairs_reported(label: str) -> Iterator[None]:
    """What psd-tools skips or blackens in a damaged file it says in its log; it is a loss like every other."""
    logger, collector = logging.getLogger("psd_tools"), _Collector()
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(collector)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PSDDecompressionWarning)  # it is in the log, too
            yield
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagate
    if notes := list(dict.fromkeys(collector.messages)):
        more = f"; {len(notes) - 1} more" if len(notes) > 1 else ""
        text = f"{label}: parts of the PSD are damaged and were skipped or are black ({notes[0][:120]}{more})."
        warnings.warn(text, LayerizeWarning, stacklevel=3)


def _check_header(header: bytes, label: str, max_pixels: int) -> None:
    """File header: signature, version, reserved, channels, height, width (Photoshop File Formats Specification)."""
    if header[:4] != b"8BPS" or len(header) < 26:
        found = "is empty" if not header else "is not a PSD"
        raise InputError(f"{label} {found}; give a file saved by Photoshop, layerize or the like.")
    height, width = int.from_bytes(header[14:18], "big"), int.from_bytes(header[18:22], "big")
    check_pixels(label, width, height, max_pixels)


class _Reader:
    def __init__(self, document: PSDImage, label: str, max_pixels: int) -> None:
        self.document = document
        self.label = label
        self.max_pixels = max_pixels
        self.budget = STACK_BUDGET * max_pixels

    def stack(self) -> LayerStack:
        if len(self.document) == 0:
            picture = self.document.topil()
            if picture is None:
                return LayerStack(size=self.document.size)
            return LayerStack(size=self.document.size, layers=(Layer(pixels=_rgba(picture), name="Background"),))
        return LayerStack(size=self.document.size, layers=self._nodes(self.document))

    def _nodes(self, parent: Any) -> tuple[Node, ...]:
        return tuple(node for member in parent if not member.clipping for node in self._node(member))

    def _node(self, member: Any) -> tuple[Node, ...]:
        shared = {"name": member.name, "opacity": member.opacity / 255, "visible": member.visible}
        blend = self._blend(member)
        clipped = member.has_clip_layers()
        if member.is_group():
            if not clipped and not _masked(member) and not member.has_effects():
                return (Group(layers=self._nodes(member), blend=blend, **shared),)
            self._warn(member, "a group with a mask, clipped layers or effects was merged into one layer")
            return self._rendered(member, "normal" if blend == "pass-through" else blend, shared)
        if blend == "pass-through":
            blend = "normal"
        if isinstance(member, AdjustmentLayer):
            self._warn(member, "adjustment layers are not supported and it was left out")
            return ()
        if member.width < 1 or member.height < 1:
            pixels = np.zeros((1, 1, 4), np.uint8)
            return (Layer(pixels=pixels, offset=member.offset, blend=blend, **shared),)
        if member.has_pixels() and not clipped and not _masked(member) and not member.has_effects():
            self._spend(member.width, member.height)
            shared["opacity"] *= member.fill_opacity / 255
            return (Layer(pixels=_stored(member), offset=member.offset, blend=blend, **shared),)
        if clipped:
            self._warn(member, "the layers clipped to it were merged into it")
        elif member.has_effects():
            self._warn(member, "its layer effects were rendered as far as psd-tools can")
        return self._rendered(member, blend, shared)

    def _rendered(self, member: Any, blend: GroupBlendMode, shared: dict[str, Any]) -> tuple[Node, ...]:
        """The node's own picture on the canvas, with masks, clipped layers and effects, without its opacity."""
        self._spend(*self.document.size)
        opacity, member._record.opacity = member._record.opacity, 255
        try:
            picture = member.composite(
                viewport=self.document.viewbox, layer_filter=lambda layer: layer is member or layer.visible
            )
        finally:
            member._record.opacity = opacity
        pixels = _rgba(picture) if picture is not None else np.zeros((1, 1, 4), np.uint8)
        assert blend != "pass-through"
        layer = Layer(pixels=pixels, blend=blend, **shared)
        box = ink_box(layer) or Box(0, 0, 1, 1)
        return (replace(layer, pixels=pixels[box.slices(0, 0)].copy(), offset=(box.x0, box.y0)),)

    def _blend(self, member: Any) -> GroupBlendMode:
        mode = member.blend_mode
        if mode in MODES:
            return MODES[mode]
        nearest = NEAREST.get(mode, "normal")
        self._warn(member, f"the blend mode {mode.name.lower().replace('_', '-')} was replaced by {nearest}")
        return nearest

    def _spend(self, width: int, height: int) -> None:
        if width * height > 0:
            check_pixels(f"{self.label}: a layer", width, height, self.max_pixels)
        self.budget -= width * height
        if self.budget < 0:
            raise LimitError(
                f"{self.label}: its layers hold more than {STACK_BUDGET} times {self.max_pixels / 1e6:g} megapixels "
                "together; raise --max-pixels to read it."
            )

    def _warn(self, member: Any, what: str) -> None:
        warnings.warn(f"{self.label}, layer {member.name!r}: {what}.", LayerizeWarning, stacklevel=2)


def _masked(member: Any) -> bool:
    drawn = member.kind == "shape" and member.has_pixels()  # its stored pixels are its vector mask, filled
    return bool((member.has_mask() and not member.mask.disabled) or (member.has_vector_mask() and not drawn))


def _stored(member: Any) -> U8:
    """A layer's own pixels; Pillow has no CMYK or Lab with alpha, so there the transparency is read by itself."""
    picture = member.topil()
    pixels = _rgba(picture)
    if "A" not in picture.getbands() and (shape := member.numpy("shape")) is not None:
        pixels = np.dstack([pixels[..., :3], to_u8(shape[..., 0])])
    return pixels


def _rgba(picture: Any) -> U8:
    return np.ascontiguousarray(np.asarray(picture.convert("RGBA")))
