"""Make a trained model the shipped one, if it scores better on held-out designs.

    python benchmarks/release.py RUN/model [--after RUN/model ...] [--vae RUN/model] [--count 500] [--name default]

A candidate that started from the shipped model keeps that one's history in its card. ``--vae`` takes the auto-encoder
of another run whose encoder is the same: its decoder may have been trained on while the layer model learned on its
latents. Both models, the candidate as it will be stored (bfloat16) and the shipped one, are scored in the same run; the
card and the checkpoint's metadata get the candidate's figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from model import Figures, evaluate, table

import layerize
from layerize.latent import fit_directions, load_coder, save_directions
from layerize.models.checkpoint import load_model, read_info, save_model
from layerize.predictors import load_predictor, shipped_models

MOST_BYTES = 48_000_000

CARD = """# Layerize default model

Splits a flat picture into RGBA layers. It was trained from nothing, on CPU cores, on designs of about 128 x 128 pixels
with 2 to 6 layers, drawn by `layerize synth`: no photographs, no pictures from the net.{real}

## How it was trained

{training}

## Figures

{count} held-out designs of 128 x 128 pixels (seeds 0 to {last}, never trained on), layers as decoded, before refine,
with the true layer count given. Two counts are scored: the stop tokens' likeliest, and the one that a split uses, which
would rather have a layer too few than tear an object. `python benchmarks/model.py` prints this table.

```
{table}
```

fg IoU: mean soft IoU of the alphas of all layers but the background, in strict order. union IoU: of everything but
the background. recomp.: PSNR of the layers' composite. hidden bg L1: colour error of the background under other layers,
0 to 1.

## Limits

- It looks at a picture of about 128 x 128 pixels: what is smaller than two or three pixels there is not seen as an
  object.
- Clear objects on clear backgrounds come out whole; the more layers, the less reliable who owns what (see the figures
  by layer count).
- What it paints behind an object is plausible in colour and blurred in detail.
- Photographs are outside what it was trained on.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("candidate", type=Path)
    parser.add_argument("--after", type=Path, nargs="*", default=[], help="Models of the earlier stages, in order.")
    parser.add_argument("--vae", type=Path, help="Auto-encoder with the same encoder and a better decoder.")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--name", default="default")
    parser.add_argument("--force", action="store_true", help="Release even if it scores no better.")
    options = parser.parse_args()
    model = load_model(options.candidate)
    history = [*options.after, options.candidate]
    if options.vae:
        take_decoder(model, load_model(options.vae))
        history.append(options.vae)
    items = [how_trained(folder) for folder in history]
    if read_info(options.candidate).metadata.get("started_from") == options.name:
        items = [*shipped_history(options.name), *items]
    training = "\n".join(items)
    with tempfile.TemporaryDirectory() as folder:
        packed = save_model(model, Path(folder) / options.name, dtype="bfloat16")
        figures = evaluate(load_predictor(str(packed), "auto"), options.count, None)
    print(table(figures))
    shipped = shipped_models().get(options.name)
    if shipped and not options.force:
        best = evaluate(load_predictor(options.name, "auto"), options.count, None, baselines=False)
        print(f"shipped: fg IoU {best.summary()['foreground_iou']:.3f}")
        if best.summary()["foreground_iou"] >= figures.summary()["foreground_iou"]:
            sys.exit("not better than the shipped model: nothing changed (--force releases it all the same)")
    write(
        model,
        figures,
        training,
        options.name,
        options.count,
        read_info(options.candidate).metadata,
        origins_of(history),
    )


def take_decoder(model: torch.nn.Module, other: torch.nn.Module) -> None:
    """Replace the auto-encoder's weights by those of another one that makes the same latents.

    Raises:
        SystemExit: Its latents are others: the layer model would not understand them.
    """
    own, new = model.vae.state_dict(), other.state_dict()  # type: ignore[union-attr]
    encoding = [name for name in own if name.split(".")[0] in ("encoder", "quant_conv")]
    if any(not torch.equal(own[name], new[name]) for name in encoding):
        sys.exit("--vae: its encoder is not the one that the model was trained with")
    model.vae.load_state_dict(new)  # type: ignore[union-attr]


def how_trained(folder: Path) -> str:
    """One list item from the card that training wrote: the stage and its effort."""
    title, _, text = read_info(folder).card.split("\n## Facts")[0].split("\nReal designs")[0].partition("\n")
    return f"- `{title.strip('# ')}`: {' '.join(text.split())}"


def shipped_history(name: str) -> list[str]:
    """The list items of the shipped model's card."""
    card = read_info(shipped_models()[name]).card
    section = card.partition("## How it was trained")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("- ")]


def origins_of(folders: list[Path]) -> list[dict[str, Any]]:
    """Every real source that went into these models, once."""
    found = [origin for folder in folders for origin in read_info(folder).metadata.get("origins", [])]
    return [origin for index, origin in enumerate(found) if origin not in found[:index]]


def origin_rows(origins: list[dict[str, Any]]) -> str:
    """Rows of a card's table: source, licence, number."""
    return "\n".join(f"| {each['source']} | {each['licence'] or 'unknown'} | {each['count']} |" for each in origins)


REAL = """ Some show cut-outs of real files, and some
batches are real files themselves:

| source | licence | cut-outs or files |
| --- | --- | --- |
{rows}
"""


def write(
    model: object,
    figures: Figures,
    training: str,
    name: str,
    count: int,
    learned: dict[str, Any],
    origins: list[dict[str, Any]],
) -> None:
    """Store the model with its card and figures; ``learned`` is the metadata that training gave the candidate."""
    tasks = learned.get("tasks", [])
    real = REAL.format(rows=origin_rows(origins)) if origins else ""
    card = CARD.format(training=training, count=count, last=count - 1, table=table(figures), real=real)
    counts = {key: round(value, 3) for key, value in figures.counts().items()}
    facts: dict[str, object] = {key: round(value, 4) for key, value in figures.summary().items()}
    about: dict[str, object] = {"held_out": facts | counts, "tasks": tasks, "origins": origins}
    folder = Path(layerize.__file__).parent / "assets" / name
    save_model(model, folder, card=card, metadata=about, dtype="bfloat16")  # type: ignore[arg-type]
    coder = load_coder(str(folder))
    save_directions(fit_directions(coder), coder, folder)  # those of the weights before do not fit these
    size = sum(read_info(place).size for place in shipped_models().values())
    print(f"released to {folder}; all shipped models: {size / 1e6:.1f} MB")
    if size > MOST_BYTES:
        sys.exit(f"{size / 1e6:.1f} MB is more than the repository's {MOST_BYTES / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
