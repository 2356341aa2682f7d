"""Warnings of readers in a form that programs can use as well as people."""

from __future__ import annotations

import warnings

from layerize.errors import LayerizeWarning


class Loss(LayerizeWarning):
    """Something of a file was lost or replaced when it was read.

    Attributes:
        kind: A short word, the same for the same kind of loss in all formats ("blend-replaced", "mask" ...).
        layer: The layer's name, "" for the file as a whole.
        detail: What happened, in words.
    """

    def __init__(self, label: str, kind: str, layer: str, detail: str) -> None:
        super().__init__(f"{label}, layer {layer!r}: {detail}." if layer else f"{label}: {detail}.")
        self.kind, self.layer, self.detail = kind, layer, detail


def report(label: str, kind: str, layer: str, detail: str) -> None:
    """Warn of a loss; ``label`` names the file."""
    warnings.warn(Loss(label, kind, layer, detail), stacklevel=3)
