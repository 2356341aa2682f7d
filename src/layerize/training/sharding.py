"""Sharding (FSDP2): every process holds a slice of each weight, gradient and moment, and gathers weights when needed.

torch's ``fully_shard`` itself, so that one path serves CPUs (gloo, where the tests are) and GPUs on many machines.
"""

from __future__ import annotations

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from layerize.training.processes import Processes
from layerize.training.stages import Stage


def shard(stage: Stage, processes: Processes) -> None:
    """Shard a stage in place: each block of the transformer by itself, the rest together."""
    mesh = init_device_mesh(processes.device.type, (processes.count,))
    half = torch.bfloat16 if stage.recipe.precision == "bf16" and processes.device.type == "cuda" else None
    policy = MixedPrecisionPolicy(param_dtype=half, reduce_dtype=torch.float32)
    for block in stage.blocks():
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(stage, mesh=mesh, mp_policy=policy)
