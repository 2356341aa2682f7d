"""Counting without computing: arithmetic and kept memory of a stage's step on torch's meta device.

Matrix products and convolutions are counted (as ``FlopCounterMode`` does), and every tensor that autograd keeps for the
backward pass is added up. Attention is counted as the fused kernels do it: they keep no probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from layerize.training.batches import Batch
from layerize.training.stages import Stage

TEXT_TOKENS = 100
"""Of a caption, for models with a Qwen2.5-VL text encoder."""


def flops_of(stage: Stage, task: str, batch: Batch) -> float:
    """Forward and backward of one task on one batch, per sample."""
    counter = FlopCounterMode(display=False)
    with counter, _fused_attention(), _short_texts():
        loss, _ = stage(task, batch, torch.Generator().manual_seed(0))
        loss.backward()
    return float(counter.get_total_flops()) / len(batch.captions)


class _FusedAttention(torch.autograd.Function):
    """Softmax attention on meta tensors: the products of the mathematics, the memory of the fused kernels."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out = torch.matmul(torch.matmul(q, k.transpose(-1, -2)), v)
        ctx.save_for_backward(q, k, v, out, q[..., 0])
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v, _, _ = ctx.saved_tensors
        weights = q.new_zeros((*q.shape[:-1], k.shape[-2]))
        weights_grad = torch.matmul(grads[0], v.transpose(-1, -2))
        return (
            torch.matmul(weights_grad, k),
            torch.matmul(weights_grad.transpose(-1, -2), q),
            torch.matmul(weights.transpose(-1, -2), grads[0]),
        )


@contextmanager
def _fused_attention() -> Iterator[None]:
    def attend(q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None) -> Any:
        return _FusedAttention.apply(q, k, v)  # type: ignore[no-untyped-call]

    with patch.object(F, "scaled_dot_product_attention", attend):
        yield


@contextmanager
def _short_texts() -> Iterator[None]:
    """Captions of a fixed length in place of a text encoder's answer."""

    def encode(self: Any, texts: Any, device: torch.device) -> tuple[Tensor, None]:
        return torch.zeros(len(texts), TEXT_TOKENS, self.channels, device="meta"), None

    with patch("layerize.training.prompts.PromptEncoder.encode", encode):
        yield


def activations_of(stage: Stage, task: str, batch: Batch, recomputed: bool) -> float:
    """Bytes that autograd keeps between forward and backward; with recomputed blocks, their inputs and one inside."""
    account = _Account(stage.parameters())
    for block in stage.blocks():
        account.watch(block)
    hooks = torch.autograd.graph.saved_tensors_hooks(account.keep, lambda tensor: tensor)
    with hooks, _fused_attention(), _short_texts():
        stage(task, batch, torch.Generator().manual_seed(0))
    if recomputed and account.inside:
        return account.outside + account.inputs + max(account.inside)
    return account.outside + sum(account.inside)


class _Account:
    """Adds up distinct saved tensors, inside each call of a block and outside of all."""

    def __init__(self, parameters: Iterator[nn.Parameter]) -> None:
        self.outside, self.inputs = 0.0, 0.0
        self.inside: list[float] = []
        self._within = False
        self._seen = {self._key(parameter) for parameter in parameters}
        self._held: list[Tensor] = []  # so that no storage's address is used twice

    @staticmethod
    def _key(tensor: Tensor) -> int:
        return int(tensor.untyped_storage()._cdata)

    def keep(self, tensor: Tensor) -> Tensor:
        """A tensor that autograd saves."""
        if self._key(tensor) not in self._seen:
            self._seen.add(self._key(tensor))
            self._held.append(tensor)
            size = tensor.untyped_storage().nbytes()
            if self._within:
                self.inside[-1] += size
            else:
                self.outside += size
        return tensor

    def watch(self, block: nn.Module) -> None:
        """Attribute what is saved while ``block`` runs to it."""
        inner = block.forward

        def forward(*args: Any, **kwargs: Any) -> Any:
            self.inside.append(0.0)
            self.inputs += sum(x.nbytes for x in args if isinstance(x, Tensor))
            self._within = True
            try:
                return inner(*args, **kwargs)
            finally:
                self._within = False

        block.forward = forward
