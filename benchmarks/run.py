"""``make bench``: run every benchmark of this folder, one after the other, each in a process of its own.

    python benchmarks/run.py [NAME ...]

A benchmark is any other file here that prints a table when it is run without arguments.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent
NOT_BENCHMARKS = {"run", "readme_pictures", "release", "release_text"}


def benchmarks() -> dict[str, Path]:
    """Names and files of all benchmarks."""
    return {file.stem: file for file in sorted(FOLDER.glob("*.py")) if file.stem not in NOT_BENCHMARKS}


def main() -> int:
    found = benchmarks()
    names = sys.argv[1:] or list(found)
    unknown = [name for name in names if name not in found]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(found)}", file=sys.stderr)
        return 2
    failed = []
    for name in names:
        print(f"== {name} " + "=" * (72 - len(name)), flush=True)
        start = time.perf_counter()
        if subprocess.run([sys.executable, found[name]]).returncode:
            failed.append(name)
        print(f"-- {name}: {time.perf_counter() - start:.0f} s\n", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
