"""The report of a run as one JSON document: aggregates, breakdowns, order of cases, and who beats whom.

Knows nothing of HTML; ``html.py`` draws it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from layerize import __version__
from layerize.errors import InputError
from layerize.evaluation.layerd import State, aggregate
from layerize.evaluation.published_rows import CRELLO_ROWS, CRELLO_SOURCE
from layerize.evaluation.run import Finished, Result, RunConfig
from layerize.evaluation.stack_measures import StackMeasures, count_confusion, summarise
from layerize.formats.atomic import atomic_path

Report = dict[str, Any]

VERSION = 1
BINS = 10
"""Bars of a histogram of IoUs, 0..1."""

HIGHER_IS_BETTER = {
    "alpha_iou_0": "LayerD alpha IoU, no merge",
    "alpha_iou_5": "LayerD alpha IoU, up to 5 merges",
    "floored_alpha_iou_0": "LayerD alpha IoU after the alpha floor, no merge",
    "layer_iou_soft_hungarian": "Layer-IoU, one to one",
    "recomposition_psnr": "recomposition PSNR",
}
LOWER_IS_BETTER = {
    "rgb_l1_0": "LayerD RGB L1, no merge",
    "rgb_l1_5": "LayerD RGB L1, up to 5 merges",
    "count_error": "layer count, absolute error",
    "hidden_error": "hidden-region error",
    "edit_error": "edit consistency error",
    "order_error_rate": "order errors",
}
"""What methods are compared by, sample by sample."""


def make_report(config: RunConfig, finished: Finished) -> Report:
    """Everything that ``report.json`` holds."""
    methods = {name: _method(found) for name, found in finished.results.items() if found}
    first = next((name for name in config.methods if name in methods), "")
    return {
        "version": VERSION,
        "layerize": __version__,
        "settings": config.settings(),
        "method": first,
        "problems": [asdict(problem) for problem in finished.problems],
        "methods": methods,
        "comparisons": [compare_methods(methods, first, other) for other in methods if other != first],
        "published": {"source": CRELLO_SOURCE, "rows": [asdict(row) for row in CRELLO_ROWS]},
    }


def _method(found: dict[str, Result]) -> dict[str, Any]:
    results = list(found.values())
    measures = [StackMeasures(**result["measures"]) for result in results]
    return {
        "samples": len(results),
        "one_layer": sum(result["one_layer"] for result in results),
        "seconds": float(np.mean([result["seconds"] for result in results])),
        "aggregate": _aggregate(results, "states"),
        "aggregate_floored": _aggregate(results, "floored"),
        "measures": summarise(measures),
        "confusion": {
            str(true): {str(k): n for k, n in row.items()} for true, row in count_confusion(measures).items()
        },
        "histogram": _histogram([result["states"][0]["alpha_iou"] for result in results]),
        "by_source": _by(results, lambda result: str(result["source"])),
        "by_layers": _by(results, lambda result: f"{result['measures']['count_gt']} layers"),
        "cases": sorted(found, key=lambda name: (found[name]["states"][0]["alpha_iou"], name)),
        "results": found,
    }


def _aggregate(results: Sequence[Result], kind: str) -> list[dict[str, float]]:
    return aggregate([[State(**state) for state in result[kind]] for result in results])


def _histogram(values: Sequence[float]) -> list[int]:
    counts, _ = np.histogram(values, bins=BINS, range=(0, 1))
    return [int(count) for count in counts]


def _by(results: Sequence[Result], key: Any) -> dict[str, dict[str, Any]]:
    """Samples and the main figures of each part, the largest parts first."""
    parts: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        parts[key(result)].append(result)
    rows = sorted(parts.items(), key=lambda part: (-len(part[1]), part[0]))
    return {
        name: {"samples": len(part)} | {figure: _mean([figures(r)[figure] for r in part]) for figure in _BREAKDOWN}
        for name, part in rows
    }


_BREAKDOWN = ("rgb_l1_0", "alpha_iou_0", "alpha_iou_5", "count_error", "recomposition_psnr")


def figures(result: Result) -> dict[str, float | None]:
    """The figures of one sample by which methods and runs are compared."""
    first, last = result["states"][0], result["states"][-1]
    measures = result["measures"]
    return {
        "alpha_iou_0": first["alpha_iou"],
        "alpha_iou_5": last["alpha_iou"],
        "floored_alpha_iou_0": result["floored"][0]["alpha_iou"],
        "rgb_l1_0": first["rgb_l1"],
        "rgb_l1_5": last["rgb_l1"],
        "count_error": abs(measures["count_error"]),
        **{
            name: measures[name]
            for name in (
                "layer_iou_soft_hungarian",
                "recomposition_psnr",
                "hidden_error",
                "edit_error",
                "order_error_rate",
            )
        },
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def compare_methods(methods: dict[str, Any], first: str, other: str) -> dict[str, Any]:
    """Two methods on the samples that both have done: see :func:`paired`."""
    return {"method": first, "other": other} | paired(methods[first]["results"], methods[other]["results"])


def paired(first: dict[str, Result], other: dict[str, Result]) -> dict[str, Any]:
    """Paired differences, ``other - first``, on the common samples.

    Returns:
        ``samples``; ``figures``: per figure both means, the mean difference, its standard error, the number of samples
        on which ``other`` is better and worse; ``better_other``: names of the figures where its mean is better.
    """
    common = sorted(first.keys() & other.keys())
    table: dict[str, Any] = {}
    for name, label in (HIGHER_IS_BETTER | LOWER_IS_BETTER).items():
        sign = 1 if name in HIGHER_IS_BETTER else -1
        both = [(figures(first[s])[name], figures(other[s])[name]) for s in common]
        known = [(a, b) for a, b in both if a is not None and b is not None]
        if not known:
            continue
        a, b = np.array(known, np.float64).T
        difference = b - a
        error = float(difference.std(ddof=1) / len(difference) ** 0.5) if len(difference) > 1 else None
        table[name] = {
            "label": label,
            "first": float(a.mean()),
            "other": float(b.mean()),
            "difference": float(difference.mean()),
            "standard_error": error,
            "other_better": int((sign * difference > 0).sum()),
            "other_worse": int((sign * difference < 0).sum()),
            "other_wins": bool(sign * difference.mean() > 0),
        }
    return {
        "samples": len(common),
        "figures": table,
        "better_other": [name for name, row in table.items() if row["other_wins"]],
    }


def verdicts(report: Report) -> list[str]:
    """Plain sentences: where a baseline beats the model, or that none does."""
    sentences = []
    for row in report["comparisons"]:
        ahead = [row["figures"][name]["label"] for name in row["better_other"]]
        pair = f"{row['other']} beats {row['method']}"
        if ahead:
            sentences.append(f"{pair} on {'; '.join(ahead)} ({row['samples']} common samples).")
        elif row["samples"]:
            sentences.append(f"{pair} on none of {len(row['figures'])} figures ({row['samples']} common samples).")
    return sentences


def write_report(report: Report, path: Path) -> None:
    """Write ``report.json``."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def read_report(path: Path) -> Report:
    """A ``report.json``, or that of a run's folder.

    Raises:
        InputError: There is none, or it is something else.
    """
    if path.is_dir():
        path = path / "report.json"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no report can be read there ({error}); run 'layerize eval split' first.") from error
    if not isinstance(report, dict) or report.get("version") != VERSION or not report.get("methods"):
        raise InputError(f"{path}: not a report of 'layerize eval split', version {VERSION}.")
    return report
