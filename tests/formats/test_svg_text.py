"""Live text in SVG: resvg draws it as the picture looked, and layerize reads back the picture."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

from layerize.formats import load, save
from layerize.stack import Group, Layer, LayerStack, flatten

sys.path.insert(0, str(Path(__file__).parent.parent / "text"))
from type_scenes import FACES, SLAB, described, poster


def drawn(path: Path) -> np.ndarray:
    files = [str(face.file) for face in FACES]
    data = resvg_py.svg_to_bytes(svg_string=path.read_text(encoding="utf-8"), skip_system_fonts=True, font_files=files)
    return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGBA"))


def test_text_looks_like_its_picture(tmp_path: Path) -> None:
    stack = LayerStack(
        size=(700, 400),
        layers=(
            poster().layers[0],
            described(SLAB, "Every Friday night\nin the old harbour", size=40, at=(350, 90), alignment="center"),
            described(SLAB, "Slanted", size=50, at=(60, 300), angle=-12),
            described(SLAB, "Outlined", size=60, at=(380, 330), fill=(250, 220, 60), outline=(20, 20, 80)),
        ),
    )
    save(stack, tmp_path / "x.svg", live_text="replace")
    away = np.abs(drawn(tmp_path / "x.svg").astype(int) - flatten(stack))
    ink = np.abs(flatten(stack).astype(int) - flatten(stack.with_layers(stack.layers[:1]))).max(axis=2) > 60
    assert (away.max(axis=2)[ink] > 80).mean() < 0.05
    assert away.mean() < 0.6


def test_the_exact_picture_comes_back(tmp_path: Path) -> None:
    stack = poster()
    hidden = replace(stack.layers[3], visible=False)
    stack = stack.with_layers((*stack.layers[:2], Group(layers=(stack.layers[2], hidden), name="G")))
    save(stack, tmp_path / "x.svg", live_text="replace")
    text = (tmp_path / "x.svg").read_text(encoding="utf-8")
    assert text.count("<text ") == 2
    back = load(tmp_path / "x.svg")
    for one, other in zip(stack.walk(), back.walk(), strict=True):
        assert isinstance(other, Layer)
        assert (one.name, one.visible, one.text) == (other.name, other.visible, other.text)
    assert np.array_equal(flatten(stack), flatten(back))


def test_pictures_by_default(tmp_path: Path) -> None:
    save(poster(), tmp_path / "x.svg")
    assert "<text " not in (tmp_path / "x.svg").read_text(encoding="utf-8")
