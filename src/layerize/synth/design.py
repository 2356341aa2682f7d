"""``draw_design``: a seed in, a picture with its known layers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from layerize.errors import UsageError
from layerize.stack.layer import Layer, LayerStack
from layerize.synth.backgrounds import KINDS
from layerize.synth.caption import caption_of, layer_names
from layerize.synth.colour import draw_palette
from layerize.synth.composer import Composer
from layerize.synth.config import DesignConfig
from layerize.synth.dice import Dice
from layerize.synth.layouts import LAYOUTS
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
    """

    image_u8_HW3: U8
    layers_u8_KHW4: U8
    caption: str
    names: tuple[str, ...]
    seed: int = 0
    attempts: int = 1

    def to_stack(self) -> LayerStack:
        """The layers as a LayerStack with names and caption."""
        height, width = self.image_u8_HW3.shape[:2]
        layers = tuple(
            Layer(pixels=pixels, name=name, id=f"{self.seed % 2**32:08x}{index:04x}")
            for index, (pixels, name) in enumerate(zip(self.layers_u8_KHW4, self.names, strict=True))
        )
        about = {"caption": self.caption, "source": f"layerize synth, seed {self.seed}"}
        return LayerStack(size=(width, height), layers=layers, metadata=about)


def draw_design(seed: int, size: tuple[int, int] = (128, 128), config: DesignConfig = _DEFAULT) -> Design:
    """Draw one design; the same seed, size and config always give the same pixels.

    Args:
        seed: 0 or more; see ``TRAIN_SEED_START`` and ``HELD_OUT_SEEDS``.
        size: (width, height) in pixels, multiples of 16, at least 64.
        config: Difficulty and variety.

    Raises:
        UsageError: The seed or the size is not allowed.
    """
    _check(seed, size)
    count = Dice(f"levels {seed}").weighted(config.level_choices())
    for attempt in range(_MOST_ATTEMPTS):
        design = _attempt(seed, attempt, count, size, config)
        if design is not None:
            return design
    raise AssertionError(f"seed {seed} at {size[0]}x{size[1]} found no design of {count} layers")


def _attempt(seed: int, attempt: int, count: int, size: tuple[int, int], config: DesignConfig) -> Design | None:
    dice = Dice(f"design {seed} {attempt}")
    palette = draw_palette(dice)
    easel = Easel(size)
    paint, ground = KINDS[dice.weighted(dict(config.background_weights))]
    layout = dice.weighted(LAYOUTS)(dice)
    scene = Scene(easel, paint(easel, dice, palette), config.least_overlap, config.least_area)
    if not Composer(scene, dice, palette, config, count - 1).compose(layout):
        return None
    layers = merge_levels(scene.background, scene.placed, count)
    names, caption = layer_names(scene.placed, count), caption_of(layout.name, ground, scene.placed)
    return Design(composite_over(layers), layers, caption, names, seed, attempt + 1)


def _check(seed: int, size: tuple[int, int]) -> None:
    if seed < 0:
        raise UsageError(f"The seed is {seed}; it must be 0 or more.")
    if any(side < 64 or side % 16 for side in size):
        raise UsageError(f"The size is {size[0]}x{size[1]}; both sides must be multiples of 16 and at least 64.")
