"""VLD-MMDiT: the variable-layers-decomposition diffusion transformer (arXiv 2512.15603, Sec. 3.3).

Dual-stream blocks (image and text stream, one joint attention, QK-RMSNorm, adaLN modulation) over 2x2-packed latents.
The published 20B model and the shipped small one are two configs of this class. They differ in who attends to whom:

* full attention (published): text, all generated frames and the condition image in one sequence, modulated at time t;
* prefix attention (ours): text, condition image and stop tokens form a prefix that is modulated at t = 0 and sees
  only itself, so one prefix pass per picture gives the layer count and the keys and values of all denoising steps.

Shape letters: ``B`` batch, ``K`` frames, ``T`` text tokens, ``S`` tokens of one frame, ``L`` image-stream tokens,
``D`` width, ``H`` heads, ``E`` channels of a head, ``C`` packed latent channels. Knows nothing of files, noise
schedules or training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layerize.models import rope
from layerize.models.rope import Rotation


@dataclass(frozen=True, kw_only=True)
class VLDMMDiTConfig:
    """Sizes and options; the defaults of the options are what the published weights use.

    Attributes:
        latent_channels: Channels of the RGBA-VAE's latent (z).
        patch_size: Latent cells packed into one token, per side.
        depth: Number of dual-stream blocks.
        heads: Attention heads.
        head_dim: Channels of a head; must equal ``sum(rope_axes)``.
        text_dim: Channels of the text embeddings.
        rope_axes: Channels of a head for (layer, y, x).
        rope_theta: Base of the rotary wavelengths.
        composite_flag: Add a learned embedding to the time embedding (the published ``addition_t_embedding``).
        composite_frame: Frame 0 is the regenerated composite, the layers follow.
        zero_condition_time: The condition image is modulated at t = 0 in full attention.
        text_mlp_ratio: Hidden width of the text stream's feed-forward, in units of the width.
        prefix_attention: See the module docstring.
        condition_concat: Each layer token's input also holds the condition latents of its place.
        picture_features: Channels of picture-encoder features added to condition and layer tokens; 0 for none.
        max_layers: Stop tokens and, with prefix attention, layer-index embeddings (from the bottom and from the top);
            0 for none.
    """

    latent_channels: int = 16
    patch_size: int = 2
    depth: int = 60
    heads: int = 24
    head_dim: int = 128
    text_dim: int = 3584
    rope_axes: tuple[int, int, int] = (16, 56, 56)
    rope_theta: float = 10000.0
    composite_flag: bool = True
    composite_frame: bool = True
    zero_condition_time: bool = False
    text_mlp_ratio: float = 4.0
    prefix_attention: bool = False
    condition_concat: bool = False
    picture_features: int = 0
    max_layers: int = 0

    def __post_init__(self) -> None:
        if sum(self.rope_axes) != self.head_dim:
            raise ValueError(f"rope_axes {self.rope_axes} must sum to head_dim {self.head_dim}")
        if any(channels % 2 for channels in self.rope_axes):
            raise ValueError(f"rope_axes must be even, got {self.rope_axes}")

    @property
    def width(self) -> int:
        return self.heads * self.head_dim

    @property
    def token_channels(self) -> int:
        return self.latent_channels * self.patch_size**2


def qwen_image_layered() -> VLDMMDiTConfig:
    """The published 20B model."""
    return VLDMMDiTConfig()


def default() -> VLDMMDiTConfig:
    """The shipped model: 6 blocks of width 256, prefix attention, stop tokens, picture features."""
    return VLDMMDiTConfig(
        depth=6,
        heads=8,
        head_dim=32,
        text_dim=192,
        rope_axes=(8, 12, 12),
        composite_flag=False,
        composite_frame=False,
        text_mlp_ratio=1.0,
        prefix_attention=True,
        condition_concat=True,
        picture_features=256,
        max_layers=16,
    )


def pack(latents_BKChw: Tensor, patch: int = 2) -> Tensor:
    """Latents (B, K, C, h, w) to tokens (B, K, S, C * patch**2), S = h w / patch**2, channel-major as published."""
    B, K, C, h, w = latents_BKChw.shape
    x = latents_BKChw.reshape(B, K, C, h // patch, patch, w // patch, patch)
    return x.permute(0, 1, 3, 5, 2, 4, 6).reshape(B, K, (h // patch) * (w // patch), C * patch * patch)


def unpack(tokens_BKSC: Tensor, grid: tuple[int, int], patch: int = 2) -> Tensor:
    """The inverse of :func:`pack`; ``grid`` is (rows, columns) of tokens."""
    B, K, _, C = tokens_BKSC.shape
    x = tokens_BKSC.reshape(B, K, grid[0], grid[1], C // patch**2, patch, patch)
    return x.permute(0, 1, 4, 2, 5, 3, 6).reshape(B, K, C // patch**2, grid[0] * patch, grid[1] * patch)


class RMSNorm(nn.Module):
    """Root-mean-square norm over the last axis, computed in float32, with a learned weight."""

    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        scale = torch.rsqrt(norm.square() / x.shape[-1] + self.eps)
        return x * (scale.to(x.dtype) * self.weight.to(x.dtype))


class TimeEmbedding(nn.Module):
    """Sinusoidal features of t in 0..1 (256 channels, cosines first, scale 1000) and a two-layer MLP."""

    CHANNELS = 256

    def __init__(self, width: int, composite_flag: bool) -> None:
        super().__init__()
        self.inner = nn.Linear(self.CHANNELS, width)
        self.outer = nn.Linear(width, width)
        self.flag = nn.Embedding(2, width) if composite_flag else None

    def forward(self, t_B: Tensor, flag_B: Tensor | None, dtype: torch.dtype) -> Tensor:
        half = self.CHANNELS // 2
        exponent = -math.log(10000) * torch.arange(half, dtype=torch.float32, device=t_B.device) / half
        angle = 1000 * t_B.float()[:, None] * exponent.exp()[None]
        features = torch.cat([angle.cos(), angle.sin()], dim=-1).to(dtype)
        embedding: Tensor = self.outer(F.silu(self.inner(features)))
        if self.flag is not None:
            flag_B = torch.zeros_like(t_B, dtype=torch.long) if flag_B is None else flag_B
            embedding = embedding + self.flag(flag_B).to(embedding.dtype)
        return embedding


def modulated_norm(x_BLD: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """adaLN: layer norm, times 1 + scale, plus shift (B, 1 or L, D); in as few passes over the tokens as may be."""
    D = x_BLD.shape[-1:]
    if scale.shape[:-1].numel() == 1:
        return F.layer_norm(x_BLD, D, (1 + scale).flatten(), shift.flatten(), eps=1e-6)
    return torch.addcmul(shift, F.layer_norm(x_BLD, D, eps=1e-6), 1 + scale)


def attention(q_BLHE: Tensor, k_BSHE: Tensor, v_BSHE: Tensor, mask_BS: Tensor | None) -> Tensor:
    """Softmax attention, output (B, L, H E); ``mask_BS`` is true for keys that may be seen.

    The fused kernel, but for one case: training in bf16 on a CPU at small sizes, where its backward pass is slower than
    plain batched products (measured 18 against 32 ms for 8 x 8 heads, 256 queries, 340 keys; without gradients the
    fused kernel wins 1.7 to 4 times at every size).
    """
    q, k, v = (x.transpose(1, 2) for x in (q_BLHE, k_BSHE, v_BSHE))
    visible = None if mask_BS is None else mask_BS[:, None, None, :]
    if _plain_is_faster(q, k):
        logits = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2))
        if visible is not None:
            logits = logits.masked_fill(~visible, float("-inf"))
        out = torch.matmul(logits.softmax(dim=-1), v)
    else:
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
    return out.transpose(1, 2).flatten(2)


def _plain_is_faster(q_BHLE: Tensor, k_BHSE: Tensor) -> bool:
    if q_BHLE.device.type != "cpu" or not (torch.is_grad_enabled() and k_BHSE.requires_grad):
        return False
    low_precision = q_BHLE.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
    return low_precision and q_BHLE.shape[2] * k_BHSE.shape[2] <= 2**19


class Stream(nn.Module):
    """One stream's half of a block: modulation, projections and feed-forward."""

    def __init__(self, config: VLDMMDiTConfig, mlp_ratio: float) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.modulation = nn.Linear(width, 6 * width)
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.norm_q = RMSNorm(config.head_dim)
        self.norm_k = RMSNorm(config.head_dim)
        self.mlp_in = nn.Linear(width, int(mlp_ratio * width))
        self.mlp_out = nn.Linear(int(mlp_ratio * width), width)

    def modulations(self, time_BLD: Tensor) -> tuple[Tensor, ...]:
        """Shift, scale and gate of the attention, then of the feed-forward; each (B, 1 or L, D)."""
        result: tuple[Tensor, ...] = self.modulation(F.silu(time_BLD)).chunk(6, dim=-1)
        return result

    def qkv(self, x_BLD: Tensor, table: Rotation) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys (normalised and rotated) and values, each (B, L, H, E)."""
        q, k, v = (project(x_BLD).unflatten(-1, (self.heads, -1)) for project in (self.q, self.k, self.v))
        return rope.rotate(self.norm_q(q), table), rope.rotate(self.norm_k(k), table), v

    def feed_forward(self, x_BLD: Tensor) -> Tensor:
        out: Tensor = self.mlp_out(F.gelu(self.mlp_in(x_BLD), approximate="tanh"))
        return out


KeysValues = tuple[Tensor, Tensor]


class Block(nn.Module):
    """A dual-stream block. With ``context`` it attends to earlier keys and values as well as to its own tokens."""

    def __init__(self, config: VLDMMDiTConfig) -> None:
        super().__init__()
        self.image = Stream(config, mlp_ratio=4.0)
        self.text = Stream(config, mlp_ratio=config.text_mlp_ratio)

    def forward(
        self,
        image_BLD: Tensor,
        text_BTD: Tensor | None,
        time: tuple[Tensor, Tensor],
        tables: tuple[Rotation, Rotation | None],
        mask_BS: Tensor | None,
        context: KeysValues | None = None,
    ) -> tuple[Tensor, Tensor | None, KeysValues]:
        """Image tokens, text tokens (or None) and this block's joint keys and values.

        Args:
            image_BLD: Image-stream tokens.
            text_BTD: Text-stream tokens, or None when they are part of ``context``.
            time: Time embedding of the image stream (B, 1 or L, D) and of the text stream (B, 1, D).
            tables: Rotations of image and text tokens.
            mask_BS: True for keys that may be seen, over context, text and image; None for all.
            context: Keys and values (B, S, H, E) of the prefix.
        """
        mod_image = self.image.modulations(time[0])
        q, k, v = self.image.qkv(modulated_norm(image_BLD, mod_image[0], mod_image[1]), tables[0])
        text_length = 0
        mod_text: tuple[Tensor, ...] = ()
        if text_BTD is not None:
            assert tables[1] is not None
            text_length = text_BTD.shape[1]
            mod_text = self.text.modulations(time[1])
            qt, kt, vt = self.text.qkv(modulated_norm(text_BTD, mod_text[0], mod_text[1]), tables[1])
            q, k, v = (torch.cat(pair, dim=1) for pair in ((qt, q), (kt, k), (vt, v)))
        if context is not None:
            k, v = torch.cat([context[0], k], dim=1), torch.cat([context[1], v], dim=1)
        attended = attention(q, k, v, mask_BS)
        image_BLD = self._finish(self.image, image_BLD, attended[:, text_length:], mod_image)
        if text_BTD is not None:
            text_BTD = self._finish(self.text, text_BTD, attended[:, :text_length], mod_text)
        return image_BLD, text_BTD, (k, v)

    @staticmethod
    def _finish(stream: Stream, x: Tensor, attended: Tensor, mod: tuple[Tensor, ...]) -> Tensor:
        x = torch.addcmul(x, mod[2], stream.out(attended))
        return torch.addcmul(x, mod[5], stream.feed_forward(modulated_norm(x, mod[3], mod[4])))


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """What one prefix pass leaves for the denoising steps.

    Attributes:
        context: Keys and values of every block, each (B, T + S + stop tokens, H, E).
        mask_BS: True for prefix tokens that may be seen; None for all.
        condition_BSD: The condition tokens after the last block.
        layer_input_BSD: Picture features for the layer tokens' input, or None.
        latents_BSC: Packed condition latents.
        stop_logits_BK: One stop logit for each layer count 1..K, or None without stop tokens.
        grid: (rows, columns) of tokens in a frame.
    """

    context: tuple[KeysValues, ...]
    mask_BS: Tensor | None
    condition_BSD: Tensor
    layer_input_BSD: Tensor | None
    latents_BSC: Tensor
    stop_logits_BK: Tensor | None
    grid: tuple[int, int]


class VLDMMDiT(nn.Module):
    """The transformer: ``forward`` is full attention, ``prefix`` and ``denoise`` the two passes of prefix attention."""

    def __init__(self, config: VLDMMDiTConfig) -> None:
        super().__init__()
        self.config = config
        width, channels = config.width, config.token_channels
        self.time = TimeEmbedding(width, config.composite_flag)
        self.text_norm = RMSNorm(config.text_dim)
        self.text_in = nn.Linear(config.text_dim, width)
        self.image_in = nn.Linear(channels, width)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.depth)])
        self.out_modulation = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, channels)
        if config.condition_concat:
            self.condition_in = nn.Linear(channels, width, bias=False)
        if config.picture_features:
            self.picture_in = nn.Linear(config.picture_features, width)
            self.picture_to_layers = nn.Linear(config.picture_features, width)
        if config.max_layers:
            self.stop_tokens = nn.Parameter(torch.randn(config.max_layers, width) * 0.02)
            self.stop_head = nn.Linear(width, 1)
        if config.max_layers and config.prefix_attention:
            self.from_bottom = nn.Embedding(config.max_layers, width)
            self.from_top = nn.Embedding(config.max_layers, width)

    def forward(
        self,
        frames_BKSC: Tensor,
        condition_BSC: Tensor,
        text_BTD: Tensor,
        t_B: Tensor,
        *,
        grid: tuple[int, int],
        text_mask_BT: Tensor | None = None,
        composite_flag_B: Tensor | None = None,
    ) -> Tensor:
        """Full attention: the prediction for every generated frame, packed (B, K, S, C).

        Args:
            frames_BKSC: Packed noisy latents of the generated frames.
            condition_BSC: Packed latents of the condition image; of no tokens (B, 0, C) when there is only text.
            text_BTD: Text embeddings (text_dim channels).
            t_B: Time in 0..1 (1 is pure noise).
            grid: (rows, columns) of tokens in a frame.
            text_mask_BT: True for real text tokens.
            composite_flag_B: Index into the learned flag embedding (0 or 1).
        """
        B, K, S, _ = frames_BKSC.shape
        device = frames_BKSC.device
        image = self.image_in(torch.cat([frames_BKSC.flatten(1, 2), condition_BSC], dim=1))
        text: Tensor | None = self.text_in(self.text_norm(text_BTD))
        time = self.time(t_B, composite_flag_B, image.dtype)[:, None]
        image_time = time
        if self.config.zero_condition_time:
            zero = self.time(torch.zeros_like(t_B), composite_flag_B, image.dtype)[:, None]
            # as published: only the first frame is at time t, every later frame and the condition at t = 0
            image_time = torch.cat([time.expand(-1, S, -1), zero.expand(-1, image.shape[1] - S, -1)], dim=1)
        positions = [rope.frame_positions(index, *grid, device=device) for index in range(K)]
        positions.append(rope.frame_positions(rope.CONDITION_LAYER, *grid, device=device)[: condition_BSC.shape[1]])
        tables = self._rotation(torch.cat(positions)), self._text_rotation(text_BTD.shape[1], grid, K, device)
        mask = None
        if text_mask_BT is not None:
            mask = torch.cat([text_mask_BT, text_mask_BT.new_ones(B, image.shape[1])], dim=1)
        for block in self.blocks:
            image, text, _ = block(image, text, (image_time, time), tables, mask)
        prediction: Tensor = self._predict(image[:, : K * S], time).unflatten(1, (K, S))
        return prediction

    def prefix(
        self,
        condition_BSC: Tensor,
        text_BTD: Tensor,
        *,
        grid: tuple[int, int],
        text_mask_BT: Tensor | None = None,
        picture_BSF: Tensor | None = None,
    ) -> Prefix:
        """Prefix attention, first pass: text, condition image and stop tokens see one another, modulated at t = 0.

        Args:
            condition_BSC: Packed latents of the condition image; of no tokens (B, 0, C) when there is only text.
            text_BTD: Text embeddings.
            grid: (rows, columns) of tokens in a frame.
            text_mask_BT: True for real text tokens.
            picture_BSF: Picture-encoder features of the condition tokens (picture_features channels).
        """
        B, S, _ = condition_BSC.shape
        device = condition_BSC.device
        image = self.image_in(condition_BSC)
        layer_input = None
        positions = rope.frame_positions(rope.CONDITION_LAYER, *grid, device=device)[:S]
        if picture_BSF is not None:
            image = image + self.picture_in(picture_BSF)
            layer_input = self.picture_to_layers(picture_BSF)
        if self.config.max_layers:
            image = torch.cat([image, self.stop_tokens.to(image.dtype).expand(B, -1, -1)], dim=1)
            counts = torch.arange(1, self.config.max_layers + 1, device=device)
            positions = torch.cat([positions, rope.point_positions(counts)])
        text: Tensor | None = self.text_in(self.text_norm(text_BTD))
        time = self.time(torch.zeros(B, device=device), None, image.dtype)[:, None]
        frames = max(self.config.max_layers, 1)
        tables = self._rotation(positions), self._text_rotation(text_BTD.shape[1], grid, frames, device)
        mask = None
        if text_mask_BT is not None:
            mask = torch.cat([text_mask_BT, text_mask_BT.new_ones(B, image.shape[1])], dim=1)
        context = []
        for block in self.blocks:
            image, text, keys_values = block(image, text, (time, time), tables, mask)
            context.append(keys_values)
        logits = (
            self.stop_head(F.layer_norm(image[:, S:], image.shape[-1:])).squeeze(-1) if self.config.max_layers else None
        )
        return Prefix(
            context=tuple(context),
            mask_BS=mask,
            condition_BSD=image[:, :S],
            layer_input_BSD=layer_input,
            latents_BSC=condition_BSC,
            stop_logits_BK=logits,
            grid=grid,
        )

    def denoise(self, layers_BKSC: Tensor, t_B: Tensor, prefix: Prefix) -> tuple[Tensor, Tensor]:
        """Prefix attention, second pass: packed prediction (B, K, S, C) and the layer tokens (B, K, S, D) behind it.

        Args:
            layers_BKSC: Packed noisy latents of the K layers, bottom to top.
            t_B: Time in 0..1.
            prefix: What :meth:`prefix` returned for the same pictures.
        """
        B, K, S, _ = layers_BKSC.shape
        device = layers_BKSC.device
        image = self.image_in(layers_BKSC)
        if self.config.condition_concat and prefix.latents_BSC.shape[1]:
            image = image + self.condition_in(prefix.latents_BSC)[:, None]
        if prefix.layer_input_BSD is not None:
            image = image + prefix.layer_input_BSD[:, None]
        if self.config.max_layers:
            index = torch.arange(K, device=device)
            image = image + (self.from_bottom(index) + self.from_top(K - 1 - index))[None, :, None].to(image.dtype)
        image = image.flatten(1, 2)
        time = self.time(t_B, None, image.dtype)[:, None]
        first = 1 if self.config.composite_frame else 0
        positions = torch.cat([rope.frame_positions(first + k, *prefix.grid, device=device) for k in range(K)])
        mask = prefix.mask_BS
        if mask is not None:
            mask = torch.cat([mask, mask.new_ones(B, image.shape[1])], dim=1)
        table = self._rotation(positions)
        for block, context in zip(self.blocks, prefix.context, strict=True):
            image, _, _ = block(image, None, (time, time), (table, None), mask, context)
        return self._predict(image, time).unflatten(1, (K, S)), image.unflatten(1, (K, S))

    def _predict(self, image_BLD: Tensor, time_B1D: Tensor) -> Tensor:
        scale, shift = self.out_modulation(F.silu(time_B1D)).chunk(2, dim=-1)
        out: Tensor = self.out(modulated_norm(image_BLD, shift, scale))
        return out

    def _rotation(self, positions: Tensor) -> Rotation:
        return rope.rotation(positions, self.config.rope_axes, self.config.rope_theta)

    def _text_rotation(self, length: int, grid: tuple[int, int], frames: int, device: torch.device) -> Rotation:
        start = rope.text_start(*grid, frames)
        return self._rotation(rope.text_positions(length, start, device))
