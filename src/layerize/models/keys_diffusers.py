"""Foreign names: how our parameters are called in the diffusers layout of Qwen-Image-Layered, as tables.

Each row is (our module, their module, kind); ``{i}`` and ``{j}`` stand for a number, the same on both sides. The kind
says how the tensors differ:

* ``same``: not at all;
* ``conv3d``: their weight is a causal 3D convolution (out, in, T, H, W). Of it we keep the last temporal tap, the only
  one that a still image reaches; on the way back the other taps are zero;
* ``gain3d`` and ``gain2d``: their gain has trailing axes of length 1.

Their temporal resampling convolutions (``time_conv``) never run on a single frame: dropped on import, zero on export.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor

Kind: TypeAlias = Literal["same", "conv3d", "gain3d", "gain2d"]
Row: TypeAlias = tuple[str, str, Kind]
Table: TypeAlias = tuple[Row, ...]


def _under(ours: str, theirs: str, rows: Table) -> Table:
    return tuple((f"{ours}.{our}", f"{theirs}.{their}", kind) for our, their, kind in rows)


_RESIDUAL: Table = (
    ("norm1", "norm1", "gain3d"),
    ("conv1", "conv1", "conv3d"),
    ("norm2", "norm2", "gain3d"),
    ("conv2", "conv2", "conv3d"),
    ("shortcut", "conv_shortcut", "conv3d"),
)
_ATTENTION: Table = (("norm", "norm", "gain2d"), ("qkv", "to_qkv", "same"), ("proj", "proj", "same"))
_ENDS: Table = (
    ("conv_in", "conv_in", "conv3d"),
    *_under("mid.first", "mid_block.resnets.0", _RESIDUAL),
    *_under("mid.attention", "mid_block.attentions.0", _ATTENTION),
    *_under("mid.second", "mid_block.resnets.1", _RESIDUAL),
    ("norm_out", "norm_out", "gain3d"),
    ("conv_out", "conv_out", "conv3d"),
)

VAE: Table = (
    *_under("encoder", "encoder", _ENDS),
    *_under("encoder.down.{i}", "encoder.down_blocks.{i}", _RESIDUAL),
    *_under("encoder.down.{i}", "encoder.down_blocks.{i}", _ATTENTION),
    ("encoder.down.{i}.conv", "encoder.down_blocks.{i}.resample.1", "same"),
    ("quant_conv", "quant_conv", "conv3d"),
    ("post_quant_conv", "post_quant_conv", "conv3d"),
    *_under("decoder", "decoder", _ENDS),
    *_under("decoder.up.{i}.blocks.{j}", "decoder.up_blocks.{i}.resnets.{j}", _RESIDUAL),
    ("decoder.up.{i}.upsample.conv", "decoder.up_blocks.{i}.upsamplers.0.resample.1", "same"),
)
"""AutoencoderKLQwenImage with ``input_channels=4``."""

VAE_STILL_UNUSED = re.compile(r"(encoder\.down_blocks\.\d+|decoder\.up_blocks\.\d+\.upsamplers\.0)\.time_conv\.")
"""Their parameters that a single frame never touches."""

TRANSFORMER: Table = (
    ("time.inner", "time_text_embed.timestep_embedder.linear_1", "same"),
    ("time.outer", "time_text_embed.timestep_embedder.linear_2", "same"),
    ("time.flag", "time_text_embed.addition_t_embedding", "same"),
    ("text_norm", "txt_norm", "same"),
    ("text_in", "txt_in", "same"),
    ("image_in", "img_in", "same"),
    ("blocks.{i}.image.modulation", "transformer_blocks.{i}.img_mod.1", "same"),
    ("blocks.{i}.image.q", "transformer_blocks.{i}.attn.to_q", "same"),
    ("blocks.{i}.image.k", "transformer_blocks.{i}.attn.to_k", "same"),
    ("blocks.{i}.image.v", "transformer_blocks.{i}.attn.to_v", "same"),
    ("blocks.{i}.image.out", "transformer_blocks.{i}.attn.to_out.0", "same"),
    ("blocks.{i}.image.norm_q", "transformer_blocks.{i}.attn.norm_q", "same"),
    ("blocks.{i}.image.norm_k", "transformer_blocks.{i}.attn.norm_k", "same"),
    ("blocks.{i}.image.mlp_in", "transformer_blocks.{i}.img_mlp.net.0.proj", "same"),
    ("blocks.{i}.image.mlp_out", "transformer_blocks.{i}.img_mlp.net.2", "same"),
    ("blocks.{i}.text.modulation", "transformer_blocks.{i}.txt_mod.1", "same"),
    ("blocks.{i}.text.q", "transformer_blocks.{i}.attn.add_q_proj", "same"),
    ("blocks.{i}.text.k", "transformer_blocks.{i}.attn.add_k_proj", "same"),
    ("blocks.{i}.text.v", "transformer_blocks.{i}.attn.add_v_proj", "same"),
    ("blocks.{i}.text.out", "transformer_blocks.{i}.attn.to_add_out", "same"),
    ("blocks.{i}.text.norm_q", "transformer_blocks.{i}.attn.norm_added_q", "same"),
    ("blocks.{i}.text.norm_k", "transformer_blocks.{i}.attn.norm_added_k", "same"),
    ("blocks.{i}.text.mlp_in", "transformer_blocks.{i}.txt_mlp.net.0.proj", "same"),
    ("blocks.{i}.text.mlp_out", "transformer_blocks.{i}.txt_mlp.net.2", "same"),
    ("out_modulation", "norm_out.linear", "same"),
    ("out", "proj_out", "same"),
)
"""QwenImageTransformer2DModel with ``use_layer3d_rope`` and ``use_additional_t_cond``."""


def _rules(table: Table, source: Literal[0, 1]) -> list[tuple[re.Pattern[str], str, Kind]]:
    """(pattern of a source key, replacement that makes the target key, kind) for each row."""
    rules = []
    for row in table:
        pattern = re.escape(row[source])
        target = row[1 - source]
        for letter in "ij":
            pattern = pattern.replace(rf"\{{{letter}\}}", rf"(?P<{letter}>\d+)")
            target = target.replace(f"{{{letter}}}", rf"\g<{letter}>")
        rules.append((re.compile(rf"{pattern}\.(?P<leaf>\w+)"), rf"{target}.\g<leaf>", row[2]))
    return rules


def _rename(key: str, rules: Iterable[tuple[re.Pattern[str], str, Kind]]) -> tuple[str, Kind] | None:
    for pattern, target, kind in rules:
        match = pattern.fullmatch(key)
        if match:
            return match.expand(target), kind
    return None


def _import_tensor(tensor: Tensor, kind: Kind) -> Tensor:
    if kind == "conv3d" and tensor.dim() == 5:
        return tensor[:, :, -1]
    return tensor.flatten() if kind in ("gain3d", "gain2d") else tensor


def _export_tensor(tensor: Tensor, kind: Kind) -> Tensor:
    if kind == "conv3d" and tensor.dim() == 4:
        taps = tensor.shape[2]  # 3x3 kernels are 3x3x3 there, 1x1 kernels 1x1x1
        return torch.cat([tensor.new_zeros(*tensor.shape[:2], taps - 1, *tensor.shape[2:]), tensor[:, :, None]], dim=2)
    trailing = {"gain3d": 3, "gain2d": 2}.get(kind, 0)
    return tensor.reshape(*tensor.shape, *[1] * trailing)


def from_diffusers(state: Mapping[str, Tensor], table: Table) -> dict[str, Tensor]:
    """Rename and reshape a diffusers state dict.

    Keys that no row knows keep their foreign name, so that a strict load lists them as unexpected; the VAE's temporal
    resampling weights are the only ones dropped.
    """
    rules = _rules(table, 1)
    out: dict[str, Tensor] = {}
    for key, tensor in state.items():
        if table is VAE and VAE_STILL_UNUSED.match(key):
            continue
        renamed = _rename(key, rules)
        if renamed is None:
            out[key] = tensor
        else:
            out[renamed[0]] = _import_tensor(tensor, renamed[1]).contiguous()
    return out


def to_diffusers(state: Mapping[str, Tensor], table: Table) -> dict[str, Tensor]:
    """The way back. ``time_conv`` weights are not here: see ``vae_time_convolutions``.

    Raises:
        KeyError: A parameter has no counterpart there (an option of ours that the published network lacks).
    """
    rules = _rules(table, 0)
    out = {}
    for key, tensor in state.items():
        renamed = _rename(key, rules)
        if renamed is None:
            raise KeyError(key)
        out[renamed[0]] = _export_tensor(tensor, renamed[1]).contiguous()
    return out


def vae_time_convolutions(state: Mapping[str, Tensor], temporal_downsample: tuple[bool, ...]) -> dict[str, Tensor]:
    """Zero weights for the temporal resampling convolutions that a diffusers VAE of this pattern holds.

    Args:
        state: The VAE in diffusers layout, without them.
        temporal_downsample: Whether time halves too, per spatial halving, fine to coarse (published: no, yes, yes).
    """
    out: dict[str, Tensor] = {}
    down = sorted((key for key in state if ".resample.1.weight" in key and key.startswith("encoder")), key=_numbers)
    up = sorted((key for key in state if ".resample.1.weight" in key and key.startswith("decoder")), key=_numbers)
    for keys, pattern in ((down, temporal_downsample), (up, temporal_downsample[::-1])):
        for key, temporal in zip(keys, pattern, strict=True):
            if temporal:
                dim = state[key].shape[1]
                dim_out = dim if keys is down else 2 * dim
                name = key.replace("resample.1.weight", "time_conv")
                out[f"{name}.weight"] = state[key].new_zeros(dim_out, dim, 3, 1, 1)
                out[f"{name}.bias"] = state[key].new_zeros(dim_out)
    return out


def _numbers(key: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", key)]
