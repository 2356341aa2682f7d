"""A stack as a TIFF with one page per layer (TIFF 6.0; Adobe's TIFF notes for zlib), for GIMP, Affinity and scripts.

Pages have a name and a place; what else a stack holds goes along in the first page's description. Only files written
here are read back as layers; a page's pixels are 8-bit RGB with unassociated (straight) alpha.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from layerize.errors import InputError, LayerizeError, LimitError, MissingExtraError
from layerize.formats.atomic import atomic_path
from layerize.formats.budget import PixelBudget
from layerize.formats.image import DEFAULT_MAX_PIXELS
from layerize.formats.layer_png import without_hidden_colour
from layerize.formats.pictures_and_manifest import Placed, check_pictures, describe_pictures, stack_of
from layerize.stack.layer import U8, LayerStack

MARK = "layerize/1 "
"""The first page's description starts with this; the manifest follows."""

# TIFF 6.0, Baseline and Extension tags; type codes 2 = ASCII, 5 = RATIONAL.
IMAGE_DESCRIPTION, PAGE_NAME, X_POSITION, Y_POSITION = 270, 285, 286, 287
ASCII, RATIONAL = 2, 5
DPI = 72
# Offsets in a classic TIFF have 32 bits; from here on it is written as BigTIFF, with 64.
CLASSIC_BYTES = 3 * 2**30


def save_tiff(stack: LayerStack, path: str | Path) -> None:
    """Write the stack as a multi-page TIFF, atomically: a page per layer, bottom to top, cropped to its ink, zlib.

    Positions in a TIFF are not negative: with layers that begin left of or above the canvas, all move by the same way.

    Warns:
        LayerizeWarning: The stack has groups, blend modes ...: other programs see every page plainly.

    Raises:
        MissingExtraError: tifffile is not installed.
        OutputError: The system refuses (disk full, no permission).
    """
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtraError("Writing layered TIFF files", "tifffile", "exchange") from error
    text, pictures = describe_pictures(stack, "TIFF")
    left, top = (min(0, *(picture.offset[axis] for picture in pictures)) for axis in (0, 1))
    big = sum(picture.pixels.nbytes for picture in pictures) > CLASSIC_BYTES
    with atomic_path(path) as temporary, tifffile.TiffWriter(temporary, bigtiff=big) as file:
        for number, picture in enumerate(pictures):
            file.write(
                without_hidden_colour(picture.pixels),
                photometric="rgb",
                extrasamples=["unassalpha"],
                compression="zlib",
                compressionargs={"level": 2},  # half the time of zlib's own 6
                predictor=True,
                resolution=(DPI, DPI),
                resolutionunit="INCH",
                subfiletype=2,  # one page of many
                description=MARK + text if number == 0 else None,
                metadata=None,
                software=False,
                extratags=_tags(picture, left, top),
            )


def _tags(picture: Placed, left: int, top: int) -> list[tuple[int, int, int | None, Any, bool]]:
    """PageName (UTF-8, as is usual) and the position in inches."""
    x, y = picture.offset[0] - left, picture.offset[1] - top
    name = picture.name.replace("\0", "\ufffd").encode("utf-8", "replace") + b"\0"
    return [
        (PAGE_NAME, ASCII, None, name, True),
        (X_POSITION, RATIONAL, 1, (x, DPI), True),
        (Y_POSITION, RATIONAL, 1, (y, DPI), True),
    ]


def load_tiff(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> LayerStack:
    """Read a TIFF that ``save_tiff`` has written; needs no package beyond the core's.

    Raises:
        LimitError: The canvas, one layer or all layers together are over the limits.
        InputError: A TIFF without our layers, or damaged.
    """
    label = str(path)
    try:
        with Path(path).open("rb") as file, TiffImagePlugin.TiffImageFile(file, label) as image:
            text = _text(image, IMAGE_DESCRIPTION)
            if not text.startswith(MARK):
                raise InputError(f"{label} is a flat picture without layers; run 'layerize split' on it first.")
            budget = PixelBudget(label, max_pixels)
            offsets = list(_offsets(image, budget))
            manifest = check_pictures(text.removeprefix(MARK), offsets, label, max_pixels)
            return stack_of(manifest, [_page(image, number) for number in range(len(offsets))])
    except LayerizeError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{label}: no such file; check the name.") from error
    except (MemoryError, Image.DecompressionBombError) as error:
        raise LimitError(f"{label}: too large to read ({error}); save it in another format.") from error
    except Exception as error:  # Pillow raises nearly anything on damaged files
        detail = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{label}: the TIFF is damaged or cut off ({detail}); save it again.") from error


def _offsets(image: TiffImagePlugin.TiffImageFile, budget: PixelBudget) -> Iterator[tuple[int, int]]:
    """The place of every page in pixels, its size taken from the budget."""
    for number in range(image.n_frames):
        image.seek(number)
        budget.spend(*image.size)
        x, y = (round(float(image.tag_v2.get(tag, 0)) * DPI) for tag in (X_POSITION, Y_POSITION))
        yield x, y


def _page(image: TiffImagePlugin.TiffImageFile, number: int) -> U8:
    image.seek(number)
    return np.array(image.convert("RGBA"))


def _text(image: TiffImagePlugin.TiffImageFile, tag: int) -> str:
    value = image.tag_v2.get(tag, "")
    return value if isinstance(value, str) else ""
