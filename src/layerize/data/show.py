"""``layerize data show``: one self-contained HTML page about a dataset: numbers, tables, samples with their layers."""

from __future__ import annotations

import base64
import io
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np

from layerize.data.dataset_folder import DatasetFolder, IndexEntry
from layerize.data.design_file import FLAGS
from layerize.data.filters import SAMPLE_FLAGS
from layerize.errors import InputError
from layerize.formats.atomic import atomic_path
from layerize.sheet import contact_sheet
from layerize.stack.composite import flatten

SHEET_WIDTH = 1080
SHEET_QUALITY = 80
MOST_ROWS = 500
"""Rows of the tables of sources and of rejected files."""
MOST_FLAGS = 6
MAD_STEPS = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1140px;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.2rem;margin-top:2.4rem;border-bottom:1px solid #ccc}
table{border-collapse:collapse;margin:.6rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #e4e4e4;vertical-align:top}
th:first-child,td:first-child,td.text,th.text{text-align:left}thead th{background:#f3f3f3}
.note{color:#555;max-width:80ch}.tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0}
.tile{border:1px solid #ddd;border-radius:6px;padding:.6rem 1rem;min-width:7rem}.tile b{display:block;font-size:1.5rem}
.charts{display:flex;flex-wrap:wrap;gap:2rem}.scroll{overflow-x:auto}
figure{margin:1.6rem 0;border:1px solid #ddd;border-radius:6px;padding:.8rem}figcaption{margin-bottom:.5rem}
figcaption small{color:#555;display:block;overflow-wrap:anywhere}img{display:block;max-width:100%}
.flag{display:inline-block;background:#fff4e5;border-radius:3px;padding:0 .4rem;margin-right:.3rem;font-size:.8rem}
svg text{font:11px system-ui,sans-serif;fill:#333}
"""


def write_page(
    dataset: Path, path: Path, *, sheets: int = 200, report: Callable[[int, int, str], None] | None = None
) -> None:
    """Write the page.

    Args:
        dataset: The dataset's folder.
        path: Of the HTML file.
        sheets: Samples that are drawn, spread evenly over the dataset.
        report: Told (drawn, to draw, id) after every sample.

    Raises:
        InputError: No dataset, or a damaged index.
        OutputError: The page cannot be written.
    """
    folder = DatasetFolder.open(dataset)
    entries = folder.entries()
    accepted = [entry for entry in entries if entry.status == "accepted"]
    chosen = _spread(accepted, sheets)
    title = f"Dataset {dataset.resolve().name}"
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        f"style-src 'unsafe-inline'\"><title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
    )
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", errors="replace") as page:
        page.write(f"{head}<h1>{escape(title)}</h1>{_summary(entries)}{_charts(entries)}{_tables(entries)}")
        page.write(f"{_flags(entries)}{_rejections(entries)}<h2>Samples</h2>")
        page.write(f'<p class="note">{len(chosen)} of {len(accepted)}; layers bottom to top on a checkerboard.</p>')
        for number, entry in enumerate(chosen, 1):
            page.write(_sample(folder, entry))
            if report is not None:
                report(number, len(chosen), entry.id)
        page.write("</body></html>")


def _spread(entries: Sequence[IndexEntry], most: int) -> list[IndexEntry]:
    if len(entries) <= most:
        return list(entries)
    return [entries[round(place)] for place in np.linspace(0, len(entries) - 1, most)]


def _summary(entries: Sequence[IndexEntry]) -> str:
    status = Counter(entry.status for entry in entries)
    accepted = [entry for entry in entries if entry.status == "accepted"]
    layers = [entry.layers for entry in accepted]
    tiles = [
        ("source files", f"{len(entries)}"),
        ("accepted", f"{status['accepted']}"),
        ("rejected", f"{status['rejected']}"),
        ("failed", f"{status['failed']}"),
        ("layers, median", f"{np.median(layers):g}" if layers else "–"),
        ("checked by preview", f"{sum(entry.verified for entry in accepted)}"),
    ]
    return f'<div class="tiles">{"".join(f"<div class=tile><b>{b}</b>{escape(a)}</div>" for a, b in tiles)}</div>'


def _charts(entries: Sequence[IndexEntry]) -> str:
    accepted = [entry for entry in entries if entry.status == "accepted"]
    layers = Counter(entry.layers for entry in accepted)
    bars = [(str(count), layers[count]) for count in range(min(layers, default=0), max(layers, default=-1) + 1)]
    levels = Counter(entry.levels for entry in accepted)
    steps = [(str(count), levels[count]) for count in range(min(levels, default=0), max(levels, default=-1) + 1)]
    reasons = Counter(entry.reasons[0].filter for entry in entries if entry.reasons)
    mads = [entry.mad for entry in accepted if entry.mad is not None]
    edges = [0.0, *MAD_STEPS]
    near = [
        (f"≤ {high:g}", sum(low < mad <= high or (low == 0 and mad == 0) for mad in mads))
        for low, high in itertools.pairwise(edges)
    ]
    charts = [
        ("Layers per sample", bars),
        ("Levels per sample", steps),
        ("Difference from the preview, levels of 255", near),
        ("Rejected or failed, by first reason", reasons.most_common()),
    ]
    drawn = "".join(f"<div><h3>{escape(title)}</h3>{_bars(values)}</div>" for title, values in charts if values)
    return f'<h2>Distributions</h2><div class="charts">{drawn}</div>'


def _bars(values: Sequence[tuple[str, int]]) -> str:
    """Horizontal bars as SVG."""
    label = 12 + 7 * max(len(name) for name, _ in values)
    most = max(1, *(count for _, count in values))
    rows = "".join(
        f'<text x="{label - 6}" y="{18 * row + 13}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{label}" y="{18 * row + 2}" width="{max(1, 280 * count / most) if count else 0:.1f}" height="14" '
        f'fill="#1763b6"/><text x="{label + 286 * count / most + 4:.1f}" y="{18 * row + 13}">{count}</text>'
        for row, (name, count) in enumerate(values)
    )
    return f'<svg role="img" width="{label + 340}" height="{18 * len(values) + 4}">{rows}</svg>'


def _tables(entries: Sequence[IndexEntry]) -> str:
    by_source = _table("Repository", "split", entries, lambda e: e.repository or "–", lambda group: group[0].split)
    by_licence = _table(
        "Licence",
        "found in",
        entries,
        lambda e: e.licence or "unknown",
        lambda g: ", ".join(sorted({e.licence_from for e in g})),
    )
    by_format = _table("Format", "", entries, lambda e: e.format or "–", lambda group: "")
    return f"<h2>Sources</h2>{by_source}<h2>Licences</h2>{by_licence}<h2>Formats</h2>{by_format}"


def _table(
    title: str,
    more: str,
    entries: Sequence[IndexEntry],
    key: Callable[[IndexEntry], str],
    extra: Callable[[list[IndexEntry]], str],
) -> str:
    groups: dict[str, list[IndexEntry]] = defaultdict(list)
    for entry in entries:
        groups[key(entry)].append(entry)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = []
    for value, group in ordered[:MOST_ROWS]:
        status = Counter(entry.status for entry in group)
        layers = [entry.layers for entry in group if entry.status == "accepted"]
        rows.append(
            [
                value,
                str(len(group)),
                *(str(status[name]) for name in ("accepted", "rejected", "failed")),
                f"{np.median(layers):g}" if layers else "–",
                extra(group),
            ]
        )
    head = [title, "files", "accepted", "rejected", "failed", "layers, median", more]
    return _html_table(head, rows, text={0, 6})


def _flags(entries: Sequence[IndexEntry]) -> str:
    files: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for entry in entries:
        kinds = {flag.kind for flag in entry.flags}
        files.update(kinds)
        kept.update(kinds if entry.status == "accepted" else ())
    meaning = FLAGS | SAMPLE_FLAGS
    rows = [[kind, str(count), str(kept[kind]), meaning.get(kind, "")] for kind, count in files.most_common()]
    return f"<h2>Flags</h2>{_html_table(['Flag', 'files', 'accepted', 'meaning'], rows, text={0, 3})}"


def _rejections(entries: Sequence[IndexEntry]) -> str:
    out = [entry for entry in entries if entry.status != "accepted"]
    rows = [
        [entry.source, entry.status, "; ".join(f"{reason.filter}: {reason.detail}" for reason in entry.reasons)]
        for entry in out[:MOST_ROWS]
    ]
    if not rows:
        return ""
    more = f'<p class="note">The first {MOST_ROWS} of {len(out)}.</p>' if len(out) > MOST_ROWS else ""
    return f"<h2>Left out</h2>{more}{_html_table(['File', 'status', 'why'], rows, text={0, 1, 2})}"


def _html_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, text: set[int]) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        kinds = [' class="text"' if index in text else "" for index in range(len(row))]
        return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, row, strict=True))

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{cells(head, "th")}</tr></thead><tbody>{body}</tbody></table></div>'


def _sample(folder: DatasetFolder, entry: IndexEntry) -> str:
    mad = "no preview" if entry.mad is None else f"{entry.mad:.2f} from the preview"
    facts = (
        f"{entry.canvas[0]}x{entry.canvas[1]}, {entry.layers} layers in {entry.levels} levels, {mad}, "
        f"{entry.licence or 'licence unknown'}, {entry.split}, {entry.source}"
    )
    kinds = Counter(flag.kind for flag in entry.flags)
    flags = "".join(
        f'<span class="flag">{escape(kind)}{f" {count}" if count > 1 else ""}</span>' for kind, count in kinds.items()
    )
    try:
        picture = f'<img alt="layers of {escape(entry.id)}" loading="lazy" src="{_picture(folder, entry)}">'
    except InputError as error:
        picture = f"<p>{escape(str(error))}</p>"
    return (
        f"<figure><figcaption><b>{escape(entry.id)}</b> {escape(entry.caption)}<small>{escape(facts)}</small>{flags}"
        f"</figcaption>{picture}</figure>"
    )


def _picture(folder: DatasetFolder, entry: IndexEntry) -> str:
    stack = folder.load(entry)
    sheet = contact_sheet(flatten(stack), stack, width=SHEET_WIDTH, difference=False)
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=SHEET_QUALITY, method=2)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
