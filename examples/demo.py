"""What ``make demo`` runs: split a poster, save it for Photoshop, draw a contact sheet, make one edit.

    python examples/demo.py [FOLDER]

Only calls the command line, and prints each command, so that the same can be typed by hand.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

POSTER = Path(__file__).parent / "poster.png"


def layerize(*arguments: str | Path) -> str:
    """Run the command, show it, return what it printed."""
    words = [str(argument) for argument in arguments]
    print(f"$ layerize {shlex.join(words)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "layerize", *words], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    poster = Path(POSTER.relative_to(Path.cwd()) if POSTER.is_relative_to(Path.cwd()) else POSTER)
    layers, psd, sheet = out / "poster.layers", out / "poster.psd", out / "sheet.png"
    edited, flat = out / "edited.layers", out / "edited.png"
    start = time.perf_counter()
    [result] = json.loads(layerize("split", poster, "-o", layers, "--sheet", sheet, "--json"))["results"]
    split_seconds = time.perf_counter() - start
    layerize("convert", layers, psd)
    layerize("edit", layers, "-o", edited, "--background", "#f4c95d")
    layerize("join", edited, "-o", flat)
    width, height = result["size"]
    print(f"\n{result['count']} layers of {width}x{height}, bottom to top, in {split_seconds:.1f} s from a cold start:")
    for index, name in enumerate(result["layers"]):
        print(f"{index:>4}  {name}")
    manifest = json.loads((layers / "manifest.json").read_text(encoding="utf-8"))
    words = [layer["text"]["content"].split("\n") for layer in manifest["layers"] if layer.get("text")]
    if words:
        print(f"Read and lifted as layers of their own: {', '.join(repr(' '.join(lines)) for lines in words)}.")
    print(f"The composite differs from the poster by at most {result['recompose_error']}/255.\n")
    for path, what in {
        layers: "the layers as PNG, with a manifest",
        psd: "the same for Photoshop, Krita, GIMP, Affinity ...",
        sheet: "look at this first: input, layers, composite, difference",
        flat: "the poster on another background",
    }.items():
        print(f"{path!s:<24}{what}")
    print(f"\nDone in {time.perf_counter() - start:.1f} s.")


if __name__ == "__main__":
    main()
