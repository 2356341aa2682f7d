"""Augmentation of layers that keeps the composite true: the picture is always what the new layers make.

Every step is a function of layers and dice. Layers are straight RGBA ``u8`` (K, H, W, 4), bottom to top; RGB is 0 where
alpha is 0.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import numpy.typing as npt

from layerize.data.sample import LayeredSample, over, resized
from layerize.errors import UsageError

U8 = npt.NDArray[np.uint8]
Size = tuple[int, int]

LEAST_INK = 12  # px that every layer keeps in a crop
LEAST_SHARE = 0.25  # of a layer's ink that every crop keeps
LEAST_CONTRAST = 60.0  # RGB distance between a new background and the mean colour of what lies on it
_TRIES = 6


@dataclass(frozen=True, kw_only=True)
class Augment:
    """How often and how much; all chances 0..1.

    Attributes:
        crop: Most of each side that a crop takes away, 0..0.9.
        flip: Chance of mirroring left and right; never where a layer holds words.
        recolour: Chance that one layer gets another hue.
        drop: Chance that a layer is left out, of three or more.
        swap: Chance that two neighbouring layers that do not touch change places.
        background: Chance that the background is replaced by a plain or graded one.
    """

    crop: float = 0.2
    flip: float = 0.5
    recolour: float = 0.3
    drop: float = 0.15
    swap: float = 0.5
    background: float = 0.1

    def __post_init__(self) -> None:
        for item in fields(self):
            most = 0.9 if item.name == "crop" else 1.0
            if not 0 <= getattr(self, item.name) <= most:
                raise UsageError(f"{item.name} is {getattr(self, item.name)}; allowed are 0 to {most}.")


NOTHING = Augment(crop=0, flip=0, recolour=0, drop=0, swap=0, background=0)
"""Only what training needs: the wanted size and an opaque background."""


def augmented(
    sample: LayeredSample, size: Size, count: int, opaque: bool, options: Augment, seed: str
) -> LayeredSample:
    """A sample for training: of a size, with an opaque background, and with ``count`` layers.

    Args:
        sample: As stored.
        size: (width, height) in pixels.
        count: Layers wanted: as many as the sample has (and one for a missing background), or one less.
        opaque: Whether the sample has a background of its own (``SampleEntry.opaque``).
        options: What may happen.
        seed: The same seed gives the same result.
    """
    dice = random.Random(seed)
    dice.random()  # the plan has drawn this one for dropping
    layers = fitted(sample.layers_u8_KHW4, size, dice, options.crop)
    names = list(sample.names)
    if opaque and layers[0, ..., 3].min() < 255:
        layers[0] = over([plain(size, mean_colour(layers[0])), layers[0]])
    elif not opaque:
        layers = np.concatenate([background(layers, dice)[None], layers])
        names.insert(0, "Background")
    caption = sample.caption
    if count < len(layers):
        gone = droppable(layers, dice)
        layers, names, caption = np.delete(layers, gone, 0), names[:gone] + names[gone + 1 :], ""
    order = swapped(layers, dice, options.swap)
    layers, names = layers[order], [names[i] for i in order]
    if opaque and dice.random() < options.background:
        layers[0] = background(layers[1:], dice)
    if dice.random() < options.recolour:
        place = dice.randrange(len(layers))
        layers[place] = recoloured(layers[place], dice)
    if dice.random() < options.flip and not sample.text:
        layers = flipped(layers)
    return replace(sample, layers_u8_KHW4=layers, names=tuple(names), caption=caption)


def fitted(layers: U8, size: Size, dice: random.Random, crop: float) -> U8:
    """The layers cropped to the aspect ratio of ``size``, at random where ``crop`` is above 0, and resampled to it.

    Every layer keeps its ink (``LEAST_SHARE`` of it and ``LEAST_INK`` pixels); where a few tries find no such crop, the
    whole canvas is squeezed to the size instead.
    """
    height, width = layers.shape[1:3]
    ink = [int((layer[..., 3] > 0).sum()) for layer in layers]
    scale = min(width / size[0], height / size[1])
    for attempt in range(_TRIES if crop else 1):
        zoom = scale * (1 - crop * dice.random() * (1 - attempt / _TRIES))
        w, h = max(1, min(width, round(size[0] * zoom))), max(1, min(height, round(size[1] * zoom)))
        x, y = ((width - w) // 2, (height - h) // 2)
        if crop:
            x, y = dice.randint(0, width - w), dice.randint(0, height - h)
        part = layers[:, y : y + h, x : x + w]
        least = LEAST_INK * zoom * zoom
        if all(
            int((layer[..., 3] > 0).sum()) >= min(whole, max(LEAST_SHARE * whole, least))
            for layer, whole in zip(part, ink, strict=True)
        ):
            return resized(part, size)
    return resized(layers, size)


def flipped(layers: U8) -> U8:
    """Left and right exchanged."""
    return np.ascontiguousarray(layers[:, :, ::-1])


def droppable(layers: U8, dice: random.Random) -> int:
    """A layer that can go while the others stay levels: the top, the lowest above the background, or one between two
    layers that overlap each other."""
    top = len(layers) - 1
    between = [i for i in range(2, top) if touch(layers[i - 1], layers[i + 1])]
    return dice.choice([*({1} - {top}), *between, top])


def swapped(layers: U8, dice: random.Random, chance: float) -> list[int]:
    """An order in which some neighbours above the background that do not touch have changed places."""
    order = list(range(len(layers)))
    for i in range(1, len(order) - 1):
        if dice.random() < chance and not touch(layers[order[i]], layers[order[i + 1]]):
            order[i], order[i + 1] = order[i + 1], order[i]
    return order


def touch(one: U8, other: U8) -> bool:
    """Whether two layers have ink on a common pixel."""
    return bool(np.logical_and(one[..., 3], other[..., 3]).any())


def recoloured(layer: U8, dice: random.Random) -> U8:
    """The layer with its hues turned and its strength of colour changed; alpha and shading stay."""
    hsv = cv2.cvtColor(np.ascontiguousarray(layer[..., :3]), cv2.COLOR_RGB2HSV_FULL)
    turn, strength = dice.randrange(256), dice.uniform(0.5, 1.4)
    hue = (hsv[..., 0].astype(np.uint16) + turn).astype(np.uint8)  # a full turn is 256
    saturation = np.clip(np.rint(hsv[..., 1] * np.float32(strength)), 0, 255).astype(np.uint8)
    rgb = cv2.cvtColor(np.dstack([hue, saturation, hsv[..., 2]]), cv2.COLOR_HSV2RGB_FULL)
    return np.dstack([np.where(layer[..., 3:] > 0, rgb, 0).astype(np.uint8), layer[..., 3]])


def background(layers: U8, dice: random.Random) -> U8:
    """An opaque plain or graded layer (H, W, 4) from which what lies on it stands out."""
    height, width = layers.shape[1:3]
    on_it = mean_colour(layers[0]) if len(layers) else np.zeros(3)
    colours = [_apart(on_it, dice)]
    if dice.random() < 0.4:
        colours.append(_apart(on_it, dice))
    if len(colours) == 1:
        return plain((width, height), colours[0])
    angle = dice.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    share = np.clip((np.cos(angle) * x + np.sin(angle) * y) / 2 + 0.5, 0, 1)[..., None]
    rgb = np.rint(colours[0] * (1 - share) + colours[1] * share).astype(np.uint8)
    return np.dstack([rgb, np.full((height, width), 255, np.uint8)])


def plain(size: Size, colour: npt.NDArray[np.float64]) -> U8:
    """One opaque colour, ``u8`` (H, W, 4)."""
    pixels = np.full((size[1], size[0], 4), 255, np.uint8)
    pixels[..., :3] = np.rint(colour).astype(np.uint8)
    return pixels


def mean_colour(layer: U8) -> npt.NDArray[np.float64]:
    """Mean RGB 0..255 of a layer, weighted by alpha; grey where there is none."""
    alpha = layer[..., 3].astype(np.float64)
    total = alpha.sum()
    if total == 0:
        return np.full(3, 128.0)
    return np.asarray(np.einsum("hw,hwc->c", alpha, layer[..., :3]) / total)


def _apart(colour: npt.NDArray[np.float64], dice: random.Random) -> npt.NDArray[np.float64]:
    """A random colour that differs from another one."""
    found = np.zeros(3)
    for _ in range(_TRIES):
        found = np.array([dice.uniform(0, 255) for _ in range(3)])
        if float(np.linalg.norm(found - colour)) >= LEAST_CONTRAST:
            break
    return found
