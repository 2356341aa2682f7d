"""The dice: documented ranges, weights, and a sequence that must never change."""

from __future__ import annotations

from collections import Counter

import pytest

from layerize.synth.dice import Dice


def test_the_sequence_is_pinned() -> None:
    dice = Dice("pinned")
    assert [dice.integer(0, 999) for _ in range(5)] == [362, 902, 592, 699, 524]
    assert round(dice.unit(), 12) == 0.178817738213


def test_ranges_are_inclusive_and_complete() -> None:
    dice = Dice("range")
    assert {dice.integer(2, 5) for _ in range(200)} == {2, 3, 4, 5}
    assert all(-1.5 <= dice.uniform(-1.5, 2.0) <= 2.0 for _ in range(200))
    assert {dice.sign() for _ in range(50)} == {-1, 1}


def test_weights_are_proportions_and_zero_is_never() -> None:
    dice = Dice("weights")
    counts = Counter(dice.weighted({"a": 1.0, "b": 0.0, "c": 3.0}) for _ in range(4000))
    assert counts["b"] == 0
    assert counts["c"] / counts["a"] == pytest.approx(3.0, rel=0.15)


def test_a_sample_has_no_repeats_and_at_most_all() -> None:
    dice = Dice("sample")
    assert sorted(dice.sample("abc", 9)) == ["a", "b", "c"]
    assert len(set(dice.sample(range(100), 30))) == 30


def test_generators_differ_but_repeat_with_the_seed() -> None:
    dice = Dice("g")
    first, second = dice.generator().random(), dice.generator().random()
    assert first != second
    assert Dice("g").generator().random() == first
