"""Fréchet distance of feature statistics (FID, Heusel et al. 2017), with a feature network that the user brings.

The network is a TorchScript file: RGB pictures (B, 3, H, W) in, features (B, D) out, scaling to its own input size
inside, as in the widely used ``inception-2015-12-05.pt``. Figures of different feature networks do not compare.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from layerize.errors import CheckpointError
from layerize.evaluation.weights import cache_folder, find_weights
from layerize.stack.layer import U8

F64: TypeAlias = npt.NDArray[np.float64]
FeatureNetwork: TypeAlias = Callable[[U8], F64]
"""RGB ``u8`` (H, W, 3) to features (D,)."""


class FeatureStatistics:
    """Mean and covariance of feature vectors, gathered one by one."""

    def __init__(self) -> None:
        self._vectors: list[F64] = []

    def add(self, features_D: npt.NDArray[np.floating]) -> None:
        """Take one more picture's features."""
        self._vectors.append(np.asarray(features_D, np.float64).ravel())

    def __len__(self) -> int:
        return len(self._vectors)

    def moments(self) -> tuple[F64, F64]:
        """Mean (D,) and sample covariance (D, D).

        Raises:
            ValueError: Fewer than two pictures.
        """
        if len(self) < 2:
            raise ValueError(f"FID needs at least 2 pictures, got {len(self)}")
        vectors = np.stack(self._vectors)
        return vectors.mean(axis=0), np.atleast_2d(np.cov(vectors, rowvar=False))


def frechet_distance(a: FeatureStatistics, b: FeatureStatistics) -> float:
    """``|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2))`` of two Gaussians, 0 or more.

    The trace of the root comes from the eigenvalues of ``C_a^(1/2) C_b C_a^(1/2)``: symmetric, so it stays real where
    covariances are singular (fewer pictures than features).
    """
    (mean_a, cov_a), (mean_b, cov_b) = a.moments(), b.moments()
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ cov_b @ root)
    trace = np.trace(cov_a) + np.trace(cov_b) - 2 * np.sqrt(np.maximum(inner, 0)).sum()
    return max(0.0, float(np.square(mean_a - mean_b).sum() + trace))


def load_features(given: Sequence[Path] = ()) -> FeatureNetwork:
    """The feature network from the file given or the user's cache.

    Raises:
        CheckpointError: No file, several, or no TorchScript.
    """
    files = find_weights("fid", given)
    if len(files) != 1:
        raise CheckpointError(
            f"FID needs one feature network as a TorchScript file (such as inception-2015-12-05.pt), found "
            f"{len(files)}. Name it with --fid-network or put it into {cache_folder('fid')}."
        )
    try:
        with warnings.catch_warnings():  # the feature networks that everybody uses exist in this format only
            warnings.simplefilter("ignore", DeprecationWarning)
            network = torch.jit.load(str(files[0]), map_location="cpu").eval()
    except (RuntimeError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise CheckpointError(f"{files[0]}: is no TorchScript network ({first}).") from error
    names = {argument.name for argument in network.forward.schema.arguments}
    options = {"return_features": True} if "return_features" in names else {}

    @torch.inference_mode()
    def features(rgb_HW3: U8) -> F64:
        picture = torch.from_numpy(np.ascontiguousarray(rgb_HW3)).permute(2, 0, 1)[None]
        out: Tensor = network(picture, **options)
        return out.reshape(-1).double().numpy()

    return features
