"""``draw_design``: a seed in, a picture with its known layers out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from layerize.errors import UsageError
from layerize.stack.layer import Layer, LayerStack
from layerize.synth.backgrounds import KINDS
from layerize.synth.caption import caption_of, layer_names
from layerize.synth.colour import Palette, draw_palette
from layerize.synth.composer import Composer
from layerize.synth.config import DesignConfig
from layerize.synth.dice import Dice
from layerize.synth.element_items import real_ground
from layerize.synth.elements import Credit, ElementBank
from layerize.synth.layouts import LAYOUTS, alone
from layerize.synth.merge import composite_over, merge_levels
from layerize.synth.raster import Easel
from layerize.synth.scene import Scene

__all__ = ["HELD_OUT_SEEDS", "TRAIN_SEED_START", "Design", "DesignConfig", "draw_design"]

U8 = npt.NDArray[np.uint8]

TRAIN_SEED_START = 1_000_000
"""Training uses seeds from here upwards."""

HELD_OUT_SEEDS = range(10_000)
"""Evaluation uses these; no model may be trained on them."""

_MOST_ATTEMPTS = 400
_DEFAULT = DesignConfig()


@dataclass(frozen=True, eq=False)
class Design:
    """A picture and the layers that it is made of.

    Attributes:
        image_u8_HW3: The composite of the layers, RGB.
        layers_u8_KHW4: Straight RGBA, bottom to top, one per level; the first is the opaque background. RGB is 0
            where alpha is 0.
        caption: One sentence that describes the picture.
        names: One per layer.
        seed: What it was drawn from.
        attempts: How many times the design was begun before its depth was reached (1: at once).
        credits: Whose work the real cut-outs in it are, each source once.
    """

    image_u8_HW3: U8
    layers_u8_KHW4: U8
    caption: str
    names: tuple[str, ...]
    seed: int = 0
    attempts: int = 1
    credits: tuple[Credit, ...] = ()

    def to_stack(self) -> LayerStack:
        """The layers as a LayerStack with names and caption."""
        height, width = self.image_u8_HW3.shape[:2]
        layers = tuple(
            Layer(pixels=pixels, name=name, id=f"{self.seed % 2**32:08x}{index:04x}")
            for index, (pixels, name) in enumerate(zip(self.layers_u8_KHW4, self.names, strict=True))
        )
        about: dict[str, Any] = {"caption": self.caption, "source": f"layerize synth, seed {self.seed}"}
        if self.credits:
            about["elements"] = [asdict(credit) for credit in self.credits]
        return LayerStack(size=(width, height), layers=layers, metadata=about)


def draw_design(
    seed: int,
    size: tuple[int, int] = (128, 128),
    config: DesignConfig = _DEFAULT,
    elements: ElementBank | None = None,
) -> Design:
    """Draw one design; the same seed, size, config and elements always give the same pixels.

    Args:
        seed: 0 or more; see ``TRAIN_SEED_START`` and ``HELD_OUT_SEEDS``.
        size: (width, height) in pixels, multiples of 16, at least 64.
        config: Difficulty and variety.
        elements: Real cut-outs; ``config.element_share`` of the figures and pictures come from them.

    Raises:
        UsageError: The seed or the size is not allowed.
    """
    _check(seed, size)
    count = Dice(f"levels {seed}").weighted(config.level_choices())
    for attempt in range(_MOST_ATTEMPTS):
        design = _attempt(seed, attempt, count, size, config, elements)
        if design is not None:
            return design
    raise AssertionError(f"seed {seed} at {size[0]}x{size[1]} found no design of {count} layers")


def _attempt(
    seed: int, attempt: int, count: int, size: tuple[int, int], config: DesignConfig, elements: ElementBank | None
) -> Design | None:
    dice = Dice(f"design {seed} {attempt}")
    palette = draw_palette(dice)
    easel = Easel(size)
    kind = dice.weighted(dict(config.background_weights))
    layout = dice.weighted(LAYOUTS)(dice)
    if config.alone_share and dice.chance(config.alone_share):
        layout = alone(dice)
    if config.white_share and dice.chance(config.white_share):
        kind = "white"
    background, ground, credit = _background(kind, easel, dice, palette, config, elements)
    scene = Scene(easel, background, config.least_overlap, config.least_area)
    if not Composer(scene, dice, palette, config, count - 1, elements).compose(layout):
        return None
    layers = merge_levels(scene.background, scene.placed, count)
    names, caption = layer_names(scene.placed, count), caption_of(layout.name, ground, scene.background, scene.placed)
    used = [credit, *(placed.item.credit for placed in scene.placed)]
    credits = tuple(dict.fromkeys(one for one in used if one is not None))
    return Design(composite_over(layers), layers, caption, names, seed, attempt + 1, credits)


def _background(
    kind: str, easel: Easel, dice: Dice, palette: Palette, config: DesignConfig, elements: ElementBank | None
) -> tuple[U8, str, Credit | None]:
    """RGB ``u8`` (H, W, 3), words for it, and whose work it is where it is real: some of the photo backgrounds are."""
    if kind == "photo" and elements is not None and elements.has("ground") and dice.chance(config.element_share):
        real = real_ground(dice, elements, easel.size)
        if real is not None:
            return real[0], "a picture as background", real[1].credit
    paint, ground = KINDS[kind]
    return paint(easel, dice, palette), ground, None


def _check(seed: int, size: tuple[int, int]) -> None:
    if seed < 0:
        raise UsageError(f"The seed is {seed}; it must be 0 or more.")
    if any(side < 64 or side % 16 for side in size):
        raise UsageError(f"The size is {size[0]}x{size[1]}; both sides must be multiples of 16 and at least 64.")
