"""Crello designs as stacks, exactly as LayerD builds its ground truth (docs/evaluation.md; quirks included).

Reads the parquet files of the dataset ``cyberagent/crello``, revision 5.1.0; what they mean is in their own schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from layerize.data.crello_draw import Drawing, Element, canvas_size
from layerize.data.crello_text import Fonts
from layerize.errors import InputError, MissingExtraError, UsageError
from layerize.formats import write_image
from layerize.formats.image import DEFAULT_MAX_PIXELS
from layerize.formats.manifest import save_folder
from layerize.stack import Layer, LayerStack
from layerize.stack.layer import U8

REPOSITORY = "cyberagent/crello"
REVISION = "5.1.0"
SPLITS = ("train", "validation", "test")
SHORT_SIDE = 512
_BATCH = 8
_NEEDED = (
    "id", "length", "canvas_width", "canvas_height", "type", "left", "top", "width", "height", "angle", "opacity",
    "image",
)  # fmt: skip
_TEXT = (
    "text", "font", "font_size", "line_height", "text_align", "capitalize", "letter_spacing", "font_bold",
    "font_italic", "text_color", "text_line",
)  # fmt: skip


@dataclass
class Imported:
    """What became of the rows.

    Attributes:
        written: Names of the stacks in ``stacks/``, those of an earlier import included.
        dropped: (name, reason) of rows that LayerD's rules leave out.
        failed: (name, reason) of rows that could not be read or drawn.
        fallbacks: Font families that were missing; their texts are in another.
    """

    written: list[str] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    fallbacks: list[str] = field(default_factory=list)


def import_crello(
    files: Sequence[Path],
    out: Path,
    *,
    split: str = "test",
    limit: int | None = None,
    short_side: int = SHORT_SIDE,
    fonts: Path | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Imported:
    """Write ``out/stacks/SPLIT_NUMBER_ID`` (manifests) and ``out/composite/SPLIT_NUMBER_ID.png`` (the input pictures).

    Args:
        files: Parquet files of one split; read in the order of their names, which decides the numbers.
        out: Folder; designs that are there already are kept.
        split: For the names: ``train``, ``validation`` or ``test``.
        limit: Only the first rows.
        short_side: Of the canvas, in pixels.
        fonts: Folder of font files; None draws texts as the dataset has them rendered.
        progress: Told rows done, rows in all, and the last name.

    Raises:
        InputError: A file is no Crello parquet, or no row became a stack.
        UsageError: An option makes no sense.
        MissingExtraError: pyarrow or skia-python is absent.
    """
    if split not in SPLITS or short_side < 16 or (limit is not None and limit < 1):
        raise UsageError(
            f"split {split}, short side {short_side}, limit {limit}: see layerize data import crello --help."
        )
    result, report = Imported(), progress or (lambda done, total, name: None)
    drawing = Drawing(Fonts(fonts) if fonts else None)
    total = sum(_parquet(file).metadata.num_rows for file in files)
    total = min(total, limit or total)
    for index, row in enumerate(_rows(sorted(files))):
        if index >= total:
            break
        name = f"{split}_{index:06d}_{_safe(row.get('id'))}"
        if (out / "stacks" / name / "manifest.json").is_file():
            result.written.append(name)
        else:
            _import_row(row, name, out, short_side, drawing, result)
        report(index + 1, total, name)
    result.fallbacks = sorted(drawing.fonts.fallbacks) if drawing.fonts else []
    if not result.written:
        reasons = [f"{name}: {reason}" for name, reason in result.failed + result.dropped]
        raise InputError(
            f"none of {total} designs could be imported; the first: {reasons[0] if reasons else 'no rows'}"
        )
    return result


def _import_row(row: dict[str, Any], name: str, out: Path, short_side: int, drawing: Drawing, result: Imported) -> None:
    try:
        elements, size = _elements(row), canvas_size(row["canvas_width"], row["canvas_height"], short_side)
        if size[0] * size[1] > DEFAULT_MAX_PIXELS:
            raise InputError(f"the canvas would be {size[0]}x{size[1]}")
        scale = short_side / min(row["canvas_width"], row["canvas_height"])
        truth = ground_truth(elements, size, scale, drawing)
    except (LookupError, ValueError, TypeError, OSError, InputError) as error:
        result.failed.append(
            (name, f"{type(error).__name__}: {error}" if not isinstance(error, InputError) else str(error))
        )
        return
    if isinstance(truth, str):
        result.dropped.append((name, truth))
        return
    layers, composite = truth
    about = {
        "source": f"Crello {REVISION}: {row.get('format') or 'no format'}, {name}",
        "caption": row.get("title") or None,
    }
    metadata = {key: value for key, value in about.items() if value}
    write_image(composite, out / "composite" / f"{name}.png")
    save_folder(LayerStack(size=size, layers=tuple(layers), metadata=metadata), out / "stacks" / name)
    result.written.append(name)


def ground_truth(
    elements: Sequence[Element], size: tuple[int, int], scale: float, drawing: Drawing
) -> tuple[list[Layer], U8] | str:
    """LayerD's layers and input picture of a design, or why it has none.

    Args:
        elements: Bottom to top.
        size: (width, height) of the canvas in pixels.
        scale: Pixels per canvas unit.
        drawing: Draws elements.

    Returns:
        (layers bottom to top, composite ``u8`` (H, W, 4)), or the reason why LayerD drops the design.
    """
    pixels = [drawing.alone(element, size, scale) for element in elements]
    kept = kept_elements([element.never_opaque for element in elements], [int(p[..., 3].min()) for p in pixels])
    if len(kept) < 2:
        return f"{len(kept)} of {len(elements)} elements are left after LayerD's filter; it needs 2"
    groups = bottom_up_groups([pixels[i][..., 3] > 0 for i in kept])
    layers = [Layer(pixels=pixels[i], name=elements[i].label(i)) for i in kept]
    # LayerD asks for the least alpha of any member, not of the group flattened: two members side by side always count
    if min(int(pixels[kept[i]][..., 3].min()) for i in groups[0]) == 0:
        white = np.full((size[1], size[0], 4), 255, np.uint8)
        layers.insert(0, Layer(pixels=white, name="White"))
    order = [elements[kept[i]] for group in groups for i in group]
    return layers, drawing.together(order, size, scale)


def kept_elements(never_opaque: Sequence[bool], least_alpha: Sequence[int]) -> list[int]:
    """Indices that LayerD keeps.

    Elements whose source image is opaque nowhere go. A canvas-covering opaque element (not the first) should hide all
    below it: LayerD cuts its list of *remaining* elements at the element's *absolute* index, so after earlier removals
    too much goes, even the covering element itself. Copied, for equal ground truth.

    Args:
        never_opaque: Per element, whether its source image has no pixel of alpha 255.
        least_alpha: Per element, the smallest alpha on the canvas.
    """
    remaining = list(range(len(never_opaque)))
    for i, (translucent, least) in enumerate(zip(never_opaque, least_alpha, strict=True)):
        if translucent and i in remaining:
            remaining.remove(i)
        if least == 255 and i != 0:
            remaining = remaining[i:]
    return remaining


def bottom_up_groups(inked: Sequence[np.ndarray[Any, np.dtype[np.bool_]]]) -> list[list[int]]:
    """Indices in groups that share no pixel, bottom group first: take all that nothing above touches, repeat."""
    remaining, groups = list(range(len(inked))), []
    while remaining:
        free = [
            i
            for place, i in enumerate(remaining)
            if not any((inked[i] & inked[j]).any() for j in remaining[place + 1 :])
        ]
        groups.append(free)
        remaining = [i for i in remaining if i not in free]
    return groups[::-1]


def _elements(row: dict[str, Any]) -> list[Element]:
    count = int(row["length"])
    short = [name for name in _NEEDED[4:] if len(row[name]) < count]
    if short:
        raise InputError(f"the design has {count} elements, but fewer values of {', '.join(short)}")
    return [_element(row, i) for i in range(count)]


def _element(row: dict[str, Any], i: int) -> Element:
    text = {name: row[name][i] for name in _TEXT if row.get(name) is not None and i < len(row[name])}
    stored = row["image"][i]
    data = stored["bytes"] if isinstance(stored, dict) else stored
    if not data:
        raise InputError(f"element {i} has no picture in the file")
    return Element(
        kind=str(row["type"][i]),
        left=float(row["left"][i]),
        top=float(row["top"][i]),
        width=float(row["width"][i]),
        height=float(row["height"][i]),
        angle=float(row["angle"][i]),
        opacity=float(row["opacity"][i]),
        png=bytes(data),
        text=text if len(text) == len(_TEXT) else None,
    )


def _safe(name: Any) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in str(name))[:64] or "unnamed"


def _parquet(file: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingExtraError("Reading Crello", "pyarrow", "data") from error
    try:
        opened = parquet.ParquetFile(file)
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"{file}: no parquet file can be read there ({error}).") from error
    missing = [name for name in _NEEDED if name not in opened.schema_arrow.names]
    if missing:
        raise InputError(f"{file}: not Crello {REVISION}; it has no {', '.join(missing)}.")
    return opened


def _rows(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Rows with class labels as their names."""
    for file in files:
        opened = _parquet(file)
        labels = class_labels(opened.schema_arrow.metadata or {})
        wanted = [name for name in (*_NEEDED, *_TEXT, "format", "title") if name in opened.schema_arrow.names]
        for batch in opened.iter_batches(batch_size=_BATCH, columns=wanted):
            for row in batch.to_pylist():
                yield {key: _named(value, labels[key]) if key in labels else value for key, value in row.items()}


def class_labels(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Column → names of its classes, from the description that Hugging Face ``datasets`` puts into the schema."""

    def names(feature: Any) -> list[str] | None:
        if isinstance(feature, list) and feature:
            return names(feature[0])
        if not isinstance(feature, dict):
            return None
        if feature.get("_type") == "ClassLabel":
            return [str(name) for name in feature["names"]]
        return names(feature.get("feature"))

    features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    return {column: found for column, feature in features.items() if (found := names(feature)) is not None}


def _named(value: Any, names: list[str]) -> Any:
    if isinstance(value, list):
        return [_named(member, names) for member in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value


def download(split: str) -> list[Path]:
    """The parquet files of a split from the Hugging Face hub, by its own client and cache.

    Raises:
        MissingExtraError: huggingface-hub is absent.
        InputError: The hub cannot be reached or has no such files.
    """
    try:
        from huggingface_hub import HfApi, hf_hub_download
    except ImportError as error:
        raise MissingExtraError("Downloading Crello", "huggingface-hub", "hub") from error
    try:
        files = HfApi().list_repo_files(REPOSITORY, repo_type="dataset", revision=REVISION)
        wanted = sorted(name for name in files if name.startswith(f"data/{split}-") and name.endswith(".parquet"))
        found = [Path(hf_hub_download(REPOSITORY, name, repo_type="dataset", revision=REVISION)) for name in wanted]
    except Exception as error:  # the client raises kinds of its own and of its HTTP library
        raise InputError(
            f"{REPOSITORY} {REVISION} cannot be downloaded ({error}); give its files with --parquet."
        ) from error
    if not found:
        raise InputError(f"{REPOSITORY} {REVISION} has no parquet files of the split {split}.")
    return found
