"""Photoshop documents (PSD, PSB) as design files.

Stored pixels become layers plane by plane. Masks are multiplied in here; clipped layers are painted on their base with
our own composite. Only what plain pixels cannot tell is drawn by psd-tools: overlays, strokes, fills without pixels,
adjustments clipped to a layer. What nobody draws (shadows, glows, bevels ...) is flagged.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from psd_tools import PSDImage
from psd_tools.api.layers import AdjustmentLayer, Artboard
from psd_tools.constants import BlendMode as PsdBlend
from psd_tools.constants import Clipping
from psd_tools.psd.parse_limits import ParseLimits

from layerize.data.design_file import DesignFile
from layerize.data.readers.notes import Notes
from layerize.data.readers.psd_adjust import adjusted, can_adjust
from layerize.data.readers.psd_artboard import Frame, frame_of
from layerize.data.readers.psd_colour import Colours
from layerize.data.readers.psd_effects import DRAWN, Effect, enabled_effects
from layerize.data.readers.psd_masks import coverage, is_masked
from layerize.data.readers.psd_notes import note_layer, text_of
from layerize.data.readers.psd_pixels import Channels
from layerize.data.readers.psd_preview import read_preview
from layerize.data.readers.psd_render import render
from layerize.data.readers.shrink import factor_for, shrunk, shrunk_picture
from layerize.errors import InputError, LimitError
from layerize.formats.budget import PixelBudget
from layerize.formats.image import check_pixels
from layerize.formats.psd_read import MODES, NEAREST
from layerize.stack.composite import Box, box_of, flatten, ink_box, iter_nodes
from layerize.stack.cover import masked, through
from layerize.stack.layer import U8, BlendMode, Group, GroupBlendMode, Layer, LayerStack, Node

# Channels stay compressed in memory while the file is read; larger files would not fit beside their pixels.
MAX_FILE_BYTES = 2**30
MAX_DEPTH = 100
# How far a mask may be from exact when it is multiplied into a group's members one by one, in levels of 255.
MASK_TOLERANCE = 2


def read(path: Path, max_pixels: int) -> DesignFile:
    """Read a PSD or PSB of any colour mode and depth.

    Raises:
        InputError: Damaged; LimitError if it is too large.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise LimitError(f"{path} is {size / 2**30:.1f} GiB; Photoshop files end at {MAX_FILE_BYTES >> 30} GiB here.")
    notes = Notes()
    with path.open("rb") as file, _quiet():
        header = file.read(26)
        if header[:4] != b"8BPS" or len(header) < 26:
            raise InputError(f"{path} is not a Photoshop document; give a file that begins with 8BPS.")
        height, width = int.from_bytes(header[14:18], "big"), int.from_bytes(header[18:22], "big")
        check_pixels(str(path), width, height, max_pixels)
        file.seek(0)
        document = PSDImage.open(file, parse_limits=ParseLimits(max_read_bytes=max(size, 1)))
        return _Reader(document, str(path), max_pixels, notes).design("psb" if header[5] == 2 else "psd")


@contextmanager
def _quiet() -> Iterator[None]:
    """psd-tools logs what it skips in damaged files; what matters of it becomes flags."""
    logger = logging.getLogger("psd_tools")
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.CRITICAL)
    logger.propagate = False
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.propagate = propagate


class _Reader:
    def __init__(self, document: PSDImage, label: str, max_pixels: int, notes: Notes) -> None:
        self.document, self.label, self.notes = document, label, notes
        self.canvas = Box(0, 0, document.width, document.height)
        self.colours = Colours(document, notes)
        self.channels = Channels(self.colours, document.version, PixelBudget(label, max_pixels), notes)
        self.effects: dict[int, list[Effect]] = {}
        self.factor = factor_for(
            sum(layer.width * layer.height for layer in document.descendants() if not _is_group(layer))
        )
        self.whole = 0  # how many groups around are still needed at full size

    def design(self, format_name: str) -> DesignFile:
        """The whole document."""
        preview, transparent = read_preview(self.document, self.colours, self.notes)
        for layer in self.document.descendants():  # all at once: psd-tools draws a layer with what is clipped to it
            self.effects[id(layer)] = enabled_effects(layer)
        nodes = self._nodes(self.document, MAX_DEPTH)
        if len(self.document) == 0 and preview is not None:
            self.notes.add("no-layers")
            nodes = (Layer(pixels=preview, name="Background"),)
        size = self.document.size
        if self.factor > 1:
            self.notes.add("scaled", detail=f"1/{self.factor} of its own size, so that its layers fit in memory")
            size = (-(-size[0] // self.factor), -(-size[1] // self.factor))
            preview = None if preview is None else shrunk_picture(preview, self.factor)
        stack = LayerStack(size=size, layers=nodes)
        self._count_artboards()
        self.notes.survey(stack)
        return DesignFile(
            stack=stack, preview=preview, preview_has_alpha=transparent, flags=self.notes.flags, format=format_name
        )

    def _count_artboards(self) -> None:
        boards = [layer for layer in self.document.descendants() if isinstance(layer, Artboard)]
        if len(boards) > 1:
            self.notes.add("artboards", detail=f"{len(boards)} artboards")
        elif boards:
            self.notes.add("artboard", boards[0].name)

    def _nodes(self, parent: Any, depth: int) -> tuple[Node, ...]:
        """The members of a group bottom to top, each with what is clipped to it."""
        if depth == 0:
            raise LimitError(f"{self.label}: more than {MAX_DEPTH} groups inside each other; refused.")
        nodes: list[Node] = []
        members = list(parent)
        for index, member in enumerate(members):
            if _is_clipped(member) and index > 0:
                continue
            clips = []
            for above in members[index + 1 :]:
                if not _is_clipped(above):
                    break
                clips.append(above)
            if isinstance(member, AdjustmentLayer):
                nodes = self._adjusted(nodes, member, closed=parent is self.document or not _passes(parent))
                continue
            node = self._node(member, clips, depth)
            if node is not None:
                nodes.append(self._fitting(node) if isinstance(node, Layer) else node)
        return tuple(nodes)

    def _adjusted(self, below: list[Node], member: Any, *, closed: bool) -> list[Node]:
        """The layers below an adjustment that reaches no further than them, with it drawn into each."""
        if not member.is_visible() or member.opacity == 0 or not below:
            return below
        if not closed or self.factor > 1 or not can_adjust(member, below):
            self.notes.add("adjustment", member.name, member.kind)
            return below
        cover = coverage(self.channels, member, self.canvas, None, self.notes) if is_masked(member) else None
        try:
            done = [adjusted(node, member, cover, self.canvas) for node in below]
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):  # what its description lacks
            self.notes.add("adjustment", member.name, member.kind)
            return below
        self.notes.add("adjustment-baked", member.name, f"{member.kind}, in each layer below")
        return done

    def _fitting(self, node: Node) -> Node:
        """A finished node, made smaller where the layers would not fit in memory together."""
        return shrunk(node, self.factor) if self.factor > 1 and self.whole == 0 else node

    def _node(self, member: Any, clips: list[Any], depth: int) -> Node | None:
        effects = self.effects.get(id(member), [])
        note_layer(member, effects, self.notes)
        drawn = [effect for effect in effects if effect.name in DRAWN and effect.descriptor is not None]
        shown = [clip for clip in clips if clip.visible]
        if shown:
            self.notes.add("clip", member.name, f"{len(shown)} layers" if len(shown) > 1 else shown[0].name)
        if isinstance(member, AdjustmentLayer):
            if member.is_visible() and member.opacity > 0:
                self.notes.add("adjustment", member.name, member.kind)
            return None
        if member.is_group():
            return self._group(member, shown, drawn, depth)
        return self._leaf(member, shown, drawn, depth)

    def _leaf(self, member: Any, clips: list[Any], drawn: list[Effect], depth: int) -> Layer | None:
        plain = member.has_pixels() and not drawn and not self._needs_drawing(clips)
        layer = self._plain_leaf(member) if plain else self._drawn(member, [*drawn])
        if layer is None:
            self.notes.add("empty", member.name)
            return None
        if plain and clips:
            for clip in clips:
                self.notes.add("clip", clip.name, f"clipped to {member.name}")
            layer = self._clipped(layer, [node for clip in clips if (node := self._node(clip, [], depth - 1))])
        return layer

    def _plain_leaf(self, member: Any) -> Layer | None:
        pixels = self.channels.rgba(member)
        if pixels is None:
            return None
        layer = Layer(pixels=pixels, offset=(member.left, member.top), text=text_of(member), **self._shared(member))
        if is_masked(member):
            alpha = np.ascontiguousarray(pixels[..., 3])
            cover = coverage(self.channels, member, box_of(layer), alpha, self.notes)
            if cover is not None:
                layer = replace(layer, pixels=masked(pixels, cover))
        return _cropped(layer)

    def _drawn(self, member: Any, effects: list[Effect]) -> Layer | None:
        """The member as psd-tools draws it, clipped layers and all."""
        try:
            found = render(self.document, member, effects, self.colours, self.label)
        except (ImportError, ArithmeticError, AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
            detail = " ".join(str(error).split())[:120] or type(error).__name__
            self.notes.add("damaged", member.name, f"could not be drawn ({detail})")
            return None if member.is_group() else self._plain_leaf(member)
        if found is None:
            return None
        pixels, box = found
        shared = self._shared(member, filled=True)
        if shared["blend"] == "pass-through":
            shared["blend"] = "normal"
        return _cropped(Layer(pixels=pixels, offset=(box.x0, box.y0), text=text_of(member), **shared))

    def _needs_drawing(self, clips: list[Any]) -> bool:
        """Whether clipped layers do what our own composite cannot: adjust, or blend in a mode of Photoshop's own."""
        for clip in clips:
            if isinstance(clip, AdjustmentLayer):
                self.notes.add("adjustment-baked", clip.name, clip.kind)
                return True
            inside = [clip, *clip.descendants()] if clip.is_group() else [clip]
            if any(layer.blend_mode not in MODES or isinstance(layer, AdjustmentLayer) for layer in inside):
                return True
        return False

    def _clipped(self, base: Layer, clips: Sequence[Node]) -> Layer:
        """Clipped layers painted on the colours of their base, within its alpha."""
        moved = tuple(_moved(node, -base.offset[0], -base.offset[1]) for node in clips)
        ground = np.ascontiguousarray(base.pixels[..., :3])
        painted = flatten(LayerStack(size=base.size, layers=moved), background=ground)
        return replace(base, pixels=cv2.merge([*cv2.split(painted)[:3], base.pixels[..., 3].copy()]))

    def _group(self, member: Any, clips: list[Any], drawn: list[Effect], depth: int) -> Node | None:
        shared = self._shared(member, filled=bool(drawn))
        blend: GroupBlendMode = self._blend(member)
        whole = drawn or self._needs_drawing(clips)
        if whole:
            self.notes.add("flattened", member.name, "it has effects or adjustments of its own")
            return self._drawn(member, drawn)
        as_a_whole = bool(clips) or is_masked(member) or isinstance(member, Artboard)
        self.whole += as_a_whole
        try:
            group = self._built(member, blend, shared, depth)
            if clips:
                self.notes.add("flattened", member.name, "layers are clipped to the group")
                painted = [node for clip in clips if (node := self._node(clip, [], depth - 1))]
                return self._clipped(self._flat(group), painted)
        finally:
            self.whole -= as_a_whole
        return self._fitting(group) if as_a_whole else group

    def _built(self, member: Any, blend: GroupBlendMode, shared: dict[str, Any], depth: int) -> Group:
        """A group of its members, with its frame and its mask in them."""
        nodes = self._nodes(member, depth - 1)
        frame = frame_of(member) if isinstance(member, Artboard) else None
        if frame is not None:
            nodes = _framed(nodes, frame)
        group = Group(layers=nodes, **{**shared, "blend": blend})
        if is_masked(member) and any(isinstance(node, Layer) for node in iter_nodes(nodes)):
            group = self._masked_group(group, member)
        return group

    def _masked_group(self, group: Group, member: Any) -> Group:
        """The mask multiplied into each member; into all of them as one layer where that would show."""
        cover = coverage(self.channels, member, self.canvas, None, self.notes)
        if cover is None:
            return group
        parts = replace(group, layers=tuple(through(node, cover) for node in group.layers))
        flat = self._flat(replace(group, opacity=1.0, visible=True))
        whole = masked(_on_canvas(flat, self.canvas), cover)
        apart = _on_canvas(self._flat(replace(parts, opacity=1.0, visible=True)), self.canvas)
        if _difference(whole, apart) <= MASK_TOLERANCE or _blends(group):
            return parts
        self.notes.add("flattened", member.name, "its mask is soft where its layers overlap")
        merged = _cropped(Layer(pixels=whole, name=group.name))
        return replace(group, layers=() if merged is None else (merged,))

    def _flat(self, group: Group) -> Layer:
        """The group's own picture on the canvas; the layer takes its name, opacity, blend mode and visibility."""
        inner = LayerStack(size=self.document.size, layers=group.layers)
        blend: BlendMode = "normal" if group.blend == "pass-through" else group.blend
        layer = Layer(pixels=flatten(inner), name=group.name, opacity=group.opacity, blend=blend, visible=group.visible)
        return _cropped(layer) or layer

    def _shared(self, member: Any, *, filled: bool = False) -> dict[str, Any]:
        """Name, opacity, blend mode, visibility; ``filled``: the fill opacity is in the pixels already."""
        fill = 1.0 if filled else min(max(member.fill_opacity, 0), 255) / 255
        blend = self._blend(member)
        if blend == "pass-through" and not member.is_group():
            blend = "normal"  # damaged: only groups can
        opacity = min(max(member.opacity, 0), 255) / 255 * fill
        return {"name": member.name, "opacity": opacity, "blend": blend, "visible": bool(member.visible)}

    def _blend(self, member: Any) -> GroupBlendMode:
        mode = member.blend_mode
        if mode in MODES:
            return MODES[mode]
        nearest = NEAREST.get(mode, "normal")
        self.notes.add("blend-replaced", member.name, f"{mode.name.lower().replace('_', '-')} by {nearest}")
        return nearest


def _is_clipped(layer: Any) -> bool:
    """As the record has it: psd-tools denies that groups can be clipped, which newer Photoshop versions do."""
    return bool(layer._record.clipping == Clipping.NON_BASE)


def _passes(group: Any) -> bool:
    return bool(group.blend_mode == PsdBlend.PASS_THROUGH)


def _is_group(layer: Any) -> bool:
    return bool(layer.is_group())


def _cropped(layer: Layer) -> Layer | None:
    """The layer cut to its ink; None where it has none."""
    box = ink_box(layer)
    if box is None:
        return None
    if box == box_of(layer):
        return layer
    return replace(layer, pixels=layer.pixels[box.slices(*layer.offset)].copy(), offset=(box.x0, box.y0))


def _moved(node: Node, dx: int, dy: int) -> Node:
    if isinstance(node, Group):
        return replace(node, layers=tuple(_moved(member, dx, dy) for member in node.layers))
    return replace(node, offset=(node.offset[0] + dx, node.offset[1] + dy))


def _on_canvas(layer: Layer, canvas: Box) -> U8:
    return flatten(LayerStack(size=(canvas.x1, canvas.y1), layers=(replace(layer, blend="normal", opacity=1.0),)))


def _difference(one: U8, other: U8) -> int:
    """The largest difference of two pictures over black, and of their alphas, in levels."""
    alpha = cv2.absdiff(one[..., 3], other[..., 3]).max(initial=0)
    over = [
        cv2.multiply(picture[..., :3].copy(), cv2.merge([picture[..., 3].copy()] * 3), scale=1 / 255)
        for picture in (one, other)
    ]
    return max(int(alpha), int(cv2.absdiff(*over).max(initial=0)))


def _blends(group: Group) -> bool:
    return any(node.blend not in ("normal", "pass-through") for node in iter_nodes(group.layers))


def _framed(nodes: tuple[Node, ...], frame: Frame) -> tuple[Node, ...]:
    """An artboard's members cut to its box, over its background."""
    inside = tuple(_cut(node, frame.box) for node in nodes)
    if frame.colour is None:
        return inside
    size = (frame.box.y1 - frame.box.y0, frame.box.x1 - frame.box.x0)
    pixels = np.broadcast_to(np.array([*frame.colour, 255], np.uint8), (*size, 4)).copy()
    return (Layer(pixels=pixels, name="Artboard background", offset=(frame.box.x0, frame.box.y0)), *inside)


def _cut(node: Node, box: Box) -> Node:
    if isinstance(node, Group):
        return replace(node, layers=tuple(_cut(member, box) for member in node.layers))
    common = box_of(node).meet(box)
    if common is None:
        return replace(node, pixels=np.zeros((1, 1, 4), np.uint8), offset=(box.x0, box.y0))
    return replace(node, pixels=node.pixels[common.slices(*node.offset)], offset=(common.x0, common.y0))
