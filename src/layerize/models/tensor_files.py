"""Tensors on disk: safetensors files, split into shards with an index when asked for, in folders that appear at once.

The layout (``stem.safetensors``, or ``stem-00001-of-00003.safetensors`` and ``stem.safetensors.index.json``) is that of
transformers and diffusers. Nothing here is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from layerize.errors import CheckpointError, OutputError
from layerize.formats.atomic import atomic_folder

_NAMES_SHOWN = 8


@contextmanager
def new_folder(target: Path, marker: str) -> Iterator[Path]:
    """A folder to fill that takes the name ``target`` when the block ends well, and vanishes when it does not.

    Args:
        target: Final name; an existing folder is replaced if it is empty or holds ``marker``.
        marker: File that shows that a folder is one of ours.

    Raises:
        OutputError: The target exists and is something else, or the disk is full, or writing is not allowed.
    """
    if target.is_dir() and any(target.iterdir()) and not (target / marker).is_file():
        raise OutputError(f"{target}: exists and holds no {marker}. Choose another name or remove it first.")
    with atomic_folder(target, may_replace=lambda folder: (folder / marker).is_file()) as folder:
        yield folder


def write_tensors(folder: Path, stem: str, tensors: Mapping[str, Tensor], shard_bytes: int | None = None) -> list[str]:
    """Write tensors to ``folder`` and return the names of the files.

    Args:
        folder: Exists.
        stem: File name without ``.safetensors``.
        tensors: Saved as they are.
        shard_bytes: Largest size of the tensors in one file; a single larger tensor gets a file of its own.
    """
    shards: list[dict[str, Tensor]] = [{}]
    used = 0
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        if shard_bytes is not None and shards[-1] and used + tensor.nbytes > shard_bytes:
            shards.append({})
            used = 0
        shards[-1][name] = tensor
        used += tensor.nbytes
    if len(shards) == 1:
        files = [f"{stem}.safetensors"]
    else:
        files = [f"{stem}-{index:05d}-of-{len(shards):05d}.safetensors" for index in range(1, len(shards) + 1)]
        write_json(folder / f"{stem}.safetensors.index.json", _index(files, shards))
    for file, shard in zip(files, shards, strict=True):
        try:
            safetensors.torch.save_file(shard, folder / file, metadata={"format": "pt"})
        except SafetensorError as error:
            raise OutputError(f"{folder / file}: cannot be written ({error}).") from error
    return files


def _index(files: list[str], shards: list[dict[str, Tensor]]) -> dict[str, Any]:
    weight_map = {name: file for file, shard in zip(files, shards, strict=True) for name in shard}
    total = sum(tensor.nbytes for shard in shards for tensor in shard.values())
    return {"metadata": {"total_size": total}, "weight_map": weight_map}


def tensor_paths(folder: Path, stem: str) -> list[Path]:
    """The files that hold ``stem``'s tensors.

    Raises:
        CheckpointError: There are none, or the index is broken or names files outside the folder or missing ones.
    """
    single, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if single.is_file():
        return [single]
    if not index.is_file():
        raise CheckpointError(f"{folder}: holds no {single.name} and no {index.name}.")
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index}: has no weight_map.")
    files = sorted({str(file) for file in weight_map.values()})
    for file in files:
        if Path(file).name != file:
            raise CheckpointError(f"{index}: names {file!r}, which is not a plain file name.")
        if not (folder / file).is_file():
            raise CheckpointError(f"{index}: names {file!r}, which is missing.")
    return [folder / file for file in files]


def read_tensors(folder: Path, stem: str) -> dict[str, Tensor]:
    """All tensors of ``stem``, on the CPU, in the type that they are stored in.

    Raises:
        CheckpointError: As ``tensor_paths``, or a file is truncated or no safetensors file.
    """
    tensors: dict[str, Tensor] = {}
    for path in tensor_paths(folder, stem):
        try:
            tensors |= safetensors.torch.load_file(path)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path}: is no readable safetensors file ({error}).") from error
    return tensors


def check_tensors(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], source: str) -> None:
    """Compare names and shapes.

    Raises:
        CheckpointError: Lists what is missing, unexpected and misshapen (the first 8 of each and how many there are).
    """
    shape = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    misshapen = [
        f"{name} is {tuple(found[name].shape)}, must be {shape[name]}"
        for name in sorted(shape.keys() & found.keys())
        if tuple(found[name].shape) != shape[name]
    ]
    problems = {
        "missing": sorted(shape.keys() - found.keys()),
        "unexpected": sorted(found.keys() - shape.keys()),
        "misshapen": misshapen,
    }
    report = [f"{len(names)} {what} ({_first(names)})" for what, names in problems.items() if names]
    if report:
        raise CheckpointError(f"{source}: the weights do not fit the model: {'; '.join(report)}.")


def _first(names: list[str]) -> str:
    more = ["..."] if len(names) > _NAMES_SHOWN else []
    return ", ".join(names[:_NAMES_SHOWN] + more)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        CheckpointError: The file is missing, broken or holds something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path.parent}: holds no {path.name}, so it is no checkpoint.") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: is not readable JSON ({error}).") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{path}: must hold a JSON object.")
    return data


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON object, whole or not at all."""
    staging = path.with_name(f".{path.name}.part")
    staging.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    staging.replace(path)
