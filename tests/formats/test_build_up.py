"""Animations that build a picture up: frames, order, losses."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence
from stack_strategies import stacks

from layerize.errors import InputError, LayerizeWarning
from layerize.formats import load
from layerize.stack import Group, Layer, LayerStack, flatten

LOSSLESS = (".webp", ".apng")


def solid(rgba: tuple[int, ...], size: tuple[int, int] = (4, 4), **fields: object) -> Layer:
    return Layer(pixels=np.full((size[1], size[0], 4), rgba, np.uint8), **fields)  # type: ignore[arg-type]


def sample() -> LayerStack:
    rng = np.random.default_rng(0)
    ground = Layer(pixels=rng.integers(0, 256, (20, 30, 4), np.uint8))
    members = (solid((255, 0, 0, 255)), solid((0, 99, 0, 255), visible=False), solid((0, 0, 255, 255), offset=(2, 2)))
    group = Group(layers=members, blend="multiply", opacity=0.5)
    return LayerStack(size=(30, 20), layers=(ground, solid((9, 9, 9, 9), visible=False), group))


def frames_of(path: Path) -> list[np.ndarray]:
    with Image.open(path) as image:
        return [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]


def same_seen(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal where there is something to see."""
    seen = other[..., 3] > 0
    return np.array_equal(one[..., 3], other[..., 3]) and np.array_equal(one[seen], other[seen])


@pytest.mark.parametrize("extension", LOSSLESS)
def test_one_layer_more_per_frame(extension: str, tmp_path: Path) -> None:
    stack = sample()
    ground, _, group = stack.layers
    assert isinstance(group, Group)
    red, _, blue = group.layers
    half = Group(layers=(red,), blend="multiply", opacity=0.5)
    whole = Group(layers=(red, blue), blend="multiply", opacity=0.5)
    stack.save(tmp_path / f"x{extension}")
    frames = frames_of(tmp_path / f"x{extension}")
    expected = [flatten(stack.with_layers(layers)) for layers in ((ground,), (ground, half), (ground, whole))]
    assert len(frames) == 3
    assert all(map(same_seen, frames, expected))


@pytest.mark.parametrize("extension", [*LOSSLESS, ".gif"])
def test_it_loops_and_rests_on_the_last_frame(extension: str, tmp_path: Path) -> None:
    LayerStack(size=(4, 4), layers=(solid((255, 0, 0, 255)), solid((0, 0, 255, 255), (2, 2)))).save(
        tmp_path / f"x{extension}"
    )
    with Image.open(tmp_path / f"x{extension}") as image:
        assert (image.n_frames, image.info["loop"]) == (2, 0)  # type: ignore[attr-defined]
        durations = []
        for frame in ImageSequence.Iterator(image):
            frame.load()
            durations.append(frame.info["duration"])
    assert durations == [700, 2500]


def test_a_gif_of_few_opaque_colours_is_exact(tmp_path: Path) -> None:
    stack = LayerStack(size=(4, 4), layers=(solid((255, 0, 0, 255)), solid((0, 20, 255, 255), (2, 2), offset=(1, 1))))
    stack.save(tmp_path / "x.gif")
    assert np.array_equal(frames_of(tmp_path / "x.gif")[-1], flatten(stack))


def test_what_a_gif_loses_is_told_once(tmp_path: Path) -> None:
    with pytest.warns(LayerizeWarning) as told:
        sample().save(tmp_path / "x.gif")
    assert [str(warning.message) for warning in told] == [
        "GIF cannot hold transparency (laid on white) and more than 256 colours (reduced); .webp and .apng can."
    ]
    last = frames_of(tmp_path / "x.gif")[-1].astype(int)
    expected = flatten(sample(), background=(255, 255, 255))
    assert (last[..., 3] == 255).all()
    assert np.abs(last - expected).mean() < 12


@settings(max_examples=25, deadline=None)
@given(stacks(), st.sampled_from(LOSSLESS))
def test_the_last_frame_is_the_composite(
    tmp_path_factory: pytest.TempPathFactory, stack: LayerStack, extension: str
) -> None:
    path = tmp_path_factory.mktemp("anim") / f"x{extension}"
    stack.save(path)
    assert same_seen(frames_of(path)[-1], flatten(stack))


@pytest.mark.parametrize("extension", LOSSLESS)
def test_without_layers_it_is_one_empty_frame(extension: str, tmp_path: Path) -> None:
    LayerStack(size=(4, 3), layers=(solid((1, 2, 3, 255), visible=False),)).save(tmp_path / f"x{extension}")
    (frame,) = frames_of(tmp_path / f"x{extension}")
    assert frame.shape == (3, 4, 4)
    assert not frame.any()


def test_too_many_pixels_are_scaled_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layerize.formats.build_up.FRAMES_BUDGET", 30 * 20 * 3 // 4)
    with pytest.warns(LayerizeWarning, match="3 frames of 30x20 pixels are too many .* scaled down to 15x10"):
        sample().save(tmp_path / "x.webp")
    assert frames_of(tmp_path / "x.webp")[0].shape == (10, 15, 4)


def test_a_side_beyond_webp_is_scaled_down(tmp_path: Path) -> None:
    with pytest.warns(LayerizeWarning, match="scaled down to 16383x1"):
        LayerStack(size=(20_000, 2), layers=(solid((1, 2, 3, 255), (20_000, 2)),)).save(tmp_path / "x.webp")


def test_animations_are_not_read(tmp_path: Path) -> None:
    for name, message in [("x.apng", "an animation can only be written"), ("x.webp", "is a flat picture")]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LayerizeWarning)
            sample().save(tmp_path / name)
        with pytest.raises(InputError, match=message):
            load(tmp_path / name)
