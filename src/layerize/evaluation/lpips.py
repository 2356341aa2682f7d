"""LPIPS (Zhang et al. 2018, version 0.1, AlexNet): distance of deep features, weighted by learned linear heads.

Own code, official weights: the trunk is torchvision's AlexNet, the heads are those of the ``lpips`` package. They lie
in one file (a state dict of ``lpips.LPIPS``) or in two (``alexnet-owt-*.pth`` and ``alex.pth``); the tables below say
which name is which.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from layerize.errors import CheckpointError
from layerize.evaluation.weights import cache_folder, find_weights, read_state
from layerize.stack.layer import U8

SMALLEST = 31
"""Shortest side that survives the trunk's strides."""

CHANNELS = (64, 192, 384, 256, 256)

# Our convolution: (torchvision's name, the lpips package's name); both end in .weight and .bias.
TRUNK_NAMES = (
    ("features.0", "net.slice1.0"),
    ("features.3", "net.slice2.3"),
    ("features.6", "net.slice3.6"),
    ("features.8", "net.slice4.8"),
    ("features.10", "net.slice5.10"),
)
# Our head: the lpips package's names, in its weight file and, a second time, in a saved module.
HEAD_NAMES = tuple((f"lin{i}.model.1.weight", f"lins.{i}.model.1.weight") for i in range(len(CHANNELS)))

_SHIFT = (-0.030, -0.088, -0.188)  # of pictures in -1..1
_SCALE = (0.458, 0.448, 0.450)
_EPSILON = 1e-10


class LPIPS(nn.Module):
    """The distance of two pictures in 0..1; 0 for equal ones."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(3, 64, 11, stride=4, padding=2),
                nn.Conv2d(64, 192, 5, padding=2),
                nn.Conv2d(192, 384, 3, padding=1),
                nn.Conv2d(384, 256, 3, padding=1),
                nn.Conv2d(256, 256, 3, padding=1),
            ]
        )
        self.heads = nn.ModuleList([nn.Conv2d(channels, 1, 1, bias=False) for channels in CHANNELS])

    def features(self, rgb_B3HW: Tensor) -> list[Tensor]:
        """The five rectified feature maps, each pixel's channel vector of length 1. Pictures are in 0..1."""
        shift, scale = (rgb_B3HW.new_tensor(values).view(1, 3, 1, 1) for values in (_SHIFT, _SCALE))
        x = (2 * rgb_B3HW - 1 - shift) / scale
        found = []
        for index, convolution in enumerate(self.convolutions):
            x = F.max_pool2d(x, 3, stride=2) if index in (1, 2) else x
            x = F.relu(convolution(x))
            found.append(x / (x.square().sum(dim=1, keepdim=True).sqrt() + _EPSILON))
        return found

    def forward(self, a_B3HW: Tensor, b_B3HW: Tensor) -> Tensor:
        """Distances (B,) of pictures (B, 3, H, W) in 0..1, at least ``SMALLEST`` a side."""
        total = a_B3HW.new_zeros(a_B3HW.shape[0])
        for x, y, head in zip(self.features(a_B3HW), self.features(b_B3HW), self.heads, strict=True):
            total = total + head((x - y).square()).mean(dim=(1, 2, 3))
        return total

    @torch.inference_mode()
    def distance_u8(self, a_HW3: U8, b_HW3: U8) -> float | None:
        """The distance of two RGB ``u8`` pictures of one size; None below ``SMALLEST``."""
        if min(a_HW3.shape[:2]) < SMALLEST:
            return None
        a, b = (torch.from_numpy(np.ascontiguousarray(x)).permute(2, 0, 1)[None].float() / 255 for x in (a_HW3, b_HW3))
        return float(self(a, b))


def load_lpips(given: Sequence[Path] = ()) -> LPIPS:
    """The network with official weights from the files given or from the user's cache.

    Raises:
        CheckpointError: No files, or they lack tensors that are needed; the message says which and where to put them.
    """
    files = find_weights("lpips", given)
    if not files:
        raise CheckpointError(
            "LPIPS needs weights that do not come with this package: torchvision's alexnet-owt-*.pth and the lpips "
            f"package's v0.1/alex.pth (or one state dict of lpips.LPIPS). Name them with --lpips-weights or put them "
            f"into {cache_folder('lpips')}."
        )
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors |= read_state(file)
    network = LPIPS()
    network.load_state_dict(_renamed(tensors, network.state_dict(), ", ".join(str(file) for file in files)))
    return network.eval()


def _renamed(tensors: dict[str, Tensor], wanted: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    aliases = {
        f"convolutions.{i}.{end}": [f"{name}.{end}" for name in names]
        for i, names in enumerate(TRUNK_NAMES)
        for end in ("weight", "bias")
    } | {f"heads.{i}.weight": list(names) for i, names in enumerate(HEAD_NAMES)}
    for own, names in aliases.items():
        name = next((name for name in names if name in tensors), None)
        if name is None:
            raise CheckpointError(f"{source}: the LPIPS weights lack {' (or '.join(names)}{')' * (len(names) > 1)}.")
        if tensors[name].shape != wanted[own].shape:
            raise CheckpointError(
                f"{source}: {name} is {tuple(tensors[name].shape)}, AlexNet's is {tuple(wanted[own].shape)}."
            )
        state[own] = tensors[name].float()
    return state
