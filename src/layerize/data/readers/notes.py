"""Gathering flags while a file is read: its own notes, and the losses that the readers of ``formats`` report."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from layerize.data.design_file import Flag
from layerize.errors import LayerizeWarning
from layerize.formats.loss import Loss
from layerize.stack.composite import Box, box_of, ink_box
from layerize.stack.layer import U8, Group, Layer, LayerStack, Node

# A hostile file of a hundred thousand layers must not give as many notes.
MAX_FLAGS = 2_000


class Notes:
    """An ordered set of flags."""

    def __init__(self) -> None:
        self._flags: dict[Flag, None] = {}

    def add(self, kind: str, layer: str = "", detail: str = "") -> None:
        """Note a flag once."""
        if len(self._flags) < MAX_FLAGS:
            self._flags[Flag(kind=kind, layer=layer[:200], detail=detail[:300])] = None

    @property
    def flags(self) -> tuple[Flag, ...]:
        """All flags, in the order in which they were noted."""
        return tuple(self._flags)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Turn the losses that readers warn of into flags."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        for warning in caught:
            if isinstance(warning.message, Loss):
                self.add(warning.message.kind, warning.message.layer, warning.message.detail)
            elif isinstance(warning.message, LayerizeWarning):
                self.add("lost", detail=str(warning.message))

    def survey(self, stack: LayerStack) -> None:
        """Note what can be seen in any stack: hidden layers, blend modes, pixels outside the canvas."""
        canvas = Box(0, 0, *stack.size)
        for node in stack.layers:
            self._survey(node, canvas, True)

    def _survey(self, node: Node, canvas: Box, visible: bool) -> None:
        visible = visible and node.visible
        if node.blend not in ("normal", "pass-through"):
            self.add("blend", node.name, node.blend)
        if isinstance(node, Group):
            for member in node.layers:
                self._survey(member, canvas, visible)
            return
        if not visible:
            self.add("hidden", node.name)
        if _sticks_out(node, canvas):
            self.add("off-canvas", node.name)

    def judge_preview(self, preview: U8 | None, why: str = "") -> None:
        """Note a preview that is missing or of a single colour."""
        if preview is None:
            self.add("no-preview", detail=why)
        elif all(bool((row == preview[0, 0]).all()) for row in preview):
            self.add("blank-preview", detail="every pixel is " + ", ".join(str(value) for value in preview[0, 0]))


def _sticks_out(layer: Layer, canvas: Box) -> bool:
    if (box := box_of(layer)).meet(canvas) == box:
        return False
    ink = ink_box(layer)
    return ink is not None and ink.meet(canvas) != ink


def has_alpha(pixels: U8) -> bool:
    """Whether any pixel is not opaque."""
    return bool(np.min(pixels[..., 3]) < 255)
