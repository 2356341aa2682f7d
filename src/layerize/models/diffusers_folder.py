"""Folders in the diffusers layout: a whole QwenImageLayeredPipeline, or its transformer or VAE alone.

A plain QwenImagePipeline (text to image) is read too, as a base to train on: its transformer is the layered one's for a
single frame, its RGB auto-encoder becomes an RGBA one that reconstructs colours as before.

Needs neither diffusers nor transformers: the layout is JSON and safetensors, the names are in ``keys_diffusers.py``.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from layerize.errors import CheckpointError, LayerizeWarning, MissingExtraError
from layerize.models import keys_diffusers, rgba_vae
from layerize.models.config_json import config_differences
from layerize.models.published import PublishedConfig, PublishedModel, ScheduleConfig
from layerize.models.rgba_vae import RGBAVAE, RGBAVAEConfig
from layerize.models.tensor_files import check_tensors, new_folder, read_json, read_tensors, write_json, write_tensors
from layerize.models.vld_mmdit import VLDMMDiT, VLDMMDiTConfig

_STEM = "diffusion_pytorch_model"
_VERSION = "0.42.1"  # the diffusers release whose layout this is
_SHARD_BYTES = 10 * 10**9  # as diffusers shards
_TRANSFORMER_CLASS = "QwenImageTransformer2DModel"
_VAE_CLASS = "AutoencoderKLQwenImage"
_BASE_PIPELINE = "QwenImagePipeline"
_TEXT_PARTS = ("text_encoder", "tokenizer", "processor")

# Our field, their field, the value that their class takes when the field is absent.
_TRANSFORMER_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("patch_size", "patch_size", 2),
    ("depth", "num_layers", 60),
    ("head_dim", "attention_head_dim", 128),
    ("heads", "num_attention_heads", 24),
    ("text_dim", "joint_attention_dim", 3584),
    ("rope_axes", "axes_dims_rope", (16, 56, 56)),
    ("zero_condition_time", "zero_cond_t", False),
    ("composite_flag", "use_additional_t_cond", False),
)
_VAE_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("base_dim", "base_dim", 96),
    ("z_dim", "z_dim", 16),
    ("dim_mult", "dim_mult", (1, 2, 4, 4)),
    ("num_res_blocks", "num_res_blocks", 2),
    ("attn_scales", "attn_scales", ()),
    ("channels", "input_channels", 3),
    ("latents_mean", "latents_mean", rgba_vae.qwen_image_layered().latents_mean),
    ("latents_std", "latents_std", rgba_vae.qwen_image_layered().latents_std),
)
_SCHEDULE_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("dynamic", "use_dynamic_shifting", False),
    ("shift", "shift", 1.0),
    ("time_shift", "time_shift_type", "exponential"),
    ("terminal", "shift_terminal", None),
)

# Their field: the value when absent, the only value that has a counterpart here.
_CONSTANTS: dict[str, tuple[Any, Any]] = {
    "guidance_embeds": (False, False),
    "use_layer3d_rope": (False, True),
    "invert_sigmas": (False, False),
    "use_karras_sigmas": (False, False),
    "use_exponential_sigmas": (False, False),
    "use_beta_sigmas": (False, False),
    "stochastic_sampling": (False, False),
}
_TRANSFORMER_CONSTANTS = ("guidance_embeds", "use_layer3d_rope")
_SCHEDULE_CONSTANTS = tuple(name for name in _CONSTANTS if name not in _TRANSFORMER_CONSTANTS)

_WITHOUT_MEANING = {  # fields that change nothing for this model, or are read elsewhere
    *("in_channels", "out_channels", "temperal_downsample", "dropout", "pooled_projection_dim"),
    *("num_train_timesteps", "base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len"),
}


def import_diffusers(source: str | Path, *, dtype: torch.dtype | None = None) -> nn.Module:
    """Read a diffusers folder.

    Args:
        source: A local folder, or a hub id such as ``Qwen/Qwen-Image-Layered`` (needs huggingface-hub).
        dtype: Floating-point type of the parameters in memory; None keeps the stored type.

    Returns:
        A ``PublishedModel`` for a pipeline (``QwenImageLayeredPipeline``, or ``QwenImagePipeline`` as a base), a
        ``VLDMMDiT`` or ``RGBAVAE`` for a single component.

    Raises:
        CheckpointError: The folder is not one of these, or its options or tensors do not fit.
        MissingExtraError: A hub id is given and huggingface-hub is not installed.
    """
    folder = _local_folder(source)
    if (folder / "model_index.json").is_file():
        return _import_pipeline(folder, str(source), dtype)
    name = read_json(folder / "config.json").get("_class_name")
    if name == _TRANSFORMER_CLASS:
        return _import_transformer(folder, dtype)
    if name == _VAE_CLASS:
        return _import_vae(folder, dtype)
    raise CheckpointError(
        f"{folder}: holds a {name}; layerize reads QwenImageLayeredPipeline, {_TRANSFORMER_CLASS} and {_VAE_CLASS}."
    )


def export_diffusers(model: nn.Module, folder: str | Path, *, shard_bytes: int = _SHARD_BYTES) -> Path:
    """Write a model in the diffusers layout; the inverse of ``import_diffusers``.

    Every tensor comes back byte for byte, except what a still image never uses of the VAE, which is written as zeros:
    all but the last temporal tap of each convolution, and the temporal resampling convolutions. A pipeline's text
    encoder, tokenizer and processor are linked or copied when they lie in a local folder.

    Raises:
        CheckpointError: The model uses options that the published architecture does not have.
        OutputError: The folder holds something else, or cannot be written.
    """
    folder = Path(folder)
    if isinstance(model, PublishedModel):
        with new_folder(folder, "model_index.json") as staging:
            _export_transformer(model.transformer, staging / "transformer", shard_bytes)
            _export_vae(model.vae, staging / "vae", shard_bytes)
            _export_pipeline_files(model.config, staging)
        return folder
    if not isinstance(model, VLDMMDiT | RGBAVAE):
        raise CheckpointError(
            f"A {type(model).__name__} has no counterpart in diffusers; export a PublishedModel, VLDMMDiT or RGBAVAE."
        )
    with new_folder(folder, "config.json") as staging:
        if isinstance(model, VLDMMDiT):
            _export_transformer(model, staging, shard_bytes)
        else:
            _export_vae(model, staging, shard_bytes)
    return folder


def _local_folder(source: str | Path) -> Path:
    folder = Path(source)
    if folder.is_dir():
        return folder
    if folder.is_absolute() or str(source).count("/") != 1 or str(source).startswith("."):
        raise CheckpointError(f"{source}: is no folder, and no hub id of the form owner/name.")
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError(f"Fetching {source}", "huggingface-hub", "hub") from error
    try:
        patterns = ["*.json", "diffusion_pytorch_model*", "transformer/*", "vae/*", "scheduler/*"]
        return Path(snapshot_download(str(source), allow_patterns=patterns))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{source}: is no local folder and cannot be fetched from the hub ({error}).") from error


def _import_pipeline(folder: Path, source: str, dtype: torch.dtype | None) -> PublishedModel:
    name = read_json(folder / "model_index.json").get("_class_name")
    if name not in ("QwenImageLayeredPipeline", _BASE_PIPELINE):
        raise CheckpointError(
            f"{folder}: holds a {name}; layerize reads QwenImageLayeredPipeline and {_BASE_PIPELINE}."
        )
    vae = _import_vae(folder / "vae", dtype)
    transformer = _import_transformer(folder / "transformer", dtype, layered=name != _BASE_PIPELINE)
    if vae.config.channels == 3:
        vae = _with_alpha(vae)
    path = folder / "scheduler" / "scheduler_config.json"
    fields = _our_fields(read_json(path), _SCHEDULE_FIELDS, _SCHEDULE_CONSTANTS, path)
    local = (folder / "text_encoder").is_dir()
    config = PublishedConfig(
        vae=vae.config,
        transformer=transformer.config,
        schedule=ScheduleConfig(**{**fields, "terminal": float(fields["terminal"] or 0.0)}),
        text_encoder=str(folder.resolve()) if local else "" if Path(source).is_dir() else source,
    )
    with torch.device("meta"):
        model = PublishedModel(config)
    model.vae, model.transformer = vae, transformer
    return model.eval()


def _with_alpha(rgb: RGBAVAE) -> RGBAVAE:
    """An RGB auto-encoder with a fourth channel: same colours, every pixel opaque (paper, Sec. 3.2)."""
    with torch.device("meta"):
        model = RGBAVAE(replace(rgb.config, channels=4))
    model.load_state_dict(rgba_vae.rgba_from_rgb(rgb.state_dict()), assign=True)
    return model.eval()


def _import_transformer(folder: Path, dtype: torch.dtype | None, *, layered: bool = True) -> VLDMMDiT:
    """``layered``: insist on Layer3D RoPE; otherwise the weights make single pictures, as frame 0 of ours."""
    path = folder / "config.json"
    facts = read_json(path)
    constants = _TRANSFORMER_CONSTANTS if layered else ("guidance_embeds",)
    fields = _our_fields(
        {name: value for name, value in facts.items() if layered or name != "use_layer3d_rope"},
        _TRANSFORMER_FIELDS,
        constants,
        path,
    )
    patch = fields["patch_size"] ** 2
    channels_in, channels_out = facts.get("in_channels", 64), facts.get("out_channels", 16) * patch
    if channels_in != channels_out:
        raise CheckpointError(f"{path}: tokens have {channels_in} channels going in and {channels_out} coming out.")
    with torch.device("meta"):
        model = VLDMMDiT(VLDMMDiTConfig(**fields, latent_channels=channels_in // patch))
    _fill(model, keys_diffusers.TRANSFORMER, folder, dtype)
    return model


def _import_vae(folder: Path, dtype: torch.dtype | None) -> RGBAVAE:
    path = folder / "config.json"
    with torch.device("meta"):
        model = RGBAVAE(RGBAVAEConfig(**_our_fields(read_json(path), _VAE_FIELDS, (), path)))
    _fill(model, keys_diffusers.VAE, folder, dtype)
    return model


def _fill(model: nn.Module, table: keys_diffusers.Table, folder: Path, dtype: torch.dtype | None) -> None:
    """Load the folder's tensors into a model that was built without memory."""
    tensors = keys_diffusers.from_diffusers(read_tensors(folder, _STEM), table)
    check_tensors(model.state_dict(), tensors, str(folder))
    if dtype is not None:
        tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    model.load_state_dict(tensors, assign=True)
    model.eval()


def _our_fields(
    facts: Mapping[str, Any], table: tuple[tuple[str, str, Any], ...], constants: tuple[str, ...], path: Path
) -> dict[str, Any]:
    """Translate a diffusers config; refuse options without counterpart, warn about unknown ones."""
    for name in constants:
        default, required = _CONSTANTS[name]
        value = facts.get(name, default)
        if value != required:
            raise CheckpointError(f"{path}: {name} is {value}; only {required} is supported.")
    known = {theirs for _, theirs, _ in table} | {*constants} | _WITHOUT_MEANING
    unknown = sorted(name for name in facts if name not in known and not name.startswith("_"))
    if unknown:
        warnings.warn(f"{path}: ignored unknown fields {', '.join(unknown)}.", LayerizeWarning, stacklevel=4)
    values = {ours: facts.get(theirs, default) for ours, theirs, default in table}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _export_transformer(model: VLDMMDiT, folder: Path, shard_bytes: int) -> None:
    config = model.config
    shape = {ours: getattr(config, ours) for ours, _, _ in _TRANSFORMER_FIELDS}
    _refuse_options(config, VLDMMDiTConfig(**shape, latent_channels=config.latent_channels))
    facts: dict[str, Any] = {"_class_name": _TRANSFORMER_CLASS, "_diffusers_version": _VERSION}
    facts |= {theirs: getattr(config, ours) for ours, theirs, _ in _TRANSFORMER_FIELDS}
    facts |= {name: _CONSTANTS[name][1] for name in _TRANSFORMER_CONSTANTS}
    facts |= {"in_channels": config.token_channels, "out_channels": config.latent_channels}
    _write_component(
        folder, facts, keys_diffusers.to_diffusers(model.state_dict(), keys_diffusers.TRANSFORMER), shard_bytes
    )


def _export_vae(model: RGBAVAE, folder: Path, shard_bytes: int) -> None:
    config = model.config
    _refuse_options(config, RGBAVAEConfig(**{ours: getattr(config, ours) for ours, _, _ in _VAE_FIELDS}))
    temporal: tuple[bool, ...] = (
        False,
        *[True] * (len(config.dim_mult) - 2),
    )  # the published pattern: all halvings but the first
    facts: dict[str, Any] = {"_class_name": _VAE_CLASS, "_diffusers_version": _VERSION, "temperal_downsample": temporal}
    facts |= {theirs: getattr(config, ours) for ours, theirs, _ in _VAE_FIELDS}
    tensors = keys_diffusers.to_diffusers(model.state_dict(), keys_diffusers.VAE)
    _write_component(folder, facts, tensors | keys_diffusers.vae_time_convolutions(tensors, temporal), shard_bytes)


def _refuse_options(config: Any, published: Any) -> None:
    differing = config_differences(config, published)
    if differing:
        raise CheckpointError(
            f"The published architecture has no counterpart for these options (model against published): "
            f"{'; '.join(differing)}."
        )


def _write_component(folder: Path, facts: Mapping[str, Any], tensors: dict[str, Tensor], shard_bytes: int) -> None:
    folder.mkdir(exist_ok=True)
    write_tensors(folder, _STEM, tensors, shard_bytes)
    write_json(folder / "config.json", facts)


def _export_pipeline_files(config: PublishedConfig, folder: Path) -> None:
    """The scheduler, the parts of the text encoder that lie in a folder, and the index of all parts."""
    facts: dict[str, Any] = {"_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": _VERSION}
    facts |= {theirs: getattr(config.schedule, ours) for ours, theirs, _ in _SCHEDULE_FIELDS}
    (folder / "scheduler").mkdir()
    write_json(
        folder / "scheduler" / "scheduler_config.json", {**facts, "shift_terminal": config.schedule.terminal or None}
    )
    index: dict[str, Any] = {"_class_name": "QwenImageLayeredPipeline", "_diffusers_version": _VERSION}
    index |= {"transformer": ["diffusers", _TRANSFORMER_CLASS], "vae": ["diffusers", _VAE_CLASS]}
    index["scheduler"] = ["diffusers", "FlowMatchEulerDiscreteScheduler"]
    classes = ("Qwen2_5_VLForConditionalGeneration", "Qwen2Tokenizer", "Qwen2VLProcessor")
    for part, name in zip(_TEXT_PARTS, classes, strict=True):
        source = Path(config.text_encoder, part)
        present = bool(config.text_encoder) and source.is_dir()
        index[part] = ["transformers", name] if present else [None, None]
        if present:
            shutil.copytree(source, folder / part, copy_function=_link_or_copy)
    write_json(folder / "model_index.json", index)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
