"""Layer-IoU, order, hidden regions, recomposition, blanks, duplicates, edits and SSIM on scenes with known answers."""

from __future__ import annotations

import builtins
from typing import Any

import layerd_twin as twin
import numpy as np
import pytest

from layerize.errors import MissingExtraError
from layerize.evaluation.editing import edit_errors
from layerize.evaluation.layerd import score_stacks
from layerize.evaluation.matching import assign, hard_iou, hidden_error, order_errors
from layerize.evaluation.over import flatten
from layerize.evaluation.pairs import InkedLayer, Pairs
from layerize.evaluation.recomposition import backed, max_error, on_colour, psnr_u8
from layerize.evaluation.ssim import ssim
from layerize.evaluation.stack_measures import count_confusion, measure, summarise

SIDE = 32


def plain(colour: tuple[int, int, int], y: slice = slice(None), x: slice = slice(None), alpha: int = 255) -> Any:
    layer = np.zeros((SIDE, SIDE, 4), np.uint8)
    layer[y, x] = (*colour, alpha)
    return layer


GROUND = plain((250, 250, 250))
LEFT = plain((200, 0, 0), slice(4, 20), slice(4, 16))
RIGHT = plain((0, 0, 200), slice(8, 28), slice(12, 28))  # overlaps LEFT in 12 x 4 pixels
SCENE = [GROUND, LEFT, RIGHT]


def inked(layers: list[Any]) -> list[InkedLayer]:
    return [InkedLayer(layer) for layer in layers]


def test_a_perfect_prediction_is_perfect_everywhere() -> None:
    found = measure(score_stacks(SCENE, SCENE))
    assert found.layer_iou_soft_dtw == found.layer_iou_hard_dtw == 1
    assert found.layer_iou_soft_hungarian == found.layer_iou_hard_hungarian == 1
    assert found.layer_psnr == found.recomposition_psnr == 100
    assert found.recomposition_ssim == pytest.approx(1)
    assert found.recomposition_max_error == found.count_error == found.blank_rate == found.duplicate_rate == 0
    assert found.order_error_rate == found.hidden_error == found.edit_error == 0


def test_swapped_layers_are_an_order_error_and_keep_their_one_to_one_iou() -> None:
    found = measure(score_stacks([GROUND, RIGHT, LEFT], SCENE))
    assert found.layer_iou_soft_hungarian == 1
    assert found.layer_iou_soft_dtw < 1
    assert found.order_error_rate == pytest.approx(1 / 3)  # both with the ground are right
    assert found.edit_error is not None
    assert found.edit_error > 0


def test_soft_and_hard_iou_differ_on_soft_alpha() -> None:
    a, b = inked([plain((9, 9, 9), alpha=100), plain((9, 9, 9), alpha=200)])
    assert Pairs().iou(a, b) == 0.5
    assert hard_iou(a, b) == 0
    assert hard_iou(b, b) == 1
    assert hard_iou(a, a) == 0


def test_hungarian_takes_the_best_sum_not_the_best_pair_first() -> None:
    strips = [plain((1, 2, 3), x=slice(0, w)) for w in (10, 20)]
    guess = [plain((1, 2, 3), x=slice(0, w)) for w in (12, 30)]
    assert assign(inked(guess), inked(strips), Pairs()) == [(0, 0), (1, 1)]
    none = assign(inked([plain((1, 1, 1), x=slice(0, 4))]), inked([plain((1, 1, 1), x=slice(9, 12))]), Pairs())
    assert none == []


def test_a_missing_layer_counts_as_zero_one_to_one() -> None:
    found = measure(score_stacks([GROUND, LEFT], SCENE))
    assert found.layer_iou_soft_hungarian == pytest.approx(2 / 3)
    assert (found.count_pred, found.count_gt, found.count_error) == (2, 3, -1)


def test_order_counts_only_layers_that_overlap() -> None:
    far = plain((1, 1, 1), slice(28, 32), slice(0, 3))
    assert order_errors(inked([GROUND, LEFT, far]), [(0, 0), (2, 1), (1, 2)]) == (0, 2)


def test_hidden_pixels_count_colour_and_holes() -> None:
    red = inked(SCENE)
    covered = 12 * 16 + 20 * 16 - 12 * 4 + 12 * 4  # ground under both, LEFT under RIGHT
    error, count = hidden_error(red, red, [(0, 0), (1, 1), (2, 2)])
    assert (error, count) == (0, covered)
    holes = GROUND.copy()
    holes[flatten([np.zeros_like(LEFT), LEFT, RIGHT])[..., 3] > 0] = 0
    error, _ = hidden_error(inked([holes, LEFT, RIGHT]), red, [(0, 0), (1, 1), (2, 2)])
    assert error == pytest.approx((covered - 48) / covered)
    black = hidden_error(inked([plain((250, 250, 148)), LEFT, RIGHT]), red, [(0, 0), (1, 1), (2, 2)])[0]
    assert black == pytest.approx(102 / 765 * (covered - 48) / covered)
    unmatched, _ = hidden_error(red, red, [(0, 0), (2, 2)])
    assert unmatched == pytest.approx(48 / covered)


def test_a_scene_without_overlap_has_nothing_hidden_and_no_order() -> None:
    found = measure(score_stacks([GROUND], [GROUND]))
    assert found.hidden_error is None
    assert found.order_error_rate is None
    assert found.edit_error is None


def test_blank_and_duplicate_layers_are_counted() -> None:
    speck = np.zeros_like(GROUND)
    speck[0, 0] = (1, 1, 1, 20)
    nearly = LEFT.copy()
    nearly[4, 4] = 0
    found = measure(score_stacks([GROUND, LEFT, nearly, RIGHT, speck, np.zeros_like(GROUND)], SCENE))
    assert found.blank_rate == pytest.approx(2 / 6)
    assert found.duplicate_rate == pytest.approx(1 / 6)


def test_a_ghost_left_in_the_background_shows_when_its_owner_is_deleted() -> None:
    ghost = GROUND.copy()
    ghost[4:20, 4:16] = LEFT[4:20, 4:16]
    prediction = [ghost, LEFT, RIGHT]
    found = measure(score_stacks(prediction, SCENE))
    assert found.recomposition_psnr == 100
    deleted, moved, *rest = edit_errors(inked(prediction), inked(SCENE), [(0, 0), (1, 1), (2, 2)])
    assert deleted == pytest.approx((50 + 250 + 250) / 765)  # nothing goes away, everywhere it should
    assert 0 < moved < deleted
    assert rest == [0, 0]


def test_an_edit_that_cannot_be_made_counts_as_an_error() -> None:
    missing = edit_errors(inked([flatten(SCENE)]), inked(SCENE), [(0, 0)])
    assert len(missing) == 4
    assert min(missing) > 0.2


def test_psnr_and_max_error_against_their_formulas() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 9, 7, 3), dtype=np.uint8)
    error = np.mean(((a / 255) - (b / 255)) ** 2)
    assert psnr_u8(a, b) == pytest.approx(-10 * np.log10(error))
    assert max_error(a, b) == np.abs(a.astype(int) - b).max()


def test_wrong_alpha_shows_over_black_and_white() -> None:
    grey, clear = plain((0, 0, 0), alpha=100), plain((0, 0, 0), alpha=0)
    assert psnr_u8(on_colour(grey, (0, 0, 0)), on_colour(clear, (0, 0, 0))) == 100
    assert max_error(backed(grey), backed(clear)) == 100


def slow_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Wang et al., equation 13, window by window."""
    kernel = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weight = np.outer(kernel, kernel) / kernel.sum() ** 2
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            p, q = (image[top : top + 11, left : left + 11].astype(float) for image in (x, y))
            mp, mq = (weight * p).sum(), (weight * q).sum()
            vp, vq = (weight * (p - mp) ** 2).sum(), (weight * (q - mq) ** 2).sum()
            cov = (weight * (p - mp) * (q - mq)).sum()
            c1, c2 = 2.55**2, 7.65**2
            values.append((2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(values))


def test_ssim_equals_the_formula_window_by_window() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (19, 16, 2), dtype=np.uint8)
    y = np.clip(x + rng.normal(0, 40, x.shape), 0, 255).astype(np.uint8)
    expected = np.mean([slow_ssim(x[..., c], y[..., c]) for c in range(2)])
    assert ssim(x, y) == pytest.approx(expected, abs=1e-10)
    assert ssim(x / 255, y / 255, peak=1) == pytest.approx(expected, abs=1e-10)
    assert ssim(x, x) == pytest.approx(1)


def test_ssim_refuses_pictures_below_its_window() -> None:
    with pytest.raises(ValueError, match="11 x 11"):
        ssim(np.zeros((10, 40)), np.zeros((10, 40)))


def test_a_distance_that_is_given_is_used() -> None:
    found = measure(score_stacks(SCENE, SCENE), lpips=lambda a, b: float(a.shape == b.shape == (SIDE, SIDE, 3)))
    assert found.recomposition_lpips == 1


def test_summary_leaves_out_what_does_not_apply_and_counts_counts() -> None:
    some = [measure(score_stacks(pred, SCENE)) for pred in (SCENE, [GROUND, LEFT], [GROUND])]
    some.append(measure(score_stacks([GROUND], [GROUND])))
    means = summarise(some)
    assert means["hidden_error"] == pytest.approx(np.mean([s.hidden_error for s in some[:3]]))
    assert means["recomposition_lpips"] is None
    assert (means["count_exact"], means["count_within_one"], means["count_mean_absolute_error"]) == (0.5, 0.75, 0.75)
    assert count_confusion(some) == {1: {1: 1}, 3: {1: 1, 2: 1, 3: 1}}


def test_random_scenes_give_figures_in_their_ranges() -> None:
    for seed in range(6):
        scene = twin.random_scene(seed)
        found = vars(measure(score_stacks(twin.disturbed(scene, seed), scene)))
        for name, value in found.items():
            if name.startswith(("layer_iou", "blank", "duplicate", "order", "hidden", "edit")) and value is not None:
                assert 0 <= value <= 1, (seed, name, value)


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("scipy"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"layerize\[eval\]"):
        assign(inked(SCENE), inked(SCENE), Pairs())
