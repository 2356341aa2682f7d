"""Refine as a whole: exact at any size, sharper than what it was given, free of ghosts, bounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refine_scenes import bicubic, flatten, ghost, guided, picture, predict, scene, soft_iou

from layerize.errors import ConfigError, InputError, LimitError
from layerize.refine import RefineConfig, exact, refine
from layerize.refine.native import SLACK, least_alpha


def recomposition_error(image: np.ndarray, layers: list[np.ndarray]) -> float:
    flat = flatten(np.stack(layers))
    colour = np.rint(255 * flat[..., :3] / np.maximum(flat[..., 3:], 1e-9))
    wrong = np.abs(colour - image[..., :3])[image[..., 3] > 0]
    return max(float(np.abs(np.rint(255 * flat[..., 3]) - image[..., 3]).max()), float(wrong.max(initial=0)))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 6),
    size=st.sampled_from([(1, 1), (1, 200), (200, 1), (3, 2), (40, 33), (64, 64)]),
    share=st.floats(0.01, 1),
    transparent=st.booleans(),
    hidden=st.sampled_from(["model", "diffuse", "blend"]),
    work=st.sampled_from([1, 200, 10_000]),
)
def test_absurd_predictions_recompose(
    seed: int, count: int, size: tuple[int, int], share: float, transparent: bool, hidden: str, work: int
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*size, 4)).astype(np.uint8)
    if not transparent:
        image[..., 3] = 255
    coarse_size = [max(1, int(side * share)) for side in size]
    coarse = rng.normal(0.5, 1, (count, *coarse_size, 4)).astype(np.float32)
    coarse.flat[0] = np.nan
    layers = refine(image, coarse, config=RefineConfig(hidden=hidden, work_pixels=work, tile=32))  # type: ignore[arg-type]
    assert len(layers) == count
    assert all(layer.shape == image.shape and layer.dtype == np.uint8 for layer in layers)
    assert recomposition_error(image, layers) <= 1


@pytest.fixture(scope="module")
def refined() -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Truth, picture, prediction and refined layers of scenes with and without soft shadows."""
    result = []
    for seed, shadow in [
        (0, False),
        (3, False),
        (8, False),
        (11, False),
        (13, False),
        (0, True),
        (8, True),
        (11, True),
    ]:
        truth, image = scene(seed, 384, shadow)
        coarse = predict(truth, image, 96, seed)
        result.append((truth, image, coarse, np.stack(refine(image, coarse))))
    return result


def mean_iou(alphas: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([soft_iou(a, t[..., 3]) for a, t in zip(alphas[1:], truth[1:], strict=True)]))


def test_alpha_beats_enlargement_and_guided_filter(refined: list[tuple[np.ndarray, ...]]) -> None:
    ours, plain, filtered = [], [], []
    for truth, image, coarse, layers in refined:
        up = bicubic(coarse, 384)
        ours.append(mean_iou(layers[..., 3] / 255, truth))
        plain.append(mean_iou(up, truth))
        filtered.append(mean_iou(guided(image, up), truth))
        assert ours[-1] > plain[-1], "a scene got worse"
    assert np.mean(ours) > 0.9, (
        f"refine {np.mean(ours):.3f}, bicubic {np.mean(plain):.3f}, guided {np.mean(filtered):.3f}"
    )
    assert np.mean(ours) > max(np.mean(plain), np.mean(filtered)) + 0.1


def test_removing_the_top_object_leaves_little_ghost(refined: list[tuple[np.ndarray, ...]]) -> None:
    for truth, image, coarse, layers in refined:
        size = image.shape[0]
        alpha = bicubic(coarse, size)
        plain = np.stack([np.dstack([up_rgb(c, size), a]) for c, a in zip(coarse, alpha, strict=True)])
        plain = np.stack(exact(image, list(np.rint(plain * 255).astype(np.uint8))))
        assert ghost(layers, truth) < 0.5 * ghost(plain, truth)


def up_rgb(layer: np.ndarray, size: int) -> np.ndarray:
    import cv2

    return np.clip(cv2.resize(layer[..., :3], (size, size), interpolation=cv2.INTER_CUBIC), 0, 1)


def test_soft_shadow_stays_soft(refined: list[tuple[np.ndarray, ...]]) -> None:
    for truth, _, _, layers in refined[-3:]:
        alpha = layers[1][..., 3] / 255
        true = truth[1][..., 3]
        assert soft_iou(alpha, true) > 0.75
        assert alpha.max() < 0.65, "the shadow was made opaque"


def test_no_faint_alpha_survives(refined: list[tuple[np.ndarray, ...]]) -> None:
    for truth, _, _, layers in refined:
        for layer, true in list(zip(layers, truth, strict=True))[1:]:
            empty = true[..., 3] == 0
            assert layer[..., 3][empty].mean() < 1.0
            assert (layer[..., 3][empty] > 0).mean() < 0.02


def test_torn_object_of_one_colour_is_made_whole() -> None:
    image = np.full((256, 256, 4), 255, np.uint8)
    image[60:200, 60:200, :3] = (200, 30, 30)
    top = np.zeros((64, 64, 4), np.float32)
    top[15:50, 15:50] = (0.8, 0.1, 0.1, 0.95)
    top[30:40, 25:40, 3] = 0.3
    bottom = np.ones((64, 64, 4), np.float32)
    layers = refine(image, np.stack([bottom, top]))
    assert (layers[1][70:190, 70:190, 3] == 255).all()
    assert layers[1][:50, :, 3].max() == 0
    assert np.abs(layers[0][..., :3].astype(int) - 255).max() <= 8, "the object stayed in the background"


def test_native_edge_is_as_sharp_as_the_picture() -> None:
    truth, image = scene(8, 768)
    coarse = predict(truth, image, 96, 1)
    layers = refine(image, coarse)
    assert soft_iou(layers[-1][..., 3] / 255, truth[-1][..., 3]) > 0.98


def test_tiles_do_not_show() -> None:
    truth, image = scene(4, 200, shadow=True)
    coarse = predict(truth, image, 64, 0)
    whole = refine(image, coarse, config=RefineConfig(tile=512, work_pixels=9000))
    parts = refine(image, coarse, config=RefineConfig(tile=48, work_pixels=9000, workers=1))
    for a, b in zip(whole, parts, strict=True):
        a, b = a.astype(float), b.astype(float)
        difference = np.abs(
            np.dstack([a[..., :3] * a[..., 3:] / 255, a[..., 3]])
            - np.dstack([b[..., :3] * b[..., 3:] / 255, b[..., 3]])
        )
        assert difference.max() <= 8, "more than the 1/32 pixel that resampling is accurate to"
        assert difference.mean() < 0.02


def test_true_layers_at_full_size_stay_nearly_as_they_are() -> None:
    for seed in (0, 8, 11):
        truth, image = scene(seed, 256)
        layers = np.stack(refine(image, truth))
        assert mean_iou(layers[..., 3] / 255, truth) > 0.97


def test_transparent_picture_keeps_its_alpha() -> None:
    truth, _ = scene(8, 192)
    truth[0, ..., 3] = np.linspace(0, 1, 192)[None, :]
    image = picture(truth)
    layers = refine(image, predict(truth, image, 64, 0))
    assert recomposition_error(image, layers) <= 1


def test_progress_rises_to_one() -> None:
    seen: list[float] = []
    refine(np.zeros((50, 70, 4), np.uint8), np.ones((2, 5, 7, 4), np.float32), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize(
    ("image", "coarse", "words"),
    [
        (np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 4), np.float32), r"\(4, 4, 3\)"),
        (np.zeros((4, 4, 4), np.float32), np.zeros((1, 4, 4, 4), np.float32), "float32"),
        (np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 4, 4), np.float32), "K, h, w"),
        (np.zeros((4, 4, 4), np.uint8), np.zeros((1, 8, 4, 4), np.float32), "larger than the picture"),
    ],
)
def test_refuses_what_does_not_fit(image: np.ndarray, coarse: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        refine(image, coarse)


def test_refuses_more_pixels_than_the_limit() -> None:
    with pytest.raises(LimitError, match="max-pixels"):
        refine(np.zeros((20, 20, 4), np.uint8), np.zeros((1, 2, 2, 4), np.float32), config=RefineConfig(max_pixels=399))


@pytest.mark.parametrize(
    "bad", [{"hidden": "magic"}, {"least_owned": 1.0}, {"tile": 0}, {"work_pixels": 0}, {"workers": 0}]
)
def test_config_refuses_nonsense(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(bad))):
        RefineConfig(**bad)  # type: ignore[arg-type]


def test_a_layer_of_next_to_nothing_gives_it_to_the_one_that_claims_it_next() -> None:
    image = np.full((100, 100, 4), 255, np.uint8)
    image[20:80, 20:80, :3] = (200, 40, 40)
    image[40:43, 40:43, :3] = (20, 20, 160)
    coarse = np.zeros((3, 100, 100, 4), np.float32)
    coarse[..., :3] = image[..., :3] / np.float32(255)
    coarse[0, ..., 3] = 1
    coarse[1, 20:80, 20:80, 3] = 1
    coarse[2, 40:43, 40:43, 3] = 1
    kept, given = (refine(image, coarse, config=RefineConfig(least_owned=least)) for least in (0.0, 0.002))
    assert kept[2][41, 41, 3] > 250
    assert not given[2].any()
    assert given[1][41, 41].tolist() == [20, 20, 160, 255]


def test_no_outline_of_what_is_in_front_stays_behind_it() -> None:
    """Saturated colours cannot be pushed further: where alpha is too low at an edge, the rest would go behind it."""
    image = np.full((120, 120, 4), 255, np.uint8)
    image[30:90, 40:100, :3] = (0, 0, 255)
    coarse = np.zeros((2, 15, 15, 4), np.float32)
    coarse[..., :3] = 1
    coarse[0, ..., 3] = 1
    coarse[1, 3:12, 4:13] = (0.1, 0.1, 0.9, 0.9)
    back, front = refine(image, coarse)
    assert (back[..., :3] > 240).all()
    assert (front[30:90, 40:100] == (0, 0, 255, 255)).all()


def test_least_alpha_is_the_lowest_that_can_show_a_colour() -> None:
    rng = np.random.default_rng(0)
    shown, behind = rng.integers(0, 256, (500, 3)).astype(np.uint8), rng.uniform(0, 255, (500, 3)).astype(np.float32)
    least = least_alpha(shown, behind)[:, None]
    near = np.clip(shown, behind - SLACK, behind + SLACK)  # what lies behind, as near to the picture as it may be
    colour = (shown - (1 - least) * near) / np.maximum(least, 1e-6)
    assert ((colour > -1) & (colour < 256))[least[:, 0] > 0.01].all()
    less = np.maximum(least - 0.05, 1e-6)
    colour = (shown - (1 - less) * near) / less
    assert ((colour < 0) | (colour > 255)).any(axis=1)[least[:, 0] > 0.1].all()
