"""DesignConfig refuses what makes no sense and can be hashed and sent to other processes."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest

from layerize.errors import ConfigError
from layerize.synth import backgrounds, config
from layerize.synth.design import DesignConfig


@pytest.mark.parametrize(
    "change",
    [
        {"least_visible": 1.5}, {"shadow_probability": -0.1}, {"least_area": 0.2}, {"decor": -1},
        {"least_cap_height": 0.0},
        {"min_levels": 1}, {"min_levels": 5, "max_levels": 4}, {"max_levels": 9}, {"level_weights": ((1, 1.0),)},
        {"level_weights": ((2, 0.0),)}, {"level_weights": ((2, 1.0), (3, 0.0)), "min_levels": 3},
        {"hero_weights": (("dragon", 1.0),)},
        {"background_weights": (("flat", -1.0), ("mesh", 2.0))}, {"background_weights": (("flat", 0.0),)},
    ],
    ids=str,
)  # fmt: skip
def test_impossible_values_are_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        replace(DesignConfig(), **change)
    assert any(name in str(caught.value) for name in change)
    assert "allowed" in str(caught.value)


def test_unlisted_level_counts_weigh_as_the_least_listed() -> None:
    choices = DesignConfig(min_levels=5, max_levels=8).level_choices()
    assert choices == {5: 0.15, 6: 0.11, 7: 0.11, 8: 0.11}


def test_a_config_is_hashable_and_travels() -> None:
    first = DesignConfig(decor=2)
    assert hash(first) == hash(DesignConfig(decor=2))
    assert pickle.loads(pickle.dumps(first)) == first


def test_names_of_backgrounds_are_those_that_exist() -> None:
    assert set(config.BACKGROUND_KINDS) == set(backgrounds.KINDS)
