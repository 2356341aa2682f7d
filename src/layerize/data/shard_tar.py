"""WebDataset shards: a tar file with ``ID.json``, ``ID.picture.png`` and ``ID.layer00.png`` ... for each sample.

Samples are written one after the other, so that one range of bytes holds a whole sample and any reader of tar files can
go through a shard in order. The bytes depend on the samples alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from typing import Any, BinaryIO

import numpy as np

from layerize.data.layer_png_read import decode_layer
from layerize.data.sample import ABOUT, LayeredSample, header
from layerize.errors import InputError
from layerize.formats.image import check_pixels
from layerize.formats.image_write import encode_png
from layerize.formats.layer_png import encode_layer

SUFFIX = ".tar"


class TarWriter:
    """Writes one shard to an open binary file."""

    def __init__(self, file: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115

    def add(self, sample: LayeredSample) -> tuple[int, int]:
        """Append a sample; (first byte, length) of its members."""
        start, key = self._tar.offset, key_of(sample.id)
        self._member(f"{key}.json", json.dumps(header(sample), ensure_ascii=False).encode())
        self._member(f"{key}.picture.png", encode_png(sample.picture()))
        for number, layer in enumerate(sample.layers_u8_KHW4):
            self._member(f"{key}.layer{number:02d}.png", encode_layer(layer))
        return start, self._tar.offset - start

    @property
    def written(self) -> int:
        """Bytes so far."""
        return int(self._tar.offset)

    def close(self) -> None:
        """Write the end of the archive."""
        self._tar.close()

    def _member(self, name: str, data: bytes) -> None:
        about = tarfile.TarInfo(name)
        about.size = len(data)
        self._tar.addfile(about, io.BytesIO(data))


def key_of(name: str) -> str:
    """What the members of a sample are called: its id where that has no dot or slash, which mean something here."""
    return name if re.fullmatch(r"[\w-]{1,80}", name, re.ASCII) else hashlib.sha256(name.encode()).hexdigest()[:16]


def read_sample(data: bytes, name: str, *, max_pixels: int) -> LayeredSample:
    """A sample from the bytes of its members.

    Raises:
        InputError: The bytes are not that sample; the message names it.
    """
    try:
        # The members end without the zero blocks that end an archive.
        with tarfile.open(fileobj=io.BytesIO(data + b"\0" * 1024)) as tar:
            members = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        files = {
            path.removeprefix(f"{key_of(name)}."): file.read() for path, file in members.items() if file is not None
        }
        about = json.loads(files["json"])
        pictures = [files[f"layer{number:02d}.png"] for number in range(len(about["names"]))]
    except (tarfile.TarError, ValueError, KeyError, TypeError, EOFError, OSError) as error:
        raise InputError(f"sample {name}: its shard is damaged here ({error}); write the shards anew.") from error
    return assembled(name, about, pictures, max_pixels=max_pixels)


def assembled(name: str, about: dict[str, Any], pictures: list[bytes], *, max_pixels: int) -> LayeredSample:
    """A sample from its header and its layers as PNG bytes.

    Raises:
        InputError: A layer is damaged or has another size; the message names the sample.
    """
    size = (int(about["size"][0]), int(about["size"][1]))
    check_pixels(f"sample {name}", *size, max_pixels)
    layers = [decode_layer(data, size, f"sample {name}, layer {number}") for number, data in enumerate(pictures)]
    if not layers:
        raise InputError(f"sample {name}: it has no layer; write the shards anew.")
    return LayeredSample(
        id=name,
        layers_u8_KHW4=np.stack(layers),
        names=tuple(about["names"]),
        caption=str(about.get("caption") or ""),
        text=bool(about.get("text")),
        about={key: str(about[key]) for key in ABOUT if about.get(key)},
    )
