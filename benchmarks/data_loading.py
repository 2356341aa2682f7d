"""Samples per second: loading a dataset (folder, shards) against training the tiny recipe on the same machine.

    python benchmarks/data_loading.py [--count 96] [--steps 30] [--repeats 3]

Procedural designs stand for a dataset: ``--count`` of them at 256x256 with two and three layers, as a dataset folder,
as shards, and as shards shrunk to the training size. Loading and training (``recipes/tiny.toml``) take turns, so that
both meet the same load; medians are shown. Loading reads, decodes, augments and collates, on one core.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from layerize.data.augment import Augment
from layerize.data.buckets import PlanOptions
from layerize.data.dataset_folder import DatasetFolder, IndexEntry
from layerize.data.layered_dataset import LayerBatches
from layerize.data.shards import ShardOptions, write_shards
from layerize.formats import save
from layerize.synth.design import DesignConfig, draw_design
from layerize.training.loop import train
from layerize.training.recipe import Recipe
from layerize.training.recipe_file import read_recipe

RECIPE = Path(__file__).parents[1] / "recipes" / "tiny.toml"
SIZE = (256, 256)


def write_dataset(root: Path, count: int) -> None:
    """``count`` designs with the layer counts of the recipe, as ``layerize data extract`` writes them."""
    folder = DatasetFolder(root)
    folder.create({}, "benchmark")
    for seed in range(count):
        stack = draw_design(seed, SIZE, DesignConfig(min_levels=2, max_levels=3)).to_stack()
        path = f"samples/d{seed:04d}"
        save(stack, root / path)
        folder.append(
            IndexEntry(
                id=f"d{seed:04d}", source=f"seed {seed}", status="accepted", canvas=SIZE, layers=len(stack), opaque=1.0,
                path=path,
            )
        )  # fmt: skip


def loading(where: Path, recipe: Recipe, count: int) -> float:
    """Samples per second of one pass over ``count`` samples."""
    data = recipe.data
    options = PlanOptions(sizes=data.sizes, groups=data.groups, group_size=data.group_size)
    stream = iter(LayerBatches(where, options, augment=Augment()))
    next(stream)
    start = time.perf_counter()
    done = sum(len(batch.ids) for batch in itertools.islice(stream, -(-count // (data.groups * data.group_size))))
    return done / (time.perf_counter() - start)


def training(recipe: Recipe, run: Path, steps: int) -> float:
    """Samples per second of the later half of a short run, by the run's own log."""
    records: list[dict[str, float]] = []
    train(recipe, run, minutes=10.0, max_steps=steps, log_seconds=0.0, report=records.append)  # type: ignore[arg-type]
    speeds = [record["samples_per_second"] for record in records if record.get("samples_per_second")]
    return statistics.median(speeds[len(speeds) // 2 :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = replace(read_recipe(RECIPE), processes=1)
    side = max(max(size) for size in recipe.data.sizes)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_dataset(root / "folder", options.count)
        places = {"dataset folder": root / "folder"}
        for name, shard in {
            "WebDataset": ShardOptions(),
            "Parquet": ShardOptions(format="parquet"),
            f"WebDataset, longest {side}": ShardOptions(longest=side),
            f"Parquet, longest {side}": ShardOptions(format="parquet", longest=side),
        }.items():
            places[name] = root / name.replace(" ", "-")
            write_shards(root / "folder", str(places[name]), shard)
        trained: list[float] = []
        loaded: dict[str, list[float]] = {name: [] for name in places}
        for turn in range(options.repeats):
            trained.append(training(recipe, root / f"run{turn}", options.steps))
            for name, where in places.items():
                loaded[name].append(loading(where, recipe, options.count))
    _print(statistics.median(trained), {name: statistics.median(speeds) for name, speeds in loaded.items()}, recipe)


def _print(trained: float, loaded: dict[str, float], recipe: Recipe) -> None:
    print(f"training {RECIPE.name} at {recipe.data.sizes[0]}: {trained:.1f} samples/s")
    print(f"{'loading from':<28s} {'samples/s':>10s} {'x training':>11s}")
    for name, speed in loaded.items():
        print(f"{name:<28s} {speed:10.0f} {speed / trained:11.1f}")


if __name__ == "__main__":
    main()
