"""PSD: round trips, what psd-tools makes of our files, real documents, and refusals."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from psd_tools import PSDImage
from psd_tools.constants import BlendMode, ChannelID
from stack_strategies import names, same, stacks

from layerize.errors import InputError, LayerizeError, LayerizeWarning, LimitError, OutputError
from layerize.formats import load
from layerize.formats.psd import save_psd
from layerize.stack import Group, Layer, LayerStack, flatten


def solid(rgba: tuple[int, ...], size: tuple[int, int] = (6, 6), **fields: object) -> Layer:
    return Layer(pixels=np.full((size[1], size[0], 4), rgba, np.uint8), **fields)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(stacks(), st.sampled_from([".psd", ".psb"]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, stack: LayerStack, extension: str) -> None:
    path = tmp_path_factory.mktemp("psd") / f"out{extension}"
    stack.save(path)
    back = load(path)
    assert len(back) == len(stack)
    assert all(map(same, back.layers, stack.layers))
    assert np.array_equal(flatten(back), flatten(stack))


@pytest.mark.parametrize("extension", [".psd", ".psb"])
def test_the_merged_preview_is_our_composite(tmp_path: Path, extension: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 4), np.uint8)
    pixels[:5, :, 3] = 0
    stack = LayerStack(
        size=(40, 30), layers=(Layer(pixels=pixels), solid((9, 9, 200, 100), offset=(5, 7), blend="screen"))
    )
    stack.save(tmp_path / f"x{extension}")
    document = PSDImage.open(tmp_path / f"x{extension}")
    assert document.version == (2 if extension == ".psb" else 1)
    # A negative count tells Photoshop that the merged picture's fourth channel is its transparency.
    assert document._record.layer_and_mask_information.layer_info.layer_count == -2  # type: ignore[union-attr]
    preview = np.asarray(document.topil()).astype(float)
    ours = flatten(stack).astype(float)
    assert np.array_equal(preview[..., 3], ours[..., 3])
    # The preview is premixed with white in 8 bits, so colour is kept to a level of what is seen.
    assert np.abs((preview - ours)[..., :3] * ours[..., 3:] / 255).max() <= 1.01


@settings(max_examples=30, deadline=None)
@given(names)
def test_names_in_any_script(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = tmp_path_factory.mktemp("names") / "x.psd"
    stack = LayerStack(size=(3, 3), layers=(Group(name=name, layers=(solid((1, 2, 3, 4), name=name),)),))
    stack.save(path)
    assert [node.name for node in (load(path).layers[0], *load(path).walk())] == [name, name]


def test_long_names_are_cut_with_a_warning(tmp_path: Path) -> None:
    for name, kept in (("日" * 300, "日" * 255), ("😀" * 200, "😀" * 127)):
        stack = LayerStack(size=(3, 3), layers=(solid((1, 2, 3, 4), name=name),))
        with pytest.warns(LayerizeWarning, match="cut to 255 characters"):
            stack.save(tmp_path / "x.psd")
        assert load(tmp_path / "x.psd").layers[0].name == kept


def test_size_limits(tmp_path: Path) -> None:
    wide = LayerStack(size=(30_001, 1), layers=(solid((1, 2, 3, 255), (30_001, 1)),))
    with pytest.raises(OutputError, match=r"PSD ends at 30000 pixels a side, the canvas is 30001x1; save as \.psb"):
        wide.save(tmp_path / "x.psd")
    wide.save(tmp_path / "x.psb")
    assert np.array_equal(flatten(load(tmp_path / "x.psb")), flatten(wide))
    with pytest.raises(OutputError, match="save as a folder"):
        LayerStack(size=(300_001, 1)).save(tmp_path / "x.psb")


def test_layers_farther_out_than_the_format_can_say_are_refused(tmp_path: Path) -> None:
    for offset in ((2**31 - 6, 0), (0, -(2**31) - 1)):
        stack = LayerStack(size=(9, 9), layers=(solid((1, 2, 3, 255), name="far", offset=offset),))
        with pytest.raises(OutputError, match=r"layer 'far' lies at .*farther out than a PSD can say; move it nearer"):
            save_psd(stack, tmp_path / "x.psd")
    edge = solid((1, 2, 3, 255), offset=(2**31 - 7, -(2**31)))
    save_psd(LayerStack(size=(9, 9), layers=(edge,)), tmp_path / "x.psd")
    assert next(load(tmp_path / "x.psd").walk()).offset == edge.offset


def test_a_document_without_layers(tmp_path: Path) -> None:
    PSDImage.frompil(Image.new("RGB", (5, 4), (10, 20, 30))).save(tmp_path / "flat.psd")
    stack = load(tmp_path / "flat.psd")
    assert [layer.name for layer in stack.walk()] == ["Background"]
    assert flatten(stack)[0, 0].tolist() == [10, 20, 30, 255]


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_other_colour_modes(mode: str, tmp_path: Path) -> None:
    document = PSDImage.new(mode, (8, 8))
    document.create_pixel_layer(Image.new("RGB", (4, 4), (200, 200, 200)), name="grey", top=2, left=3)
    document.save(tmp_path / "x.psd")
    layer = load(tmp_path / "x.psd").layers[0]
    assert layer.offset == (3, 2)  # type: ignore[union-attr]
    assert np.abs(layer.pixels[0, 0].astype(int) - (200, 200, 200, 255)).max() <= 2  # type: ignore[union-attr]


def test_cmyk_keeps_transparency(tmp_path: Path) -> None:
    document = PSDImage.new("CMYK", (8, 8))
    layer = document.create_pixel_layer(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), name="red")
    index = next(i for i, info in enumerate(layer._record.channel_info) if info.id == ChannelID.TRANSPARENCY_MASK)
    layer._channels[index].set_data(bytes([0, 255, 100, 255] * 4), 4, 4, 8)
    document.save(tmp_path / "x.psd")
    pixels = load(tmp_path / "x.psd").layers[0].pixels  # type: ignore[union-attr]
    assert pixels[0, :, 3].tolist() == [0, 255, 100, 255]
    assert np.abs(pixels[0, 1, :3].astype(int) - (255, 0, 0)).max() <= 2


def test_masks_are_applied(tmp_path: Path) -> None:
    document = PSDImage.new("RGBA", (10, 10))
    layer = document.create_pixel_layer(Image.new("RGBA", (10, 10), (255, 0, 0, 255)), name="masked", opacity=128)
    mask = Image.new("L", (10, 10), 0)
    mask.paste(255, (0, 0, 5, 10))
    layer.create_mask(mask, top=0, left=0)
    document.save(tmp_path / "x.psd")
    back = load(tmp_path / "x.psd")
    assert back.layers[0].opacity == 128 / 255
    assert flatten(back)[0, 0].tolist() == [255, 0, 0, 128]
    assert flatten(back)[0, 9, 3] == 0


def test_clipped_layers_are_merged_with_a_warning(tmp_path: Path) -> None:
    document = PSDImage.new("RGBA", (10, 10))
    document.create_pixel_layer(Image.new("RGBA", (5, 10), (255, 0, 0, 255)), name="base")
    clipped = document.create_pixel_layer(Image.new("RGBA", (10, 5), (0, 0, 255, 255)), name="clip")
    clipped.clipping = True
    document.save(tmp_path / "x.psd")
    with pytest.warns(LayerizeWarning, match="'base': the layers clipped to it were merged into it"):
        stack = load(tmp_path / "x.psd")
    assert len(stack) == 1
    flat = flatten(stack)
    assert flat[0, 0].tolist() == [0, 0, 255, 255]
    assert flat[9, 0].tolist() == [255, 0, 0, 255]
    assert flat[0, 9, 3] == 0


def test_foreign_blend_modes_are_replaced_with_a_warning(tmp_path: Path) -> None:
    document = PSDImage.new("RGBA", (4, 4))
    document.create_pixel_layer(Image.new("RGBA", (4, 4)), name="add", blend_mode=BlendMode.LINEAR_DODGE)
    document.save(tmp_path / "x.psd")
    with pytest.warns(LayerizeWarning, match="'add': the blend mode linear-dodge was replaced by screen"):
        assert load(tmp_path / "x.psd").layers[0].blend == "screen"


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LayerStack(size=(40, 30), layers=(solid((1, 2, 3, 255), (80, 60)),) * 2).save(tmp_path / "x.psd")
    with pytest.raises(LimitError, match=r"x\.psd: 40x30 pixels .*raise --max-pixels"):
        load(tmp_path / "x.psd", max_pixels=1199)
    with pytest.raises(LimitError, match="a layer: 80x60 pixels"):
        load(tmp_path / "x.psd", max_pixels=1200)
    monkeypatch.setattr("layerize.formats.psd_read.STACK_BUDGET", 1)
    with pytest.raises(LimitError, match=r"more than 1 times 0\.005 megapixels together"):
        load(tmp_path / "x.psd", max_pixels=5000)


@pytest.mark.parametrize(
    ("data", "message"), [(b"", "is empty"), (b"hello", "is not a PSD"), (b"8BPS\0\1", "is not a PSD")]
)
def test_no_psd(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.psd").write_bytes(data)
    with pytest.raises(InputError, match=message):
        load(tmp_path / "x.psd")


@pytest.fixture(scope="module")
def document() -> bytes:
    import io

    path = io.BytesIO()
    psd = PSDImage.new("RGBA", (20, 10))
    psd.create_group(name="g").create_pixel_layer(Image.new("RGBA", (9, 9), (1, 2, 3, 4)), name="a")
    psd.create_pixel_layer(Image.new("RGBA", (9, 9), (200, 2, 3, 255)), name="b")
    psd.save(path)
    return path.getvalue()


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_damaged_files_never_raise_anything_else(
    document: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(document)
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=3)):
        content[position] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    path = tmp_path_factory.mktemp("fuzz") / "x.psd"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            stack = load(path, max_pixels=100_000)
        except LayerizeError:
            return
    assert stack.size[0] * stack.size[1] <= 100_000


def test_what_psd_tools_skips_is_one_warning_and_not_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    save_psd(LayerStack(size=(6, 6), layers=(solid((255, 0, 0, 255), name="red"),)), tmp_path / "x.psd")
    data = (tmp_path / "x.psd").read_bytes()
    (tmp_path / "x.psd").write_bytes(data.replace(b"8BIMluni", b"8BIXluni"))
    with pytest.warns(LayerizeWarning, match=r"x\.psd: parts of the PSD are damaged and were skipped") as caught:
        load(tmp_path / "x.psd")
    assert len(caught) == 1
    assert caplog.records == []
    assert capsys.readouterr().err == ""


def test_save_is_quick(tmp_path: Path) -> None:
    import time

    rng = np.random.default_rng(0)
    layers = [
        Layer(pixels=np.kron(rng.integers(0, 256, (60, 60, 4), np.uint8), np.ones((10, 10, 1), np.uint8)))
        for _ in range(5)
    ]
    start = time.perf_counter()
    save_psd(LayerStack(size=(600, 600), layers=tuple(layers)), tmp_path / "x.psd")
    assert time.perf_counter() - start < 2  # measured 0.1 s; psd-tools' own preview takes 2 s more
