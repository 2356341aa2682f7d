"""Text in, LayerStack out: the layers of a picture that does not exist yet.

Two kinds of models: ours, which decides how many layers there are, and imported published weights. Layers come straight
from the RGBA-VAE, at the model's own size: there is no picture that could sharpen them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch

from layerize.coarse import drop_duplicates, drop_empty
from layerize.errors import CheckpointError, UsageError
from layerize.flow.guidance import guide
from layerize.flow.layered import LayeredPredictor
from layerize.flow.path import velocity_from_x_0
from layerize.flow.schedule import solver_times
from layerize.models import checkpoint
from layerize.models.layer_model import LayerModel
from layerize.models.published import PublishedModel
from layerize.models.stop import most_likely_count
from layerize.naming import name_layers
from layerize.predictors import F32, PUBLISHED_AREA_SIDE, PUBLISHED_STEPS, find_model, pick_device
from layerize.stack import Layer, LayerStack
from layerize.stack.convert import to_u8

TASK = "text-to-layers"
Progress = Callable[[float], None]
Size = tuple[int, int]

SMALL_STEPS = 24
SMALL_GUIDANCE = 3.0
PUBLISHED_GUIDANCE = 4.0
PUBLISHED_LAYERS = 4
LEAST_SIDE, MOST_SIDE = 64, 2048


class TextModel(Protocol):
    """A loaded model: text to layers."""

    name: str
    default_steps: int
    default_guidance: float
    default_size: Size

    def draw(
        self, text: str, size: Size, *, layers: int | None, steps: int, seed: int, guidance: float, progress: Progress
    ) -> F32:
        """Layers (K, h, w, 4) bottom to top, straight RGBA 0..1, for a canvas of ``size`` (width, height)."""
        ...


class SmallTextModel:
    """A LayerModel: one prefix pass of the text, Euler steps with guidance, RGBA-VAE."""

    default_steps = SMALL_STEPS
    default_guidance = SMALL_GUIDANCE

    def __init__(self, model: LayerModel, name: str, device: torch.device) -> None:
        self.model, self.name, self.device = model, name, device
        self.default_size = (model.config.area_side, model.config.area_side)

    @torch.inference_mode()
    def draw(
        self, text: str, size: Size, *, layers: int | None, steps: int, seed: int, guidance: float, progress: Progress
    ) -> F32:
        config = self.model.config
        limit = config.transformer.max_layers
        if layers is not None and layers > limit:
            raise UsageError(f"--layers {layers}: this model makes 1 to {limit} layers.")
        grid = (size[1] // LayerModel.PIXELS_PER_TOKEN, size[0] // LayerModel.PIXELS_PER_TOKEN)
        reading, empty = self.model.read_text([text], grid), self.model.read_text([""], grid)
        count = layers or int(most_likely_count(reading.stop_logits_BK)[0])
        shape = (1, count, config.vae.z_dim, size[1] // config.vae.factor, size[0] // config.vae.factor)
        x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(self.device)
        times = solver_times(steps, config.flow_shift).to(self.device)
        for step in range(steps):
            t = times[step].expand(1)
            x_0, _ = self.model.denoise(x, t, reading)
            if guidance != 1:
                x_0 = guide(x_0, self.model.denoise(x, t, empty)[0], guidance)
            x = x + (times[step + 1] - times[step]) * velocity_from_x_0(x, x_0.float(), t)
            progress((step + 1) / steps)
        vae = self.model.vae
        rgba = vae.from_pixel_space(vae.decode_latent(x[0]).float())
        return np.asarray(rgba.permute(0, 2, 3, 1).cpu().numpy(), np.float32)


class PublishedTextModel:
    """Imported weights, run without a condition image."""

    default_steps = PUBLISHED_STEPS
    default_guidance = PUBLISHED_GUIDANCE
    default_size = (PUBLISHED_AREA_SIDE, PUBLISHED_AREA_SIDE)

    def __init__(self, model: PublishedModel, name: str) -> None:
        self.layered, self.name = LayeredPredictor(model), name

    def draw(
        self, text: str, size: Size, *, layers: int | None, steps: int, seed: int, guidance: float, progress: Progress
    ) -> F32:
        probabilities = self.layered.count(text, area_side=max(size))
        counted = 1 + int(np.argmax(probabilities)) if probabilities else PUBLISHED_LAYERS
        rgba = self.layered.generate(
            text,
            size=(size[1], size[0]),
            layers=layers or counted,
            steps=steps,
            seed=seed,
            guidance=guidance,
            progress=lambda done, total: progress(done / total),
        )
        return np.asarray(rgba.numpy(), np.float32)


def load_text_model(model: str, device: str = "auto", *, tasks: tuple[str, ...] = (TASK,)) -> TextModel:
    """Load a shipped model by name, or a checkpoint folder that has learned one of ``tasks``.

    Raises:
        CheckpointError: No such model, or one that has never learned to draw from text; the message says what to do.
        UsageError: The device does not exist here.
    """
    place, folder = pick_device(device), find_model(model)
    info = checkpoint.read_info(folder)
    if info.class_name not in (LayerModel.__name__, PublishedModel.__name__):
        raise CheckpointError(f"{folder}: holds a {info.class_name}; text to layers needs a whole model.")
    published = info.class_name == PublishedModel.__name__
    if not published and not set(tasks) & set(info.metadata.get("tasks", ())):
        raise CheckpointError(
            f"{model}: this model has learned to split pictures, not to draw from text. Give --model sketch, "
            "a checkpoint that was trained on text-to-layers (layerize train recipes/text_to_layers.toml), or imported "
            "published weights (layerize model import Qwen/Qwen-Image-Layered DIR)."
        )
    loaded = checkpoint.load_model(folder, device=place, dtype=None if published else torch.float32)
    if isinstance(loaded, PublishedModel):
        return PublishedTextModel(loaded, folder.name)
    assert isinstance(loaded, LayerModel)
    return SmallTextModel(loaded, folder.name, place)


def generate(
    text: str,
    model: TextModel,
    *,
    size: Size | None = None,
    layers: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    guidance: float | None = None,
    progress: Progress | None = None,
) -> LayerStack:
    """A stack of layers from a text.

    Args:
        text: What the picture shows.
        model: From ``load_text_model``.
        size: (width, height) in pixels, multiples of 32, 64 to 2048; None for the model's own.
        layers: How many, background included; None lets the model decide, if it can.
        steps: Denoising steps; None for the model's own.
        seed: The same seed gives the same layers.
        guidance: Classifier-free guidance scale; 1 turns it off; None for the model's own.
        progress: Called with the share that is done.

    Raises:
        UsageError: An argument is out of range.
    """
    size = size or model.default_size
    if any(side % 32 or not LEAST_SIDE <= side <= MOST_SIDE for side in size):
        raise UsageError(
            f"size {size[0]}x{size[1]}: sides must be multiples of 32 from {LEAST_SIDE} to {MOST_SIDE} pixels."
        )
    if not text.strip():
        raise UsageError("The text is empty; say what the picture shows.")
    steps = steps or model.default_steps
    guidance = model.default_guidance if guidance is None else guidance
    coarse = model.draw(
        text, size, layers=layers, steps=steps, seed=seed, guidance=guidance, progress=progress or (lambda _: None)
    )
    coarse[0, ..., 3] = 1.0  # the background is opaque by definition
    if layers is None:
        coarse = drop_duplicates(drop_empty(coarse))
    rasters = [to_u8(layer) for layer in coarse]
    made = tuple(Layer(pixels=raster, name=name) for raster, name in zip(rasters, name_layers(rasters), strict=True))
    about = {"source": "text", "caption": text, "model": {"name": model.name, "seed": seed, "steps": steps}}
    return LayerStack(size=(rasters[0].shape[1], rasters[0].shape[0]), layers=made, metadata=about)


__all__ = ["TextModel", "generate", "load_text_model"]
