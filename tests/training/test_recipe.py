"""Recipes: every shipped one reads; bad keys, types and values are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerize.errors import ConfigError
from layerize.training.recipe import STAGES
from layerize.training.recipe_file import read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_recipes_read(path: Path) -> None:
    assert read_recipe(path).stage in STAGES


def test_overrides_reach_nested_values() -> None:
    recipe = read_recipe(RECIPES / "vae.toml", ("optimiser.learning_rate=2e-4", "data.sizes=[[64, 80]]", "model=tiny"))
    assert recipe.optimiser.learning_rate == 2e-4
    assert recipe.data.sizes == ((64, 80),)
    assert recipe.model == "tiny"


def test_heroes_and_grounds_replace_those_of_the_designs() -> None:
    data = read_recipe(RECIPES / "sketch.toml", ("data.grounds={gradient=1.0}",)).data
    config = data.design_config(3)
    assert dict(config.hero_weights) == {"thing": 0.5, "icon": 0.35, "abstract": 0.15}
    assert dict(config.background_weights) == {"gradient": 1.0}
    assert config.text_probability == 0.1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimiser.learnig_rate=1", "learning_rate"),
        ("stage=vea", "must be one of vae"),
        ("data.groups=many", "must be int"),
        ("data.groups=9", "only 3 layer counts"),
        ("data.sizes=[[60, 64], [64, 64], [64, 64], [64, 64], [64, 64]]", "multiples of 16"),
        ("processes=0", "at least 1"),
        ("data", "expected key=value"),
        ("data.design.alone_shar=0.1", "did you mean alone_share"),
        ("data.design.zebra=0.1", "it may be least_visible"),
        ("data.design.white_share=1.5", "white_share is 1.5"),
        ("data.heroes.persn=1.0", "hero_weights is .*persn.*allowed: person"),
        ("data.grounds={flat=-1.0}", "background_weights is"),
        ("pure_noise_share=2", "must lie in 0..1"),
        ("optimiser.betas=[0.9]", "needs 2 values"),
    ],
)
def test_bad_values_are_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_recipe(RECIPES / "image_to_layers.toml", (override,))


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("stage = ")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_recipe(broken)
    broken.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_recipe(broken)
    with pytest.raises(ConfigError, match="cannot read"):
        read_recipe(tmp_path / "absent.toml")
