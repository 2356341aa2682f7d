"""How well words come off a picture: what was read, how the mattes fit, what was put under them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from layerize.evaluation.text_designs import TextDesign
from layerize.stack.layer import U8, Layer
from layerize.text.block import TextBlock

FOUND = 0.3  # share of a text's alpha that a layer must have for it to count as found

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class TextScore:
    """One text of one design.

    Attributes:
        content: The truth.
        read: What was read there, lines joined by spaces; "" for nothing.
        look: See ``text_designs.LOOKS``.
        height: Of its capitals in pixels.
        ground: Kind of background.
        iou: Soft IoU of the alphas, ``sum min / sum max``, 0..1.
        found: Whether a layer holds it.
        ground_error: Mean absolute error in levels, 0..255, of the picture without text under it.
        edits: Levenshtein distance of what was read, upper and lower case alike.
        typeface: Font file that a layer names for it, or None where it names none.
        typeface_right: Whether it is the true one.
    """

    content: str
    read: str
    look: str
    height: float
    ground: str
    iou: float
    found: bool
    ground_error: float
    edits: int
    typeface: str | None
    typeface_right: bool


@dataclass(frozen=True, kw_only=True)
class DesignScore:
    """One design.

    Attributes:
        seed: Of the design.
        texts: One per true text.
        true_words: How many words there are.
        read_words: How many words were read.
        right_words: How many of both are the same, upper and lower case alike.
        false_layers: Text layers that hold no text.
        seconds: That lifting took.
    """

    seed: int
    texts: tuple[TextScore, ...]
    true_words: int
    read_words: int
    right_words: int
    false_layers: int
    seconds: float


def score_design(
    design: TextDesign, clean_HW4: U8, blocks: Sequence[TextBlock], layers: Sequence[Layer], seconds: float
) -> DesignScore:
    """Compare what was lifted off a design with the truth.

    Args:
        design: The truth.
        clean_HW4: The picture without text, as it was found.
        blocks: What was read.
        layers: A layer for each block.
        seconds: That it took.
    """
    owner = nearest_text(design)
    alphas = [canvas_alpha(layer, design.alpha_HW.shape) for layer in layers]
    together = np.max(alphas, axis=0) if alphas else np.zeros(design.alpha_HW.shape, np.float32)
    home = [_home(alpha, owner, design) for alpha in alphas]
    error = np.abs(clean_HW4[..., :3].astype(np.float32) - design.clean_HW3).mean(2)
    texts = []
    for index, truth in enumerate(design.texts):
        here = owner == index
        true_alpha = np.where(design.owner_HW == index, design.alpha_HW / np.float32(255), 0)
        found_alpha = np.where(here, together, 0)
        common, union = np.minimum(true_alpha, found_alpha).sum(), np.maximum(true_alpha, found_alpha).sum()
        inside = true_alpha > 0
        words = [block.content for block, place in zip(blocks, home, strict=True) if index in place]
        named = [
            file for layer, place in zip(layers, home, strict=True) if index in place and (file := _file_of(layer))
        ]
        read = " ".join(" ".join(words).split())
        texts.append(
            TextScore(
                content=truth.content,
                read=read,
                look=truth.look,
                height=truth.height,
                ground=design.ground,
                iou=float(common / max(union, 1e-6)),
                found=bool(common >= FOUND * true_alpha.sum()),
                ground_error=float(error[inside].mean()) if inside.any() else 0.0,
                edits=edit_distance(truth.content.casefold(), read.casefold()),
                typeface=named[0] if named else None,
                typeface_right=bool(named) and named[0] == truth.typeface,
            )
        )
    true_words = Counter(" ".join(text.content for text in design.texts).casefold().split())
    read_words = Counter(" ".join(block.content for block in blocks).casefold().split())
    return DesignScore(
        seed=design.seed,
        texts=tuple(texts),
        true_words=true_words.total(),
        read_words=read_words.total(),
        right_words=(true_words & read_words).total(),
        false_layers=sum(not place for place in home),
        seconds=seconds,
    )


def _file_of(layer: Layer) -> str | None:
    font = (layer.text or {}).get("font")
    return str(font["file"]) if font else None


def nearest_text(design: TextDesign) -> npt.NDArray[np.int16]:
    """For every pixel the text that is nearest, so that what was lifted beside a text counts against it."""
    bare = design.owner_HW < 0
    if bare.all():
        return design.owner_HW
    _, labels = cv2.distanceTransformWithLabels(bare.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    lookup = np.zeros(int(labels.max()) + 1, np.int16)
    lookup[labels[~bare]] = design.owner_HW[~bare]
    nearest: npt.NDArray[np.int16] = lookup[labels]
    return nearest


def canvas_alpha(layer: Layer, shape: tuple[int, ...]) -> F32:
    """A layer's alpha, 0..1, on the whole canvas (H, W)."""
    alpha = np.zeros(shape[:2], np.float32)
    x, y = layer.offset
    alpha[y : y + layer.size[1], x : x + layer.size[0]] = layer.pixels[..., 3] / np.float32(255)
    return alpha


def _home(alpha: F32, owner: npt.NDArray[np.int16], design: TextDesign) -> set[int]:
    """The texts that a layer holds a good part of; none for a layer that holds something else."""
    places = set()
    for index in range(len(design.texts)):
        own = np.where(design.owner_HW == index, design.alpha_HW / np.float32(255), 0)
        if np.minimum(own, alpha).sum() >= min(FOUND * own.sum(), FOUND * np.where(owner == index, alpha, 0).sum() + 1):
            places.add(index)
    return places if float(alpha.sum()) > 0 else set()


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance: insertions, deletions and substitutions of one character."""
    row = list(range(len(b) + 1))
    for i, first in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, second in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (first != second))
    return row[-1]
