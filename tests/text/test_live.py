"""What a manifest says of text layers, and that it goes stale when the layer no longer looks like it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from type_scenes import BLACK, FACES, SCRIPT, SLAB, described, poster, written

from layerize.errors import InputError
from layerize.formats import load, save
from layerize.formats.live_text import LiveText, parse_live_text, placed_text, same_shape, shape_hash
from layerize.stack import Layer, LayerStack
from layerize.text.live import describe, describe_all


def test_all_keys_of_a_matched_block() -> None:
    layer = described(SLAB, "Every Friday night\nin the old harbour", size=30, at=(350, 180), alignment="center")
    text = layer.text
    assert text is not None
    assert LiveText.model_validate(text).font is not None
    assert text["content"] == "Every Friday night\nin the old harbour"
    assert (text["font"]["name"], text["font"]["family"], text["font"]["file"]) == (
        SLAB,
        "Roboto Slab",
        "slab-bold.otf",
    )
    assert 0.85 < text["font"]["score"] <= 1
    assert (text["weight"], text["italic"], text["serif"], text["flat"]) == ("bold", False, True, True)
    assert text["size"] == pytest.approx(30, rel=0.02)
    first, second = (line["baseline"] for line in text["lines"])
    assert second[1] - first[1] == pytest.approx(36, abs=0.6)
    middles = [line["baseline"][0] + line["advance"] / 2 for line in text["lines"]]
    assert middles == pytest.approx([350, 350], abs=1)
    json.dumps(text, allow_nan=False)


def test_an_unknown_typeface_is_not_named_but_its_style_is() -> None:
    block, layer = written(SCRIPT, "hill milk till", size=48)
    text = describe(block, layer, faces=[found for found in FACES if found.name != SCRIPT])
    assert text["font"] is None
    assert text["italic"] is True
    assert "baseline" not in text["lines"][0]


def test_vertical_and_endless_text_is_not_matched() -> None:
    block, layer = written(BLACK, "Cafe")
    assert describe(replace(block, vertical=True), layer, faces=FACES)["font"] is None
    long = replace(block, lines=(replace(block.lines[0], content="x" * 500),))
    assert describe(long, layer, faces=FACES)["font"] is None
    assert describe_all([block], [layer], faces=FACES)[0]["font"]["name"] == BLACK


def test_a_gradient_is_not_flat_and_an_outline_is_measured() -> None:
    block, layer = written(BLACK, "Gradient", size=60)
    pixels = layer.pixels.copy()
    pixels[..., 0] = np.linspace(0, 255, pixels.shape[1]).astype(np.uint8)
    assert describe(block, replace(layer, pixels=pixels), faces=FACES)["flat"] is False
    outlined = described(SLAB, "Big outline", size=60, fill=(250, 220, 60), outline=(20, 20, 80))
    assert outlined.text is not None
    assert outlined.text["outline_width"] == pytest.approx(3, abs=0.8)


def test_moved_and_scaled_layers_take_their_text_along() -> None:
    stack = poster()
    before = placed_text(stack.find("See you there"))
    assert before is not None
    moved = placed_text(stack.move("See you there", dx=-40, dy=7).find("See you there"))
    assert moved is not None
    x, y = before.lines[0].baseline or (0, 0)
    assert moved.lines[0].baseline == pytest.approx((x - 40, y + 7), abs=0.2)
    assert moved.size == before.size
    larger = placed_text(stack.resize("See you there", scale=1.5).find("See you there"))
    assert larger is not None
    assert larger.size == pytest.approx(1.5 * before.size, rel=0.02)
    turned = placed_text(stack.rotate("See you there", 25).find("See you there"))
    assert turned is not None
    assert turned.angle == pytest.approx(before.angle + 25, abs=0.1)


def test_a_layer_that_something_else_moved_takes_its_text_along() -> None:
    layer = poster().find("See you there")
    assert isinstance(layer, Layer)
    before, after = placed_text(layer), placed_text(replace(layer, offset=(layer.offset[0] + 30, layer.offset[1])))
    assert before is not None
    assert after is not None
    assert after.level_baselines[0][0] == pytest.approx(before.level_baselines[0][0] + 30)


def test_stretched_letters_are_no_longer_those_of_their_typeface() -> None:
    stretched = poster().resize(1, size=(300, 200)).find(1)
    assert isinstance(stretched, Layer)
    assert (stretched.text or {})["font"] is None
    assert placed_text(stretched) is None


def test_turned_flipped_and_recoloured_layers_do_not() -> None:
    layer = poster().find("See you there")
    assert isinstance(layer, Layer)
    assert placed_text(replace(layer, pixels=np.ascontiguousarray(layer.pixels[:, ::-1]))) is None
    assert placed_text(replace(layer, pixels=np.ascontiguousarray(np.rot90(layer.pixels)))) is None
    green = layer.pixels.copy()
    green[..., :3] = (0, 160, 40)
    assert placed_text(replace(layer, pixels=green)) is None
    assert placed_text(replace(layer, pixels=np.zeros_like(layer.pixels))) is None


def test_texts_from_elsewhere_are_no_live_text_and_stay(tmp_path: Path) -> None:
    foreign = {"content": "Sale", "font": "Arial", "anything": [1, {"deep": None}]}
    assert parse_live_text(foreign) is None
    assert parse_live_text(None) is None
    layer = Layer(pixels=np.full((4, 4, 4), 255, np.uint8), text=foreign)
    save(LayerStack(size=(4, 4), layers=(layer,)), tmp_path / "x.layers")
    assert next(load(tmp_path / "x.layers").walk()).text == foreign


def test_a_damaged_description_is_refused_by_the_manifest(tmp_path: Path) -> None:
    save(poster(), tmp_path / "x.layers")
    manifest = tmp_path / "x.layers" / "manifest.json"
    data = json.loads(manifest.read_text(encoding="utf-8"))
    data["layers"][1]["text"]["size"] = "huge"
    manifest.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError, match="size"):
        load(tmp_path / "x.layers")


def test_a_saved_description_comes_back(tmp_path: Path) -> None:
    stack = poster()
    save(stack, tmp_path / "x.layers")
    for one, other in zip(stack.walk(), load(tmp_path / "x.layers").walk(), strict=True):
        assert one.text == other.text
        assert same_shape(shape_hash(one), shape_hash(other))
