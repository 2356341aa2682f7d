"""``report.html``: one file with everything in it: styles, SVG charts, pictures as data; nothing from the network."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from layerize.evaluation.report import Report, verdicts
from layerize.evaluation.run import method_folder
from layerize.formats.atomic import atomic_path

MOST_SHEETS = 200
"""Cases of the first method that are shown; of the others a tenth of it."""
_COLOURS = ("#1763b6", "#c4501b", "#2e8540", "#7a3e9d", "#8a6d00", "#555555")
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1180px;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #ccc}
table{border-collapse:collapse;margin:.6rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #e4e4e4}
th:first-child,td:first-child{text-align:left}thead th{background:#f3f3f3}
tr.published td{color:#666;font-style:italic;background:#faf7ef}td.best{font-weight:700}td.worse{color:#b3261e}
.note{color:#555;max-width:75ch}.verdict{background:#fff4e5;border-left:4px solid #c4501b;padding:.5rem 1rem}
figure{display:inline-block;margin:.5rem 1rem .5rem 0;vertical-align:top;border:1px solid #ddd;padding:.5rem}
figcaption{font-size:.85rem}img{display:block;max-width:100%}svg text{font:11px system-ui,sans-serif;fill:#333}
summary{cursor:pointer;font-weight:600;margin:.6rem 0}.scroll{overflow-x:auto}
"""


def write_html(report: Report, folder: Path, path: Path, *, sheets: int = MOST_SHEETS) -> None:
    """Draw a report.

    Args:
        report: From ``report.make_report``.
        folder: The run's, which holds the case sheets.
        path: Of the HTML file.
        sheets: Most cases shown of the first method: half of them the worst, half the best.
    """
    parts = [
        _head(report),
        _protocol(report),
        _comparisons(report),
        _measures(report),
        _shapes(report),
        _breakdowns(report),
        _problems(report),
        *(
            _cases(report, name, folder, sheets if name == report["method"] else sheets // 10)
            for name in report["methods"]
        ),
    ]
    write_page(path, f"Layers of {report['method']} on {report['settings']['data']}", parts)


def write_page(path: Path, title: str, parts: Iterable[str]) -> None:
    """A complete page with this module's styles."""
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; style-src '
        f"'unsafe-inline'\"><title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Rows are (CSS class, cells); cells beginning with ``<td`` are taken as they are, others escaped."""
    header = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f'<tr class="{kind}">' + "".join(c if c.startswith("<td") else f"<td>{escape(c)}</td>" for c in cells) + "</tr>"
        for kind, cells in rows
    )
    return f'<div class="scroll"><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>'


def number(value: float | None, digits: int = 4) -> str:
    """A figure, or a dash where it does not apply."""
    return "–" if value is None else f"{value:.{digits}f}"


def _head(report: Report) -> str:
    settings = report["settings"]
    main = report["methods"][report["method"]]
    options = ", ".join(f"{key} {value}" for key, value in settings.items() if key not in ("data", "methods"))
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in verdicts(report))
    told = f'<div class="verdict">{said}</div>' if said else ""
    return (
        f"<h1>{escape(report['method'])} on {escape(settings['data'])}</h1><p>{main['samples']} samples, "
        f"{len(report['problems'])} problems (listed below), {main['seconds']:.2f} s a split. "
        f"Layerize {escape(report['layerize'])}; {escape(options)}.</p>{told}"
    )


def _protocol(report: Report) -> str:
    parts = ["<h2>LayerD protocol: scores against merges</h2>"]
    methods = report["methods"]
    for key, label, kinds in (
        ("rgb_l1", "RGB L1 (lower is better)", min),
        ("alpha_iou", "alpha soft IoU (higher is better)", max),
    ):
        rows: list[tuple[str, Sequence[str]]] = []
        for suffix, aggregated in (("", "aggregate"), (", after the alpha floor", "aggregate_floored")):
            columns = [[row[f"avg_{key}"] for row in method[aggregated]] for method in methods.values()]
            best = [kinds(values) for values in zip(*columns, strict=True)]
            for name, values in zip(methods, columns, strict=True):
                cells = [
                    f'<td class="{"best" if value == top else ""}">{number(value)}</td>'
                    for value, top in zip(values, best, strict=True)
                ]
                rows.append(("", [name + suffix, *cells]))
        for row in report["published"]["rows"]:
            rows.append(("published", [f"published: {row['method']}", *(number(value) for value in row[key])]))
        parts.append(f"<h3>{label}</h3>{table(['method', *(f'{k} merges' for k in range(6))], rows)}")
    lines: dict[str, Sequence[float]] = {
        name: [row["avg_alpha_iou"] for row in method["aggregate"]] for name, method in methods.items()
    }
    parts.append(line_chart(lines, "alpha IoU against merges"))
    one = "; ".join(f"{name}: {method['one_layer']}" for name, method in methods.items() if method["one_layer"])
    skipped = f" Predictions of one layer, which LayerD's evaluator leaves out, are scored here: {one}." if one else ""
    parts.append(
        f'<p class="note">Rows marked "published" are others\' figures ({escape(report["published"]["source"])}). They '
        f"were not measured here and are comparable only if this data set is that test set.{escape(skipped)}</p>"
    )
    return "".join(parts)


def _comparisons(report: Report) -> str:
    parts = []
    for row in report["comparisons"]:
        rows = []
        for figure in row["figures"].values():
            kind = "worse" if figure["other_wins"] else "best"
            error = "" if figure["standard_error"] is None else f" ± {figure['standard_error']:.4f}"
            rows.append(
                (
                    "",
                    [
                        figure["label"],
                        f'<td class="{kind}">{number(figure["first"])}</td>',
                        number(figure["other"]),
                        number(figure["difference"]) + error,
                        f"{figure['other_better']} / {figure['other_worse']}",
                    ],
                )
            )
        title = f"<h2>{escape(row['method'])} beside {escape(row['other'])}</h2>"
        head = ["figure", row["method"], row["other"], "mean difference ± standard error", "samples better / worse"]
        parts.append(title + table(head, rows))
    return "".join(parts)


def _measures(report: Report) -> str:
    names = list(next(iter(report["methods"].values()))["measures"])
    rows = [
        ("", [name.replace("_", " "), *(number(method["measures"][name], 3) for method in report["methods"].values())])
        for name in names
    ]
    return "<h2>Other measures (means)</h2>" + table(["measure", *report["methods"]], rows)


def _shapes(report: Report) -> str:
    parts = ["<h2>Distribution of IoU and layer counts</h2>"]
    for name, method in report["methods"].items():
        bars = bar_chart(method["histogram"], f"{name}: alpha IoU, no merge")
        parts.append(f"<figure>{bars}</figure><figure>{_confusion(name, method['confusion'])}</figure><br>")
    return "".join(parts)


def _confusion(name: str, confusion: dict[str, dict[str, int]]) -> str:
    counts = sorted({int(k) for row in confusion.values() for k in row} | {int(k) for k in confusion})
    most = max((n for row in confusion.values() for n in row.values()), default=1)
    rows: list[tuple[str, Sequence[str]]] = []
    for true in sorted(confusion, key=int):
        cells = []
        for count in counts:
            n = confusion[true].get(str(count), 0)
            edge = ";outline:2px solid #444" if str(count) == true else ""
            cells.append(f'<td style="background:rgba(23,99,182,{0.7 * n / most:.2f}){edge}">{n or ""}</td>')
        rows.append(("", [f"{true} true", *cells]))
    head = ["", *(f"{count} predicted" for count in counts)]
    return f"<figcaption>{escape(name)}: layers, true against predicted (after grouping)</figcaption>" + table(
        head, rows
    )


def _breakdowns(report: Report) -> str:
    parts = []
    for key, title in (("by_source", "By source"), ("by_layers", "By true number of layers")):
        rows: list[tuple[str, Sequence[str]]] = []
        head: list[str] = []
        for name, method in report["methods"].items():
            for source, row in method[key].items():
                head = [figure.replace("_", " ") for figure in row]
                rows.append(
                    ("", [f"{source}: {name}", str(row["samples"]), *(number(v) for v in list(row.values())[1:])])
                )
        parts.append(f"<h2>{title}</h2>" + table(["", *head], rows))
    return "".join(parts)


def _problems(report: Report) -> str:
    title = f"<h2>Not evaluated: {len(report['problems'])}</h2>"
    if not report["problems"]:
        return title + "<p>Every sample was evaluated by every method.</p>"
    rows = [("", [p["sample"], p["method"] or "all methods", p["reason"]]) for p in report["problems"]]
    return title + table(["sample", "method", "reason"], rows)


def _cases(report: Report, name: str, folder: Path, most: int) -> str:
    method = report["methods"][name]
    cases: list[str] = method["cases"]
    worst = cases[: -(-most // 2)]
    best = [case for case in reversed(cases) if case not in set(worst)][: most // 2]
    parts = [
        f"<h2>Cases of {escape(name)}</h2>",
        '<p class="note">Rows: input and prediction; truth; difference of the composites (times 16), then each true '
        "layer against the predicted layer that fits it best: green in both, red missed, blue too much.</p>",
    ]
    for title, shown, is_open in (("Worst first", worst, True), ("Best first", best, False)):
        figures = "".join(_case(name, case, method["results"][case], folder) for case in shown)
        opened = " open" if is_open and name == report["method"] else ""
        parts.append(f"<details{opened}><summary>{title} ({len(shown)} of {len(cases)})</summary>{figures}</details>")
    return "".join(parts)


def _case(method: str, name: str, result: dict[str, Any], folder: Path) -> str:
    state, measures = result["states"][0], result["measures"]
    caption = (
        f"{name} ({result['source']}): IoU {state['alpha_iou']:.3f}, L1 {state['rgb_l1']:.3f}, "
        f"{measures['count_pred']} of {measures['count_gt']} layers, "
        f"{result['states'][-1]['alpha_iou']:.3f} after {len(result['states']) - 1} merges"
    )
    sheet = folder / "sheets" / method_folder(method) / f"{name}.webp"
    picture = "<p>(no contact sheet)</p>"
    if sheet.is_file():
        data = base64.b64encode(sheet.read_bytes()).decode("ascii")
        picture = f'<img alt="input, prediction, truth and difference" src="data:image/webp;base64,{data}">'
    return f"<figure><figcaption>{escape(caption)}</figcaption>{picture}</figure>"


def line_chart(lines: dict[str, Sequence[float]], title: str, width: int = 560, height: int = 240) -> str:
    """Lines over 0, 1, 2 ...; values 0..1."""
    left, top, right, bottom = 36, 20, 170, 24
    across, down = width - left - right, height - top - bottom
    parts = [f'<text x="{left}" y="12">{escape(title)}</text>']
    for tick in range(0, 11, 2):
        y = top + down * (1 - tick / 10)
        parts.append(f'<line x1="{left}" x2="{left + across}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick / 10:.1f}</text>')
    for index, (name, values) in enumerate(lines.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        step = across / max(1, len(values) - 1)
        points = " ".join(f"{left + i * step:.1f},{top + down * (1 - v):.1f}" for i, v in enumerate(values))
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>')
        y = top + 14 * (index + 1)
        parts.append(f'<text x="{left + across + 12}" y="{y}" style="fill:{colour}">{escape(name)}</text>')
    count = max((len(values) for values in lines.values()), default=1)
    step = across / max(1, count - 1)
    parts += [f'<text x="{left + i * step:.1f}" y="{height - 8}" text-anchor="middle">{i}</text>' for i in range(count)]
    return f'<svg role="img" width="{width}" height="{height}">{"".join(parts)}</svg>'


def bar_chart(counts: Sequence[int], title: str, width: int = 360, height: int = 180) -> str:
    """Bars over equal parts of 0..1."""
    top, bottom, most = 34, 20, max(1, *counts)
    wide = width / len(counts)
    parts = [f'<text x="0" y="12">{escape(title)}</text>']
    for index, count in enumerate(counts):
        tall = (height - top - bottom) * count / most
        y = height - bottom - tall
        parts.append(
            f'<rect x="{index * wide + 1:.1f}" y="{y:.1f}" width="{wide - 2:.1f}" height="{tall:.1f}" '
            f'fill="{_COLOURS[0]}"/>'
        )
        middle = index * wide + wide / 2
        parts.append(f'<text x="{middle:.1f}" y="{y - 3:.1f}" text-anchor="middle">{count or ""}</text>')
        parts.append(f'<text x="{index * wide:.1f}" y="{height - 6}">{index / len(counts):.1f}</text>')
    return f'<svg role="img" width="{width}" height="{height}">{"".join(parts)}</svg>'
