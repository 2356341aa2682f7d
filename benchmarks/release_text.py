"""Make a trained text-to-layers model the shipped ``sketch``, if it draws more of the colours it is told.

    python benchmarks/release_text.py RUN/model [--vae RUN/model] [--count 100] [--force]

``--vae`` takes the auto-encoder of another run whose encoder is the same. Both models are scored in the same run by
``benchmarks/generate.py``; the card and the metadata get the figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from generate import evaluate, table
from release import MOST_BYTES, how_trained, origin_rows, origins_of, take_decoder

import layerize
from layerize.generator import load_text_model
from layerize.models.checkpoint import load_model, read_info, save_model
from layerize.predictors import shipped_models

NAME = "sketch"

CARD = """# Layerize sketch

Draws a stack of RGBA layers from a text, at 128 x 128 pixels. It was trained from nothing, on a CPU core, on designs
drawn by `layerize synth`: things, signs and shapes on plain grounds, and their captions. It is here to show that the
road from words to layers works, not to replace a large model: it knows colours, that a picture has a ground and
something on it, and little of what things look like.

## How it was trained

{training}
{real}
## Figures

{count} captions of held-out designs (seeds 0 to {last}, never trained on): share of the told colours that the picture
has, for the ground and for single things, and of the layer counts that are those of the design. `chance`: the same
pictures against another caption. `designs`: what the captions were made from. `python benchmarks/generate.py` prints
this table.

```
{table}
```

## Limits

- Few things can be recognised; words are not written, only their colour is there.
- 128 x 128 pixels is what it has learned; larger canvases repeat.
- What no caption of a procedural design says means nothing to it.
"""

REAL = """
Some of the pictures that its auto-encoder learned from show cut-outs of real files:

| source | licence | cut-outs |
| --- | --- | --- |
{rows}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("candidate", type=Path)
    parser.add_argument("--vae", type=Path, help="Auto-encoder with the same encoder and a better decoder.")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--force", action="store_true", help="Release even if it scores no better.")
    options = parser.parse_args()
    model = load_model(options.candidate)
    history = [options.candidate]
    if options.vae:
        take_decoder(model, load_model(options.vae))
        history.append(options.vae)
    with tempfile.TemporaryDirectory() as folder:
        tasks = {"tasks": read_info(options.candidate).metadata["tasks"]}
        packed = save_model(model, Path(folder) / NAME, metadata=tasks, dtype="bfloat16")
        figures, _ = evaluate(load_text_model(str(packed)), options.count)
    print(table(figures))
    if NAME in shipped_models() and not options.force:
        shipped, _ = evaluate(load_text_model(NAME), options.count)
        print(table({"shipped": shipped["model"]}))
        if told(shipped["model"]) >= told(figures["model"]):
            sys.exit("not better than the shipped model: nothing changed (--force releases it all the same)")
    held_out = {name: {key: round(value, 3) for key, value in row.items()} for name, row in figures.items()}
    origins = origins_of(history)
    card = CARD.format(
        real=REAL.format(rows=origin_rows(origins)) if origins else "",
        training="\n".join(how_trained(each) for each in history),
        count=options.count,
        last=options.count - 1,
        table=table(figures),
    )
    folder = Path(layerize.__file__).parent / "assets" / NAME
    save_model(model, folder, card=card, metadata={"held_out": held_out, "origins": origins, **tasks}, dtype="bfloat16")
    size = sum(read_info(place).size for place in shipped_models().values())
    print(f"released to {folder}; all shipped models: {size / 1e6:.1f} MB")
    if size > MOST_BYTES:
        sys.exit(f"{size / 1e6:.1f} MB is more than the repository's {MOST_BYTES / 1e6:.0f} MB")


def told(row: dict[str, float]) -> float:
    """Mean share of told colours."""
    return (row["ground"] + row["thing"]) / 2


if __name__ == "__main__":
    main()
