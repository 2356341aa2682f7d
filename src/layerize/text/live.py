"""Live text: what a manifest says of a text layer, with the typeface it is set in where that is sure.

``docs/live_text.md`` explains the keys and the threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from layerize.formats.live_text import shape_hash
from layerize.stack.composite import ink_box
from layerize.stack.convert import to_float
from layerize.stack.layer import Layer
from layerize.text.block import TextBlock
from layerize.text.fonts import FontFace, installed_faces
from layerize.text.match import Match, best_matches, certainty
from layerize.text.style_estimate import BOLD_WEIGHT, has_serifs, is_bold, is_italic, vote_on_serifs
from layerize.text.upright import Upright, upright

SURE = 0.05
"""Least ``certainty`` of a match; below, the typeface is unknown (``benchmarks/fonts.py`` measures it)."""
SMALL = 20.0
SMALL_COST = 0.005
"""What must be added to ``SURE`` per pixel of size below ``SMALL``: there faces look more alike."""
MOST_BLOCKS = 24
"""Blocks of a picture whose typeface is looked for, largest first."""
MOST_LETTERS = 400
# Share of solid pixels that must have a colour of the block, and how far off (0..1) they may be, for a flat fill.
_FLAT, _NEAR = 0.8, 0.16


def describe(block: TextBlock, layer: Layer, *, faces: Sequence[FontFace] | None = None) -> dict[str, Any]:
    """What a manifest says of a text layer.

    Args:
        block: What was read.
        layer: Its picture, cut out.
        faces: Candidates; default: the machine's and the package's.

    Raises:
        MissingExtraError: The extra ``text`` is not installed.
    """
    found = plain(block, layer)
    if block.vertical or len(block.content) > MOST_LETTERS:
        return found
    flat = upright(block, layer)
    matches = best_matches(flat.lines, installed_faces() if faces is None else faces)
    if not matches:
        return found
    best = matches[0]
    if certainty(flat.lines, best) < least_certainty(block.size) or len(flat.lines) < len(block.lines):
        votes = [(match.face, match.score) for match in matches]
        weight = "bold" if is_bold(flat.lines) else "regular"
        return {**found, "weight": weight, "italic": is_italic(flat.lines), "serif": vote_on_serifs(votes)}
    return {**found, **matched(flat, best, found), "outline_width": outline_width(block, layer)}


def least_certainty(size: float) -> float:
    """The ``certainty`` from which a typeface is named, for letters of a size in pixels."""
    return SURE + SMALL_COST * max(0.0, SMALL - size)


def describe_all(
    blocks: Sequence[TextBlock], layers: Sequence[Layer], *, faces: Sequence[FontFace] | None = None
) -> list[dict[str, Any]]:
    """``describe`` for a whole picture; typefaces are looked for in its ``MOST_BLOCKS`` largest blocks."""
    large = sorted(range(len(blocks)), key=lambda i: -blocks[i].size * len(blocks[i].content))[:MOST_BLOCKS]
    return [
        describe(block, layer, faces=faces) if number in set(large) else plain(block, layer)
        for number, (block, layer) in enumerate(zip(blocks, layers, strict=True))
    ]


def plain(block: TextBlock, layer: Layer) -> dict[str, Any]:
    """The description without a typeface."""
    return {**block.to_dict(), **fingerprint(layer), "flat": is_flat(block, layer)}


def fingerprint(layer: Layer) -> dict[str, Any]:
    """The ink box and shape that a description belongs to."""
    box = ink_box(layer)
    return {"ink": None if box is None else [float(value) for value in box], "shape": shape_hash(layer)}


def font_entry(face: FontFace, score: float | None) -> dict[str, Any]:
    """The key ``font``: names, what line layout needs, the score. The file is named without its folder."""
    family, bold, italic = face.office
    return {
        "family": face.family,
        "style": face.style,
        "name": face.name,
        "file": face.file.name,
        "score": None if score is None else round(score, 3),
        "weight": face.weight,
        "italic": face.italic,
        "ascent": round(face.ascent, 4),
        "descent": round(face.descent, 4),
        "line_gap": round(face.line_gap, 4),
        "office": {"family": family, "bold": bold, "italic": italic},
    }


def matched(flat: Upright, match: Match, found: dict[str, Any]) -> dict[str, Any]:
    """The keys that a matched typeface adds or makes exact."""
    setting = match.setting
    lines = [dict(line) for line in found["lines"]]
    for place, line in enumerate(flat.lines):
        x, y = flat.place(place, *match.baselines[place])
        width = setting.width(line.content) / flat.scale
        lines[flat.rows[place]].update(baseline=[round(x, 2), round(y, 2)], advance=round(width, 2))
    return {
        "lines": lines,
        "angle": round(flat.angle, 2),
        "size": round(setting.size / flat.scale, 2),
        "letter_spacing": round(setting.spacing / flat.scale, 3),
        "weight": "bold" if match.face.weight >= BOLD_WEIGHT else "regular",
        "italic": match.face.italic,
        "serif": has_serifs(match.face),
        "font": font_entry(match.face, match.score),
    }


def outline_width(block: TextBlock, layer: Layer) -> float:
    """How far the outline reaches out from the letters, in pixels; 0 without one."""
    if len(block.colours) < 2:
        return 0.0
    rgb, (fill, outline) = to_float(layer.pixels[..., :3]), (np.array(c, np.float32) / 255 for c in block.colours[:2])
    inked = layer.pixels[..., 3] > 127
    letters = inked & (((rgb - fill) ** 2).sum(axis=-1) < ((rgb - outline) ** 2).sum(axis=-1))
    around = inked & ~letters
    if not letters.any() or not around.any():
        return 0.0
    away = cv2.distanceTransform((~letters).astype(np.uint8), cv2.DIST_L2, 5)[around]
    return round(max(float(np.percentile(away, 92)) - 0.5, 0.0), 2)


def is_flat(block: TextBlock, layer: Layer) -> bool:
    """Whether the block's colours alone, without gradients, pictures and shadows, make up the letters."""
    alpha = layer.pixels[..., 3]
    inside = cv2.erode((alpha > 230).astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    solid = inside if inside.any() else alpha > 200
    if not block.colours or not solid.any():
        return True
    rgb = to_float(layer.pixels[solid][:, :3])
    away = [np.abs(rgb - np.array(colour, np.float32) / 255).max(axis=-1) for colour in block.colours]
    near = np.min(away, axis=0) <= _NEAR
    return bool(near.mean() >= _FLAT)
