"""What a training run shows on stderr: a bar on a terminal, one line a minute elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Any

LINE_EVERY_SECONDS = 60.0
_SHOWN = ("loss", "psnr", "flow", "alpha", "ownership", "stop", "count_exact", "gradient_norm")


class TrainProgress:
    """Takes the records of a run. Use it as a context, so that the terminal is left as it was found."""

    def __init__(self, minutes: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self.console = Console(stderr=True)
        self.minutes = minutes
        self.last_line = -LINE_EVERY_SECONDS
        self.bar: Progress | None = None
        if self.console.is_terminal:
            times = (TimeElapsedColumn(), TextColumn("done,"), TimeRemainingColumn(), TextColumn("left"))
            text = TextColumn("{task.description}", markup=False)
            self.bar = Progress(BarColumn(16), *times, text, console=self.console)
            self.task = self.bar.add_task("starting", total=minutes * 60)

    def __enter__(self) -> TrainProgress:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.bar:
            self.bar.stop()

    def __call__(self, record: dict[str, Any]) -> None:
        if "seconds" not in record:
            self._aside(record)
            return
        spent = record["budget_seconds"]
        figures = "  ".join(f"{name} {record[name]:.3f}" for name in _SHOWN if name in record)
        skipped = f"  skipped {record['skipped_steps']}" if record["skipped_steps"] else ""
        text = f"step {record['step']}  {record['samples_per_second']:g} samples/s  {figures}{skipped}"
        if self.bar:
            brief = f"{record['samples_per_second']:g} samples/s  loss {record.get('loss', float('nan')):.3g}{skipped}"
            self.bar.update(self.task, completed=spent, description=brief)
        elif record["end"] or spent - self.last_line >= LINE_EVERY_SECONDS:
            self.last_line = spent
            left = max(0.0, self.minutes - spent / 60)
            self.console.print(f"{spent / 60:6.1f} of {self.minutes:.0f} min, {left:.0f} left  {text}", soft_wrap=True)

    def _aside(self, record: dict[str, Any]) -> None:
        """Warnings, samples that could not be read, validation figures."""
        if "warning" in record:
            self.console.print(f"warning: {record['warning']}", markup=False, soft_wrap=True)
        elif "quarantined" in record:
            self.console.print(
                f"warning: sample {record['quarantined']} is left out: {record['reason']}", markup=False, soft_wrap=True
            )
        else:
            figures = [f"{name} {value:.3f}" for name, value in record.items() if name.startswith("val/")]
            self.console.print(f"step {record['step']}  {'  '.join(figures)}", markup=False, soft_wrap=True)
