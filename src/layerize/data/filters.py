"""Which samples are kept: pure functions from a sample's facts to a reason to reject it, or nothing.

``FILTERS`` is the whole list in the order in which they are asked; ``--skip NAME`` leaves one out, ``--filter`` adds an
expression. Duplicates are found later, over the whole dataset (``near_duplicates``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from layerize.data.anomalies import blurred_patch, watermark
from layerize.data.dataset_folder import FlagEntry, Reason
from layerize.data.expression import Expression
from layerize.data.gate import Gate
from layerize.data.normalise import TOLERANCE
from layerize.errors import UsageError
from layerize.stack.layer import U8, Layer

LEAST_SIDE = 32
"""Pixels of the shorter side of the canvas."""
LEAST_INK = 0.005
"""Share of the canvas that must be covered."""
LEAST_SPREAD = 1.5
"""Standard deviation of the picture over grey, in levels of 255; below it there is nothing to see."""
TRANSPARENT = 0.995
"""Share of opaque canvas below which a sample is flagged as transparent: it needs a background in training."""

SAMPLE_FLAGS: dict[str, str] = {
    "blurred-patch": "a small blurred region in a sharp picture: perhaps a face made unrecognisable (a guess)",
    "local-difference": "the preview differs strongly in a small part of the picture",
    "near-preview": "the preview differs by 1 to 3 levels on average",
    "transparent": "the canvas is not opaque (a sticker, a logo): put a background below it in training",
    "unverified": "there is no usable preview to check the layers against, and nothing says that they are wrong",
}
"""Flags that the extraction adds to those of the readers (``design_file.FLAGS``)."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What filters may look at; see ``expression.FIELDS`` for the words."""

    size: tuple[int, int]
    layers: Sequence[Layer]
    composite: U8
    elements: int
    levels: int
    error: int
    gate: Gate
    flags: tuple[str, ...]
    min_layers: int
    max_layers: int
    names: tuple[str, ...] = ()
    text: str = ""
    caption: str = ""
    name: str = ""
    format: str = ""
    kind: str = ""
    licence: str = ""
    repository: str = ""
    opaque: float = field(default=1.0)

    def mapping(self) -> dict[str, Any]:
        """The values of ``expression.FIELDS``."""
        width, height = self.size
        computed = {
            "width": width,
            "height": height,
            "aspect": width / height,
            "layers": len(self.layers),
            "mad": self.gate.mad,
            "verified": self.gate.verdict in ("verified", "near"),
        }
        same = (
            "caption",
            "elements",
            "error",
            "flags",
            "format",
            "kind",
            "levels",
            "licence",
            "name",
            "names",
            "opaque",
        )
        return computed | {key: getattr(self, key) for key in (*same, "repository", "text")}


def differs_from_preview(facts: Facts) -> str:
    """The stack is not what the author saw (``gate``)."""
    return facts.gate.reason if facts.gate.verdict == "rejected" else ""


def two_pictures(facts: Facts) -> str:
    """Several artboards on one canvas are several pictures."""
    return "the canvas holds several artboards, each a picture of its own" if "artboards" in facts.flags else ""


def changed_by_normalising(facts: Facts) -> str:
    """Plain RGBA layers cannot show what the stack shows."""
    if facts.error <= TOLERANCE:
        return ""
    return f"as plain layers it differs from its own stack by up to {facts.error} levels, {TOLERANCE} is allowed"


def too_small(facts: Facts) -> str:
    """A canvas of a few pixels."""
    side = min(facts.size)
    return f"its shorter side has {side} pixels, at least {LEAST_SIDE} are wanted" if side < LEAST_SIDE else ""


def blank(facts: Facts) -> str:
    """Nothing to see: no layers, hardly any ink, or one colour."""
    if not facts.layers:
        return "no visible layer has any pixel on the canvas"
    alpha = facts.composite[..., 3]
    ink = float(np.mean(alpha, dtype=np.float64)) / 255
    if ink < LEAST_INK:
        return f"only {100 * ink:.2f} % of the canvas is covered"
    step = max(1, max(facts.size) // 512)
    small = facts.composite[::step, ::step].astype(np.float32)
    over_grey = 128 + small[..., 3:] / 255 * (small[..., :3] - 128)
    if float(over_grey.std((0, 1)).max()) < LEAST_SPREAD:
        return "the picture has a single colour"
    return ""


def too_few_layers(facts: Facts) -> str:
    """Nothing to split."""
    count = len(facts.layers)
    if count >= facts.min_layers or count == 0:
        return ""
    return f"{count} visible layer{'s' if count != 1 else ''}, at least {facts.min_layers} wanted"


def too_many_layers(facts: Facts) -> str:
    """More than wanted, where merging is turned off."""
    count = len(facts.layers)
    return f"{count} layers, at most {facts.max_layers} wanted" if count > facts.max_layers else ""


def watermarked(facts: Facts) -> str:
    """A guess (``anomalies.watermark``)."""
    return watermark(facts.layers, facts.size)


FILTERS: dict[str, Callable[[Facts], str]] = {
    "preview": differs_from_preview,
    "artboards": two_pictures,
    "too-small": too_small,
    "blank": blank,
    "normalise": changed_by_normalising,
    "too-few-layers": too_few_layers,
    "too-many-layers": too_many_layers,
    "watermark": watermarked,
}
LATER = ("duplicate", "near-duplicate")
"""Asked over the whole dataset at the end; ``--skip`` knows them too."""


def check_names(skip: Iterable[str]) -> None:
    """Refuse names that are no filters.

    Raises:
        UsageError: One is unknown.
    """
    for name in skip:
        if name not in FILTERS and name not in LATER:
            raise UsageError(f"--skip {name}: there is no such filter; use {', '.join((*FILTERS, *LATER))}.")


def reasons_against(facts: Facts, *, skip: Sequence[str] = (), expressions: Sequence[Expression] = ()) -> list[Reason]:
    """Every reason to reject a sample, in the order of ``FILTERS``; expressions last, only of what is left."""
    found = [(name, FILTERS[name](facts)) for name in FILTERS if name not in skip]
    reasons = [Reason(filter=name, detail=detail) for name, detail in found if detail]
    if reasons:
        return reasons
    for expression in expressions:
        try:
            passed, why = expression(facts.mapping()), "is not true"
        except UsageError as error:
            passed, why = False, str(error)
        if not passed:
            reasons.append(Reason(filter="expression", detail=f"{expression.text!r} {why}"))
    return reasons


def sample_flags(composite: U8, opaque: float, gate: Gate) -> list[FlagEntry]:
    """The flags of ``SAMPLE_FLAGS`` that hold."""
    flags = []
    if opaque < TRANSPARENT:
        flags.append(FlagEntry(kind="transparent", detail=f"{100 * opaque:.0f} % of the canvas is opaque"))
    if gate.verdict == "unverified":
        flags.append(FlagEntry(kind="unverified"))
    if gate.verdict == "near":
        flags.append(FlagEntry(kind="near-preview", detail=f"{gate.mad:.2f} levels"))
    if gate.verdict in ("verified", "near") and gate.local:
        flags.append(FlagEntry(kind="local-difference", detail=f"{gate.worst_tile:.0f} levels in one of 16 x 16 tiles"))
    if (patch := blurred_patch(composite)) is not None:
        flags.append(FlagEntry(kind="blurred-patch", detail=f"at {patch.x0},{patch.y0} to {patch.x1},{patch.y1}"))
    return flags
