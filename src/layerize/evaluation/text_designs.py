"""Designs whose words are known: text of many looks over many grounds, with its content, its alpha and what it hides.

Drawn with the means of ``layerize.synth``, from seeds of its own; nothing is trained on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from layerize.stack.layer import U8
from layerize.synth import backgrounds, fonts, icons, lettering, words
from layerize.synth.colour import BLACK, WHITE, Colour, Palette, distance, draw_palette, luma
from layerize.synth.dice import Dice
from layerize.synth.pen import Pen
from layerize.synth.raster import Box, Cutout, Easel, Finish, in_unit_square

F32 = npt.NDArray[np.float32]

SMOOTH = ("flat", "gradient")
"""Grounds under which text can be removed without guessing."""
GROUNDS = {
    "flat": 0.3, "gradient": 0.25, "pattern": 0.06, "mesh": 0.08, "photo": 0.12, "landscape": 0.06, "room": 0.07,
    "shapes": 0.06,
}  # fmt: skip
LOOKS = {"plain": 0.58, "outline": 0.11, "shadow": 0.13, "gradient": 0.08, "rotated": 0.06, "arc": 0.04}
LEAST_CAP = 9.0
"""Smallest capital letter in pixels."""
LEAST_CONTRAST = 150
"""``colour.distance`` between a text and what it lies on."""


@dataclass(frozen=True, kw_only=True)
class TextTruth:
    """One text of a design.

    Attributes:
        content: Its words, one space between lines.
        look: One of ``LOOKS``.
        height: Of its capitals in pixels.
        box: (x0, y0, x1, y1) around its alpha.
        typeface: Its font file, one of ``layerize.synth.fonts.BUNDLED``.
    """

    content: str
    look: str
    height: float
    box: tuple[int, int, int, int]
    typeface: str


@dataclass(frozen=True, kw_only=True, eq=False)
class TextDesign:
    """A picture and the truth about its words.

    Attributes:
        image_HW3: The picture, ``u8``.
        clean_HW3: The same without the text.
        alpha_HW: Of all text together, ``u8``; outlines and shadows included.
        owner_HW: Index of the text that covers a pixel most, -1 where none does.
        texts: What is written.
        ground: Kind of background, a key of ``GROUNDS``.
        seed: What it was drawn from.
    """

    image_HW3: U8
    clean_HW3: U8
    alpha_HW: U8
    owner_HW: npt.NDArray[np.int16]
    texts: tuple[TextTruth, ...]
    ground: str
    seed: int

    @property
    def smooth(self) -> bool:
        """Whether the background is flat or a gradient."""
        return self.ground in SMOOTH


def draw_text_design(seed: int, size: tuple[int, int] = (512, 512)) -> TextDesign:
    """Draw one design; the same seed and size always give the same pixels.

    Args:
        seed: 0 or more.
        size: (width, height) in pixels.
    """
    dice = Dice(f"text design {seed}")
    easel, palette, ground = Easel(size), draw_palette(dice), dice.weighted(GROUNDS)
    clean = backgrounds.KINDS[ground][0](easel, dice, palette)
    slots = _slots(dice, size)
    clean = _furnish(easel, dice, palette, clean, slots)
    image = clean.astype(np.float32)
    alpha = np.zeros(clean.shape[:2], np.float32)
    owner = np.full(clean.shape[:2], -1, np.int16)
    texts: list[TextTruth] = []
    for slot in slots:
        drawn = _draw_text(easel, dice, palette, clean, slot)
        if drawn is None or alpha[drawn[0].slices].any():
            continue
        cutout, truth = drawn
        _paint(image, cutout)
        cover = cutout.pixels[..., 3]
        alpha[cutout.slices] = np.maximum(alpha[cutout.slices], cover)
        owner[cutout.slices][cover > 0] = len(texts)
        texts.append(truth)
    return TextDesign(
        image_HW3=np.rint(image).astype(np.uint8),
        clean_HW3=clean,
        alpha_HW=alpha.astype(np.uint8),
        owner_HW=owner,
        texts=tuple(texts),
        ground=ground,
        seed=seed,
    )


def _slots(dice: Dice, size: tuple[int, int]) -> list[Box]:
    """Two to five boxes that do not overlap: bands of the canvas, wide ones for headlines, narrow ones for details."""
    width, height = size
    y, slots = height * dice.uniform(0.03, 0.12), list[Box]()
    while y < 0.9 * height and len(slots) < 5:
        tall = height * dice.pick((0.045, 0.06, 0.08, 0.13, 0.2, 0.28))
        if y + tall > 0.97 * height:
            break
        wide = width * dice.uniform(0.45, 0.92)
        slots.append(Box(dice.uniform(0.03 * width, 0.97 * width - wide), y, wide, tall))
        y += tall + height * dice.uniform(0.03, 0.14)
    return slots


def _furnish(easel: Easel, dice: Dice, palette: Palette, clean: U8, slots: list[Box]) -> U8:
    """Panels under some of the slots, and signs beside them that are no letters."""
    canvas = clean.astype(np.float32)
    for slot in slots:
        if dice.chance(0.15):
            panel, radius = slot.inset(-0.25), slot.h * dice.pick((0.0, 0.2, 0.5))
            colour = palette.against(dice, _mean(clean, slot), least=60)
            cutout = easel.cut(_panel(panel, radius, colour), Finish(), dice)
            if cutout is not None:
                _paint(canvas, cutout)
        if dice.chance(0.12) and slot.x > 0.15 * easel.size[0]:
            side = min(slot.h, slot.x - 8)
            sign, colour = dice.pick(icons.ICONS)(dice), palette.against(dice, _mean(clean, slot))
            cutout = easel.cut(_sign(Box(slot.x - side - 6, slot.y, side, side), sign, colour), Finish(), dice)
            if cutout is not None:
                _paint(canvas, cutout)
    return np.rint(canvas).astype(np.uint8)


def _panel(box: Box, radius: float, colour: Colour) -> Any:
    return lambda canvas: Pen(canvas).rect(box.x, box.y, box.w, box.h, colour, radius)


def _sign(box: Box, path: Any, colour: Colour) -> Any:
    def draw(canvas: Any) -> None:
        in_unit_square(canvas, box)
        Pen(canvas).fill(path, colour)

    return draw


def _draw_text(easel: Easel, dice: Dice, palette: Palette, clean: U8, slot: Box) -> tuple[Cutout, TextTruth] | None:
    """One text in its slot; None where it does not fit or would run off the canvas."""
    look = dice.weighted(LOOKS)
    content = (
        words.headline(dice) if slot.h > 50 else dice.pick((words.small_line, words.small_line, words.label))(dice)
    )
    content = content.upper() if dice.chance(0.35) else content
    below = _mean(clean, slot)
    colour = palette.against(dice, below)
    if distance(colour, below) < LEAST_CONTRAST or float(clean[_inside(slot)].std()) > 25:
        colour = WHITE if luma(below) < 128 else BLACK
    typeface = dice.weighted(fonts.BUNDLED)
    stroke = (BLACK if luma(colour) > 128 else WHITE) if look == "outline" and slot.h > 30 else None
    fitted = lettering.fit(
        dice,
        content,
        slot,
        fonts.bundled(typeface),
        colour,
        least_cap=LEAST_CAP,
        align=dice.pick(("left", "centre", "centre", "right")),
        arc=look == "arc",
        stroke=stroke,
    )
    if fitted is None:
        return None
    draw = _tilted(fitted.draw, slot, dice.uniform(-14, 14)) if look == "rotated" else fitted.draw
    shadow = None
    if look == "shadow":
        reach = max(fitted.cap_height * dice.uniform(0.04, 0.12), 1.0)
        shadow = (reach * dice.uniform(0.3, 1.2), reach, reach, dice.uniform(0.4, 0.8))
    cutout = easel.cut(draw, Finish(shadow=shadow), dice)
    if cutout is None or not _within(cutout.box, easel.size):
        return None
    if look == "gradient":
        cutout = _shaded(cutout, palette.against(dice, below))
    box = (cutout.x, cutout.y, cutout.x + cutout.pixels.shape[1], cutout.y + cutout.pixels.shape[0])
    return cutout, TextTruth(content=content, look=look, height=fitted.cap_height, box=box, typeface=typeface)


def _tilted(draw: Any, box: Box, angle: float) -> Any:
    def tilted(canvas: Any) -> None:
        canvas.rotate(angle, *box.centre)
        canvas.scale(0.9, 0.9)
        canvas.translate(box.centre[0] / 9, box.centre[1] / 9)
        draw(canvas)

    return tilted


def _shaded(cutout: Cutout, end: Colour) -> Cutout:
    """The text's own colour at the top, running to another one at the bottom."""
    pixels = cutout.pixels.astype(np.float32)
    share = np.linspace(0, 0.7, pixels.shape[0], dtype=np.float32)[:, None, None]
    colour = pixels[..., :3] * (1 - share) + share * np.array(end, np.float32) * pixels[..., 3:] / 255
    return Cutout(cutout.x, cutout.y, np.dstack([np.rint(colour), pixels[..., 3]]).astype(np.uint8))


def _paint(canvas_HW3: F32, cutout: Cutout) -> None:
    """Premultiplied "over", in place."""
    pixels = cutout.pixels.astype(np.float32)
    canvas_HW3[cutout.slices] = pixels[..., :3] + canvas_HW3[cutout.slices] * (1 - pixels[..., 3:] / 255)


def _inside(box: Box) -> tuple[slice, slice]:
    return slice(int(box.y), int(box.y + box.h) + 1), slice(int(box.x), int(box.x + box.w) + 1)


def _mean(pixels: U8, box: Box) -> Colour:
    r, g, b = np.rint(pixels[_inside(box)].reshape(-1, 3).mean(0)).astype(int).tolist()
    return r, g, b


def _within(box: Box, size: tuple[int, int]) -> bool:
    return box.x > 0 and box.y > 0 and box.x + box.w < size[0] and box.y + box.h < size[1]
