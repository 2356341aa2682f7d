"""Reading with the real models: words, sizes, directions, and pictures that want to break it."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
import unicodedata

import cv2
import numpy as np
import pytest
from text_scenes import letters, opaque, over, worst

from layerize.errors import LayerizeWarning, MissingExtraError, UsageError
from layerize.splitter import split_text
from layerize.stack import Group, LayerStack, flatten
from layerize.text import mode, ocr, scan
from layerize.text.block import TextLine
from layerize.text.extract import lift_lines, lift_text
from layerize.text.trust import trusted


def page(content: str, size: float, canvas: tuple[int, int] = (480, 160)) -> np.ndarray:
    """Dark letters on a light ground, (H, W, 3)."""
    ground = np.full((canvas[1], canvas[0], 3), (240, 236, 220), np.float32)
    place = (20, canvas[1] / 2 + size / 3)
    return np.rint(over(ground, letters(content, size, place, canvas), (30, 40, 90))).astype(np.uint8)


def words(lines: list[TextLine]) -> list[str]:
    return " ".join(line.content for line in lines).split()


def test_words_are_read_with_polygon_and_confidence() -> None:
    [found] = ocr.read_lines(page("Summer Sale", 60))
    assert found.content == "Summer Sale"
    assert found.confidence > 0.9
    assert [word.content for word in found.words] == ["Summer", "Sale"]
    x0, y0, x1, y1 = found.box
    assert 5 < x0 < 30
    assert 300 < x1 < 400
    assert 30 < y0 < y1 < 130


def test_reading_is_quiet_and_uses_no_more_cores_than_asked(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert ocr._threads() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "nonsense")
    assert ocr._threads() >= 1
    ocr.read_lines(np.full((64, 64, 3), 255, np.uint8))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("RapidOCR").level >= logging.CRITICAL


def test_turned_text_keeps_its_polygon_and_angle() -> None:
    turned = np.ascontiguousarray(np.rot90(page("Summer Sale", 60), -1))
    result = lift_text(opaque(turned))
    [block] = result.blocks
    assert block.content == "Summer Sale"
    assert abs(block.angle) == pytest.approx(90, abs=3)
    tilted = cv2.warpAffine(
        page("Summer Sale", 48), cv2.getRotationMatrix2D((240, 80), -10, 1), (480, 160), borderMode=cv2.BORDER_REPLICATE
    )
    [block] = lift_text(opaque(np.asarray(tilted))).blocks
    assert block.angle == pytest.approx(10, abs=2)


def test_large_pictures_are_read_in_strips_and_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "LOOK_PIXELS", 120_000)
    canvas = (700, 620)
    picture = np.full((620, 700, 3), (250, 250, 250), np.float32)
    for content, size, y in (("HEADLINE", 90, 120), ("small print here", 14, 300), ("and at the end", 14, 580)):
        picture = over(picture, letters(content, size, (30, y), canvas), (20, 20, 20))
    found = trusted(scan.scan(np.rint(picture).astype(np.uint8)), canvas)
    assert sorted(words(found)) == sorted(["HEADLINE", "small", "print", "here", "and", "at", "the", "end"])
    [headline] = [line for line in found if line.content == "HEADLINE"]
    assert headline.box[3] - headline.box[1] == pytest.approx(75, rel=0.5)


@pytest.mark.parametrize("size", [(1, 1), (3, 300), (20, 20), (900, 20), (20, 600)])
def test_pictures_of_any_shape(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(size[0])
    picture = rng.integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    stack = split_text(picture)
    assert worst(picture, flatten(stack)) <= 1


def test_a_strip_20_px_high_gives_its_words() -> None:
    picture = page("Free entry tonight", 15, (220, 20))
    result = lift_text(opaque(picture))
    assert " ".join(block.content for block in result.blocks).split() == ["Free", "entry", "tonight"]


def test_a_picture_of_nothing_but_text_becomes_few_layers() -> None:
    canvas = (560, 420)
    picture = np.full((420, 560, 3), 255, np.float32)
    for row in range(16):
        picture = over(
            picture, letters(f"line {row} of a page full of words", 20, (20, 30 + 25 * row), canvas), (0,) * 3
        )
    result = lift_text(opaque(np.rint(picture).astype(np.uint8)))
    assert 1 <= len(result.layers) <= 4
    assert sum(len(block.lines) for block in result.blocks) == 16
    assert np.abs(result.clean_HW4[..., :3].astype(int) - 255).mean() < 0.3


def test_two_thousand_words_are_lifted_in_bounded_time_and_gathered() -> None:
    """The readings are given: reading 2,000 words takes the models about 20 s of one core."""
    rng = np.random.default_rng(0)
    picture = np.full((1000, 1000, 3), 255, np.uint8)
    lines = []
    for index in range(2000):
        x, y = 4 + index % 40 * 24.5, 4 + index // 40 * 19.5
        picture[round(y) + 3 : round(y) + 10, round(x) + 3 : round(x) + 15 : 2] = rng.integers(0, 120, 3)
        lines.append(
            TextLine(content="word", polygon=((x, y), (x + 18, y), (x + 18, y + 13), (x, y + 13)), confidence=1)
        )
    start = time.perf_counter()
    result = lift_lines(opaque(picture), lines[:300])
    assert time.perf_counter() - start < 30
    assert result.layers
    nodes = mode.on_top(result.layers, {"Background"})
    stack = LayerStack(size=(1000, 1000), layers=tuple(nodes))
    assert len(stack) == 1 or len(stack) <= mode.MOST_LOOSE


def test_scripts_that_the_models_do_not_read_stay_with_the_picture() -> None:
    """Marks like letters of no alphabet: whatever is read, the stack is the picture."""
    rng = np.random.default_rng(4)
    picture = np.full((160, 480, 3), 245, np.uint8)
    for x in range(20, 460, 34):
        points = rng.integers(0, 30, (6, 2)) + np.array([x, 60])
        cv2.polylines(picture, [points.astype(np.int32)], False, (30, 30, 30), 3, cv2.LINE_AA)
    stack = split_text(picture)
    assert worst(opaque(picture), flatten(stack)) <= 1


def test_a_column_of_characters_is_read_from_top_to_bottom() -> None:
    column = np.full((150, 44, 3), 255, np.float32)
    for row, content in enumerate("ABC"):
        column = over(column, letters(content, 40, (8, 40 + 48 * row), (44, 150)), (20, 20, 20))
    column = np.rint(column).astype(np.uint8)
    content, confidence = ocr.read_column(column)
    assert unicodedata.normalize("NFKC", content).replace(" ", "") == "ABC"
    assert confidence > 0.4
    [found] = ocr.read_lines(page("After", 50))  # the readers' steps are as they were
    assert found.content == "After"


def test_without_the_extra_auto_says_so_once_and_only_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mode, "available", lambda: False)
    monkeypatch.setattr(mode, "_told", set())
    with pytest.warns(LayerizeWarning, match=r"layerize\[text\]"):
        assert not mode.wants_text("auto")
    assert not mode.wants_text("auto")  # a second warning would be an error
    assert not mode.wants_text("off")
    monkeypatch.setattr(ocr, "available", lambda: False)
    with pytest.raises(MissingExtraError, match=r"rapidocr and onnxruntime.*layerize\[text\]"):
        mode.wants_text("only")


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="auto, off, only"):
        mode.wants_text("on")


def test_the_reader_is_imported_when_a_picture_is_read_not_before() -> None:
    code = "import sys, layerize.splitter; print(any(name in sys.modules for name in ('rapidocr', 'onnxruntime')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_many_layers_go_in_one_group_and_names_are_told_apart() -> None:
    from layerize.stack import Layer

    layers = tuple(Layer(pixels=np.zeros((1, 1, 4), np.uint8), name="On") for _ in range(20))
    [group] = mode.on_top(layers, {"On", "Text"})
    assert isinstance(group, Group)
    assert group.name not in {"On", "Text"}
    names = [layer.name for layer in group.layers]
    assert len(set(names)) == 20
    assert "On" not in names
    assert [node.name for node in mode.on_top(layers[:2], set())] == ["On", "On 2"]
