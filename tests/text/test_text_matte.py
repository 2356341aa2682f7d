"""Mattes of drawn letters against the truth: fill, outline, shadow, gradients, textures, neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from text_scenes import Scene, canvas_alpha, line, opaque, over, scene, soft_iou

from layerize.text.extract import Lifted, lift_lines


def lifted(made: Scene, *others: object) -> Lifted:
    return lift_lines(opaque(made.picture), [made.line, *others])  # type: ignore[list-item]


def alpha_of(result: Lifted) -> np.ndarray:
    return canvas_alpha(result.layers, result.clean_HW4.shape)


def ground_error(result: Lifted, made: Scene) -> float:
    return float(np.abs(result.clean_HW4[..., :3] - made.ground)[made.alpha > 0].mean())


@pytest.mark.parametrize(
    ("made", "least"),
    [
        (scene(), 0.97),
        (scene(size=16), 0.93),
        (scene(colour=(20, 20, 30), outline=(255, 255, 255)), 0.93),
        (scene(outline=(10, 10, 10)), 0.93),
        (scene(shadow=0.7), 0.85),
        (scene(colour=(20, 10, 10), shadow=0.6), 0.85),
    ],
    ids=["plain", "16 px", "white outline", "black outline", "shadow", "dark with shadow"],
)
def test_alpha_and_ground_of_letters_on_a_gradient(made: Scene, least: float) -> None:
    result = lifted(made)
    assert soft_iou(alpha_of(result), made.alpha) >= least
    assert ground_error(result, made) <= 2


def test_a_gradient_fill_is_one_text() -> None:
    made = scene()
    ramp = np.linspace(0, 1, made.picture.shape[1])[None, :, None]
    colour = (1 - ramp) * np.array([240, 90, 90]) + ramp * np.array([250, 240, 60])
    picture = np.rint(made.ground + made.alpha[..., None] * (colour - made.ground)).astype(np.uint8)
    result = lifted(Scene(picture, made.ground, made.alpha, made.line))
    assert soft_iou(alpha_of(result), made.alpha) >= 0.95


def test_white_letters_on_a_noisy_photograph() -> None:
    rng = np.random.default_rng(5)
    coarse = rng.uniform(20, 150, (12, 36, 3)).astype(np.float32)
    import cv2

    made = scene(ground=cv2.resize(coarse, (360, 120), interpolation=cv2.INTER_CUBIC))
    result = lifted(made)
    assert soft_iou(alpha_of(result), made.alpha) >= 0.85


def test_only_what_is_seen_of_partly_covered_text_is_lifted() -> None:
    made = scene()
    picture = made.picture.copy()
    picture[:, 100:150] = (200, 30, 40)  # a bar in front of the word
    seen = made.alpha.copy()
    seen[:, 100:150] = 0
    result = lifted(Scene(picture, made.ground, seen, made.line))
    assert np.array_equal(result.clean_HW4[:, 102:148, :3], picture[:, 102:148])
    assert soft_iou(alpha_of(result), seen) >= 0.85


def test_what_is_beside_the_letters_stays() -> None:
    """A disc of another colour that reaches into the line's polygon."""
    made = scene()
    ys, xs = np.mgrid[:120, :360]
    disc = ((xs - 36) ** 2 + (ys - 28) ** 2 < 24**2).astype(np.float32)
    picture = np.rint(over(made.picture.astype(np.float32), disc * (made.alpha == 0), (250, 120, 0))).astype(np.uint8)
    result = lifted(Scene(picture, made.ground, made.alpha, made.line))
    inside = ((xs - 36) ** 2 + (ys - 28) ** 2 < 20**2) & (made.alpha == 0)
    assert (alpha_of(result)[inside] == 0).mean() > 0.97
    assert soft_iou(alpha_of(result), made.alpha) >= 0.9


def test_a_polygon_without_letters_gives_no_layer() -> None:
    made = scene()
    nothing = line("ghost", (200.0, 5.0, 300.0, 25.0))
    result = lift_lines(opaque(made.picture), [nothing])
    assert result.layers == ()
    assert np.array_equal(result.clean_HW4, opaque(made.picture))


def test_one_layer_per_block_named_by_its_words_and_cropped() -> None:
    made = scene()
    [layer] = lifted(made).layers
    assert layer.name == "Hamburg"
    assert layer.text is not None
    assert layer.text["content"] == "Hamburg"
    assert layer.pixels[..., 3].any(axis=1)[[0, -1]].all()
    assert layer.pixels[..., 3].any(axis=0)[[0, -1]].all()
    assert layer.text["size"] == pytest.approx(48, rel=0.12)
    assert layer.text["colours"] == ["#faf5f0"]
