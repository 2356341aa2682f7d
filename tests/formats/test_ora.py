"""OpenRaster: round trips, what pyora makes of our files, files of other programs, refusals."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyora import Project
from stack_strategies import BLENDS, names, same, stacks

from layerize.errors import InputError, LayerizeError, LayerizeWarning, LimitError
from layerize.formats import load
from layerize.stack import Group, Layer, LayerStack, flatten


def solid(rgba: tuple[int, ...], size: tuple[int, int] = (6, 6), **fields: object) -> Layer:
    return Layer(pixels=np.full((size[1], size[0], 4), rgba, np.uint8), **fields)  # type: ignore[arg-type]


def sample() -> LayerStack:
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 256, (24, 32, 4), np.uint8)
    group = Group(
        layers=(solid((200, 40, 10, 255), offset=(-3, 5), name="a"), solid((0, 90, 200, 128), offset=(2, 3), name="b")),
        name="Gruppe",
        blend="multiply",
        opacity=0.5,
    )
    background = Layer(pixels=pixels, name='<Background> & "more"', text={"content": "日本"})
    return LayerStack(size=(32, 24), layers=(background, group), metadata={"caption": "ein Bild", "n": [1, 2]})


def quiet_save(stack: LayerStack, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerizeWarning)
        stack.save(path)


def repacked(source: Path, target: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """A copy of an archive with one member changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, change(old.read(member)) if member == name else old.read(member))
    return target


@settings(max_examples=40, deadline=None)
@given(stacks())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, stack: LayerStack) -> None:
    path = tmp_path_factory.mktemp("ora") / "x.ora"
    quiet_save(stack, path)
    back = load(path)
    assert all(same(a, b) for a, b in zip(back.layers, stack.layers, strict=True))
    assert np.array_equal(flatten(back), flatten(stack))


@settings(max_examples=20, deadline=None)
@given(names)
def test_names_and_metadata(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = tmp_path_factory.mktemp("ora") / "x.ora"
    stack = replace(sample(), metadata={"caption": name, "model": {"name": name}})
    quiet_save(stack.rename(0, name + "\n\t\"<&>'"), path)
    back = load(path)
    assert back.metadata == stack.metadata
    assert back.layers[0].name == name + "\n\t\"<&>'"
    assert next(back.walk()).text == {"content": "日本"}


def test_three_hundred_layers(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    layers = tuple(
        Layer(pixels=rng.integers(0, 256, (1, 1, 4), np.uint8), offset=(n % 20, n // 20), name=str(n))
        for n in range(300)
    )
    stack = LayerStack(size=(20, 15), layers=layers)
    stack.save(tmp_path / "x.ora")
    back = load(tmp_path / "x.ora")
    assert all(map(same, back.layers, stack.layers))


def test_the_file_is_laid_out_as_the_specification_says(tmp_path: Path) -> None:
    sample().save(tmp_path / "x.ora")
    data = (tmp_path / "x.ora").read_bytes()
    assert data[30:54] == b"mimetypeimage/openraster"  # stored, first, no extra field: `file` knows it by this
    assert struct.unpack("<H", data[8:10])[0] == 0
    with zipfile.ZipFile(tmp_path / "x.ora") as archive:
        merged = Image.open(io.BytesIO(archive.read("mergedimage.png"))).convert("RGBA")
        assert np.array_equal(np.asarray(merged), flatten(sample()))
        root = ElementTree.fromstring(archive.read("stack.xml"))
        assert Image.open(io.BytesIO(archive.read("Thumbnails/thumbnail.png"))).size == (32, 24)
    assert (root.attrib["w"], root.attrib["h"], root.attrib["version"]) == ("32", "24", "0.0.6")
    top, bottom = root.findall("stack/*")  # top first
    assert (top.tag, top.attrib["isolation"], top.attrib["composite-op"]) == ("stack", "isolate", "svg:multiply")
    assert (bottom.tag, bottom.attrib["x"], bottom.attrib["visibility"]) == ("layer", "0", "visible")


def test_the_thumbnail_is_at_most_256_pixels(tmp_path: Path) -> None:
    pixels = np.zeros((3, 1000, 4), np.uint8)
    pixels[:, :500] = (255, 0, 0, 255)
    LayerStack(size=(1000, 3), layers=(Layer(pixels=pixels),)).save(tmp_path / "x.ora")
    with zipfile.ZipFile(tmp_path / "x.ora") as archive:
        small = np.asarray(Image.open(io.BytesIO(archive.read("Thumbnails/thumbnail.png"))))
    assert small.shape == (1, 256, 4)
    assert small[0, 10].tolist() == [255, 0, 0, 255]
    assert small[0, 200].tolist() == [0, 0, 0, 0]


def test_pyora_reads_the_same(tmp_path: Path) -> None:
    stack = sample().hide("b")
    stack.save(tmp_path / "x.ora")
    project = Project.load(str(tmp_path / "x.ora"))
    assert project.dimensions == (32, 24)
    found = {layer.name: layer for layer in project.children_recursive}
    assert set(found) == {'<Background> & "more"', "Gruppe", "a", "b"}
    assert found["a"].offsets == (-3, 5)
    assert found["b"].hidden
    assert not found["a"].hidden
    group = found["Gruppe"]
    assert (group.opacity, group.composite_op, group.isolated) == (0.5, "svg:multiply", True)
    pixels = found['<Background> & "more"'].get_image_data(raw=True)
    assert np.array_equal(np.asarray(pixels.convert("RGBA")), next(stack.walk()).pixels)


@pytest.mark.parametrize("blend", [blend for blend in BLENDS if blend not in ("exclusion", "soft-light")])
def test_pyora_renders_the_same(blend: str, tmp_path: Path) -> None:
    """Its own renderer over our layers, on an opaque ground. Its soft light is not W3C's, and exclusion it lacks."""
    rng = np.random.default_rng(2)
    bottom, top = rng.integers(0, 256, (2, 8, 8, 4), np.uint8)
    bottom[..., 3] = 255
    stack = LayerStack(size=(8, 8), layers=(Layer(pixels=bottom), Layer(pixels=top, blend=blend, opacity=0.7)))  # type: ignore[arg-type]
    stack.save(tmp_path / "x.ora")
    theirs = np.asarray(Project.load(str(tmp_path / "x.ora")).get_image_data(use_original=False).convert("RGBA"))
    difference = np.abs(theirs.astype(int) - flatten(stack))
    assert difference.max() <= 2, f"{blend}: max {difference.max()}, mean {difference.mean():.3f}"


def test_what_only_layerize_reads_back_is_told_once(tmp_path: Path) -> None:
    group = Group(layers=(solid((1, 2, 3, 255), blend="exclusion"),), opacity=0.5)
    with pytest.warns(LayerizeWarning, match="exclusion .* and opacity of pass-through groups") as told:
        LayerStack(size=(6, 6), layers=(group, group.layers[0])).save(tmp_path / "x.ora")
    assert len(told) == 1


def test_control_characters_in_names_are_replaced(tmp_path: Path) -> None:
    with pytest.warns(LayerizeWarning, match="characters that XML cannot hold"):
        LayerStack(size=(6, 6), layers=(solid((1, 2, 3, 4), name="a\0b\x1f"),)).save(tmp_path / "x.ora")
    assert load(tmp_path / "x.ora").layers[0].name == "a\ufffdb\ufffd"


def foreign(path: Path, stack_xml: str, mimetype: bytes = b"image/openraster") -> Path:
    """A minimal file as another program may write it."""
    picture = io.BytesIO()
    Image.new("RGB", (2, 2), (10, 20, 30)).save(picture, "PNG")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", mimetype)
        archive.writestr("stack.xml", stack_xml)
        archive.writestr("data/a.png", picture.getvalue())
    return path


def test_files_of_other_programs(tmp_path: Path) -> None:
    xml = """<image w="4" h="3"><stack x="1" y="0">
      <stack x="1" name="faded" opacity="0.5"><layer src="data/a.png" x="-1"/></stack>
      <stack name="through"><layer src="data/a.png" composite-op="krita:exclusion"/></stack>
      <stack name="alone" isolation="isolate"/>
      <layer src="data/a.png" name="add" composite-op="svg:plus" opacity="7"/>
      <text name="words"/></stack></image>"""
    with pytest.warns(LayerizeWarning) as told:
        stack = load(foreign(tmp_path / "x.ora", xml))
    messages = [str(warning.message) for warning in told]
    assert ["<text> elements are not supported" in messages[0], "svg:plus was replaced by screen" in messages[1]] == [
        True
    ] * 2
    add, alone, through, faded = stack.layers
    assert (add.blend, add.opacity, next(stack.walk()).offset) == ("screen", 1, (1, 0))
    assert (alone.blend, through.blend, faded.blend) == ("normal", "pass-through", "normal")
    assert [layer.offset for layer in stack.walk()] == [(1, 0), (1, 0), (1, 0)]
    assert len({layer.id for layer in stack.walk()}) == 3


def test_the_farthest_offsets(tmp_path: Path) -> None:
    layer = Layer(pixels=np.full((3, 3, 4), 200, np.uint8), offset=(2**31 - 9, -(2**31)))
    LayerStack(size=(6, 6), layers=(layer,)).save(tmp_path / "x.ora")
    assert next(load(tmp_path / "x.ora").walk()).offset == layer.offset


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (
            '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><image w="4" h="3"><stack name="&b;"/></image>',
            "DOCTYPE",
        ),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><image w="4" h="3"><stack/></image>', "DOCTYPE"),
        ("<image", "broken XML"),
        ("<html/>", "no <image> with a <stack>"),
        ('<image w="4" h="3"/>', "no <image> with a <stack>"),
        ('<image w="0" h="3"><stack/></image>', "both sides must be at least 1"),
        ('<image w="inf" h="3"><stack/></image>', "w='inf' is not a number"),
        ('<image w="99999" h="99999"><stack/></image>', "the limit is 64 megapixels"),
        ('<image w="4" h="3"><stack><layer name="a"/></stack></image>', "names no picture"),
        ('<image w="4" h="3"><stack><layer src="../../etc/passwd"/></stack></image>', "is missing from the ZIP"),
        ('<image w="4" h="3"><stack><layer src="stack.xml"/></stack></image>', "not a picture"),
        ("<image w='4' h='3'><stack>" + "<stack>" * 5000 + "</stack>" * 5000 + "</stack></image>", "levels"),
        (
            '<image w="4" h="3" xmlns:l="urn:layerize:1" l:metadata="["><stack/></image>',
            "broken JSON in layerize:metadata",
        ),
        ('<image w="4" h="3" xmlns:l="urn:layerize:1" l:metadata="[]"><stack/></image>', "no JSON object"),
    ],
)
def test_bad_stack_xml(xml: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load(foreign(tmp_path / "x.ora", xml))


def test_other_archives(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its mimetype is not image/openraster"):
        load(foreign(tmp_path / "x.ora", "<image/>", mimetype=b"application/epub+zip"))
    (tmp_path / "x.ora").write_bytes(b"hello")
    with pytest.raises(InputError, match="the ZIP is damaged"):
        load(tmp_path / "x.ora")


def test_bombs_and_climbing_paths(tmp_path: Path) -> None:
    sample().save(tmp_path / "x.ora")
    bomb = repacked(tmp_path / "x.ora", tmp_path / "y.ora", "data/layer000.png", lambda _: bytes(30_000_000))
    with pytest.raises(LimitError, match="refused as a bomb"):
        load(bomb)
    with zipfile.ZipFile(tmp_path / "x.ora", "a") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = "../evil"
        archive.writestr(info, b"x")
    with pytest.raises(InputError, match="the ZIP is refused"):
        load(tmp_path / "x.ora")


def test_all_layers_together_have_a_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LayerStack(size=(6, 6), layers=(solid((1, 2, 3, 4)),) * 3).save(tmp_path / "x.ora")
    monkeypatch.setattr("layerize.formats.budget.STACK_BUDGET", 2)
    with pytest.raises(LimitError, match="more than 2 times"):
        load(tmp_path / "x.ora", max_pixels=36)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_never_raise_anything_else(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    sample().save(folder / "x.ora")
    name = data.draw(st.sampled_from(["stack.xml", "data/layer000.png", "mimetype"]))

    def damage(content: bytes) -> bytes:
        changed = bytearray(content)
        for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
            changed[position] = data.draw(st.integers(0, 255))
        return bytes(changed)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            load(repacked(folder / "x.ora", folder / "y.ora", name, damage), max_pixels=10_000)
        except LayerizeError:
            return
