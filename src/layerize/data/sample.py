"""LayeredSample: a design as training sees it, K rasters of the whole canvas whose "over" is the picture.

Shape letters: ``K`` layers bottom to top, ``H W`` pixels, 4 channels of straight RGBA.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from layerize.errors import InputError
from layerize.formats.layer_png import without_hidden_colour
from layerize.stack.composite import Box, box_of, flatten
from layerize.stack.layer import Group, Layer, LayerStack, Node

U8 = npt.NDArray[np.uint8]

OPAQUE = 250  # u8 alpha from which nothing shines through
FILLED = 0.97  # share of the canvas that is opaque where a design has a background of its own
LEAST_INK = 12  # px of a layer that shrinking has to leave
FAINT = 26  # u8 alpha from which a pixel counts for that
ABOUT = ("source", "repository", "licence", "split", "kind")


@dataclass(frozen=True, kw_only=True, eq=False)
class LayeredSample:
    """One design.

    Attributes:
        id: Of the dataset.
        layers_u8_KHW4: Straight RGBA ``u8`` (K, H, W, 4), bottom to top, all blended normally at full opacity.
        names: One per layer.
        caption: One sentence, or ``""``.
        text: Whether a layer holds words, which must not be mirrored.
        about: ``source``, ``repository``, ``licence``, ``split``, ``kind``: strings.
    """

    id: str
    layers_u8_KHW4: U8
    names: tuple[str, ...]
    caption: str = ""
    text: bool = False
    about: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.layers_u8_KHW4)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.layers_u8_KHW4.shape[2], self.layers_u8_KHW4.shape[1]

    @property
    def opaque(self) -> bool:
        """Whether (nearly) nothing shines through: the design has a background of its own."""
        return float((self.picture()[..., 3] >= OPAQUE).mean()) >= FILLED

    def picture(self) -> U8:
        """The composite, straight RGBA ``u8`` (H, W, 4)."""
        return over(self.layers_u8_KHW4)

    def resized(self, size: tuple[int, int]) -> LayeredSample:
        """Every layer resampled to (width, height)."""
        if size == self.size:
            return self
        return replace(self, layers_u8_KHW4=resized(self.layers_u8_KHW4, size))


def resized(layers_u8_KHW4: U8, size: tuple[int, int]) -> U8:
    """Every layer resampled to (width, height); RGB is 0 where alpha is 0."""
    result = np.empty((len(layers_u8_KHW4), size[1], size[0], 4), np.uint8)
    for target, layer in zip(result, layers_u8_KHW4, strict=True):
        target[:] = _resized(np.ascontiguousarray(layer), size)
    return result


def _resized(layer: U8, size: tuple[int, int]) -> U8:
    """As ``stack.resample.resize_pixels`` (area average, then cubic), in exact 16-bit premultiplied values: quicker."""
    if size == (layer.shape[1], layer.shape[0]):
        return without_hidden_colour(layer)
    alpha = cv2.extractChannel(layer, 3)
    if cv2.minMaxLoc(alpha)[0] == 255:
        return _scaled(layer, size)
    weight = cv2.merge([alpha, alpha, alpha, np.full_like(alpha, 255)])
    small = _scaled(cv2.multiply(layer, weight, dtype=cv2.CV_16U), size)
    full = np.minimum(small[..., 3:], 255 * 255).astype(np.float32)
    straight = small[..., :3] * (np.float32(255) / np.maximum(full, np.float32(1)))
    alpha_u8 = np.rint(full / np.float32(255))
    colour = np.where(alpha_u8 > 0, np.minimum(np.rint(straight), 255), 0)
    return np.concatenate([colour, alpha_u8], -1).astype(np.uint8)


def _scaled(pixels: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    smaller = (min(size[0], pixels.shape[1]), min(size[1], pixels.shape[0]))
    if smaller != (pixels.shape[1], pixels.shape[0]):
        pixels = np.asarray(cv2.resize(pixels, smaller, interpolation=cv2.INTER_AREA))
    if smaller != size:
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC))
    return pixels


def over(layers_u8_KHW4: Sequence[U8] | U8) -> U8:
    """Flatten with "over" (arXiv 2512.15603, Eq. 1), straight RGBA ``u8`` (H, W, 4)."""
    height, width = layers_u8_KHW4[0].shape[:2]
    return flatten(LayerStack(size=(width, height), layers=tuple(Layer(pixels=p, id="") for p in layers_u8_KHW4)))


def from_stack(stack: LayerStack, name: str, about: dict[str, str], *, longest: int | None = None) -> LayeredSample:
    """The sample of a stack: every visible node of the first level becomes one raster of the canvas.

    Args:
        stack: A sample of an extracted dataset.
        name: Its id.
        about: See ``LayeredSample``.
        longest: Shrink so that the longer side has at most this many pixels; what then is a speck joins the layer
            below it.

    Raises:
        InputError: No visible layer, or one that is not blended normally.
    """
    nodes = [node for node in stack.layers if node.visible and node.opacity > 0]
    wrong = [node for node in nodes if node.blend not in ("normal", "pass-through")]
    if wrong:
        raise InputError(
            f"{name}: the layer {wrong[0].name!r} blends as {wrong[0].blend}; extract the dataset anew, which bakes it."
        )
    if not nodes:
        raise InputError(f"{name}: no layer is visible; validate the dataset.")
    layers = [_on_canvas(node, stack) for node in nodes]
    kept = [i for i, layer in enumerate(layers) if layer[..., 3].any()]
    if not kept:
        raise InputError(f"{name}: all layers are empty; validate the dataset.")
    sample = LayeredSample(
        id=name,
        layers_u8_KHW4=np.stack([layers[i] for i in kept]),
        names=tuple(nodes[i].name for i in kept),
        caption=str(stack.metadata.get("caption") or ""),
        text=any(layer.text for layer in stack.walk()),
        about={key: about[key] for key in ABOUT if about.get(key)},
    )
    scale = (longest or max(stack.size)) / max(stack.size)
    if scale >= 1:
        return sample
    small = sample.resized((max(1, round(stack.size[0] * scale)), max(1, round(stack.size[1] * scale))))
    return absorbed(small)


def _on_canvas(node: Node, stack: LayerStack) -> U8:
    """One node alone on the canvas, straight RGBA ``u8`` (H, W, 4); RGB is 0 where alpha is 0."""
    if isinstance(node, Group) or node.opacity < 1:
        return flatten(stack.with_layers([node]))
    canvas = np.zeros((stack.size[1], stack.size[0], 4), np.uint8)
    box = box_of(node).meet(Box(0, 0, *stack.size))
    if box is not None:
        part = np.ascontiguousarray(node.pixels[box.slices(*node.offset)])
        canvas[box.slices(0, 0)] = without_hidden_colour(part)
    return canvas


def absorbed(sample: LayeredSample) -> LayeredSample:
    """The sample with every layer of which shrinking has left a few pixels merged into the one below it.

    The composite stays the same; no model can be asked for what cannot be seen.
    """
    layers, names = [sample.layers_u8_KHW4[0]], [sample.names[0]]
    for layer, name in zip(sample.layers_u8_KHW4[1:], sample.names[1:], strict=True):
        if int((layer[..., 3] >= FAINT).sum()) < LEAST_INK:
            layers[-1] = over([layers[-1], layer])
        else:
            layers.append(layer)
            names.append(name)
    if len(layers) == len(sample):
        return sample
    return replace(sample, layers_u8_KHW4=np.stack(layers), names=tuple(names))


def header(sample: LayeredSample) -> dict[str, Any]:
    """What of a sample is not pixels, for JSON."""
    return {
        "id": sample.id,
        "size": list(sample.size),
        "names": list(sample.names),
        "caption": sample.caption,
        "text": sample.text,
        **sample.about,
    }
