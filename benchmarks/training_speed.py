"""Where a training step's time goes, and how much of the device's arithmetic it reaches.

    python benchmarks/training_speed.py [RECIPE ...] [--steps 8] [--threads 1] [--set key=value]

One process. Medians over the steps; the arithmetic is that of ``layerize train plan``, the device's rate that of
one large bf16 matrix product. Without recipes: three of the shipped size.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from layerize.training.plan import make_plan
from layerize.training.processes import Processes, join
from layerize.training.recipe import Recipe
from layerize.training.recipe_file import read_recipe
from layerize.training.schedule import Budget
from layerize.training.worker import Settings, Worker

RECIPES = Path(__file__).parents[1] / "recipes"
SHIPPED = ("vae", "image_to_layers", "text_to_layers")
SIDE = {"cpu": 2048, "cuda": 8192}


def settled(device: torch.device) -> float:
    """Now, when the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def matmul_rate(device: torch.device) -> float:
    """FLOP/s of a bf16 matrix product, the best of five."""
    side = SIDE[device.type]
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    times = []
    for _ in range(6):
        start = settled(device)
        a @ b
        times.append(settled(device) - start)
    return 2 * side**3 / min(times[1:])


def timed(device: torch.device, work: Callable[[], object], into: list[float]) -> object:
    start = settled(device)
    result = work()
    into.append(settled(device) - start)
    return result


def measure(recipe: Recipe, processes: Processes, steps: int) -> dict[str, float]:
    """Median seconds of each part of a step of one batch."""
    settings = Settings(budget=Budget(minutes=1e6))
    worker = Worker(recipe, Path(tempfile.mkdtemp()), processes, settings, None)
    times: dict[str, list[float]] = {name: [] for name in ("draw", "forward", "backward", "optimiser")}
    for number in range(steps + 2):
        batch = timed(processes.device, lambda n=number: worker.source.batch(n, False), times["draw"])
        on_device = batch.to(processes.device)  # type: ignore[attr-defined]
        generator = torch.Generator().manual_seed(number)

        def forward(on_device: object = on_device, generator: torch.Generator = generator) -> torch.Tensor:
            with worker._autocast():
                loss: torch.Tensor = worker.stage(recipe.stage, on_device, generator)[0]
            return loss

        loss = timed(processes.device, forward, times["forward"])
        timed(processes.device, loss.backward, times["backward"])  # type: ignore[attr-defined]
        timed(processes.device, worker.optimiser.step, times["optimiser"])
        worker.optimiser.zero_grad(set_to_none=True)
    return {name: statistics.median(values[2:]) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", type=Path)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    processes = join()
    rate = matmul_rate(processes.device)
    print(f"{processes.device.type}, {options.threads} threads, bf16 matrix products {rate / 1e9:,.0f} GFLOP/s")
    print(f"{'recipe':<18}{'draw':>8}{'forward':>9}{'backward':>10}{'optimiser':>11}{'samples/s':>11}{'of matmul':>11}")
    for path in options.recipes or [RECIPES / f"{name}.toml" for name in SHIPPED]:
        recipe = replace(read_recipe(path, ("start_from=", "mix={}", *options.set)), processes=1)
        parts = measure(recipe, processes, options.steps)
        per_second = recipe.data.batch_size / sum(parts.values())
        share = per_second * make_plan(recipe, 1).flops / rate
        cells = "".join(
            f"{1e3 * parts[name]:>{width - 2}.0f}ms" for name, width in zip(parts, (8, 9, 10, 11), strict=True)
        )
        print(f"{path.stem:<18}{cells}{per_second:>11.1f}{share:>11.1%}", flush=True)


if __name__ == "__main__":
    main()
