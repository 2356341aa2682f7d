"""``layerize eval text``: its designs, its measures, its report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from layerize.cli.main import app
from layerize.evaluation.text_designs import draw_text_design
from layerize.evaluation.text_measures import edit_distance, score_design
from layerize.stack import Layer
from layerize.text.block import TextBlock, TextLine

DESIGN = draw_text_design(0)


def perfect(design=DESIGN) -> tuple[list[TextBlock], list[Layer]]:
    """The truth as if it had been found."""
    blocks, layers = [], []
    for index, text in enumerate(design.texts):
        alpha = np.where(design.owner_HW == index, design.alpha_HW, 0).astype(np.uint8)
        layers.append(Layer(pixels=np.dstack([np.repeat(alpha[..., None], 3, 2), alpha]), name=text.content))
        line = TextLine(content=text.content, polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), confidence=1)
        blocks.append(TextBlock(lines=(line,), angle=0, size=text.height, colours=(), alignment="left", line_spacing=1))
    return blocks, layers


def clean(design=DESIGN) -> np.ndarray:
    return np.dstack([design.clean_HW3, np.full(design.clean_HW3.shape[:2], 255, np.uint8)])


def test_a_seed_is_one_design_on_every_call() -> None:
    again = draw_text_design(0)
    assert np.array_equal(again.image_HW3, DESIGN.image_HW3)
    assert again.texts == DESIGN.texts
    assert not np.array_equal(draw_text_design(1).image_HW3, DESIGN.image_HW3)


def test_the_truth_fits_the_picture() -> None:
    for seed in range(6):
        design = draw_text_design(seed)
        bare = design.alpha_HW == 0
        assert np.array_equal(design.image_HW3[bare], design.clean_HW3[bare])
        assert (design.owner_HW[~bare] >= 0).all()
        assert set(np.unique(design.owner_HW[~bare])) == set(range(len(design.texts)))


def test_the_truth_scores_one_and_nothing_scores_zero() -> None:
    score = score_design(DESIGN, clean(), *perfect(), seconds=1.0)
    assert score.right_words == score.true_words == score.read_words
    assert score.false_layers == 0
    for text in score.texts:
        assert (text.iou, text.edits, text.ground_error, text.found) == (pytest.approx(1), 0, 0, True)
        assert text.read == text.content
    picture = np.dstack([DESIGN.image_HW3, np.full(DESIGN.image_HW3.shape[:2], 255, np.uint8)])
    nothing = score_design(DESIGN, picture, [], [], seconds=1.0)
    assert nothing.right_words == nothing.read_words == 0
    assert all(text.iou == 0 and not text.found and text.edits == len(text.content) for text in nothing.texts)
    assert all(text.ground_error > 20 for text in nothing.texts)


def test_a_layer_that_holds_no_text_is_counted_and_spoils_the_alpha() -> None:
    blocks, layers = perfect()
    x0, y0, x1, y1 = DESIGN.texts[0].box
    stray = Layer(pixels=np.full((y1 - y0, x1 - x0, 4), 255, np.uint8), offset=(x0, min(y1 + 30, 512 - (y1 - y0))))
    score = score_design(DESIGN, clean(), [*blocks, blocks[0]], [*layers, stray], seconds=1.0)
    assert score.false_layers == 1
    assert min(text.iou for text in score.texts) < 0.7


@pytest.mark.parametrize(("a", "b", "edits"), [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0)])
def test_edit_distance(a: str, b: str, edits: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == edits


def test_the_command_writes_a_report_and_sheets(tmp_path: Path) -> None:
    arguments = ["eval", "text", "--designs", "2", "--size", "256", "-o", str(tmp_path / "run"), "--sheets", "2"]
    done = CliRunner().invoke(app, arguments, prog_name="layerize")
    assert done.exit_code == 0, done.output
    assert "word recall" in done.stdout
    report = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    assert report["designs"] == 2
    assert 0 <= report["word_recall"] <= 1
    assert (tmp_path / "run" / "sheet-00.png").exists()
