"""Two reports side by side: aggregates, paired differences, and the samples that changed most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from layerize.errors import InputError, UsageError
from layerize.evaluation.html import number, table, write_page
from layerize.evaluation.report import Report, figures, paired

Comparison = dict[str, Any]


def compare_reports(a: Report, b: Report, *, method_a: str | None = None, method_b: str | None = None) -> Comparison:
    """Compare one method of each report on the samples that both evaluated.

    Args:
        a: From ``report.read_report``.
        b: The other; differences are ``b - a``.
        method_a: Which of ``a``'s methods; None for the one that the report is about.
        method_b: Which of ``b``'s; None likewise.

    Raises:
        UsageError: A report has no such method.
        InputError: The reports have no sample in common.
    """
    first, second = _pick(a, method_a), _pick(b, method_b)
    results_a, results_b = a["methods"][first]["results"], b["methods"][second]["results"]
    means = paired(results_a, results_b)
    if not means["samples"]:
        raise InputError("the two reports have no sample in common; evaluate both on the same data.")
    samples = []
    for name in sorted(results_a.keys() & results_b.keys()):
        one, two = figures(results_a[name]), figures(results_b[name])
        difference = {
            figure: later - before
            for figure in one
            if (before := one[figure]) is not None and (later := two[figure]) is not None
        }
        samples.append({"sample": name, "a": one, "b": two, "difference": difference})
    samples.sort(key=lambda row: (row["difference"]["alpha_iou_0"], row["sample"]))
    settings = {
        key: [a["settings"].get(key), b["settings"].get(key)]
        for key in a["settings"].keys() | b["settings"].keys()
        if a["settings"].get(key) != b["settings"].get(key)
    }
    return {
        "a": first,
        "b": second,
        "settings_that_differ": dict(sorted(settings.items())),
        "only_in_a": sorted(results_a.keys() - results_b.keys()),
        "only_in_b": sorted(results_b.keys() - results_a.keys()),
        **means,
        "per_sample": samples,
    }


def _pick(report: Report, method: str | None) -> str:
    method = method or report["method"]
    if method not in report["methods"]:
        raise UsageError(f"the report has no method {method}; it has {', '.join(report['methods'])}.")
    return str(method)


def as_lines(comparison: Comparison, most: int = 5) -> list[str]:
    """The comparison as text."""
    a, b = f"A ({comparison['a']})", f"B ({comparison['b']})"
    lines = [f"A: {comparison['a']}   B: {comparison['b']}   {comparison['samples']} common samples"]
    lines += [f"  {key}: {x!r} | {y!r}" for key, (x, y) in comparison["settings_that_differ"].items()]
    for side in ("a", "b"):
        if comparison[f"only_in_{side}"]:
            lines.append(f"  only in {side.upper()}: {len(comparison[f'only_in_{side}'])} samples, left out")
    lines.append(f"{'figure':52}{'A':>9}{'B':>9}{'B - A':>10}{'+-':>9}{'B better/worse':>17}")
    for row in comparison["figures"].values():
        lines.append(
            f"{row['label']:52}{row['first']:9.4f}{row['other']:9.4f}{row['difference']:+10.4f}"
            f"{number(row['standard_error']):>9}{row['other_better']:>9} / {row['other_worse']}"
        )
    ahead = [comparison["figures"][name]["label"] for name in comparison["better_other"]]
    lines.append(f"{b} is better than {a} on: {'; '.join(ahead) or 'nothing'}.")
    samples: Sequence[dict[str, Any]] = comparison["per_sample"]
    for title, shown in (("B loses most", samples[:most]), ("B gains most", samples[::-1][:most])):
        lines.append(f"{title} (alpha IoU, no merge):")
        lines += [
            f"  {row['sample']}: {row['a']['alpha_iou_0']:.4f} -> {row['b']['alpha_iou_0']:.4f} "
            f"({row['difference']['alpha_iou_0']:+.4f})"
            for row in shown
        ]
    return lines


def write_comparison(comparison: Comparison, path: Path) -> None:
    """The comparison as one HTML file with every common sample."""
    rows = [
        (
            "",
            [
                row["label"],
                number(row["first"]),
                f'<td class="{"best" if row["other_wins"] else "worse"}">{number(row["other"])}</td>',
                f"{row['difference']:+.4f} ± {number(row['standard_error'])}",
                f"{row['other_better']} / {row['other_worse']}",
            ],
        )
        for row in comparison["figures"].values()
    ]
    names = list(comparison["figures"])
    samples = [
        (
            "",
            [
                row["sample"],
                number(row["a"]["alpha_iou_0"]),
                number(row["b"]["alpha_iou_0"]),
                *(f"{row['difference'][name]:+.4f}" if name in row["difference"] else "–" for name in names),
            ],
        )
        for row in comparison["per_sample"]
    ]
    settings = [("", [key, repr(x), repr(y)]) for key, (x, y) in comparison["settings_that_differ"].items()]
    left_out = [
        ("", [f"only in {side.upper()}", ", ".join(comparison[f"only_in_{side}"]) or "none"]) for side in ("a", "b")
    ]
    title = "A beside B"
    parts = [
        f"<h1>{title}</h1>",
        table(["", "method"], [("", ["A", comparison["a"]]), ("", ["B", comparison["b"]])]),
        f"<h2>Means on {comparison['samples']} common samples</h2>",
        table(["figure", "A", "B", "B - A ± standard error", "samples B better / worse"], rows),
        "<h2>Options that differ</h2>",
        table(["option", "A", "B"], settings),
        "<h2>Samples left out</h2>",
        table(["", "samples"], left_out),
        "<h2>Every sample, B's greatest losses first (differences are B - A)</h2>",
        table(["sample", "A: alpha IoU", "B: alpha IoU", *(name.replace("_", " ") for name in names)], samples),
    ]
    write_page(path, title, parts)
