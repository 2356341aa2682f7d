"""Predictors: a loaded model as a function from a picture to coarse layers, and where models are found.

Three kinds: the shipped architecture, imported published weights, and whatever else offers :class:`Predictor`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Protocol, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch

from layerize.errors import CheckpointError, UsageError
from layerize.flow.layered import LayeredPredictor
from layerize.flow.path import velocity_from_x_0
from layerize.flow.schedule import solver_times
from layerize.models import checkpoint
from layerize.models.guided_decoder import DecodedLayers, visible_share
from layerize.models.layer_model import LayerModel, Reading
from layerize.models.published import PublishedModel
from layerize.models.stop import candidate_counts, count_log_probabilities, least_cost_count
from layerize.refine.config import Hidden
from layerize.stack.layer import U8

F32: TypeAlias = npt.NDArray[np.float32]
Progress: TypeAlias = Callable[[str, float], None]
"""Called with the step's name and the share of the whole that is done, 0..1."""

TASK = "image-to-layers"
DEFAULT_STEPS = 1
"""Of a LayerModel. More steps are worse for it: what one step gets wrong, the next takes for granted (docs/log.md)."""
PUBLISHED_STEPS = 50
PUBLISHED_LAYERS = 6
"""Published weights cannot count: without a wish or a stop head of their own (recipes/full_stop_head.toml) they make
this many, and what comes out empty or double is dropped."""
PUBLISHED_AREA_SIDE = 640
MAX_ASPECT = 8.0
"""Longer pictures are squeezed to this ratio for the model (not for refine): its grid needs two tokens on a side."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model says of a picture.

    Attributes:
        coarse_Khw4: Layers bottom to top at the model's size, straight RGBA, 0..1.
        count_probabilities: P(N = 1), P(N = 2), ...; None for models that do not count.
        steps: Denoising steps that were used.
        hidden: Where refine should take the colours of hidden parts from.
    """

    coarse_Khw4: F32
    count_probabilities: tuple[float, ...] | None
    steps: int
    hidden: Hidden = "blend"


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
        probabilities = tuple(count_log_probabilities(reading.stop_logits_BK)[0].exp().tolist())
        steps = steps or DEFAULT_STEPS
        tried = {} if layers else self._each_count(reading, probabilities, seed, progress)
        count = layers or least_cost_count(probabilities, {count: doubt(made) for count, made in tried.items()})
        decoded = tried.get(count) if steps == 1 else None
        decoded = decoded or self._layers(reading, count, steps, seed, progress)
        alpha = decoded.alpha_BKHW[0].float()
        alpha[0] = 1.0  # the background is opaque by definition
        rgb = ((decoded.rgb_BK3HW[0].float() + 1) / 2).clamp(0, 1)
        rgba = torch.cat([rgb, alpha[:, None]], dim=1).permute(0, 2, 3, 1)
        return Prediction(
            coarse_Khw4=rgba.cpu().numpy().astype(np.float32, copy=False),
            count_probabilities=probabilities,
            steps=steps,
            hidden="diffuse",  # the small model's own guess is worse: benchmarks/hidden.py
        )

    def _each_count(
        self, reading: Reading, probabilities: tuple[float, ...], seed: int, progress: Progress
    ) -> dict[int, DecodedLayers]:
        """What one step makes of every count that is worth a look."""
        counts = candidate_counts(probabilities)
        made = {}
        for index, count in enumerate(counts):
            progress("count", index / len(counts))
            made[count] = self._layers(reading, count, 1, seed, lambda *_: None)
        return made

    def _layers(self, reading: Reading, count: int, steps: int, seed: int, progress: Progress) -> DecodedLayers:
        """Euler steps from noise to so many layers, and the guided decoder after the last."""
        times = solver_times(steps, self.model.config.flow_shift).to(self.device)
        vae = self.model.config.vae
        h, w = (side // vae.factor for side in reading.picture_B3HW.shape[2:])
        shape = (1, count, vae.z_dim, h, w)
        x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(self.device)
        for step in range(steps):
            progress("denoise", step / steps)
            t = times[step].expand(1)
            x_0, tokens = self.model.denoise(x, t, reading)
            x = x + (times[step + 1] - times[step]) * velocity_from_x_0(x, x_0, t)
        progress("decode", 1.0)
        return self.model.decode(tokens, reading)

    def _shrink(self, picture_HW3: U8) -> torch.Tensor:
        width, height = model_size(
            picture_HW3.shape[1], picture_HW3.shape[0], self.model.config.area_side, LayerModel.PIXELS_PER_TOKEN
        )
        small = resize(picture_HW3, (width, height))
        return torch.from_numpy(small).permute(2, 0, 1)[None].float().div(255).to(self.device)


def doubt(decoded: DecodedLayers) -> float:
    """Mean over the pixels of one minus the largest visible weight: 0 where every pixel has one owner."""
    return float(1 - visible_share(decoded.alpha_logits_BKHW.float()).amax(dim=1).mean())


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
        picture = torch.from_numpy(np.ascontiguousarray(picture_HW3)).permute(2, 0, 1).float().div(255)
        probabilities = self.layered.count(prompt or "", picture_3HW=picture, area_side=PUBLISHED_AREA_SIDE)
        counted = 1 + int(np.argmax(probabilities)) if probabilities else PUBLISHED_LAYERS
        rgba = self.layered.predict(
            picture,
            layers=layers or counted,
            steps=steps,
            seed=seed,
            prompt=prompt or "",
            area_side=PUBLISHED_AREA_SIDE,
            progress=lambda done, total: progress("denoise", done / total),
        )
        rgba[0, ..., 3] = 1.0  # the background is opaque by definition
        return Prediction(coarse_Khw4=rgba.numpy(), count_probabilities=probabilities, steps=steps)


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


def load_predictor(model: str, device: str) -> Predictor:
    """Load a shipped model by name, or a checkpoint folder.

    Raises:
        CheckpointError: No such model, or it does not fit.
        UsageError: The device does not exist here.
    """
    place = pick_device(device)
    folder = find_model(model)
    info = checkpoint.read_info(folder)
    published = info.class_name == PublishedModel.__name__
    if not published and info.class_name != LayerModel.__name__:
        raise CheckpointError(f"{folder}: holds a {info.class_name}; splitting needs a LayerModel or a PublishedModel.")
    tasks = info.metadata.get("tasks", [])
    if not published and tasks and TASK not in tasks:
        raise CheckpointError(
            f"{model}: this model has learned {' and '.join(tasks)}, not to split pictures. Give --model default, or a "
            "checkpoint that was trained on image-to-layers (layerize train recipes/image_to_layers.toml)."
        )
    # the published model fits no machine in float32: it keeps its stored type
    loaded = checkpoint.load_model(folder, device=place, dtype=None if published else torch.float32)
    if isinstance(loaded, PublishedModel):
        return PublishedPredictor(loaded, folder.name, place)
    assert isinstance(loaded, LayerModel)
    return LayerPredictor(loaded, folder.name, place)


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
