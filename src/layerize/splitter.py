"""Splitter: a flat picture in, a LayerStack out. Reads like its list of steps:

read, shrink, encode, count, denoise, decode, drop, refine, name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from layerize.errors import CheckpointError, InputError, LimitError, UsageError
from layerize.flow.layered import LayeredPredictor
from layerize.flow.path import velocity_from_x_0
from layerize.flow.schedule import solver_times
from layerize.formats import FlatImage, read_image
from layerize.models import checkpoint
from layerize.models.layer_model import LayerModel
from layerize.models.published import PublishedModel
from layerize.models.stop import count_log_probabilities, most_likely_count
from layerize.naming import name_layers
from layerize.refine import RefineConfig, refine
from layerize.stack import Group, Layer, LayerStack
from layerize.stack.layer import U8, Node
from layerize.stack.parts import parts as connected_parts

F32: TypeAlias = npt.NDArray[np.float32]
Progress: TypeAlias = Callable[[str, float], None]
"""Called with the step's name and the share of the whole that is done, 0..1."""
Source: TypeAlias = str | Path | FlatImage | Image.Image | npt.NDArray[Any]

DEFAULT_STEPS = 4
PUBLISHED_STEPS = 50
PUBLISHED_LAYERS = 6
"""Published weights cannot count: without a wish they make this many, and what comes out empty or double is dropped."""
PUBLISHED_AREA_SIDE = 640
MAX_PIXELS = 64_000_000
MAX_ASPECT = 8.0
"""Longer pictures are squeezed to this ratio for the model (not for refine): its grid needs two tokens on a side."""
MIN_COVER = 0.0005
"""A predicted layer that owns less than this share of the picture is empty."""
DUPLICATE_IOU = 0.9


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model says of a picture.

    Attributes:
        coarse_Khw4: Layers bottom to top at the model's size, straight RGBA, 0..1.
        count_probabilities: P(N = 1), P(N = 2), ...; None for models that do not count.
        steps: Denoising steps that were used.
    """

    coarse_Khw4: F32
    count_probabilities: tuple[float, ...] | None
    steps: int


class Predictor(Protocol):
    """A loaded model: an opaque picture to coarse layers."""

    name: str

    def predict(
        self,
        picture_HW3: U8,
        *,
        layers: int | None,
        steps: int | None,
        seed: int,
        prompt: str | None,
        progress: Progress,
    ) -> Prediction:
        """Coarse layers of an RGB picture of any size."""
        ...


class LayerPredictor:
    """Runs a :class:`LayerModel`: one prefix pass, Euler steps, guided decoder."""

    def __init__(self, model: LayerModel, name: str, device: torch.device) -> None:
        self.model, self.name, self.device = model, name, device

    @torch.inference_mode()
    def predict(
        self,
        picture_HW3: U8,
        *,
        layers: int | None,
        steps: int | None,
        seed: int,
        prompt: str | None,
        progress: Progress,
    ) -> Prediction:
        limit = self.model.config.transformer.max_layers
        if layers is not None and not 1 <= layers <= limit:
            raise UsageError(f"--layers {layers}: this model makes 1 to {limit} layers.")
        picture = self._shrink(picture_HW3)
        progress("encode", 0.0)
        reading = self.model.read(picture, [prompt or ""])
        probabilities = count_log_probabilities(reading.stop_logits_BK)[0].exp()
        count = layers or int(most_likely_count(reading.stop_logits_BK)[0])
        steps = steps or DEFAULT_STEPS
        times = solver_times(steps, self.model.config.flow_shift).to(self.device)
        h, w = picture.shape[2] // self.model.config.vae.factor, picture.shape[3] // self.model.config.vae.factor
        generator = torch.Generator().manual_seed(seed)
        shape = (1, count, self.model.config.vae.z_dim, h, w)
        x = torch.randn(shape, generator=generator).to(self.device)
        for step in range(steps):
            progress("denoise", step / steps)
            t = times[step].expand(1)
            x_0, tokens = self.model.denoise(x, t, reading)
            x = x + (times[step + 1] - times[step]) * velocity_from_x_0(x, x_0, t)
        progress("decode", 1.0)
        decoded = self.model.decode(tokens, reading)
        alpha = decoded.alpha_BKHW[0].float()
        alpha[0] = 1.0  # the background is opaque by definition
        rgb = ((decoded.rgb_BK3HW[0].float() + 1) / 2).clamp(0, 1)
        rgba = torch.cat([rgb, alpha[:, None]], dim=1).permute(0, 2, 3, 1)
        return Prediction(
            coarse_Khw4=rgba.cpu().numpy().astype(np.float32, copy=False),
            count_probabilities=tuple(probabilities.tolist()),
            steps=steps,
        )

    def _shrink(self, picture_HW3: U8) -> torch.Tensor:
        width, height = model_size(
            picture_HW3.shape[1], picture_HW3.shape[0], self.model.config.area_side, LayerModel.PIXELS_PER_TOKEN
        )
        small = resize(picture_HW3, (width, height))
        return torch.from_numpy(small).permute(2, 0, 1)[None].float().div(255).to(self.device)


class PublishedPredictor:
    """Runs imported Qwen-Image-Layered weights: full attention, guidance, layers straight from the RGBA-VAE."""

    def __init__(self, model: PublishedModel, name: str, device: torch.device) -> None:
        self.layered, self.name, self.device = LayeredPredictor(model), name, device

    def predict(
        self,
        picture_HW3: U8,
        *,
        layers: int | None,
        steps: int | None,
        seed: int,
        prompt: str | None,
        progress: Progress,
    ) -> Prediction:
        steps = steps or PUBLISHED_STEPS
        rgba = self.layered.predict(
            torch.from_numpy(np.ascontiguousarray(picture_HW3)).permute(2, 0, 1).float().div(255),
            layers=layers or PUBLISHED_LAYERS,
            steps=steps,
            seed=seed,
            prompt=prompt or "",
            area_side=PUBLISHED_AREA_SIDE,
            progress=lambda done, total: progress("denoise", done / total),
        )
        rgba[0, ..., 3] = 1.0  # the background is opaque by definition
        return Prediction(coarse_Khw4=rgba.numpy(), count_probabilities=None, steps=steps)


def model_size(width: int, height: int, area_side: int, multiple: int) -> tuple[int, int]:
    """Sides of about ``area_side ** 2`` pixels in the picture's aspect ratio, multiples of ``multiple``, at least 2."""
    aspect = min(max(width / height, 1 / MAX_ASPECT), MAX_ASPECT)
    ideal = (area_side * aspect**0.5, area_side / aspect**0.5)
    sides = [max(2, round(side / multiple)) * multiple for side in ideal]
    return sides[0], sides[1]


def resize(picture_HWC: U8, size: tuple[int, int]) -> U8:
    """Area-averaged when shrinking, cubic when growing; ``size`` is (width, height)."""
    shrinking = picture_HWC.shape[1] * picture_HWC.shape[0] > size[0] * size[1]
    mode = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(picture_HWC), size, interpolation=mode), np.uint8)


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
        place = pick_device(device)
        folder = find_model(model)
        kind = checkpoint.read_info(folder).class_name
        published = kind == PublishedModel.__name__
        if not published and kind != LayerModel.__name__:
            raise CheckpointError(f"{folder}: holds a {kind}; splitting needs a LayerModel or a PublishedModel.")
        # the published model fits no machine in float32: it keeps its stored type
        loaded = checkpoint.load_model(folder, device=place, dtype=None if published else torch.float32)
        if isinstance(loaded, PublishedModel):
            return cls(PublishedPredictor(loaded, folder.name, place))
        assert isinstance(loaded, LayerModel)
        return cls(LayerPredictor(loaded, folder.name, place))

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
        if depth < 1:
            raise UsageError(f"depth {depth}: must be at least 1.")
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
            config=replace(RefineConfig(), max_pixels=max_pixels),
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
        return LayerStack(
            size=(flat.pixels.shape[1], flat.pixels.shape[0]),
            layers=tuple(nodes),
            metadata={
                "source": flat.source,
                "model": {"name": self.predictor.name, "seed": seed, "steps": prediction.steps},
                "recompose_error": recompose_error(flat.pixels, rasters),
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


def _scaled(report: Progress, low: float, high: float, step: str, share: float) -> None:
    report(step, low + (high - low) * share)


def pick_device(device: str) -> torch.device:
    """``auto`` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        UsageError: The named device does not exist here.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return torch.device(next(name for name, there in available.items() if there))
    kind = device.split(":")[0]
    if kind not in available or not available[kind]:
        there = ", ".join(name for name, yes in available.items() if yes)
        raise UsageError(f"--device {device}: not available here; available: auto, {there}.")
    return torch.device(device)


def shipped_models() -> dict[str, Path]:
    """Names and folders of the models inside the package."""
    folder = Path(str(files("layerize") / "assets"))
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/config.json"))}


def find_model(model: str) -> Path:
    """The folder of a shipped model's name, or the folder itself.

    Raises:
        CheckpointError: Neither exists.
    """
    shipped = shipped_models()
    if model in shipped:
        return shipped[model]
    if Path(model).is_dir():
        return Path(model)
    raise CheckpointError(
        f"{model}: no such model. Give a checkpoint folder or a shipped model: {', '.join(shipped) or 'none'}."
    )


def to_flat(image: Source, max_pixels: int = MAX_PIXELS) -> FlatImage:
    """Decode whatever describes a picture.

    Raises:
        InputError: Not a picture.
        LimitError: More than ``max_pixels`` pixels.
    """
    if isinstance(image, (str, Path)):
        return read_image(image, max_pixels=max_pixels)
    if isinstance(image, FlatImage):
        flat = image
    elif isinstance(image, Image.Image):
        flat = FlatImage(pixels=np.asarray(image.convert("RGBA")), has_alpha=_has_alpha(image), source="image")
    else:
        flat = _from_array(np.asarray(image))
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


def not_larger(coarse_Khw4: F32, width: int, height: int) -> F32:
    """Predicted layers at most as large as the picture: those of a tiny picture are reduced to its size."""
    size = (min(width, coarse_Khw4.shape[2]), min(height, coarse_Khw4.shape[1]))
    if size == (coarse_Khw4.shape[2], coarse_Khw4.shape[1]):
        return coarse_Khw4
    return np.stack([cv2.resize(layer, size, interpolation=cv2.INTER_AREA) for layer in coarse_Khw4])


def over_white(pixels_HW4: U8) -> U8:
    """RGB over a white background, as people see a transparent picture."""
    alpha = pixels_HW4[..., 3:]
    if alpha.min() == 255:
        return pixels_HW4[..., :3]
    blended = (pixels_HW4[..., :3].astype(np.uint16) * alpha + 255 * (255 - alpha.astype(np.uint16)) + 127) // 255
    return blended.astype(np.uint8)


def visible_weights(alpha_Khw: F32) -> F32:
    """``w_k = a_k prod_(j>k) (1 - a_j)``."""
    above = np.cumprod(1 - alpha_Khw[::-1], axis=0)[::-1]
    weights: F32 = alpha_Khw * np.concatenate([above[1:], np.ones_like(above[:1])])
    return weights


def drop_empty(coarse_Khw4: F32) -> F32:
    """Without layers that own next to nothing of the picture; the background stays."""
    owned = visible_weights(coarse_Khw4[..., 3]).mean(axis=(1, 2))
    sure = coarse_Khw4[..., 3].max(axis=(1, 2)) > 0.5
    keep = [k == 0 or (owned[k] > MIN_COVER and bool(sure[k])) for k in range(len(coarse_Khw4))]
    return coarse_Khw4[keep]


def drop_duplicates(coarse_Khw4: F32) -> F32:
    """Without layers that lie under a layer of nearly the same shape: nothing of them can be seen."""
    alpha = coarse_Khw4[..., 3]
    keep = []
    for k in range(len(alpha)):
        hidden = k > 0 and any(_soft_iou(alpha[k], alpha[j]) > DUPLICATE_IOU for j in range(k + 1, len(alpha)))
        keep.append(not hidden)
    return coarse_Khw4[keep]


def _soft_iou(a: F32, b: F32) -> float:
    union = float(np.maximum(a, b).sum())
    return float(np.minimum(a, b).sum()) / union if union else 0.0


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


def recompose_error(pixels_HW4: U8, rasters: list[U8]) -> int:
    """Largest difference, 0..255, between the layers' composite and the picture, colours weighted by alpha."""
    worst = 0.0
    for y in range(0, pixels_HW4.shape[0], 256):
        colour = np.zeros((*pixels_HW4[y : y + 256].shape[:2], 3), np.float32)
        alpha = np.zeros(colour.shape[:2], np.float32)
        for raster in rasters:
            a = raster[y : y + 256, :, 3].astype(np.float32) / 255
            colour = raster[y : y + 256, :, :3] * a[..., None] + colour * (1 - a[..., None])
            alpha = a + alpha * (1 - a)
        truth_alpha = pixels_HW4[y : y + 256, :, 3].astype(np.float32)
        truth = pixels_HW4[y : y + 256, :, :3] * (truth_alpha[..., None] / 255)
        worst = max(worst, float(np.abs(colour - truth).max()), float(np.abs(alpha * 255 - truth_alpha).max()))
    return round(worst)
