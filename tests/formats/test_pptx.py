"""PowerPoint: what python-pptx reads of our files, warnings, and LibreOffice's picture where it is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image
from pptx import Presentation
from stack_strategies import names, stacks

from layerize.errors import InputError, LayerizeWarning, MissingExtraError
from layerize.formats import load
from layerize.formats.pptx import EMU_PER_PIXEL, MAX_SIDE, MIN_SIDE
from layerize.stack import Group, Layer, LayerStack, flatten

PIXEL = EMU_PER_PIXEL


def solid(rgba: tuple[int, ...], size: tuple[int, int] = (6, 6), **fields: object) -> Layer:
    return Layer(pixels=np.full((size[1], size[0], 4), rgba, np.uint8), **fields)  # type: ignore[arg-type]


def shapes(path: Path) -> list[Any]:
    (slide,) = Presentation(str(path)).slides
    return list(slide.shapes)


def pictures(found: list[Any]) -> list[Any]:
    return [leaf for shape in found for leaf in (pictures(shape.shapes) if hasattr(shape, "shapes") else [shape])]


def pixels_of(picture: Any) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.image.blob)).convert("RGBA"))


def alt(shape: Any) -> str:
    return str(shape._element.xpath("./*/p:cNvPr")[0].get("descr"))


def test_positions_pixels_and_names(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    background = rng.integers(1, 256, (120, 200, 4), np.uint8)
    inked = np.zeros((50, 60, 4), np.uint8)
    inked[10:20, 5:35] = (200, 30, 40, 255)
    words = solid((0, 0, 0, 200), (7, 3), name="Headline", offset=(-4, 110), opacity=0.5, text={"content": "Sale 日本"})
    stack = LayerStack(
        size=(200, 120), layers=(Layer(pixels=background, name="Ground"), Layer(pixels=inked, offset=(100, 60)), words)
    )
    stack.save(tmp_path / "x.pptx")
    document = Presentation(str(tmp_path / "x.pptx"))
    assert (document.slide_width, document.slide_height) == (200 * PIXEL, 120 * PIXEL)
    ground, box, headline = shapes(tmp_path / "x.pptx")
    assert [shape.name for shape in (ground, box, headline)] == ["Ground", "Layer", "Headline"]
    assert [alt(shape) for shape in (ground, headline)] == ["Ground", "Sale 日本"]
    assert np.array_equal(pixels_of(ground), background)
    places = (box.left, box.top, box.width, box.height)
    assert places == (105 * PIXEL, 70 * PIXEL, 30 * PIXEL, 10 * PIXEL)
    assert np.array_equal(pixels_of(box), inked[10:20, 5:35])
    assert (headline.left, headline.top) == (-4 * PIXEL, 110 * PIXEL)
    assert pixels_of(headline)[0, 0].tolist() == [0, 0, 0, 100]


def rebuilt(path: Path, size: tuple[int, int]) -> np.ndarray:
    """The slide's pictures laid one over another by Pillow."""
    canvas = Image.new("RGBA", size)
    for picture in pictures(shapes(path)):
        layer = Image.new("RGBA", size)
        layer.paste(Image.fromarray(pixels_of(picture)), (picture.left // PIXEL, picture.top // PIXEL))
        canvas = Image.alpha_composite(canvas, layer)
    return np.asarray(canvas)


def test_nested_groups_stay_and_the_pictures_make_our_composite(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    inner = Group(layers=(solid((9, 9, 9, 255), offset=(3, 4), name="deep"),), name="Inner", opacity=0.5)
    group = Group(
        layers=(solid((200, 0, 0, 100), offset=(50, 60)), inner, Group(layers=(), name="Empty")), name="Outer"
    )
    ground = Layer(pixels=rng.integers(0, 256, (100, 110, 4), np.uint8))
    stack = LayerStack(size=(110, 100), layers=(ground, group))
    stack.save(tmp_path / "x.pptx")
    outer = shapes(tmp_path / "x.pptx")[1]
    assert (outer.name, [shape.name for shape in outer.shapes]) == ("Outer", ["Layer", "Inner"])
    (deep,) = outer.shapes[1].shapes
    assert (deep.name, deep.left, deep.top) == ("deep", 3 * PIXEL, 4 * PIXEL)
    difference = np.abs(rebuilt(tmp_path / "x.pptx", (110, 100)).astype(int) - flatten(stack))
    seen = difference * (flatten(stack)[..., 3:] / 255)
    assert seen.max() <= 2, f"max {seen.max()}, mean {seen.mean():.3f}"


def test_a_group_outline_holds_its_members(tmp_path: Path) -> None:
    members = (solid((1, 2, 3, 255), offset=(10, 20)), solid((1, 2, 3, 255), (30, 5), offset=(40, 60)))
    LayerStack(size=(100, 100), layers=(Group(layers=members),)).save(tmp_path / "x.pptx")
    (group,) = shapes(tmp_path / "x.pptx")
    assert (group.left, group.top, group.width, group.height) == tuple(n * PIXEL for n in (10, 20, 60, 45))


def test_what_powerpoint_cannot_hold_is_told_once(tmp_path: Path) -> None:
    group = Group(layers=(solid((1, 2, 3, 255), blend="multiply"), solid((4, 5, 6, 255), blend="screen")), opacity=0.5)
    hidden = Group(layers=(solid((7, 8, 9, 255)),) * 2, visible=False)
    with pytest.warns(LayerizeWarning) as told:
        LayerStack(size=(100, 100), layers=(group, hidden, solid((1, 1, 1, 1), visible=False))).save(
            tmp_path / "x.pptx"
        )
    assert [str(warning.message) for warning in told] == [
        "PowerPoint cannot hold 3 hidden layers (left out), blend modes (shown as normal) and opacity of groups "
        "(given to each member)."
    ]
    assert len(pictures(shapes(tmp_path / "x.pptx"))) == 2


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((10752, 5376), (MAX_SIDE, MAX_SIDE // 2)),
        ((48, 96), (MIN_SIDE, 2 * MIN_SIDE)),
        ((1, 10752), (MIN_SIDE, MAX_SIDE)),
    ],
)
def test_sizes_beyond_powerpoint_are_scaled(size: tuple[int, int], expected: tuple[int, int], tmp_path: Path) -> None:
    layer = solid((1, 2, 3, 255), (1, 8), offset=(0, 40))
    with pytest.warns(LayerizeWarning, match="1 to 56 inches"):
        LayerStack(size=size, layers=(layer,)).save(tmp_path / "x.pptx")
    document = Presentation(str(tmp_path / "x.pptx"))
    assert (document.slide_width, document.slide_height) == expected
    (picture,) = shapes(tmp_path / "x.pptx")
    assert picture.top == round(40 * expected[1] / size[1])


@settings(max_examples=15, deadline=None)
@given(stacks())
def test_any_stack_can_be_written(tmp_path_factory: pytest.TempPathFactory, stack: LayerStack) -> None:
    path = tmp_path_factory.mktemp("pptx") / "x.pptx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerizeWarning)
        stack.save(path)
    visible = [layer for layer in stack.walk() if layer.pixels[..., 3].any()]
    assert len(pictures(shapes(path))) <= len(visible)


@settings(max_examples=15, deadline=None)
@given(names)
def test_names_in_any_script(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = tmp_path_factory.mktemp("pptx") / "x.pptx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerizeWarning)
        LayerStack(size=(96, 96), layers=(solid((1, 2, 3, 255), name=name),)).save(path)
    (picture,) = shapes(path)
    assert picture.name == name or "\ufffd" in picture.name


def test_it_cannot_be_read(tmp_path: Path) -> None:
    LayerStack(size=(96, 96)).save(tmp_path / "x.pptx")
    assert shapes(tmp_path / "x.pptx") == []
    with pytest.raises(InputError, match=r"x\.pptx: PowerPoint can only be written"):
        load(tmp_path / "x.pptx")


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pptx", None)
    with pytest.raises(
        MissingExtraError, match=r"PowerPoint files needs the package python-pptx.*layerize\[exchange\]"
    ):
        LayerStack(size=(96, 96)).save(tmp_path / "x.pptx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    shutil.which("soffice") is None, reason="LibreOffice (Debian: libreoffice-impress) is not installed"
)
def test_libreoffice_draws_our_composite(tmp_path: Path) -> None:
    x, y = np.meshgrid(np.linspace(0, 255, 480), np.linspace(0, 255, 320))
    ground = np.stack([x, y, 255 - x, np.full_like(x, 255)], axis=2).astype(np.uint8)
    layers = (
        Layer(pixels=ground),
        solid((220, 40, 40, 255), (120, 90), offset=(60, 50)),
        solid((0, 0, 0, 128), (200, 60), offset=(200, 200)),
    )
    stack = LayerStack(size=(480, 320), layers=layers)
    stack.save(tmp_path / "x.pptx")
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "png",
        "--outdir",
        str(tmp_path),
        str(tmp_path / "x.pptx"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    theirs = Image.open(tmp_path / "x.png").convert("RGB").resize((480, 320), Image.Resampling.BOX)
    difference = np.abs(np.asarray(theirs).astype(int) - flatten(stack)[..., :3])
    assert difference.mean() < 2, f"mean {difference.mean():.3f}, max {difference.max()}"
