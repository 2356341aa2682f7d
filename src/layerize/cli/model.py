"""``layerize model``: which models there are, what each says of itself, and the way to and from diffusers folders."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerize.cli.report import say, say_json, warnings_on_stderr
from layerize.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from layerize.models.checkpoint import CheckpointInfo

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="List and describe models, exchange weights.",
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """The models that come with the package; --model takes their names or a checkpoint folder."""
    from layerize.models.checkpoint import read_info
    from layerize.predictors import shipped_models

    found = {name: read_info(folder) for name, folder in shipped_models().items()}
    if as_json:
        say_json([_summary(name, info) for name, info in found.items()])
        return
    if not found:
        say("No model is installed with this package; train one with layerize train.")
    for name, info in found.items():
        facts = _summary(name, info)
        size = f"{facts['parameters'] / 1e6:.1f} M parameters, {facts['bytes'] / 2**20:.1f} MiB"
        say(f"{name}  {info.class_name}, {size}: {', '.join(info.metadata.get('tasks', []))}")


@app.command()
def info(
    model: Annotated[
        str, typer.Argument(metavar="NAME|DIR", help="A shipped model or a checkpoint folder.")
    ] = "default",
    as_json: Json = False,
) -> None:
    """Describe a model: its parts, figures and card."""
    from layerize.models.checkpoint import read_info
    from layerize.predictors import find_model

    folder = find_model(model)
    found = read_info(folder)
    facts = _summary(model, found)
    if as_json:
        from layerize.models.config_json import config_to_dict

        say_json({**facts, "config": config_to_dict(found.config), "metadata": found.metadata, "card": found.card})
        return
    say(f"{model}: {found.class_name} in {folder}")
    say(f"  {facts['parameters']:,} parameters, {facts['bytes'] / 2**20:.1f} MiB, stored as {found.dtype}")
    for part, count in facts["parts"].items():
        say(f"  {part:<14}{count:>12,}")
    for name, value in found.metadata.items():
        say(f"  {name}: {value}")
    if found.card:
        say()
        say(found.card.strip())


@app.command("import")
def import_weights(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A diffusers folder, or owner/name on the hub.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The checkpoint folder to write.")],
    dtype: Annotated[
        str | None, typer.Option(metavar="float32|bfloat16|float16", help="Store weights so. Default: as they are.")
    ] = None,
) -> None:
    """Turn published weights (a Qwen-Image-Layered pipeline, its transformer or its VAE) into a checkpoint."""
    kinds = ("float32", "bfloat16", "float16")
    if dtype not in (None, *kinds):
        raise UsageError(f"--dtype {dtype} is unknown; choose one of {', '.join(kinds)}.")
    from layerize.models.checkpoint import import_diffusers, save_model

    with warnings_on_stderr():
        save_model(import_diffusers(source), out, dtype=dtype, metadata={"imported_from": source})
    say(f"{source} -> {out}")


@app.command("export")
def export_weights(
    model: Annotated[str, typer.Argument(metavar="NAME|DIR", help="A shipped model or a checkpoint.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The diffusers folder to write.")],
) -> None:
    """Write a checkpoint of the published architecture as a diffusers folder."""
    from layerize.models.checkpoint import export_diffusers, load_model
    from layerize.predictors import find_model

    with warnings_on_stderr():
        export_diffusers(load_model(find_model(model), dtype=None), out)
    say(f"{model} -> {out}")


def _summary(name: str, info: CheckpointInfo) -> dict[str, Any]:
    parts = _parameters(info.folder)
    return {
        "name": name,
        "folder": str(info.folder),
        "class": info.class_name,
        "parameters": sum(parts.values()),
        "parts": dict(parts),
        "bytes": info.size,
        "dtype": info.dtype,
    }


def _parameters(folder: Path) -> Counter[str]:
    """Parameters per part (the first word of a tensor's name), from the files' headers alone.

    Raises:
        CheckpointError: A file is truncated, unreadable or no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    parts: Counter[str] = Counter()
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="np") as tensors:
                for key in tensors.keys():  # noqa: SIM118 - not a dict
                    parts[key.split(".")[0]] += math.prod(tensors.get_slice(key).get_shape())
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{file}: is no readable safetensors file ({error}).") from error
    return parts
