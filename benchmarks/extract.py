"""Speed of ``layerize data extract``: samples per second of one core, and the gain of a second worker.

    python benchmarks/extract.py FOLDER [--files 40]

FOLDER holds design files. The same files are extracted with one and with two workers, in turn, three times; medians.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from layerize.data.extract import ExtractOptions
from layerize.data.extract_run import RunOptions, extract_dataset
from layerize.data.sources import find_sources


def timed(paths: list[Path], workers: int) -> tuple[float, float, Counter[str]]:
    """(wall-clock seconds, seconds inside the files' processes, statuses) of one run into a fresh folder."""
    folder = Path(tempfile.mkdtemp(prefix="extract-"))
    try:
        start = time.monotonic()
        entries = extract_dataset(paths, folder / "out", ExtractOptions(), RunOptions(workers=workers))
        wall = time.monotonic() - start
        return wall, sum(entry.seconds for entry in entries), Counter(entry.status for entry in entries)
    finally:
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=40, help="Spread over the folder's files.")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found = [source.path for source in find_sources([options.folder])]
    step = max(1, len(found) // options.files)
    paths = found[::step][: options.files]
    timed(paths[:1], 1)  # the server process starts and loads the readers
    runs: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(options.rounds):
        for workers in runs:
            wall, _, statuses = timed(paths, workers)
            runs[workers].append(wall)
    one, two = (statistics.median(runs[workers]) for workers in (1, 2))
    print(f"{len(paths)} files, {dict(statuses)}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("| workers | seconds | files per second |\n| --- | --- | --- |")
    for workers, seconds in ((1, one), (2, two)):
        print(f"| {workers} | {seconds:.1f} | {len(paths) / seconds:.2f} |")
    print(f"second worker: {one / two:.2f} times as fast")


if __name__ == "__main__":
    main()
