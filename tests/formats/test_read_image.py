"""read_image: every kind of good file comes out as straight sRGB RGBA, every kind of bad file as one sentence."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from layerize.errors import InputError, LayerizeError, LimitError
from layerize.formats import read_image
from layerize.formats.image import FlatImage


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(mode: str = "RGB", size: tuple[int, int] = (19, 13)) -> Image.Image:
    """Smooth enough for lossy formats, different in every corner."""
    x, y = np.meshgrid(np.linspace(20, 230, size[0]), np.linspace(10, 240, size[1]))
    rgba = np.stack([x, y, 255 - x, np.clip(x + y, 0, 255)], axis=2).astype(np.uint8)
    return Image.fromarray(rgba).convert(mode)


def rgb(result: FlatImage) -> np.ndarray:
    return result.pixels[..., :3].astype(int)


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 95, "subsampling": 0}, 6),
        ("AVIF", {"quality": 95, "subsampling": "4:4:4"}, 6),
        ("GIF", {}, 60),
    ],
)
def test_formats(kind: str, options: dict[str, Any], tolerance: int) -> None:
    image = picture()
    result = read_image(encoded(image, kind, **options))
    assert result.pixels.shape == (13, 19, 4)
    assert result.pixels.dtype == np.uint8
    assert not result.has_alpha
    assert result.note is None
    assert np.abs(rgb(result) - np.asarray(image).astype(int)).max() <= tolerance


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "AVIF"])
def test_alpha_is_kept_straight(kind: str) -> None:
    image = picture("RGBA")
    options = {"WEBP": {"lossless": True, "exact": True}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}.get(
        kind, {}
    )
    result = read_image(encoded(image, kind, **options))
    assert result.has_alpha
    assert np.abs(result.pixels.astype(int) - np.asarray(image)).max() <= (3 if kind == "AVIF" else 0)


def test_sources(tmp_path: Path) -> None:
    data = encoded(picture(), "PNG")
    path = tmp_path / "日本 poster.png"
    path.write_bytes(data)
    expected = read_image(data).pixels
    with path.open("rb") as file:
        results = [
            read_image(path),
            read_image(str(path)),
            read_image(file),
            read_image(io.BytesIO(data), name="upload"),
        ]
    assert all(np.array_equal(result.pixels, expected) for result in results)
    assert [result.source for result in results] == [str(path)] * 3 + ["upload"]


OPTIONS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = picture()
    transposed = [
        None, None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90,
    ][orientation]  # fmt: skip
    expected = np.asarray(image if transposed is None else image.transpose(transposed)).astype(int)
    result = read_image(encoded(image, kind, exif=exif, **OPTIONS.get(kind, {})))
    assert rgb(result).shape == expected.shape
    assert np.abs(rgb(result) - expected).max() <= (12 if kind == "JPEG" else 0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_modes_of_png(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.linspace(0, 65535, 300).astype(np.uint16).reshape(15, 20))
        expected = np.rint(np.asarray(image) / 257).astype(int)
    else:
        image = picture("RGB").convert("P") if mode == "P" else picture(mode)
        expected = np.asarray(image.convert("RGBA"))[..., 0].astype(int)
    result = read_image(encoded(image, "PNG"))
    assert np.abs(rgb(result)[..., 0] - expected).max() == 0
    assert result.has_alpha == (mode in ("LA", "RGBA"))


def test_palette_grey_and_rgb_transparency() -> None:
    palette = Image.new("P", (4, 2))
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.putdata([0, 1, 2, 0, 1, 2, 0, 1])
    one = read_image(encoded(palette, "PNG", transparency=1)).pixels
    assert one[0].tolist() == [[255, 0, 0, 255], [0, 255, 0, 0], [0, 0, 255, 255], [255, 0, 0, 255]]
    many = read_image(encoded(palette, "PNG", transparency=bytes([255, 128, 0]))).pixels
    assert many[0, :3, 3].tolist() == [255, 128, 0]
    grey = Image.new("L", (2, 1))
    grey.putdata([7, 9])
    assert read_image(encoded(grey, "PNG", transparency=9)).pixels.tolist() == [[[7, 7, 7, 255], [9, 9, 9, 0]]]
    colour = Image.new("RGB", (2, 1), (1, 2, 3))
    colour.putpixel((1, 0), (4, 5, 6))
    assert read_image(encoded(colour, "PNG", transparency=(4, 5, 6))).pixels[0, :, 3].tolist() == [255, 0]
    gif = read_image(encoded(palette, "GIF", transparency=2))
    assert gif.has_alpha
    assert gif.pixels[0, 2, 3] == 0


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_16_bit_colour_is_rounded_not_cut(channels: int, extension: str) -> None:
    wide = np.random.default_rng(0).integers(0, 65536, (9, 11, channels)).astype(np.uint16)
    ok, data = cv2.imencode(extension, wide)
    assert ok
    expected = np.rint(wide / 257)
    order = [2, 1, 0, 3][:channels]
    difference = np.abs(read_image(data.tobytes()).pixels[..., :channels] - expected[..., order])
    assert difference.max() <= (0 if extension == ".png" else 1), f"max {difference.max()}"


def test_16_bit_grey_tiff_and_transparency_key() -> None:
    grey = np.arange(0, 65536, 1024).astype(np.uint16).reshape(8, 8)
    result = read_image(encoded(Image.fromarray(grey), "TIFF"))
    assert np.array_equal(rgb(result)[..., 1], np.rint(grey / 257))
    keyed = encoded(Image.fromarray(grey), "PNG", transparency=2048)
    assert (read_image(keyed).pixels[..., 3] == 0).sum() == 1


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_32_bit_is_refused_with_the_way_out(dtype: type) -> None:
    data = encoded(Image.fromarray(np.ones((4, 4), dtype)), "TIFF")
    with pytest.raises(InputError, match="save it as 8 or 16 bit"):
        read_image(data)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind: str) -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert np.abs(rgb(read_image(encoded(image, kind)))[0, 0] - (255, 0, 0)).max() <= 3


def swapped_profile() -> bytes:
    """A display profile whose red and blue primaries are exchanged: what is red in the file is blue in sRGB."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    entries = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    data[red + 4 : red + 12], data[blue + 4 : blue + 12] = data[blue + 4 : blue + 12], data[red + 4 : red + 12]
    return bytes(data)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_icc_profiles_are_applied(mode: str) -> None:
    image = Image.new("RGBA" if mode == "RGBA" else "RGB", (4, 4), (255, 0, 0, 99)[: 3 + (mode == "RGBA")]).convert(
        mode
    )
    result = read_image(encoded(image, "PNG", icc_profile=swapped_profile()))
    assert np.abs(rgb(result)[0, 0] - (0, 0, 255)).max() <= 3
    assert result.pixels[0, 0, 3] == (99 if mode == "RGBA" else 255)
    assert result.note is None


def test_an_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = picture()
    assert np.array_equal(rgb(read_image(encoded(image, "PNG", icc_profile=profile))), np.asarray(image))


def test_a_damaged_profile_is_ignored_and_said() -> None:
    result = read_image(encoded(picture(), "PNG", icc_profile=b"not a profile"))
    assert np.array_equal(rgb(result), np.asarray(picture()))
    assert result.note == "Its colour profile is damaged and was ignored."


def test_16_bit_with_a_profile() -> None:
    ok, data = cv2.imencode(".png", np.full((3, 3, 3), (0x0A0A, 0x0A0A, 0xFAFA), np.uint16))
    assert ok
    raw = data.tobytes()
    body = b"x\0\0" + zlib.compress(swapped_profile())
    chunk = struct.pack(">I", len(body)) + b"iCCP" + body + struct.pack(">I", zlib.crc32(b"iCCP" + body))
    assert np.abs(rgb(read_image(raw[:33] + chunk + raw[33:]))[0, 0] - (10, 10, 250)).max() <= 3


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_the_first_of_many_frames_is_taken_and_said(kind: str) -> None:
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "lime", "blue")]
    result = read_image(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert np.abs(rgb(result)[0, 0] - (255, 0, 0)).max() <= 12
    assert result.note == f"It has 3 {'pages' if kind == 'TIFF' else 'frames'}; the first was taken."


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
def test_the_limit_is_checked_before_decoding(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("RGB", (300, 200)), kind)
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(LimitError) as error:
        read_image(data, max_pixels=59_999, name="big.png")
    assert str(error.value).startswith(
        "big.png: 300x200 pixels (0.1 megapixels, 0.00 GiB as RGBA); the limit is 0.059999"
    )
    assert str(error.value).endswith("Resize it or raise --max-pixels.")


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims this size and holds a thousand bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))


def test_a_png_bomb_needs_no_memory() -> None:
    with pytest.raises(LimitError, match=r"90000x90000 pixels \(8100.0 megapixels, 30.17 GiB"):
        read_image(png_of_size(90_000, 90_000))


@pytest.mark.parametrize("size", [(0, 10), (10, 0)])
def test_a_picture_without_pixels(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="its header describes no picture of at least 1x1 pixel"):
        read_image(png_of_size(*size))


def test_a_raised_limit_lets_more_than_pillows_own_through() -> None:
    data = encoded(Image.new("1", (14_000, 14_000)), "PNG")  # 196 megapixels; Pillow alone refuses 179
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LimitError, match=r"196\.0 megapixels"):
            read_image(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"x: the file is empty \(0 bytes\)"),
        (b"hello", "x: not a picture that layerize can read; give a PNG, JPEG"),
        (b"8BPS\0\1" + bytes(40), "x is a PSD file with layers of its own"),
        (b"%PDF-1.7", "x is a PDF"),
        (b"PK\x03\x04", "x is a ZIP archive"),
        (b"<svg xmlns=''/>", "x is an SVG"),
        (b"\x89PNG\r\n\x1a\n", "x: the picture is damaged or cut off"),
    ],
)
def test_what_is_no_picture(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_image(data, name="x")


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(InputError, match="is a folder; give a file"):
        read_image(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_image("a\0b.png")
    with pytest.raises(InputError, match="is a device, not a file"):
        read_image("/dev/zero")
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(5 * 2**30)  # sparse
    with pytest.raises(LimitError, match=r"is 5\.0 GiB; the limit is 4 GiB"):
        read_image(tmp_path / "huge.png")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path / "loop")


SAMPLES = {
    "png": encoded(picture("RGBA", (40, 30)), "PNG"),
    "jpeg": encoded(picture("RGB", (40, 30)), "JPEG", exif=b"Exif\0\0" + bytes(30)),
    "webp": encoded(picture("RGBA", (40, 30)), "WEBP", lossless=True),
    "avif": encoded(picture("RGB", (40, 30)), "AVIF"),
    "tiff": encoded(picture("RGB", (40, 30)), "TIFF", compression="tiff_lzw"),
    "bmp": encoded(picture("RGB", (40, 30)), "BMP"),
    "gif": encoded(picture("RGB", (40, 30)), "GIF"),
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_every_half_file_is_refused(kind: str) -> None:
    data = SAMPLES[kind]
    with pytest.raises(InputError, match=r"half\.bin"):
        read_image(data[: len(data) // 2], name="half.bin")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_damaged_files_never_raise_anything_else(kind: str, data: Any) -> None:
    content = bytearray(SAMPLES[kind])
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = read_image(bytes(content), max_pixels=1_000_000)
        except LayerizeError:
            return
    assert result.pixels.shape[0] * result.pixels.shape[1] <= 1_000_000
