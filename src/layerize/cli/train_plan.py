"""``layerize train plan``: what a recipe costs, before anyone pays for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from layerize.cli.report import say, say_json
from layerize.errors import UsageError

if TYPE_CHECKING:
    from layerize.training.plan import Plan
    from layerize.training.recipe import Recipe


class Device(NamedTuple):
    """A device to rent: memory in GiB and dense bf16 arithmetic in FLOP/s, as its maker says."""

    memory: float
    flops: float


DEVICES = {
    "h200": Device(141e9 / 2**30, 989e12),
    "h100": Device(80e9 / 2**30, 989e12),
    "b200": Device(180e9 / 2**30, 2250e12),
    "a100": Device(80e9 / 2**30, 312e12),
    "a100-40": Device(40e9 / 2**30, 312e12),
    "l40s": Device(48e9 / 2**30, 362e12),
    "rtx4090": Device(24e9 / 2**30, 165e12),
    "cpu-core": Device(8.0, 0.4e12),
}


def plan(
    recipe: Annotated[Path, typer.Argument(help="A recipe file (TOML).")],
    gpus: Annotated[int, typer.Option(min=0, help="Devices; 0 takes the recipe's processes.")] = 0,
    gpu: Annotated[str, typer.Option(metavar="NAME", help=f"What they are: {', '.join(DEVICES)}.")] = "h200",
    utilisation: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Share of the device's arithmetic that training reaches.")
    ] = 0.35,
    samples: Annotated[int, typer.Option(min=0, help="Samples to train on; 0 takes the recipe's.")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a recipe value: key=value.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")] = False,
) -> None:
    """Parameters, tokens and arithmetic per sample, memory per device, samples per second and days of a recipe."""
    if gpu not in DEVICES:
        raise UsageError(f"--gpu {gpu} is unknown; choose one of {', '.join(DEVICES)}.")
    from layerize.cli.train_validation import untrained_networks
    from layerize.training.plan import make_plan
    from layerize.training.recipe_file import read_recipe

    parsed = read_recipe(recipe, tuple(set_ or ()))
    made = make_plan(parsed, gpus, untrained_networks())
    facts = _facts(made, DEVICES[gpu], utilisation, samples or made.samples)
    if as_json:
        say_json({"recipe": str(recipe), "gpu": gpu, "utilisation": utilisation, **facts})
        return
    _print(recipe, parsed, made, gpu, utilisation, facts)


def _facts(made: Plan, device: Device, utilisation: float, samples: int) -> dict[str, Any]:
    rate = made.samples_per_second(device.flops, utilisation)
    return {
        "parameters": made.parameters,
        "parts": made.parts,
        "trainable": made.trainable,
        "tokens_per_sample": made.tokens,
        "flops_per_sample": made.flops,
        "devices": made.devices,
        "batch": made.batch,
        "memory_gib": {name: round(value / 2**30, 3) for name, value in vars(made.memory).items()},
        "memory_total_gib": round(made.memory.total / 2**30, 3),
        "device_memory_gib": round(device.memory, 1),
        "fits": made.memory.total / 2**30 <= device.memory,
        "samples_per_second": rate,
        "samples": samples,
        "days": samples / rate / 86400,
    }


def _print(recipe: Path, parsed: Recipe, made: Plan, gpu: str, utilisation: float, facts: dict[str, Any]) -> None:
    parts = ", ".join(f"{name} {_short(count)}" for name, count in made.parts.items() if count * 200 > made.parameters)
    say(f"{recipe}: {parsed.stage}, model {parsed.model}")
    say(f"  parameters  {_short(made.parameters)} ({parts}); {_short(made.trainable)} learn")
    say(f"  per sample  {made.tokens:,.0f} tokens, {_short(made.flops)}FLOP")
    total, there = facts["memory_total_gib"], facts["device_memory_gib"]
    verdict = "fits" if facts["fits"] else "DOES NOT FIT"
    say(f"  memory      {total:.1f} GiB of {there:.0f} on each {gpu}: {verdict} ({made.memory.describe()})")
    flops = DEVICES[gpu].flops * utilisation
    say(f"  speed       {made.devices} x {gpu} at {utilisation:.0%}, {_short(flops)}FLOP/s each: "
        f"{facts['samples_per_second']:,.1f} samples/s, {made.batch} samples a step")  # fmt: skip
    if facts["samples"]:
        say(f"  time        {_short(facts['samples'])} samples: {_duration(facts['days'])}")
    else:
        say("  time        the recipe names no number of samples; give --samples N")


def _short(value: float) -> str:
    for unit, size in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} "


def _duration(days: float) -> str:
    if days < 1 / 24:
        return f"{days * 1440:.1f} minutes"
    return f"{days * 24:.1f} hours" if days < 2 else f"{days:.1f} days"
