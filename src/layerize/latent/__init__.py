"""Edits in the RGBA-VAE's latent space: learned directions, and style by channel statistics.

``coder`` (native size to latents and back, in tiles), ``pairs`` and ``directions`` (what brightness, hue, saturation
and opacity are in latents), ``style`` (AdaIN), ``edit`` (a layer of a stack changed, all others left).
"""

from layerize.latent.coder import LatentCoder, load_coder
from layerize.latent.directions import ATTRIBUTES, Directions, fit_directions, load_directions, save_directions
from layerize.latent.edit import latent_edit, style_transfer

__all__ = [
    "ATTRIBUTES",
    "Directions",
    "LatentCoder",
    "fit_directions",
    "latent_edit",
    "load_coder",
    "load_directions",
    "save_directions",
    "style_transfer",
]
