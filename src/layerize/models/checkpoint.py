"""Checkpoints: a folder that explains itself.

``config.json`` (class, resolved config, format version, free metadata such as training figures), ``model.safetensors``
(or shards of it) and ``README.md``, the model card. Loading is strict; nothing is ever unpickled.
Folders in the diffusers layout are another format: ``import_diffusers`` and ``export_diffusers``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from layerize.errors import CheckpointError
from layerize.models.config_json import config_differences, config_from_dict, config_to_dict, suggestion
from layerize.models.diffusers_folder import export_diffusers, import_diffusers
from layerize.models.tensor_files import (
    check_tensors,
    new_folder,
    read_json,
    read_tensors,
    tensor_paths,
    write_json,
    write_tensors,
)

__all__ = ["CheckpointInfo", "export_diffusers", "import_diffusers", "load_model", "read_info", "save_model"]

FORMAT_VERSION = 1
ALIGNMENT = 64  # bytes
_STEM = "model"

_CLASSES = {  # class name: (module, config class); resolved when needed, so that a VAE loads without the rest
    "RGBAVAE": ("layerize.models.rgba_vae", "RGBAVAEConfig"),
    "VLDMMDiT": ("layerize.models.vld_mmdit", "VLDMMDiTConfig"),
    "LayerModel": ("layerize.models.layer_model", "LayerModelConfig"),
    "PublishedModel": ("layerize.models.published", "PublishedConfig"),
}

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class CheckpointInfo:
    """What a checkpoint says about itself, without its tensors.

    Attributes:
        folder: Where it lies.
        class_name: Model class.
        config: Resolved config of that class.
        dtype: How floating-point tensors are stored (``float32``, ``bfloat16``, ``float16``; several with commas).
        metadata: Free JSON values: training steps, figures, licence.
        card: The text of README.md.
        size: Bytes of all tensor files.
    """

    folder: Path
    class_name: str
    config: Any
    dtype: str
    metadata: dict[str, Any] = field(default_factory=dict)
    card: str = ""
    size: int = 0


def save_model(
    model: nn.Module,
    folder: str | Path,
    *,
    card: str = "",
    metadata: Mapping[str, Any] | None = None,
    dtype: str | None = None,
    shard_bytes: int | None = None,
    tensors: Mapping[str, Tensor] | None = None,
) -> Path:
    """Write a checkpoint; an older checkpoint of that name is replaced only when the new one is complete.

    Args:
        model: One of the classes that ``load_model`` knows; its ``config`` is saved.
        folder: Final name.
        card: Markdown for the model card, placed above the generated table of facts.
        metadata: JSON values to keep in ``config.json``.
        dtype: Store floating-point tensors as ``bfloat16`` or ``float16`` or ``float32``; None keeps them.
        shard_bytes: Split into files of at most this many bytes of tensors.
        tensors: Save these (for example averaged weights) in place of ``model.state_dict()``.

    Returns:
        The folder.

    Raises:
        CheckpointError: ``tensors`` do not fit the model.
        OutputError: The folder holds something else, or cannot be written (disk full, no permission).
    """
    folder, name = Path(folder), type(model).__name__
    assert name in _CLASSES, f"{name} is not a class that load_model knows"
    assert dtype is None or dtype in _DTYPES, f"dtype must be one of {', '.join(_DTYPES)}, got {dtype!r}"
    expected = model.state_dict()
    state = expected if tensors is None else tensors
    check_tensors(expected, state, "the tensors to save")
    if dtype is not None:
        state = {key: _cast(tensor, _DTYPES[dtype]) for key, tensor in state.items()}
    facts = {
        "format_version": FORMAT_VERSION,
        "class": name,
        "dtype": _stored_types(state),
        "config": config_to_dict(model.config),
        "metadata": dict(metadata or {}),
    }
    with new_folder(folder, "config.json") as staging:
        write_tensors(staging, _STEM, state, shard_bytes)
        (staging / "README.md").write_text(_card(name, card, facts, state), encoding="utf-8")
        write_json(staging / "config.json", facts)
    return folder


def read_info(folder: str | Path) -> CheckpointInfo:
    """What a checkpoint says about itself.

    Raises:
        CheckpointError: No checkpoint, of a newer format, or of an unknown class.
        ConfigError: Its config has an unknown key or an impossible value.
    """
    folder = Path(folder)
    path, pipeline = folder / "config.json", folder / "model_index.json"
    facts = {} if pipeline.is_file() else read_json(path)
    version, name = facts.get("format_version"), facts.get("class")
    if "_class_name" in facts or pipeline.is_file():
        raise CheckpointError(f"{folder}: is in the diffusers layout. Convert it first: layerize model import.")
    if version != FORMAT_VERSION:
        raise CheckpointError(f"{path}: format version is {version!r}, this release reads {FORMAT_VERSION}.")
    if name not in _CLASSES:
        raise CheckpointError(f"{path}: unknown class {name!r}{suggestion(str(name), _CLASSES)}.")
    module, config_class = _CLASSES[name]
    card = folder / "README.md"
    return CheckpointInfo(
        folder=folder,
        class_name=name,
        config=config_from_dict(getattr(import_module(module), config_class), facts.get("config", {}), str(path)),
        dtype=str(facts.get("dtype")),
        metadata=facts.get("metadata", {}),
        card=card.read_text(encoding="utf-8") if card.is_file() else "",
        size=sum(file.stat().st_size for file in tensor_paths(folder, _STEM)),
    )


def load_model(
    folder: str | Path,
    *,
    dtype: torch.dtype | None = torch.float32,
    device: str | torch.device = "cpu",
    expected: Any = None,
) -> nn.Module:
    """Build the model that a checkpoint describes and load its weights, in evaluation mode.

    Args:
        folder: A checkpoint.
        dtype: Floating-point type of the parameters in memory; None keeps the stored type.
        device: Where to put them.
        expected: A config; another architecture is refused with the fields that differ.

    Raises:
        CheckpointError: No checkpoint, another architecture than expected, or missing, unexpected or misshapen tensors.
        ConfigError: Its config has an unknown key or an impossible value.
    """
    info = read_info(folder)
    if expected is not None:
        differing = config_differences(info.config, expected)
        if differing:
            raise CheckpointError(
                f"{folder}: another architecture (checkpoint against wanted): {'; '.join(differing)}."
            )
    module, _ = _CLASSES[info.class_name]
    with torch.device("meta"):
        model: nn.Module = getattr(import_module(module), info.class_name)(info.config)
    tensors = read_tensors(info.folder, _STEM)
    check_tensors(model.state_dict(), tensors, str(folder))
    if dtype is not None:
        tensors = {name: _aligned(_cast(tensor, dtype)) for name, tensor in tensors.items()}
    model.load_state_dict(tensors, assign=True)
    assert not any(tensor.is_meta for tensor in model.buffers()), "models keep no buffers outside their state dict"
    return model.to(device).eval()


def _stored_types(state: Mapping[str, Tensor]) -> str:
    return ", ".join(sorted({str(x.dtype).removeprefix("torch.") for x in state.values() if x.is_floating_point()}))


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _aligned(tensor: Tensor) -> Tensor:
    """The tensor where torch would have put it: kernels choose by alignment, and a loaded model must compute to the bit
    what the saved one does. Files place tensors anywhere."""
    return tensor if tensor.data_ptr() % ALIGNMENT == 0 else tensor.clone()


def _card(name: str, text: str, facts: Mapping[str, Any], state: Mapping[str, Tensor]) -> str:
    parameters = sum(tensor.numel() for tensor in state.values())
    body = text.strip() or f"# {name}"
    config = json.dumps(facts["config"], indent=2)
    return (
        f"{body}\n\n## Facts\n\n| | |\n| --- | --- |\n| class | `{name}` |\n| parameters | {parameters:,} |\n"
        f"| stored as | {facts['dtype']} |\n| format version | {FORMAT_VERSION} |\n\n"
        f"Load it with `layerize.models.checkpoint.load_model(folder)`.\n\n## Config\n\n```json\n{config}\n```\n"
    )
