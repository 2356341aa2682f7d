"""Latent edits with the shipped model: they do what they say, to one layer alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from layerize.errors import CheckpointError, EditError
from layerize.latent import (
    ATTRIBUTES,
    Directions,
    LatentCoder,
    fit_directions,
    latent_edit,
    load_coder,
    load_directions,
    pairs,
    save_directions,
    style_transfer,
)
from layerize.latent.directions import FILE
from layerize.latent.style import adain, statistics
from layerize.stack import Group, Layer, LayerStack
from layerize.stack.convert import to_float


@pytest.fixture(scope="module")
def coder() -> LatentCoder:
    return load_coder()


@pytest.fixture(scope="module")
def directions(coder: LatentCoder) -> Directions:
    return load_directions(coder)


@pytest.fixture(scope="module")
def stack() -> LayerStack:
    rng = np.random.default_rng(5)
    ground, logo = (np.rint(255 * pairs.drawn(rng, 96, opaque=opaque)).astype(np.uint8) for opaque in (True, False))
    inner = Layer(pixels=logo, name="Logo", offset=(-9, 4), opacity=0.8, blend="screen", text={"content": "x"})
    return LayerStack(size=(96, 96), layers=(Layer(pixels=ground, name="Ground"), Group(name="Top", layers=(inner,))))


def of(stack: LayerStack, name: str) -> Layer:
    return next(layer for layer in stack.walk() if layer.name == name)


@pytest.mark.parametrize(
    ("name", "value"), [("brightness", 0.25), ("brightness", -0.4), ("hue", 60), ("hue", -45), ("saturation", -0.6)]
)
def test_a_direction_comes_near_to_the_edit_of_pixels(
    name: str, value: float, stack: LayerStack, coder: LatentCoder, directions: Directions
) -> None:
    before = to_float(of(stack, "Ground").pixels)
    after = latent_edit(stack, "Ground", {name: value}, coder=coder, directions=directions)
    truth = ATTRIBUTES[name].truth(before, ATTRIBUTES[name].amount(value))
    error, change = (np.abs(truth - x).mean() for x in (to_float(of(after, "Ground").pixels), before))
    assert error < 0.5 * change
    assert np.array_equal(of(after, "Ground").pixels[..., 3], of(stack, "Ground").pixels[..., 3])


def test_opacity_changes_alpha_alone_and_only_inside(
    stack: LayerStack, coder: LatentCoder, directions: Directions
) -> None:
    before = of(stack, "Logo")
    after = of(latent_edit(stack, "Logo", {"opacity": -0.5}, coder=coder, directions=directions), "Logo")
    inked = before.pixels[..., 3] > 0
    assert after.pixels[inked, 3].mean() < 0.85 * before.pixels[inked, 3].mean()
    assert np.array_equal(after.pixels[..., :3], before.pixels[..., :3])
    assert not after.pixels[~inked, 3].any()


def test_all_other_layers_are_the_same_and_facts_stay(
    stack: LayerStack, coder: LatentCoder, directions: Directions
) -> None:
    style = np.full((40, 30, 4), (200, 90, 20, 255), np.uint8)
    for after in (
        latent_edit(stack, "Logo", {"hue": 90, "brightness": 0.1}, coder=coder, directions=directions),
        style_transfer(stack, "Logo", style, strength=0.7, coder=coder),
    ):
        assert of(after, "Ground") is of(stack, "Ground")
        old, new = of(stack, "Logo"), of(after, "Logo")
        assert (new.id, new.offset, new.size, new.opacity, new.blend, new.text) == (
            old.id,
            old.offset,
            old.size,
            old.opacity,
            old.blend,
            old.text,
        )
        assert np.array_equal(new.pixels[..., 3], old.pixels[..., 3])
        hidden = old.pixels[..., 3] == 0
        assert np.array_equal(new.pixels[hidden], old.pixels[hidden])
        assert not np.array_equal(new.pixels, old.pixels)


def test_style_moves_the_mean_colour_to_the_example(stack: LayerStack, coder: LatentCoder) -> None:
    rng = np.random.default_rng(8)
    style = np.rint(255 * pairs.drawn(rng, 200, opaque=True)).astype(np.uint8)
    style[..., 0] = 255 - style[..., 0] // 4
    half = style.copy()
    half[:, 100:, :3] = 0  # transparent pixels of the example do not count
    half[:, 100:, 3] = 0

    def apart(strength: float, example: np.ndarray) -> float:
        after = style_transfer(stack, "Ground", example, strength=strength, coder=coder)
        mean = of(after, "Ground").pixels[..., :3].mean(axis=(0, 1))
        return float(np.abs(mean - example[example[..., 3] > 0][:, :3].mean(axis=0)).mean())

    assert apart(1.0, style) < 0.35 * apart(0.0, style)
    assert apart(1.0, style) < apart(0.5, style) < apart(0.0, style)
    assert apart(1.0, half) < 0.5 * apart(0.0, half)


def test_nothing_to_do_changes_nothing(stack: LayerStack, coder: LatentCoder, directions: Directions) -> None:
    style = np.full((8, 8, 4), 255, np.uint8)
    assert latent_edit(stack, "Logo", {"hue": 0.0}, coder=coder, directions=directions) is stack
    assert style_transfer(stack, "Logo", style, strength=0, coder=coder) is stack
    empty = stack.with_layers((Layer(pixels=np.zeros((5, 5, 4), np.uint8), name="Empty"),))
    assert latent_edit(empty, "Empty", {"hue": 9}, coder=coder, directions=directions) is empty
    assert style_transfer(empty, "Empty", style, coder=coder) is empty


def test_layers_of_one_pixel(coder: LatentCoder, directions: Directions) -> None:
    stack = LayerStack(size=(3, 3), layers=(Layer(pixels=np.full((1, 1, 4), 128, np.uint8), name="Dot"),))
    after = latent_edit(stack, "Dot", {"brightness": 0.3}, coder=coder, directions=directions)
    assert of(after, "Dot").pixels[0, 0, 0] > 140


def test_refusals(stack: LayerStack, coder: LatentCoder, directions: Directions) -> None:
    with pytest.raises(EditError, match="no latent direction 'size'; there are brightness, hue"):
        latent_edit(stack, "Logo", {"size": 1}, coder=coder, directions=directions)
    with pytest.raises(EditError, match="hue 200 is out of range; give a number from -180 to 180"):
        latent_edit(stack, "Logo", {"hue": 200}, coder=coder, directions=directions)
    with pytest.raises(EditError, match="strength 2 is out of range"):
        style_transfer(stack, "Logo", np.full((8, 8, 4), 255, np.uint8), strength=2, coder=coder)
    with pytest.raises(EditError, match="no opaque pixels"):
        style_transfer(stack, "Logo", np.zeros((8, 8, 4), np.uint8), coder=coder)


def test_amounts_add_up(coder: LatentCoder, directions: Directions) -> None:
    z = torch.randn(16, 3, 4, generator=torch.Generator().manual_seed(0))
    for name in ATTRIBUTES:
        twice = directions.shift(directions.shift(z, name, 0.1), name, 0.1)
        assert torch.allclose(twice, directions.shift(z, name, 0.2), atol=1e-4)
        assert torch.allclose(directions.shift(z, name, 0.0), z)


def test_directions_are_stored_with_the_model_and_learned_anew_for_another(
    coder: LatentCoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = fit_directions(coder, pictures=2)
    path = save_directions(few, coder, tmp_path)
    assert path.stat().st_size < 8000
    here = LatentCoder(coder.vae, tmp_path)
    assert torch.allclose(load_directions(here).matrices["hue"], few.matrices["hue"], atol=1e-4)
    learned: list[LatentCoder] = []
    monkeypatch.setattr("layerize.latent.directions.fit_directions", lambda c: learned.append(c) or few)
    load_directions(LatentCoder(coder.vae, tmp_path / "none"))
    monkeypatch.setattr("layerize.latent.directions.fingerprint", lambda c: "other weights")
    load_directions(here)
    assert len(learned) == 2
    (tmp_path / FILE).write_bytes(b"{")
    with pytest.raises(CheckpointError, match="no readable safetensors file"):
        load_directions(here)


def test_adain_gives_the_statistics_of_the_example() -> None:
    generator = torch.Generator().manual_seed(1)
    content, style = torch.randn(3, 6, 7, generator=generator), 2 * torch.randn(3, 9, 4, generator=generator) + 1
    mask, everywhere = torch.zeros(6, 7), torch.ones(9, 4)
    mask[1:5, 2:6] = 1
    styled = adain(content, mask, style, everywhere, 1.0)
    for one, other in zip(statistics(styled, mask), statistics(style, everywhere), strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    assert torch.equal(adain(content, mask, style, everywhere, 0.0), content)


def test_attributes_are_groups() -> None:
    picture = pairs.drawn(np.random.default_rng(2), 32, opaque=False) * np.array([0.2, 0.2, 0.2, 0.3], np.float32)
    picture[..., :3] += 0.4
    for attribute in ATTRIBUTES.values():
        twice = attribute.truth(attribute.truth(picture, 0.03), 0.02)
        assert np.allclose(twice, attribute.truth(picture, 0.05), atol=1e-3)
    assert ATTRIBUTES["hue"].amount(180) == 0.5
