"""What brightness, hue, saturation and opacity are in latents: learned by regression on synthetic pairs.

Attributes are one-parameter groups on pixels; in latents each is approximated by one, too: ``dz/dt = M [z; 1]``, with
one small matrix ``M`` per attribute, the same for every cell. The edit by an amount t is ``exp(t M)`` applied to the
cells, so amounts add up, and 0 changes nothing. A constant direction is the special case of one column; hue, which
turns colours, cannot be one. ``M`` comes from ridge regression on the latents of pictures a small amount apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from layerize.errors import CheckpointError
from layerize.latent import pairs
from layerize.latent.coder import LatentCoder
from layerize.stack.convert import F32

FILE = "latent_directions.safetensors"
"""Beside a model's weights; 4 kB."""

RIDGE = 1e-3
SIDE = 64
FEWEST = 1e-6  # a factor of 0 (no saturation, no opacity) is infinitely far away


@dataclass(frozen=True)
class Attribute:
    """One attribute: its pixels' truth, the step it is learned with, and how people's amounts become its own.

    Attributes:
        truth: (straight RGBA 0..1, amount) → the same.
        step: Learned from pictures this far apart, either way.
        opaque: Learned on opaque pictures.
        lowest: The smallest amount that a person may give.
        highest: The largest.
        amount: A person's number to the group's parameter.
    """

    truth: Callable[[F32, float], F32]
    step: float
    opaque: bool
    lowest: float
    highest: float
    amount: Callable[[float], float]


def _log_factor(change: float) -> float:
    return math.log(max(1 + change, FEWEST))


ATTRIBUTES: Mapping[str, Attribute] = {
    "brightness": Attribute(pairs.brightness, 0.08, True, -1, 1, float),
    "hue": Attribute(pairs.hue, 0.03, True, -180, 180, lambda degrees: degrees / 360),
    "saturation": Attribute(pairs.saturation, 0.2, True, -1, 1, _log_factor),
    "opacity": Attribute(pairs.opacity, 0.7, False, -1, 1, _log_factor),
}


@dataclass(frozen=True)
class Directions:
    """The matrices, one per attribute: float64 (C + 1, C + 1), the last row zero."""

    matrices: Mapping[str, Tensor]

    def shift(self, latents_Chw: Tensor, attribute: str, parameter: float) -> Tensor:
        """Latents after an attribute changed by the group's own ``parameter``, see ``Attribute.amount``."""
        matrix = torch.linalg.matrix_exp(self.matrices[attribute] * max(parameter, -4.0)).to(latents_Chw.dtype)
        channels = latents_Chw.shape[0]
        moved: Tensor = torch.einsum("dc,chw->dhw", matrix[:channels, :channels], latents_Chw)
        shifted: Tensor = moved + matrix[:channels, channels, None, None]
        return shifted


def fit_directions(coder: LatentCoder, *, pictures: int = 64, seed: int = 0) -> Directions:
    """Learn all attributes from ``pictures`` synthetic pictures each; seconds for the shipped model."""
    matrices = {}
    for name, attribute in ATTRIBUTES.items():
        rng = np.random.default_rng(seed)
        states, changes = [], []
        for _ in range(pictures):
            picture = pairs.drawn(rng, SIDE, opaque=attribute.opaque)
            more, less = (coder.encode(attribute.truth(picture, sign * attribute.step)) for sign in (1, -1))
            states.append(coder.encode(picture).flatten(1))
            changes.append((more - less).flatten(1) / (2 * attribute.step))
        matrices[name] = _regress(torch.cat(states, dim=1), torch.cat(changes, dim=1))
    return Directions(matrices)


def _regress(states_Cn: Tensor, changes_Cn: Tensor) -> Tensor:
    """The matrix M of ``changes = M [states; 1]`` by ridge regression; the last column is not drawn towards 0."""
    channels, count = states_Cn.shape
    x = torch.cat([states_Cn, torch.ones(1, count)]).double()
    penalty = RIDGE * count * torch.eye(channels + 1, dtype=torch.float64)
    penalty[channels, channels] = 0
    solved = torch.linalg.solve(x @ x.T + penalty, x @ changes_Cn.double().T).T
    return torch.cat([solved, torch.zeros(1, channels + 1, dtype=torch.float64)])


def load_directions(coder: LatentCoder) -> Directions:
    """The directions stored beside the model's weights, or learned now where there are none for this very model.

    Raises:
        CheckpointError: The file is damaged.
    """
    path = None if coder.folder is None else coder.folder / FILE
    if path is None or not path.is_file():
        return fit_directions(coder)
    try:
        with safe_open(path, framework="pt") as file:
            of = (file.metadata() or {}).get("vae")
            matrices = {name: file.get_tensor(name).double() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: is no readable safetensors file ({error}); delete it.") from error
    if of != fingerprint(coder) or set(matrices) != set(ATTRIBUTES):
        return fit_directions(coder)  # the weights were replaced
    return Directions(matrices)


def save_directions(directions: Directions, coder: LatentCoder, folder: Path) -> Path:
    """Write the directions beside a model's weights; returns the file."""
    path = folder / FILE
    tensors = {name: matrix.float().contiguous() for name, matrix in directions.matrices.items()}
    safetensors.torch.save_file(tensors, path, metadata={"vae": fingerprint(coder)})
    return path


def fingerprint(coder: LatentCoder) -> str:
    """Tells whether weights are those that directions were learned with: sums over the first and last convolution."""
    state = coder.vae.state_dict()
    ends = (state["encoder.conv_in.weight"], state["encoder.conv_out.weight"], state["decoder.conv_out.weight"])
    return " ".join(f"{float(tensor.double().abs().sum()):.6g}" for tensor in ends)
