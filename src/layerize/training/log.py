"""What a run tells while it goes: means of its figures as JSON lines, in TensorBoard, and to whoever watches."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from layerize.errors import LayerizeWarning
from layerize.training.checkpointing import Progress

LOG_FILE = "log.jsonl"
TENSORBOARD_FOLDER = "tensorboard"

Report = Callable[[dict[str, Any]], None]


class Log:
    """Gathers figures between two lines; only the first process writes."""

    def __init__(self, run: Path, *, writes: bool, report: Report | None) -> None:
        self.run, self.writes, self.report = run, writes, report
        self._sums: dict[str, list[float]] = defaultdict(list)
        self._since = (time.monotonic(), 0)
        self._board: Any = None
        self.last: dict[str, Any] = {}

    def add(self, figures: Mapping[str, float]) -> None:
        """Figures of one step."""
        for name, value in figures.items():
            self._sums[name].append(value)

    def write(self, progress: Progress, learning_rate: float, *, end: bool = False) -> None:
        """One line: means since the last one, and where the run stands."""
        record: dict[str, Any] = {name: sum(values) / len(values) for name, values in self._sums.items()}
        self._sums.clear()
        now, (before, samples) = time.monotonic(), self._since
        speed = round((progress.samples - samples) / max(now - before, 1e-9), 2)
        if progress.samples == samples:  # the last line, right after another
            speed = self.last.get("samples_per_second", 0.0)
        record |= {
            "step": progress.step,
            "samples": progress.samples,
            "seconds": round(progress.seconds, 1),
            "budget_seconds": round(progress.seconds - (progress.released_at or 0.0), 1),
            "samples_per_second": speed,
            "learning_rate": learning_rate,
            "skipped_steps": progress.guard.skipped,
            "memory_gib": round(peak_memory() / 2**30, 3),
            "end": end,
        }
        self._since = (now, progress.samples)
        self.last = record
        self._emit(record)

    def begin(self, samples: int) -> None:
        """Throughput counts from here."""
        self._since = (time.monotonic(), samples)

    def note(self, step: int, facts: Mapping[str, Any]) -> None:
        """A line about something else: validation figures, a warning, a sample that could not be read."""
        self._emit({"step": step, **facts})

    def _emit(self, record: dict[str, Any]) -> None:
        if not self.writes:
            return
        try:
            with (self.run / LOG_FILE).open("a", encoding="utf-8") as log:
                log.write(json.dumps(record) + "\n")
            self._show(record)
        except OSError as error:  # a full disk must not end a run that can still be saved later
            record = {**record, "warning": f"{self.run / LOG_FILE}: cannot be written ({error.strerror})"}
        if self.report:
            self.report(record)

    def _show(self, record: Mapping[str, Any]) -> None:
        """The same in TensorBoard, where it is installed."""
        if self._board is None:
            self._board = _open_board(self.run / TENSORBOARD_FOLDER)
        for name, value in record.items():
            if self._board and name not in ("step", "end") and isinstance(value, int | float):
                self._board.add_scalar(name, value, record["step"])
        if self._board and record.get("end"):
            self._board.flush()

    def close(self) -> None:
        """Write what is still held back."""
        if self._board:
            self._board.close()


def _open_board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        import warnings

        warnings.warn(
            "TensorBoard is not installed, so only log.jsonl is written. Install it: pip install 'layerize[train]'.",
            LayerizeWarning,
            stacklevel=2,
        )
        return False
    return SummaryWriter(str(folder))


def peak_memory() -> int:
    """The most memory that this process has used so far, in bytes: of the GPU, where there is one."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def read_log(run: Path) -> list[dict[str, Any]]:
    """All whole lines of a run's log; a kill can leave half a line at the end."""
    records = []
    path = run / LOG_FILE
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records
