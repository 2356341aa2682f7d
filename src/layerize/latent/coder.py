"""Pictures of any size to latents and back, tile by tile, with the same result as in one piece.

A tile carries as much of its neighbours as the network can see, so that no seam can arise. With attention (published
weights) a network sees everything; tiles then agree only nearly.

Shape letters: ``H W`` pixels, ``h w`` latent cells, ``C`` channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from layerize.errors import CheckpointError
from layerize.models import checkpoint
from layerize.models.rgba_vae import RGBAVAE, RGBAVAEConfig
from layerize.predictors import find_model
from layerize.stack.convert import F32

TILE = 512
"""Pixels of a tile's side without its margin: two tiles' activations of the small model stay below 0.5 GB."""


class _Part(NamedTuple):
    """One axis of a tile, in cells: what is read, what is kept, and where that begins in what was read."""

    read: slice
    keep: slice
    inner: slice


class LatentCoder:
    """An RGBA-VAE for pictures of any size, with the folder that it came from."""

    def __init__(self, vae: RGBAVAE, folder: Path | None = None, *, tile: int | None = TILE) -> None:
        """``tile`` None: everything in one piece."""
        self.vae, self.folder, self.tile = vae, folder, tile

    @torch.inference_mode()
    def encode(self, rgba_HW4: F32) -> Tensor:
        """Normalised latents of a straight RGBA picture.

        Args:
            rgba_HW4: float32, 0..1. Sides that are no multiples of the model's factor are extended by their border.

        Returns:
            (C, h, w), float32, on the CPU.
        """
        factor = self.vae.config.factor
        height, width = rgba_HW4.shape[:2]
        h, w = -(-height // factor), -(-width // factor)
        padding = ((0, h * factor - height), (0, w * factor - width), (0, 0))
        picture = torch.from_numpy(np.pad(rgba_HW4, padding, mode="edge")).permute(2, 0, 1)
        latents = torch.empty(self.vae.config.z_dim, h, w)
        for rows, columns in self._tiles(h, w, encoder_margin(self.vae.config)):
            pixels = picture[:, _scaled(rows.read, factor), _scaled(columns.read, factor)][None].to(self._device)
            z = self.vae.encode_latent(self.vae.to_pixel_space(pixels))[0]
            latents[:, rows.keep, columns.keep] = z[:, rows.inner, columns.inner].cpu()
        return latents

    @torch.inference_mode()
    def decode(self, latents_Chw: Tensor, size: tuple[int, int]) -> F32:
        """The straight RGBA picture, float32 (H, W, 4) in 0..1, that latents stand for.

        Args:
            latents_Chw: As ``encode`` returns them.
            size: (width, height) of the picture; what the latents have beyond is cut off.
        """
        factor = self.vae.config.factor
        h, w = latents_Chw.shape[1:]
        picture = torch.empty(4, h * factor, w * factor)
        for rows, columns in self._tiles(h, w, decoder_margin(self.vae.config)):
            z = latents_Chw[:, rows.read, columns.read][None].to(self._device)
            pixels = self.vae.from_pixel_space(self.vae.decode_latent(z))[0]
            there = (slice(None), _scaled(rows.keep, factor), _scaled(columns.keep, factor))
            picture[there] = pixels[:, _scaled(rows.inner, factor), _scaled(columns.inner, factor)].cpu()
        result: F32 = picture[:, : size[1], : size[0]].permute(1, 2, 0).contiguous().numpy()
        return result

    @property
    def _device(self) -> torch.device:
        return next(self.vae.parameters()).device

    def _tiles(self, h: int, w: int, margin: int) -> Iterator[tuple[_Part, _Part]]:
        cells = max(h, w) if self.tile is None else max(1, self.tile // self.vae.config.factor)
        for rows in _parts(h, cells, margin):
            for columns in _parts(w, cells, margin):
                yield rows, columns


def encoder_margin(config: RGBAVAEConfig) -> int:
    """Cells around a cell that its latent depends on (without attention), rounded up."""
    reach, step = config.patch_size, config.patch_size  # of conv_in, in pixels
    for level in range(len(config.dim_mult)):
        reach += 2 * config.num_res_blocks * step
        if level < len(config.dim_mult) - 1:
            reach += 2 * step  # the stride-2 convolution looks right and down
            step *= 2
    reach += (2 * 2 + 1) * step  # two blocks in the middle, conv_out
    return -(-reach // config.factor)


def decoder_margin(config: RGBAVAEConfig) -> int:
    """Cells around a cell that its pixels depend on (without attention), rounded up."""
    step = config.factor
    reach = (1 + 2 * 2) * step  # conv_in, two blocks in the middle
    for level in range(len(config.dim_mult)):
        reach += 2 * (config.num_res_blocks + 1) * step
        if level < len(config.dim_mult) - 1:
            step //= 2
            reach += 2 * step  # repetition, then a convolution
    return -(-(reach + step) // config.factor)


@lru_cache(maxsize=1)
def load_coder(model: str = "default") -> LatentCoder:
    """The RGBA-VAE of a shipped model's name or of a checkpoint folder; the last one stays in memory.

    Raises:
        CheckpointError: No such model, or it has no RGBA-VAE.
    """
    folder = find_model(model)
    loaded = checkpoint.load_model(folder)
    vae = loaded if isinstance(loaded, RGBAVAE) else getattr(loaded, "vae", None)
    if not isinstance(vae, RGBAVAE):
        raise CheckpointError(f"{folder}: holds a {type(loaded).__name__} without an RGBA-VAE; latent edits need one.")
    return LatentCoder(vae, folder)


def _parts(length: int, size: int, margin: int) -> Iterator[_Part]:
    for start in range(0, length, size):
        end = min(start + size, length)
        low, high = max(0, start - margin), min(length, end + margin)
        yield _Part(slice(low, high), slice(start, end), slice(start - low, end - low))


def _scaled(cells: slice, factor: int) -> slice:
    return slice(cells.start * factor, cells.stop * factor)
