"""Parquet shards that Hugging Face ``datasets`` loads with pictures: one row per sample.

Columns: ``id``, ``picture`` (the composite), ``layers`` (list of RGBA pictures, bottom to top), ``names``, ``caption``,
``width``, ``height``, ``text``, ``source``, ``repository``, ``licence``, ``split``, ``kind``.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from layerize.data.sample import ABOUT, LayeredSample
from layerize.data.shard_tar import assembled
from layerize.errors import InputError, MissingExtraError
from layerize.formats.image_write import encode_png
from layerize.formats.layer_png import encode_layer

SUFFIX = ".parquet"
ROWS_PER_GROUP = 16
"""Samples that a reader has to fetch to get one of them."""


def arrow() -> tuple[Any, Any]:
    """pyarrow and pyarrow.parquet.

    Raises:
        MissingExtraError: They are not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("Parquet shards", "pyarrow", "data") from error
    return pyarrow, pyarrow.parquet


def schema() -> Any:
    """The columns; the metadata tells ``datasets`` which of them are pictures."""
    pa, _ = arrow()
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    texts = ("caption", *ABOUT)
    columns = [
        ("id", pa.string()),
        ("picture", picture),
        ("layers", pa.list_(picture)),
        ("names", pa.list_(pa.string())),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("text", pa.bool_()),
        *((name, pa.string()) for name in texts),
    ]
    value = {name: {"dtype": "string", "_type": "Value"} for name in ("id", *texts)}
    value |= {name: {"dtype": "int32", "_type": "Value"} for name in ("width", "height")}
    features = {
        **value,
        "text": {"dtype": "bool", "_type": "Value"},
        "picture": {"mode": "RGBA", "_type": "Image"},
        "layers": {"feature": {"mode": "RGBA", "_type": "Image"}, "_type": "List"},
        "names": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
    }
    ordered = {name: features[name] for name, _ in columns}
    return pa.schema(columns, metadata={"huggingface": json.dumps({"info": {"features": ordered}})})


class ParquetWriter:
    """Writes one shard to an open binary file."""

    def __init__(self, file: BinaryIO) -> None:
        self._pa, parquet = arrow()
        self._schema = schema()
        # PNG does not compress again; statistics of pictures say nothing.
        self._writer = parquet.ParquetWriter(
            file, self._schema, compression="zstd", use_dictionary=False, write_statistics=["id"]
        )
        self._rows: list[dict[str, Any]] = []
        self._groups = 0
        self.written = 0

    def add(self, sample: LayeredSample) -> tuple[int, int]:
        """Append a sample; (row group, row in it)."""
        row = _row(sample)
        self.written += sum(len(layer["bytes"]) for layer in row["layers"]) + len(row["picture"]["bytes"])
        self._rows.append(row)
        place = self._groups, len(self._rows) - 1
        if len(self._rows) == ROWS_PER_GROUP:
            self._flush()
        return place

    def close(self) -> None:
        """Write the last rows and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows, self._groups = [], self._groups + 1


def _row(sample: LayeredSample) -> dict[str, Any]:
    return {
        "id": sample.id,
        "picture": {"bytes": encode_png(sample.picture()), "path": None},
        "layers": [{"bytes": encode_layer(layer), "path": None} for layer in sample.layers_u8_KHW4],
        "names": list(sample.names),
        "caption": sample.caption,
        "width": sample.size[0],
        "height": sample.size[1],
        "text": sample.text,
        **{key: sample.about.get(key) for key in ABOUT},
    }


def read_group(file: Any, group: int) -> list[dict[str, Any]]:
    """The rows of one row group.

    Raises:
        InputError: The shard is damaged.
    """
    pa, parquet = arrow()
    columns = [name for name in schema().names if name != "picture"]
    try:
        rows: list[dict[str, Any]] = parquet.ParquetFile(file).read_row_group(group, columns=columns).to_pylist()
    except (pa.ArrowException, OSError, ValueError, IndexError) as error:
        raise InputError(f"row group {group} cannot be read ({error}); write the shards anew.") from error
    return rows


def sample_of(row: dict[str, Any], *, max_pixels: int) -> LayeredSample:
    """A row as a sample.

    Raises:
        InputError: A layer is damaged; the message names the sample.
    """
    about = {**row, "size": [row["width"], row["height"]]}
    return assembled(row["id"], about, [layer["bytes"] or b"" for layer in row["layers"]], max_pixels=max_pixels)
