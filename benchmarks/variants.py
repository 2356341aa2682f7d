"""100 variants of a 1328-pixel design: how long, and what takes the time.

    python benchmarks/variants.py [--jobs 2] [--count 100] [--keep FOLDER]

The design is a procedural one (needs the extra "synth"); the table recolours, shifts hues, hides, replaces a picture,
changes the background, adds shadows and uses three canvases. A second run with nothing changed shows what resuming
costs.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import tempfile
import time
from pathlib import Path

from layerize.formats import save, write_image
from layerize.stack import LayerStack
from layerize.synth.design import draw_design
from layerize.variants.make import Outcome, Variants
from layerize.variants.sheet import write_sheet
from layerize.variants.table import read_table

SIDE = 1328
SEED = 5
COLOURS = ("crimson", "#2a9d8f", "navy", "#f4a261", "#6a4c93", "white", "#264653")
SIZES = ("", "1080x1080", "1080x1920")
GROUNDS = ("", "#ffe9c9", "linear-gradient(160deg, #102040, teal)", "wall.png")


def table_of(stack: LayerStack, count: int) -> list[dict[str, str]]:
    """As many different rows as wanted, for whatever layers the design has."""
    names = [layer.name for layer in stack.layers[1:]]
    rows = []
    for i in range(count):
        row = {"name": f"variant-{i:03d}", "size": SIZES[i % 3], "background": GROUNDS[i % 4]}
        row |= {f"{names[0]}:recolor": COLOURS[i % 7], f"{names[-1]}:hue": str(i * 11 % 360)}
        row |= {f"{names[1]}:replace": "product.png" if i % 5 == 1 else "", f"{names[-1]}:hide": "yes" * (i % 6 == 5)}
        row |= {f"{names[-2]}:shadow": "blur=20" if i % 4 == 2 else ""}
        rows.append(row)
    return rows


def run(folder: Path, jobs: int) -> tuple[float, list[Outcome]]:
    start = time.perf_counter()
    rows = read_table(folder / "table.csv")
    variants = Variants(folder / "design.psd", rows, folder=folder, out=folder / "out", jobs=jobs)
    outcomes = list(variants)
    write_sheet(outcomes, variants.journal, folder / "out" / "contact-sheet.jpg")
    return time.perf_counter() - start, outcomes


def cpu_seconds() -> float:
    """Processor time of this process and of all that it has started and waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="work here instead of in a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        stack = draw_design(SEED, (SIDE, SIDE)).to_stack()
        save(stack, folder / "design.psd")
        write_image(draw_design(8, (640, 480)).to_stack().layers[1].pixels, folder / "product.png")
        write_image(draw_design(3, (1328, 752)).to_stack().layers[0].pixels, folder / "wall.png")
        rows = table_of(stack, options.count)
        with (folder / "table.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        before = cpu_seconds()
        seconds, outcomes = run(folder, options.jobs)
        work = cpu_seconds() - before
        failed = [outcome for outcome in outcomes if outcome.status == "failed"]
        each = statistics.median(outcome.seconds for outcome in outcomes)
        design = f"{len(stack)} layers of {SIDE}x{SIDE}"
        print(f"{len(outcomes)} variants of {design}, {os.cpu_count()} cores, -j {options.jobs}:")
        print(f"  {seconds:.1f} s in all, {each:.2f} s of a process each (median), {len(failed)} failed")
        print(f"  {work:.1f} s of processor time: what it takes where other jobs use the cores as well")
        print(f"  again, nothing changed: {run(folder, options.jobs)[0]:.1f} s")
        for outcome in failed:
            print(f"  {outcome.row.name}: {outcome.error}")


if __name__ == "__main__":
    main()
