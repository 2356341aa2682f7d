"""Splitter: a flat picture in, a LayerStack out. Reads like its list of steps:

read, shrink, encode, count, denoise, decode, drop, refine, name.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from layerize.coarse import drop_duplicates, drop_empty, not_larger
from layerize.errors import InputError, LimitError, UsageError
from layerize.formats import FlatImage, read_image
from layerize.naming import name_layers
from layerize.predictors import Prediction, Predictor, Progress, load_predictor
from layerize.refine import RefineConfig, refine
from layerize.stack import Group, Layer, LayerStack, flatten, premultiply, to_float
from layerize.stack.layer import U8, Node
from layerize.stack.parts import parts as connected_parts

Source: TypeAlias = str | Path | FlatImage | Image.Image | npt.NDArray[Any]

MAX_PIXELS = 64_000_000
BAND = 256  # rows compared at a time


class Splitter:
    """A loaded model that splits pictures into layers whose composite is the picture."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @classmethod
    def load(cls, model: str = "default", *, device: str = "auto") -> Splitter:
        """Load a shipped model by name, or a checkpoint folder.

        Raises:
            CheckpointError: No such model, or it does not fit.
            UsageError: The device does not exist here.
        """
        return cls(load_predictor(model, device))

    def split(
        self,
        image: Source,
        *,
        layers: int | None = None,
        steps: int | None = None,
        seed: int = 0,
        prompt: str | None = None,
        parts: bool = False,
        depth: int = 1,
        max_pixels: int = MAX_PIXELS,
        progress: Progress | None = None,
    ) -> LayerStack:
        """Split a picture.

        Args:
            image: A path, a decoded picture, a Pillow image or a ``u8`` array (H, W, 3 or 4).
            layers: Number of layers, background included; None lets the model decide.
            steps: Denoising steps; None for the model's own.
            seed: The same seed gives the same layers.
            prompt: What the picture shows, in words.
            parts: Make a group of every layer's unconnected parts.
            depth: Split layers again into groups, this many levels deep.
            max_pixels: Refuse larger pictures.
            progress: Called with a step's name and the share that is done.

        Returns:
            Layers, bottom to top, with names; the composite equals the picture within 1/255 at every pixel.

        Raises:
            InputError: The picture cannot be read.
            LimitError: It has more than ``max_pixels`` pixels.
            UsageError: An option is out of range.
        """
        _check_options(layers=layers, steps=steps, seed=seed, depth=depth)
        report = progress or (lambda step, share: None)
        report("read", 0.0)
        flat = to_flat(image, max_pixels)
        prediction = self._predict(flat.pixels, layers, steps, seed, prompt, partial(_scaled, report, 0.05, 0.4))
        coarse = not_larger(prediction.coarse_Khw4, flat.pixels.shape[1], flat.pixels.shape[0])
        if layers is None:
            coarse = drop_duplicates(drop_empty(coarse))
        rasters = refine(
            flat.pixels,
            coarse,
            config=RefineConfig(hidden=prediction.hidden, max_pixels=max_pixels),
            progress=lambda share: report("refine", 0.4 + 0.5 * share),
        )
        rasters = [raster for i, raster in enumerate(rasters) if i == 0 or raster[..., 3].any()]
        report("name", 0.92)
        names = name_layers(rasters, flat.pixels)
        leaves = [Layer(pixels=raster, name=name) for raster, name in zip(rasters, names, strict=True)]
        nodes: list[Node] = [cropped(leaf) for leaf in leaves]
        if depth > 1:
            again = partial(self._split_again, steps=steps, seed=seed, depth=depth - 1, max_pixels=max_pixels)
            nodes = [again(node) if i else node for i, node in enumerate(nodes)]
        if parts:
            nodes = [_apart(node) if i else node for i, node in enumerate(nodes)]
        report("name", 1.0)
        stack = LayerStack(size=(flat.pixels.shape[1], flat.pixels.shape[0]), layers=tuple(nodes))
        return replace(
            stack,
            metadata={
                "source": flat.source,
                "model": {"name": self.predictor.name, "seed": seed, "steps": prediction.steps},
                "recompose_error": recompose_error(flat.pixels, flatten(stack)),
            },
        )

    def _predict(
        self, pixels: U8, layers: int | None, steps: int | None, seed: int, prompt: str | None, report: Progress
    ) -> Prediction:
        return self.predictor.predict(
            over_white(pixels), layers=layers, steps=steps, seed=seed, prompt=prompt, progress=report
        )

    def _split_again(self, node: Node, *, steps: int | None, seed: int, depth: int, max_pixels: int) -> Node:
        """A layer as a group of what it is made of; the layer itself when the model finds nothing to split."""
        if not isinstance(node, Layer) or min(node.size) < 8:
            return node
        flat = FlatImage(pixels=node.pixels, has_alpha=True, source=node.name)
        stack = self.split(flat, steps=steps, seed=seed, depth=depth, max_pixels=max_pixels)
        if len(stack) < 2:
            return node
        members = tuple(_shifted(member, node.offset) for member in stack.layers)
        members = (_renamed(members[0], f"{node.name} base"), *members[1:])
        return Group(layers=members, name=node.name, id=node.id)


def _check_options(*, layers: int | None, steps: int | None, seed: int, depth: int) -> None:
    """Refuse what no model could make sense of, before a pixel is read."""
    bounds = {"layers": (layers, 1), "steps": (steps, 1), "depth": (depth, 1), "seed": (seed, 0)}
    for name, (value, least) in bounds.items():
        if value is None and name in ("layers", "steps"):
            continue
        if not isinstance(value, (int, np.integer)) or not least <= value < 2**63:
            raise UsageError(f"{name} {value!r}: must be a whole number from {least} up.")


def _scaled(report: Progress, low: float, high: float, step: str, share: float) -> None:
    report(step, low + (high - low) * share)


def to_flat(image: Source, max_pixels: int = MAX_PIXELS) -> FlatImage:
    """Decode whatever describes a picture.

    Raises:
        InputError: Not a picture.
        LimitError: More than ``max_pixels`` pixels.
    """
    kind = type(image)
    if not issubclass(kind, (str, Path, FlatImage, Image.Image, np.ndarray)):
        raise InputError(
            f"a picture cannot be of type {kind.__name__}; give a path, a Pillow image or an array (H, W, 3 or 4)."
        )
    if isinstance(image, (str, Path)):
        return read_image(image, max_pixels=max_pixels)
    if isinstance(image, FlatImage):
        flat = image
    elif isinstance(image, Image.Image):
        flat = FlatImage(pixels=np.asarray(image.convert("RGBA")), has_alpha=_has_alpha(image), source="image")
    else:
        flat = _from_array(image)
    height, width = flat.pixels.shape[:2]
    if height * width > max_pixels:
        raise LimitError(
            f"{flat.source}: {width}x{height} is {height * width / 1e6:.0f} megapixels; the limit is "
            f"{max_pixels / 1e6:.0f}. Resize it or raise --max-pixels."
        )
    return flat


def _has_alpha(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def _from_array(array: npt.NDArray[Any]) -> FlatImage:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise InputError(f"array of {array.dtype} {array.shape}: a picture must be uint8 of shape (H, W, 3 or 4).")
    if array.shape[2] == 3:
        array = np.dstack([array, np.full(array.shape[:2], 255, np.uint8)])
    return FlatImage(pixels=array, has_alpha=bool((array[..., 3] < 255).any()), source="array")


def over_white(pixels_HW4: U8) -> U8:
    """RGB over a white background, as people see a transparent picture."""
    alpha = pixels_HW4[..., 3:]
    if alpha.min() == 255:
        return pixels_HW4[..., :3]
    blended = (pixels_HW4[..., :3].astype(np.uint16) * alpha + 255 * (255 - alpha.astype(np.uint16)) + 127) // 255
    return blended.astype(np.uint8)


def cropped(layer: Layer) -> Layer:
    """The layer cropped to what is in it, at its place."""
    ys, xs = np.nonzero(layer.pixels[..., 3].any(axis=1))[0], np.nonzero(layer.pixels[..., 3].any(axis=0))[0]
    if not len(ys):
        return layer
    x, y = int(xs[0]), int(ys[0])
    pixels = np.ascontiguousarray(layer.pixels[y : int(ys[-1]) + 1, x : int(xs[-1]) + 1])
    return replace(layer, pixels=pixels, offset=(layer.offset[0] + x, layer.offset[1] + y))


def _apart(node: Node) -> Node:
    """Unconnected parts as a group; a layer of one part stays a layer."""
    if isinstance(node, Group):
        return replace(node, layers=tuple(_apart(member) for member in node.layers))
    group = connected_parts(node)
    return node if len(group.layers) < 2 else group


def _shifted(node: Node, offset: tuple[int, int]) -> Node:
    if isinstance(node, Group):
        return replace(node, layers=tuple(_shifted(member, offset) for member in node.layers))
    return replace(node, offset=(node.offset[0] + offset[0], node.offset[1] + offset[1]))


def _renamed(node: Node, name: str) -> Node:
    return replace(node, name=name)


def recompose_error(pixels_HW4: U8, composite_HW4: U8) -> int:
    """Largest difference, 0..255, between a composite and the picture, colours weighted by alpha."""
    worst = 0.0
    for y in range(0, pixels_HW4.shape[0], BAND):
        truth, found = (premultiply(to_float(part[y : y + BAND])) for part in (pixels_HW4, composite_HW4))
        worst = max(worst, float(np.abs(truth - found).max()))
    return round(255 * worst)
