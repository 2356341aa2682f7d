"""Splitter: a flat picture in, a LayerStack out. Reads like its list of steps:

read, text, shrink, encode, count, denoise, decode, drop, refine, name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from layerize.coarse import MIN_COVER, drop_duplicates, drop_empty, not_larger
from layerize.errors import InputError, LayerizeWarning, LimitError, UsageError
from layerize.formats import FlatImage, read_image
from layerize.naming import name_layers
from layerize.predictors import Prediction, Predictor, Progress, load_predictor
from layerize.recursion import as_group, layer_to_split, put_in_place
from layerize.refine import RefineConfig, refine
from layerize.stack import Group, Layer, LayerStack, flatten, premultiply, to_float
from layerize.stack.composite import iter_nodes
from layerize.stack.edit import Ref
from layerize.stack.layer import U8, Node
from layerize.stack.parts import parts as connected_parts
from layerize.text.extract import Lifted, lift_text
from layerize.text.mode import TextMode, on_top, wants_text

Source: TypeAlias = str | Path | FlatImage | Image.Image | npt.NDArray[Any]

MAX_PIXELS = 64_000_000
PALE = 215  # u8 level from which a colour cannot be told from white
BAND = 256  # rows compared at a time
LEAST_SIDE = 8  # px; smaller layers are not split again


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
        text: TextMode = "off",
        max_pixels: int = MAX_PIXELS,
        progress: Progress | None = None,
    ) -> LayerStack:
        """Split a picture.

        Args:
            image: A path, a decoded picture, a Pillow image or a ``u8`` array (H, W, 3 or 4).
            layers: Number of layers, background included; None lets the model decide. Text layers come on top.
            steps: Denoising steps; None for the model's own.
            seed: The same seed gives the same layers.
            prompt: What the picture shows, in words.
            parts: Make a group of every layer's unconnected parts.
            depth: Split layers again into groups, this many levels deep; text layers stay as they are.
            text: ``auto`` lifts words off the picture first, where the extra ``text`` is installed, and puts them on
                top as layers of their own; ``off`` leaves them to the model; ``only`` lifts them and splits no further.
            max_pixels: Refuse larger pictures.
            progress: Called with a step's name and the share that is done.

        Returns:
            Layers, bottom to top, with names; the composite equals the picture within 1/255 at every pixel.

        Raises:
            InputError: The picture cannot be read.
            LimitError: It has more than ``max_pixels`` pixels.
            UsageError: An option is out of range.
            MissingExtraError: ``only``, and the extra ``text`` is not installed.
        """
        _check_options(layers=layers, steps=steps, seed=seed, depth=depth)
        if text == "only":
            return split_text(image, max_pixels=max_pixels, progress=progress)
        report = progress or (lambda step, share: None)
        report("read", 0.0)
        original = to_flat(image, max_pixels)
        lifted = _lifted(original.pixels, text, partial(report, "text"))
        flat = replace(original, pixels=lifted.clean_HW4)
        prediction = self._predict(flat.pixels, layers, steps, seed, prompt, partial(_scaled, report, 0.1, 0.4))
        coarse = not_larger(prediction.coarse_Khw4, flat.pixels.shape[1], flat.pixels.shape[0])
        least = 0.0  # a wish for so many layers is kept, however small they are
        if layers is None:
            coarse, least = drop_duplicates(drop_empty(coarse)), MIN_COVER
        rasters = refine(
            flat.pixels,
            coarse,
            config=RefineConfig(hidden=prediction.hidden, least_owned=least, max_pixels=max_pixels),
            progress=lambda share: report("refine", 0.4 + 0.5 * share),
        )
        rasters = [raster for i, raster in enumerate(rasters) if i == 0 or raster[..., 3].any()]
        report("name", 0.92)
        names = name_layers(rasters, flat.pixels)
        leaves = [Layer(pixels=raster, name=name) for raster, name in zip(rasters, names, strict=True)]
        nodes: list[Node] = [cropped(leaf) for leaf in leaves]
        if depth > 1:
            options = {"steps": steps, "seed": seed, "depth": depth - 1, "max_pixels": max_pixels}
            taken = {node.name for node in nodes}
            nodes = [self._split_again(node, taken, **options) or node if i else node for i, node in enumerate(nodes)]
        if parts:
            nodes = [_apart(node) if i else node for i, node in enumerate(nodes)]
        nodes += on_top(lifted.layers, {node.name for node in iter_nodes(nodes)})
        report("name", 1.0)
        stack = LayerStack(size=(flat.pixels.shape[1], flat.pixels.shape[0]), layers=tuple(nodes))
        return replace(
            stack,
            metadata={
                "source": flat.source,
                "model": {"name": self.predictor.name, "seed": seed, "steps": prediction.steps},
                "recompose_error": recompose_error(original.pixels, flatten(stack)),
            },
        )

    def _predict(
        self, pixels: U8, layers: int | None, steps: int | None, seed: int, prompt: str | None, report: Progress
    ) -> Prediction:
        return self.predictor.predict(
            over_ground(pixels), layers=layers, steps=steps, seed=seed, prompt=prompt, progress=report
        )

    def split_layer(self, stack: LayerStack, ref: Ref, **options: Any) -> LayerStack:
        """Split one layer of a stack again: a group takes its place, whose composite equals the layer within 1/255.

        Args:
            stack: Any stack, of any origin.
            ref: Index, id or name of the layer; it may lie in a group, to any depth.
            **options: As of :meth:`split`: ``layers``, ``steps``, ``seed``, ``prompt``, ``parts``, ``depth`` ...

        Returns:
            The stack with the group, which keeps the layer's id, name, opacity, blend mode and visibility. All other
            layers are the same objects.

        Warns:
            LayerizeWarning: The model found nothing to split, and the stack is as it was; or the layer's live text is
                lost.

        Raises:
            UsageError: There is no such layer, it is a group, or an option is out of range.
            LimitError: The layer has more than ``max_pixels`` pixels.
        """
        layer = layer_to_split(stack, ref)
        taken = {node.name for node in iter_nodes(stack.layers) if node is not layer}
        group = self._split_again(layer, taken, **options)
        if group is None:
            more = "ask for more with --layers" if options.get("layers") in (None, 1) else "it is too simple or small"
            warnings.warn(f"layer {layer.name!r} stays one layer: nothing was found in it; {more}.", LayerizeWarning, 2)
            return stack
        if layer.text is not None:
            warnings.warn(f"the live text of layer {layer.name!r} is lost: it is pixels now.", LayerizeWarning, 2)
        metadata = {key: value for key, value in stack.metadata.items() if key != "recompose_error"}
        return replace(put_in_place(stack, layer, group), metadata=metadata)

    def _split_again(self, node: Node, taken: set[str], **options: Any) -> Group | None:
        """A layer as a group of what it is made of; None when the model finds nothing to split."""
        _check_options(**{name: options[name] for name in ("layers", "steps", "seed", "depth") if name in options})
        if not isinstance(node, Layer):
            return None
        layer = cropped(node)
        if min(layer.size) < LEAST_SIDE or not layer.pixels[..., 3].any():
            return None
        flat = FlatImage(pixels=layer.pixels, has_alpha=True, source=layer.name)
        stack = self.split(flat, **options)
        return as_group(layer, stack.layers, taken) if len(stack) > 1 else None


def split_text(image: Source, *, max_pixels: int = MAX_PIXELS, progress: Progress | None = None) -> LayerStack:
    """A picture as a background and its words, without a model.

    Args:
        image: As for :meth:`Splitter.split`.
        max_pixels: Refuse larger pictures.
        progress: Called with a step's name and the share that is done.

    Raises:
        InputError: The picture cannot be read.
        LimitError: It has more than ``max_pixels`` pixels.
        MissingExtraError: The extra ``text`` is not installed.
    """
    report = progress or (lambda step, share: None)
    wants_text("only")
    report("read", 0.0)
    flat = to_flat(image, max_pixels)
    lifted = lift_text(flat.pixels, progress=lambda share: report("text", 0.95 * share))
    background = Layer(pixels=lifted.clean_HW4, name="Background")
    layers = (background, *on_top(lifted.layers, {background.name}))
    stack = LayerStack(size=(flat.pixels.shape[1], flat.pixels.shape[0]), layers=layers)
    report("name", 1.0)
    error = recompose_error(flat.pixels, flatten(stack))
    return replace(stack, metadata={"source": flat.source, "recompose_error": error})


def _lifted(pixels: U8, text: TextMode, report: Callable[[float], None]) -> Lifted:
    """The picture without its words, and the words; the picture itself where no text is wanted."""
    if not wants_text(text):
        return Lifted(pixels, (), ())
    return lift_text(pixels, progress=lambda share: report(0.1 * share))


def _check_options(*, layers: int | None = None, steps: int | None = None, seed: int = 0, depth: int = 1) -> None:
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


def over_ground(pixels_HW4: U8) -> U8:
    """RGB over white, as people see a transparent picture; over black where most ink is too near to white to show."""
    alpha = pixels_HW4[..., 3:]
    if alpha.min() == 255:
        return pixels_HW4[..., :3]
    ink = pixels_HW4[..., :3][alpha[..., 0] > 127]
    pale = float((ink.min(axis=1) > PALE).mean()) if len(ink) else 0.0
    ground = 0 if pale > 0.5 else 255
    blended = (pixels_HW4[..., :3].astype(np.uint16) * alpha + ground * (255 - alpha.astype(np.uint16)) + 127) // 255
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


def recompose_error(pixels_HW4: U8, composite_HW4: U8) -> int:
    """Largest difference, 0..255, between a composite and the picture, colours weighted by alpha."""
    worst = 0.0
    for y in range(0, pixels_HW4.shape[0], BAND):
        truth, found = (premultiply(to_float(part[y : y + BAND])) for part in (pixels_HW4, composite_HW4))
        worst = max(worst, float(np.abs(truth - found).max()))
    return round(255 * worst)
