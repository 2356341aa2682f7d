"""The processes of a run: who this one is, what it computes on, and the few things that all agree on.

One process needs nothing. Several are started by ``accelerate launch`` (any number of machines) or by ``train`` itself,
and meet through accelerate: gloo on CPUs, NCCL on GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor

from layerize.errors import MissingExtraError


@dataclass(frozen=True, kw_only=True)
class Processes:
    """This process among its equals."""

    index: int = 0
    count: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable

    @property
    def first(self) -> bool:
        """Whether this one writes the log and the files."""
        return self.index == 0

    def total(self, *values: float) -> list[float]:
        """Sums over all processes."""
        if self.count == 1:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(sums)
        result: list[float] = sums.tolist()
        return result

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their means over all processes, in one exchange."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.count
        for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            dist.barrier()


def launched() -> bool:
    """Whether somebody (``accelerate launch``, torchrun) has started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def join() -> Processes:
    """Meet the other processes; on a machine with GPUs each gets one.

    Raises:
        MissingExtraError: There are several and accelerate is not installed.
    """
    on_gpu = torch.cuda.is_available()
    if not launched():
        return Processes(device=torch.device("cuda" if on_gpu else "cpu"))
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise MissingExtraError("Training in several processes", "accelerate", "train") from error
    state = PartialState(cpu=not on_gpu)
    return Processes(index=state.process_index, count=state.num_processes, device=state.device)


def leave(processes: Processes) -> None:
    """End the group, so that no process is left waiting."""
    if processes.count > 1 and dist.is_initialized():
        dist.destroy_process_group()


def local(tensor: Tensor) -> Tensor:
    """This process's own part of a sharded tensor, or the tensor."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
