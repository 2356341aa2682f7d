"""One ``layerize`` command as a process of its own: how long it takes and how much memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage counts kilobytes on Linux


@dataclass(frozen=True)
class Measured:
    """Wall seconds, CPU seconds and the largest resident memory in bytes."""

    seconds: float
    cpu_seconds: float
    peak: int


def measure(arguments: list[str]) -> Measured:
    """Run ``python -m layerize ARGS``.

    Raises:
        SystemExit: The command failed.
    """
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "layerize", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"layerize {' '.join(arguments)} failed with exit code {process.returncode}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT)
