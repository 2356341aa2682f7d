"""RGBA reconstruction of an auto-encoder as AlphaVAE (arXiv 2507.09308) measures it.

Picture and reconstruction are blended over nine solid colours and compared with RGB measures; the figures are means
over the colours. Table 3 of arXiv 2512.15603 reports them.

Where the authors' scripts lose something on the way (JPEG files, truncation to 8 bit, SSIM of luma only) we do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from layerize.errors import CheckpointError, InputError, LayerizeError, UsageError
from layerize.evaluation.fid import FeatureNetwork, FeatureStatistics, frechet_distance
from layerize.evaluation.lpips import LPIPS
from layerize.evaluation.measures import soft_iou
from layerize.evaluation.recomposition import on_colour, psnr_u8
from layerize.evaluation.samples import find_samples
from layerize.evaluation.ssim import WINDOW, ssim
from layerize.evaluation.stack_files import canvas_layers
from layerize.formats import read_image
from layerize.models.checkpoint import load_model
from layerize.models.rgba_vae import RGBAVAE
from layerize.stack.convert import to_u8
from layerize.stack.layer import U8

COLOURS = {
    "gray": (128, 128, 128),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
}
"""AlphaVAE's canonical backgrounds."""

Figures = dict[str, float | None]
"""``psnr`` (dB), ``ssim``, ``lpips``, ``rfid``; None where weights are absent or pictures too few."""


@dataclass(frozen=True)
class Picture:
    """One RGBA picture that can be read."""

    name: str
    read: Callable[[], U8]


@dataclass(frozen=True, kw_only=True)
class PictureScores:
    """One picture's figures, means over the nine colours, and of its alpha alone the mean absolute error and the soft
    IoU (0..1; None where it has no transparent pixel)."""

    psnr: float
    ssim: float
    lpips: float | None
    alpha_error: float
    alpha_iou: float | None


@dataclass(frozen=True, kw_only=True)
class ReconstructionReport:
    """The result of one auto-encoder.

    Attributes:
        mean: Means over pictures and colours; rfid is the mean over colours.
        by_colour: The same for each background.
        alpha_error: Mean absolute error of alpha, 0..1.
        alpha_iou: Mean soft IoU of alpha over the pictures that have a transparent pixel; None where none has.
        pictures: Each picture's own figures.
        skipped: (name, reason) of what could not be used.
        odd: What a person should know about the files.
    """

    mean: Figures
    by_colour: dict[str, Figures]
    alpha_error: float
    alpha_iou: float | None
    pictures: dict[str, PictureScores]
    skipped: list[tuple[str, str]] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "skipped": [{"picture": name, "reason": reason} for name, reason in self.skipped]}


def load_vae(folder: Path) -> RGBAVAE:
    """The auto-encoder of a checkpoint: an RGBA-VAE, or the one inside a whole model.

    Raises:
        CheckpointError: No checkpoint, or one without an auto-encoder.
    """
    model = load_model(folder)
    vae = model if isinstance(model, RGBAVAE) else getattr(model, "vae", None)
    if not isinstance(vae, RGBAVAE):
        raise CheckpointError(f"{folder}: a {type(model).__name__} has no auto-encoder; give one that has.")
    return vae


def find_pictures(data: str) -> tuple[list[Picture], list[str]]:
    """The RGBA PNGs below a folder, or all layers of the synthetic designs ``synth:FIRST-LAST``; and what is odd.

    Raises:
        InputError: No such folder, or no PNG in it.
        UsageError: The seeds make no sense.
    """
    if data.startswith("synth:"):
        return [
            Picture(f"{sample.name}/{index}", partial(np.array, layer))
            for sample in find_samples(data).samples
            for index, layer in enumerate(canvas_layers(sample.load())[0])
        ], []
    root = Path(data)
    if not root.is_dir():
        raise InputError(f"{data}: no such folder; give a folder of RGBA PNGs, or seeds like synth:0-99.")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    pngs = [path for path in files if path.suffix.lower() == ".png"]
    if not pngs:
        raise InputError(f"{data}: holds no PNG, so there is nothing to evaluate.")
    odd = [f"{path}: no PNG, ignored" for path in files if path not in set(pngs)]
    return [Picture(str(path.relative_to(root)), partial(_read, path)) for path in pngs], odd


def _read(path: Path) -> U8:
    return read_image(path).pixels


class Reconstruction:
    """Runs a VAE over pictures; iterate, then ask for the report.

    Args:
        vae: In evaluation mode.
        pictures: From ``find_pictures``.
        side: Short side to scale to and square to cut out, as AlphaVAE does with 1024; None: as they are, cut at the
            right and bottom to whole latent cells.
        lpips: With weights, or None.
        features: For rFID, or None.
        odd: Remarks for the report.

    Raises:
        UsageError: ``side`` does not fit the latent cells.
    """

    def __init__(
        self,
        vae: RGBAVAE,
        pictures: Sequence[Picture],
        *,
        side: int | None = None,
        lpips: LPIPS | None = None,
        features: FeatureNetwork | None = None,
        odd: Sequence[str] = (),
    ) -> None:
        if side is not None and (side < WINDOW or side % vae.config.factor):
            raise UsageError(f"--size {side}: must be a multiple of {vae.config.factor} and at least {WINDOW}.")
        self.vae, self.pictures, self.side = vae, pictures, side
        self.lpips, self.features, self.odd = lpips, features, list(odd)
        self.skipped: list[tuple[str, str]] = []
        self._scores: dict[str, dict[str, Figures]] = {}
        self._alpha: dict[str, Figures] = {}
        self._statistics = {colour: (FeatureStatistics(), FeatureStatistics()) for colour in COLOURS}

    def __len__(self) -> int:
        return len(self.pictures)

    def __iter__(self) -> Iterator[str]:
        """Evaluate; yields each picture's name when it is done."""
        for picture in self.pictures:
            try:
                self._take(picture)
            except LayerizeError as error:
                self.skipped.append((picture.name, str(error)))
            yield picture.name

    def _take(self, picture: Picture) -> None:
        original = fit(picture.read(), self.side, self.vae.config.factor)
        transparent = int(original[..., 3].min()) < 255
        if not transparent:
            self.odd.append(f"{picture.name}: has no transparent pixel")
        result = reconstruct(self.vae, original)
        self._scores[picture.name] = {
            name: self._compare(name, on_colour(original, colour), on_colour(result, colour))
            for name, colour in COLOURS.items()
        }
        true, found = (pixels[..., 3].astype(np.float32) / np.float32(255) for pixels in (original, result))
        self._alpha[picture.name] = {
            "alpha_error": float(np.abs(true - found).mean()),
            "alpha_iou": soft_iou(true, found) if transparent else None,
        }

    def _compare(self, colour: str, original: U8, result: U8) -> Figures:
        if self.features is not None:
            for statistics, image in zip(self._statistics[colour], (original, result), strict=True):
                statistics.add(self.features(image))
        return {
            "psnr": psnr_u8(original, result),
            "ssim": ssim(original, result),
            "lpips": self.lpips.distance_u8(original, result) if self.lpips is not None else None,
        }

    def report(self) -> ReconstructionReport:
        """All figures.

        Raises:
            InputError: Not one picture could be used.
        """
        if not self._scores:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self.skipped[:3])
            raise InputError(f"none of {len(self.skipped)} pictures could be used ({reasons}), so there is no result.")
        by_colour = {
            colour: {**_means([scores[colour] for scores in self._scores.values()]), "rfid": self._rfid(colour)}
            for colour in COLOURS
        }
        own = {name: _means(list(scores.values())) for name, scores in self._scores.items()}
        return ReconstructionReport(
            mean=_means(list(by_colour.values())),
            by_colour=by_colour,
            **_means(list(self._alpha.values())),  # type: ignore[arg-type]
            pictures={
                name: PictureScores(**means, **self._alpha[name])  # type: ignore[arg-type]
                for name, means in own.items()
            },
            skipped=self.skipped,
            odd=self.odd,
        )

    def _rfid(self, colour: str) -> float | None:
        original, result = self._statistics[colour]
        return frechet_distance(original, result) if len(original) > 1 else None


def _means(rows: Sequence[Figures]) -> Figures:
    means: Figures = {}
    for name in rows[0]:
        values = [value for row in rows if (value := row[name]) is not None]
        means[name] = float(np.mean(values)) if values else None
    return means


def fit(rgba_HW4: U8, side: int | None, factor: int) -> U8:
    """The picture at a size that the VAE takes.

    Raises:
        InputError: It is too small.
    """
    height, width = rgba_HW4.shape[:2]
    if side is None:
        height, width = height // factor * factor, width // factor * factor
        if min(height, width) < WINDOW:
            raise InputError(f"{rgba_HW4.shape[1]}x{rgba_HW4.shape[0]} pixels are too few; SSIM needs {WINDOW} a side.")
        return np.ascontiguousarray(rgba_HW4[:height, :width])
    scale = side / min(height, width)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    premultiplied = rgba_HW4.astype(np.float32) / 255
    premultiplied[..., :3] *= premultiplied[..., 3:]
    scaled = cv2.resize(premultiplied, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (size[1] - side) // 2, (size[0] - side) // 2
    square = scaled[top : top + side, left : left + side]
    square[..., :3] /= np.maximum(square[..., 3:], 1e-6)
    return to_u8(square)


@torch.inference_mode()
def reconstruct(vae: RGBAVAE, rgba_HW4: U8) -> U8:
    """Through the latents (the posterior's mean) and back, straight RGBA ``u8`` both ways."""
    pixels = torch.from_numpy(np.array(rgba_HW4)).permute(2, 0, 1)[None].float() / 255
    out = vae.from_pixel_space(vae.decode_latent(vae.encode_latent(vae.to_pixel_space(pixels))))
    return to_u8(out[0].permute(1, 2, 0).numpy())
