"""Live text in PowerPoint: boxes where the letters lay, and pictures wherever that is not sure."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pptx import Presentation

from layerize.errors import LayerizeWarning, UsageError
from layerize.formats import save
from layerize.formats.live_text import as_mode, placed_text
from layerize.formats.pptx import EMU_PER_PIXEL
from layerize.stack import Group, Layer, LayerStack

sys.path.insert(0, str(Path(__file__).parent.parent / "text"))
from type_scenes import SLAB, described, poster


def shapes(path: Path) -> list[Any]:
    (slide,) = Presentation(str(path)).slides
    return list(slide.shapes)


def run_of(shape: Any) -> Any:
    return shape.text_frame.paragraphs[0].runs[0]


def test_boxes_in_place_of_pictures(tmp_path: Path) -> None:
    save(poster(), tmp_path / "x.pptx")
    ground, headline, paragraph, slanted = shapes(tmp_path / "x.pptx")
    assert ground.shape_type != headline.shape_type
    assert headline.text_frame.text == "Summer Festival"
    assert paragraph.text_frame.text == "Every Friday night\nin the old harbour"
    font = run_of(headline).font
    assert (font.name, font.bold, font.italic) == ("Roboto Black", False, False)
    assert font.size.pt == pytest.approx(56 * 0.75, rel=0.02)
    assert str(font.color.rgb) == "B41E3C"
    assert run_of(paragraph).font.bold is True
    assert slanted.rotation == pytest.approx(350, abs=0.3)
    body = headline.text_frame._txBody.bodyPr
    assert {body.get(side) for side in ("lIns", "tIns", "rIns", "bIns")} == {"0"}
    assert headline.text_frame.word_wrap is False
    assert paragraph.text_frame.paragraphs[1].line_spacing == pytest.approx(36 / (1.319 * 30), rel=0.03)


def test_a_box_lies_around_its_letters(tmp_path: Path) -> None:
    stack = poster()
    save(stack, tmp_path / "x.pptx")
    for layer, shape in zip(stack.walk(), shapes(tmp_path / "x.pptx"), strict=True):
        text = placed_text(layer)
        if text is None:
            continue
        middle = np.array([shape.left + shape.width / 2, shape.top + shape.height / 2]) / EMU_PER_PIXEL
        x, y = layer.offset
        ink = np.array([x + layer.size[0] / 2, y + layer.size[1] / 2])
        assert np.abs(middle - ink).max() < 0.35 * text.size
        assert shape.width / EMU_PER_PIXEL == pytest.approx(max(line.advance or 0 for line in text.lines), abs=0.1)


def test_over_hidden_pictures_and_off(tmp_path: Path) -> None:
    stack = poster()
    save(stack, tmp_path / "x.pptx", live_text="over")
    found = shapes(tmp_path / "x.pptx")
    assert len(found) == 7
    hidden = [shape._element.xpath("./*/p:cNvPr")[0].get("hidden") for shape in found]
    assert hidden == [None, "1", None, "1", None, "1", None]
    save(stack, tmp_path / "x.pptx", live_text="off")
    assert all(shape.shape_type == shapes(tmp_path / "x.pptx")[0].shape_type for shape in shapes(tmp_path / "x.pptx"))


def test_what_is_not_sure_stays_a_picture(tmp_path: Path) -> None:
    layer = poster().layers[1]
    assert isinstance(layer, Layer)
    assert layer.text is not None
    unsure = (
        replace(layer, text={**layer.text, "font": None}),
        replace(layer, text={**layer.text, "flat": False}),
        replace(layer, text={"content": "Summer Festival"}),
        replace(layer, blend="multiply"),
        replace(layer, pixels=np.ascontiguousarray(layer.pixels[:, ::-1])),
    )
    for changed in unsure:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LayerizeWarning)  # of the blend mode
            save(LayerStack(size=(700, 400), layers=(changed,)), tmp_path / "x.pptx", live_text="replace")
        (shape,) = shapes(tmp_path / "x.pptx")
        assert not shape.has_text_frame


def test_outlines_spacing_and_opacity(tmp_path: Path) -> None:
    look = {"size": 60, "fill": (250, 220, 60), "outline": (20, 20, 80)}
    layer = replace(described(SLAB, "Big outline", **look), opacity=0.5)
    spaced = described(SLAB, "Tracked words", size=40, spacing=6)
    stack = LayerStack(size=(400, 200), layers=(Group(layers=(layer, spaced), opacity=0.5),))
    with pytest.warns(LayerizeWarning, match="opacity of groups"):
        save(stack, tmp_path / "x.pptx")
    (group,) = shapes(tmp_path / "x.pptx")
    outlined, wide = (run_of(shape)._r.rPr for shape in group.shapes)
    assert int(outlined.xpath("a:ln")[0].get("w")) == pytest.approx(2 * 3 * EMU_PER_PIXEL, rel=0.3)
    assert outlined.xpath("a:solidFill/a:srgbClr/a:alpha")[0].get("val") == "25000"
    assert int(wide.get("spc")) == pytest.approx(6 * 75, rel=0.1)


def test_modes(tmp_path: Path) -> None:
    assert as_mode("over") == "over"
    with pytest.raises(UsageError, match="replace, over, off"):
        as_mode("maybe")
    with pytest.raises(UsageError, match=r"\.pptx and \.svg"):
        save(poster(), tmp_path / "x.ora", live_text="over")
    assert not (tmp_path / "x.ora").exists()
