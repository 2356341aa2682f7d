"""Words lifted off real pictures, scored against a text file beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rapidocr")

from layerize.evaluation.text_designs import draw_text_design
from layerize.evaluation.text_pictures import PictureScore, pictures_report, score_pictures
from layerize.formats import write_image


def test_words_beside_a_picture_give_recall_and_precision(tmp_path: Path) -> None:
    design = draw_text_design(3, (256, 256))
    write_image(np.dstack([design.image_HW3, np.full((256, 256), 255, np.uint8)]), tmp_path / "known.png")
    truth = " ".join(text.content for text in design.texts)
    (tmp_path / "known.txt").write_text(truth + " extraneous", encoding="utf-8")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    known, broken = score_pictures([tmp_path / "known.png", tmp_path / "broken.png"], tmp_path / "sheets")
    assert known.true_words == len(truth.split()) + 1
    assert known.right_words is not None
    assert 0 < known.right_words <= len(truth.split())
    assert known.recompose_error is not None
    assert known.recompose_error <= 1
    assert (tmp_path / "sheets" / "known.png").is_file()
    assert broken.error is not None
    assert "broken.png" in broken.error


def test_only_pictures_with_known_words_count() -> None:
    scores = [
        PictureScore(picture="a", true_words=4, read_words=5, right_words=3),
        PictureScore(picture="b", read_words=7),
        PictureScore(picture="c", error="no"),
    ]
    report = pictures_report(scores)
    assert (report["known"], report["failed"]) == (1, 1)
    assert report["word_recall"] == 0.75
    assert report["word_precision"] == 0.6
    assert pictures_report(scores[1:2])["word_recall"] is None
