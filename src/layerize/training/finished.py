"""The model folder of a run: averaged weights, adapters folded in, with a card that says where it comes from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from layerize.models import checkpoint
from layerize.predictors import find_model
from layerize.training import lora

if TYPE_CHECKING:
    from layerize.training.worker import Worker

MODEL_FOLDER = "model"
ADAPTER_FOLDER = "adapter"


def save_finished(worker: Worker, ema: dict[str, Tensor]) -> None:
    """Write ``RUN/model`` (and ``RUN/adapter``) with the averaged weights. Every process must call.

    The training weights come back afterwards; what a stage measures on its averaged weights is in the saved config.
    """
    stage, recipe = worker.stage, worker.recipe
    whole = {name: _gathered(value) for name, value in ema.items()}
    state = {name: _gathered(value) for name, value in stage.model.state_dict().items()}
    if not worker.processes.first:
        return
    if recipe.stage == "vae":
        _finish(worker, ema)
    merged = lora.merged_state(stage.model, whole, state) if recipe.lora.rank else {**state, **whole}
    with torch.device("meta"):
        plain = type(stage.model)(stage.model.config)
    place = worker.run / MODEL_FOLDER
    checkpoint.save_model(
        plain, place, card=_card(worker), metadata=_metadata(worker), tensors=merged, dtype=recipe.save_as
    )
    if recipe.lora.rank:
        lora.save_adapter(worker.run / ADAPTER_FOLDER, whole, recipe.lora, recipe.start_from)


def _gathered(value: Tensor) -> Tensor:
    whole = value.full_tensor() if isinstance(value, DTensor) else value
    return whole.detach()


@torch.no_grad()
def _finish(worker: Worker, ema: dict[str, Tensor]) -> None:
    """Let the stage measure on the averaged weights, then put the training weights back."""
    kept = [parameter.detach().clone() for parameter in worker.parameters]
    for name, parameter in zip(worker.names, worker.parameters, strict=True):
        parameter.copy_(ema[name])
    worker.stage.finish(worker.held_out(), worker.processes.device)
    for parameter, value in zip(worker.parameters, kept, strict=True):
        parameter.copy_(value)


def _metadata(worker: Worker) -> dict[str, object]:
    progress, data = worker.progress, worker.recipe.data
    facts: dict[str, object] = {
        "stage": worker.recipe.stage,
        "tasks": _tasks(worker),
        "started_from": worker.recipe.start_from,
        "steps": progress.step,
        "samples": progress.samples,
        "training_seconds": round(progress.seconds),
        "processes": worker.processes.count,
    }
    named = {"dataset": data.dataset, "elements": data.elements, "origins": _origins(worker)}
    return facts | {name: value for name, value in named.items() if value}


def _tasks(worker: Worker) -> list[str]:
    """All tasks that these weights have learned, those of the model that they started from included."""
    before: list[str] = []
    if worker.recipe.start_from:
        before = checkpoint.read_info(find_model(worker.recipe.start_from)).metadata.get("tasks", [])
    return list(dict.fromkeys([*before, *worker.recipe.shares()]))


def _origins(worker: Worker) -> list[dict[str, object]]:
    """Everything real that these weights have seen, what the model that they started from has seen included."""
    before: list[dict[str, object]] = []
    if worker.recipe.start_from:
        before = checkpoint.read_info(find_model(worker.recipe.start_from)).metadata.get("origins", [])
    own = [asdict(origin) for origin in worker.source.origins]
    return [*before, *(origin for origin in own if origin not in before)]


def _card(worker: Worker) -> str:
    progress, recipe = worker.progress, worker.recipe
    what = "procedural designs"
    if recipe.data.dataset:
        what = "designs of a dataset" + (" and procedural designs" if recipe.data.dataset_share < 1 else "")
    if recipe.data.elements:
        what += " with elements of real designs"
    start = f" It started from {recipe.start_from}." if recipe.start_from else ""
    listed = "".join(f"- {each['source']} ({each['licence'] or 'licence unknown'})\n" for each in _origins(worker))
    seen = f"\nReal designs that it has seen:\n\n{listed}" if listed else ""
    return (
        f"# {recipe.stage}\n\nTrained with `layerize train` on {progress.samples:,} samples ({what}) in "
        f"{progress.seconds / 60:.0f} minutes and {progress.step:,} steps of {worker.processes.count} "
        f"{'process' if worker.processes.count == 1 else 'processes'} on {worker.processes.device.type}.{start}\n{seen}"
    )
