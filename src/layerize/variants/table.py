"""Read a table of variants, CSV or JSON: rows of text cells by column. Knows nothing of what the columns mean."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layerize.errors import InputError, LimitError

# A table of words; a hundred megabytes of it is something else.
MAX_BYTES = 64 * 2**20
MAX_ROWS = 100_000
# File names end at 255 bytes; extensions and temporary names need some of them.
MAX_NAME = 120
RESERVED = ("contact-sheet",)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One variant as written.

    Attributes:
        name: Of the file to make, without extension, safe on every file system.
        number: Counted from 1.
        cells: Column → text, in the order of the columns; empty cells are left out.
        problem: Why the row cannot be used, or None.
    """

    name: str
    number: int
    cells: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


def read_table(path: Path) -> list[Row]:
    """The rows of a CSV file (comma, semicolon or tab; UTF-8) or of a JSON file (a list of objects).

    Raises:
        InputError: It is missing, no such table, or empty. What is wrong with single rows is noted in them.
    """
    if path.suffix.lower() not in (".csv", ".tsv", ".json"):
        raise InputError(f"{path}: a table of variants is a .csv or a .json file.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the name.") from error
    if len(data) > MAX_BYTES:
        raise LimitError(f"{path}: a table may have {MAX_BYTES >> 20} MiB; this has {len(data) >> 20}.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8.") from error
    records = _json_records(text, path) if path.suffix.lower() == ".json" else _csv_records(text, path)
    if not records:
        raise InputError(f"{path}: holds no rows.")
    if len(records) > MAX_ROWS:
        raise LimitError(f"{path}: a table may have {MAX_ROWS} rows; this has {len(records)}.")
    return _named(records)


def _csv_records(text: str, path: Path) -> list[dict[str, Any]]:
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [line for line in reader if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise InputError(f"{path}: is no CSV table ({error}).") from error
    if not lines:
        raise InputError(f"{path}: holds no rows.")
    columns = [column.strip() for column in lines[0]]
    twice = {column for column in columns if column and columns.count(column) > 1}
    if twice:
        raise InputError(f"{path}: the column {sorted(twice)[0]!r} is there twice; name every column once.")
    records: list[dict[str, Any]] = []
    for line in lines[1:]:
        record: dict[str, Any] = dict(zip(columns, line, strict=False))
        if any(cell.strip() for cell in line[len(columns) :]):
            record[_PROBLEM] = f"it has {len(line)} cells, the header {len(columns)}; put cells with commas in quotes"
        records.append(record)
    return records


_PROBLEM = "\0problem"


def _json_records(text: str, path: Path) -> list[dict[str, Any]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no JSON ({error}).") from error
    rows = document.get("rows") if isinstance(document, dict) else document
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f'{path}: should be a list of objects, [{{"name": "...", "Text:hide": true}}, ...].')
    return [{str(column).strip(): value for column, value in row.items()} for row in rows]


def _named(records: list[dict[str, Any]]) -> list[Row]:
    digits = max(3, len(str(len(records))))
    rows: list[Row] = []
    taken: dict[str, int] = {}
    for number, record in enumerate(records, 1):
        problem = record.pop(_PROBLEM, None)
        cells: dict[str, str] = {}
        for column, value in record.items():
            text = _text(value)
            if text is None:
                problem = (
                    problem or f"the cell {column!r} holds {type(value).__name__}; text, numbers and yes/no can be"
                )
            elif text:
                cells[column] = text
        name = safe_name(cells.pop("name", f"{number:0{digits}d}"))
        if not name or name.lower() in RESERVED:
            problem = problem or "its name cannot be a file's; use letters and digits"
        elif name.lower() in taken:  # file systems that do not tell case apart are common
            problem = problem or f"its name {name!r} is that of row {taken[name.lower()]} already"
        taken.setdefault(name.lower(), number)
        rows.append(Row(name=name or f"{number:0{digits}d}", number=number, cells=cells, problem=problem))
    return rows


def _text(value: Any) -> str | None:
    """A cell's text; None for what can be no cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).strip() if isinstance(value, (str, int, float)) else None


def safe_name(name: str) -> str:
    """A file's name that every common file system takes: no separators, control characters or hidden files."""
    return re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]+', "-", name).strip(" .")[:MAX_NAME].strip(" .")
