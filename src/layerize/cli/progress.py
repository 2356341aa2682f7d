"""The one progress bar of a command, on stderr; silent where stderr is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Bar:
    """``total`` equal pieces of work, each reporting a stage and a fraction 0..1."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=total)

    def show(self, piece: int, name: str, stage: str, fraction: float) -> None:
        """Piece ``piece`` (from 0), called ``name``, is at ``fraction`` of its work, doing ``stage``."""
        done = piece + min(max(fraction, 0.0), 1.0)
        self._progress.update(self._task, completed=done, description=f"{name}: {stage}")

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bar off the screen while something is printed."""
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()


@contextmanager
def progress_bar(total: int) -> Iterator[Bar]:
    """A bar that disappears when its work is done or fails."""
    bar = Bar(total)
    with bar._progress:
        yield bar
