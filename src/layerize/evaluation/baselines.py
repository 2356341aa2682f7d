"""Decompositions that need no weights, to measure models against. RGB ``u8`` in, straight RGBA float layers out.

Three of them, from none to some cleverness: the picture as one layer, a background and what differs from it, and
colour regions peeled level by level (``regions.py``). Thresholds were chosen on synthetic designs of seeds 10000 to
10200, which neither training nor the held-out figures use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from layerize.errors import CheckpointError, UsageError
from layerize.evaluation.regions import colour_regions
from layerize.predictors import Prediction, Progress, model_size, resize
from layerize.refine.surface import Surface, distance, fit_surface, to_lab
from layerize.splitter import Splitter

F32: TypeAlias = npt.NDArray[np.float32]
U8: TypeAlias = npt.NDArray[np.uint8]

PREFIX = "baseline:"
"""A model name that begins like this is one of BASELINES."""
BORDER = 0.06
"""Share of the shorter side that counts as border."""
FAINT, CLEAR = 10.0, 26.0
"""CIELAB distances from the background where the difference matte begins, and where it is opaque."""
WORK_SIDE = 384
"""Pictures are reduced to about this side squared; refine brings the layers back to full size."""
TRUSTED = 0.8
"""A fitted background that this share of the border lies on also fills what is hidden; else inpainting does."""


def one_layer(picture_HW3: U8, layers: int) -> F32:
    """The picture as the background, and ``layers - 1`` empty layers above it."""
    height, width = picture_HW3.shape[:2]
    out = np.zeros((layers, height, width, 4), np.float32)
    out[0, ..., :3] = picture_HW3 / np.float32(255)
    out[0, ..., 3] = 1
    return out


def background_difference(picture_HW3: U8, layers: int) -> F32:
    """Background fitted to the border, difference matte, inpainting; all foreground is one layer (index 1).

    A constant, linear or quadratic surface (whichever is the simplest that fits) is fitted to the border's colours,
    robustly; what differs from it is foreground. Hidden background is the surface where the border lies on it, else
    inpainted (Telea). Layers above the first foreground stay empty.
    """
    out = one_layer(picture_HW3, layers)
    if layers < 2:
        return out
    surface = border_surface(picture_HW3)
    alpha = difference_matte(picture_HW3, surface)
    out[0, ..., :3] = hidden_background(picture_HW3, alpha, surface) / np.float32(255)
    out[1, ..., :3] = picture_HW3 / np.float32(255)
    out[1, ..., 3] = alpha
    return out


def border_surface(picture_HW3: U8) -> Surface:
    """The smooth surface that the picture's border lies on."""
    height, width = picture_HW3.shape[:2]
    rim = max(2, round(BORDER * min(height, width)))
    border = np.ones((height, width), bool)
    border[rim:-rim, rim:-rim] = False
    return fit_surface(picture_HW3, border)


def difference_matte(picture_HW3: U8, surface: Surface) -> F32:
    """Alpha 0..1 (H, W) of what is not the surface; a grainy background needs a larger difference."""
    apart = distance(to_lab(picture_HW3), surface)
    faint = max(FAINT, 2.5 * surface.noise)
    alpha = np.clip((apart - faint) / (CLEAR - FAINT), 0, 1).astype(np.float32)
    solid = cv2.morphologyEx((alpha > 0.5).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.asarray(np.maximum(alpha, solid), np.float32)


def hidden_background(picture_HW3: U8, alpha_HW: F32, surface: Surface) -> U8:
    """The picture with the foreground taken away: by the surface where it can be trusted, else inpainted."""
    grown = cv2.dilate((alpha_HW > 0.1).astype(np.uint8), np.ones((5, 5), np.uint8))
    if not grown.any() or grown.all():
        return picture_HW3
    if surface.support >= TRUSTED:
        return np.where(grown[..., None] > 0, surface.colours_HW3, picture_HW3)
    return np.asarray(cv2.inpaint(picture_HW3, grown, 3, cv2.INPAINT_TELEA), np.uint8)


def _one(picture_HW3: U8, layers: int | None) -> F32:
    return one_layer(picture_HW3, layers or 1)


def _difference(picture_HW3: U8, layers: int | None) -> F32:
    return background_difference(picture_HW3, layers or 2)


def _regions(picture_HW3: U8, layers: int | None) -> F32:
    surface = border_surface(picture_HW3)
    alpha = difference_matte(picture_HW3, surface)
    background = hidden_background(picture_HW3, alpha, surface)
    return colour_regions(picture_HW3, background, alpha, layers)


@dataclass(frozen=True)
class Baseline:
    """A method and what it does, in a few words."""

    run: Callable[[U8, int | None], F32]
    summary: str


BASELINES = {
    "one": Baseline(_one, "the picture as one layer"),
    "difference": Baseline(_difference, "background fit, difference matte, inpainting"),
    "regions": Baseline(_regions, "colour regions peeled level by level"),
}


class BaselinePredictor:
    """A baseline in a model's place: ``layerize split --model baseline:regions``."""

    def __init__(self, name: str) -> None:
        self.name = PREFIX + name
        self._run = BASELINES[name].run

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
        """Coarse layers; ``steps``, ``seed`` and ``prompt`` mean nothing here."""
        if layers is not None and layers > 48:
            raise UsageError(f"--layers {layers}: baselines make 1 to 48 layers.")
        height, width = picture_HW3.shape[:2]
        if width * height > WORK_SIDE**2:
            picture_HW3 = resize(picture_HW3, model_size(width, height, WORK_SIDE, 8))
        progress("peel", 0.0)
        return Prediction(coarse_Khw4=self._run(picture_HW3, layers), count_probabilities=None, steps=0)


def load_splitter(model: str, device: str = "auto") -> Splitter:
    """``Splitter.load``, that also knows ``baseline:one``, ``baseline:difference`` and ``baseline:regions``.

    Raises:
        CheckpointError: No such model or baseline, or it does not fit.
        UsageError: The device does not exist here.
    """
    if not model.startswith(PREFIX):
        return Splitter.load(model, device=device)
    name = model.removeprefix(PREFIX)
    if name not in BASELINES:
        names = ", ".join(PREFIX + known for known in BASELINES)
        raise CheckpointError(f"{model}: no such baseline; choose one of {names}.")
    return Splitter(BaselinePredictor(name))
