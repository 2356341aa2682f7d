"""Weights of other people's measuring networks: from files that the user names, or from the user's cache.

Nothing is downloaded and nothing is unpickled but tensors.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from layerize.errors import CheckpointError

TENSOR_FILES = (".pth", ".pt", ".safetensors")


def cache_folder(kind: str) -> Path:
    """Where weights of a kind (``lpips``, ``fid``) are looked for when no file is named."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "layerize" / kind


def find_weights(kind: str, given: Sequence[Path] = ()) -> tuple[Path, ...]:
    """The files given, else those in the cache folder, else nothing.

    Raises:
        CheckpointError: A given file is missing.
    """
    for path in given:
        if not path.is_file():
            raise CheckpointError(f"{path}: there is no such file of {kind} weights; check the name.")
    if given:
        return tuple(given)
    folder = cache_folder(kind)
    return tuple(sorted(path for path in folder.glob("*") if path.suffix in TENSOR_FILES)) if folder.is_dir() else ()


def read_state(path: Path) -> dict[str, Tensor]:
    """The named tensors of a ``.safetensors`` or PyTorch file.

    Raises:
        CheckpointError: It is no such file or holds something else than named tensors.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both readers raise nearly anything on foreign bytes
        raise CheckpointError(f"{path}: cannot be read as weights ({type(error).__name__}: {error}).") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{path}: holds no plain table of tensors; save the network's state_dict.")
    return dict(state)
