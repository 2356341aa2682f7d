"""Trials of typefaces: the same every time, right among the package's faces, and wrong ones stay unnamed."""

from __future__ import annotations

from layerize.evaluation.text_fonts import font_rates, font_trials
from layerize.text.fonts import bundled_faces


def test_rates_among_the_package_s_faces() -> None:
    trials = list(font_trials(bundled_faces(), count=12, sizes=[32], rough=True))
    assert trials == list(font_trials(bundled_faces(), count=12, sizes=[32], rough=True))
    rates = font_rates(trials)
    assert rates["family"] >= 0.9
    assert rates["right_of_named"] == 1
    assert rates["wrongly_named"] <= 0.1
    assert 0 <= rates["face"] <= rates["family"] <= rates["design"] <= 1
