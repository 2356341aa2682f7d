"""``layerize split`` as a user meets it: cold processes, wall time and peak memory.

    python benchmarks/split.py [--repeats 5] [--side 1328] [--model NAME|DIR] [--json]

Every run is a process of its own, so interpreter start, imports, model loading and writing the layers count. Medians of
wall-clock seconds; the peak is the largest resident set of the process. Linux and macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from measured import measure
from PIL import Image

POSTER = Path(__file__).parents[1] / "examples" / "poster.png"


@dataclass
class Row:
    """One measured command and what it may take."""

    what: str
    seconds: float
    seconds_limit: float
    peak_gib: float
    peak_limit_gib: float | None


def medians(what: str, arguments: list[str], repeats: int, limits: tuple[float, float | None]) -> Row:
    measure(arguments)  # fills the file cache and writes the .pyc files
    runs = [measure(arguments) for _ in range(repeats)]
    return Row(
        what,
        statistics.median(run.seconds for run in runs),
        limits[0],
        max(run.peak for run in runs) / 2**30,
        limits[1],
    )


def hardware() -> str:
    """The machine in one line."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        name = next((line.split(": ")[1] for line in cpuinfo.read_text().splitlines() if "model name" in line), name)
    load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    return f"{name}, {os.cpu_count()} cores{load}; Python {platform.python_version()}, torch {version('torch')}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--side", type=int, default=1328, help="the poster is resized to a square of this side")
    parser.add_argument("--model", default="default")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    machine = hardware()
    with tempfile.TemporaryDirectory() as folder:
        poster = Path(folder) / "poster.png"
        Image.open(POSTER).resize((options.side, options.side), Image.Resampling.LANCZOS).save(poster)
        split = ["split", str(poster), "--model", options.model, "-o"]
        rows = [
            medians("layerize --help", ["--help"], options.repeats, (0.4, None)),
            medians("layerize split, folder", [*split, f"{folder}/out"], options.repeats, (15.0, 1.5)),
            medians("layerize split, PSD", [*split, f"{folder}/out.psd"], options.repeats, (15.0, 1.5)),
        ]
    if options.json:
        print(json.dumps({"hardware": machine, "rows": [asdict(row) for row in rows]}, indent=2))
        return
    print(f"Cold processes, {options.side}x{options.side} poster, medians of {options.repeats}\n{machine}\n")
    print(f"{'':34s}{'seconds':>9s}{'at most':>9s}{'peak GiB':>10s}{'at most':>9s}")
    for row in rows:
        limit = f"{row.peak_limit_gib:.1f}" if row.peak_limit_gib else "-"
        print(f"{row.what:34s}{row.seconds:9.2f}{row.seconds_limit:9.1f}{row.peak_gib:10.2f}{limit:>9s}")


if __name__ == "__main__":
    main()
