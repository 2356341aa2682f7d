"""A run as parts of one HTML page: where it stands, its curves, its held-out sheets, what went wrong."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from layerize.errors import InputError
from layerize.training import checkpointing
from layerize.training.checkpointing import SavedState
from layerize.training.curves import Point, chart
from layerize.training.log import LOG_FILE, read_log

MOST_SHEETS = 6
_COUNTERS = ("step", "samples", "seconds", "end", "skipped", "skipped_steps")
_TITLES = {
    "samples_per_second": "samples per second",
    "memory_gib": "peak memory, GiB",
    "learning_rate": "learning rate",
}


def page_parts(run: Path, sheets: Path) -> list[str]:
    """HTML of a run, without head and styles.

    Args:
        run: Folder of the run.
        sheets: Folder of its held-out sheets (``STEP.webp``).

    Raises:
        InputError: The folder holds no log of a run.
    """
    records = read_log(run)
    if not records:
        raise InputError(f"{run}: holds no {LOG_FILE}; give the folder of a run of layerize train.")
    return [
        f"<h1>{escape(run.name)}</h1>",
        _facts(run, records),
        "<h2>Validation</h2>" + _charts(_series(records, validation=True), smooth=False),
        "<h2>Held-out sheets</h2>" + _sheets(sheets),
        '<h2>Training</h2><p class="note">Means between two lines of the log, over steps.</p>'
        + _charts(_series(records, validation=False), smooth=True),
        _trouble(records),
        _recipe(run),
    ]


def _facts(run: Path, records: Sequence[Mapping[str, Any]]) -> str:
    last = next((record for record in reversed(records) if "seconds" in record), records[-1])
    minutes = last.get("seconds", 0) / 60
    rows = {
        "steps": f"{last['step']:,}",
        "samples": f"{last.get('samples', 0):,}",
        "training time": f"{minutes:.1f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours",
        "samples per second": f"{last.get('samples', 0) / max(60 * minutes, 1e-9):.1f} in the mean",
        "steps skipped": f"{last.get('skipped_steps', 0):,}",
        "peak memory": f"{last.get('memory_gib', 0):.2f} GiB in the first process",
    }
    state = checkpointing.find_state(run)
    if state is not None:
        about = SavedState(state).about
        rows |= {"stage": about["recipe"]["stage"], "model": about["recipe"]["model"]}
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in rows.items())
    return f"<table>{body}</table>"


def _series(records: Sequence[Mapping[str, Any]], *, validation: bool) -> dict[str, list[Point]]:
    """Figures by name over steps."""
    found: dict[str, list[Point]] = defaultdict(list)
    for record in records:
        for name, value in record.items():
            if name.startswith("val/") == validation and name not in _COUNTERS and isinstance(value, int | float):
                found[name.removeprefix("val/")].append((float(record["step"]), float(value)))
    return found


def _charts(series: Mapping[str, Sequence[Point]], *, smooth: bool) -> str:
    drawn = [chart(_TITLES.get(name, name.replace("_", " ")), points, smooth=smooth) for name, points in series.items()]
    return "<p>" + " ".join(drawn) + "</p>" if drawn else '<p class="note">None yet.</p>'


def _sheets(folder: Path) -> str:
    paths = sorted(folder.glob("*.webp"))
    if not paths:
        return '<p class="note">None: set validation_minutes in the recipe.</p>'
    count = min(MOST_SHEETS, len(paths))
    chosen = [paths[round(i * (len(paths) - 1) / max(count - 1, 1))] for i in range(count)]
    figures = []
    for path in reversed(dict.fromkeys(chosen)):
        data = base64.b64encode(path.read_bytes()).decode()
        opened = " open" if path == chosen[-1] else ""
        image = f'<img alt="step {int(path.stem)}" src="data:image/webp;base64,{data}">'
        figures.append(f"<details{opened}><summary>step {int(path.stem):,}</summary>{image}</details>")
    return "".join(figures)


def _trouble(records: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"step {r['step']}: {r['warning']}" for r in records if "warning" in r]
    lines += [
        f"step {r['step']}: sample {r['quarantined']} left out: {r['reason']}" for r in records if "quarantined" in r
    ]
    if not lines:
        return ""
    shown = "".join(f"<li>{escape(line)}</li>" for line in lines[-50:])
    return f"<h2>What went wrong</h2><ul>{shown}</ul>"


def _recipe(run: Path) -> str:
    state = checkpointing.find_state(run)
    if state is None:
        return ""
    text = json.dumps(SavedState(state).about["recipe"], indent=1)
    return f"<details><summary>Recipe</summary><pre>{escape(text)}</pre></details>"
