"""The LayerD protocol: equal to its slow twin, to LayerD's own figures, and what the specification says of corners."""

from __future__ import annotations

import json
from pathlib import Path

import layerd_twin as twin
import numpy as np
import pytest
from PIL import Image

from layerize.errors import InputError
from layerize.evaluation.layerd import State, aggregate, check_sizes, drop_faint, group, score_stacks
from layerize.evaluation.over import flatten, over
from layerize.evaluation.pairs import InkedLayer, Pairs

GOLDEN = Path(__file__).parents[3] / "shared/data/layerd_golden"


def blank(height: int = 8, width: int = 8) -> np.ndarray:
    return np.zeros((height, width, 4), np.uint8)


def box(y: slice, x: slice, colour: tuple[int, int, int] = (200, 30, 60), alpha: int = 255) -> np.ndarray:
    layer = blank()
    layer[y, x] = (*colour, alpha)
    return layer


def test_over_is_pillows_for_every_pair_of_alphas() -> None:
    rng = np.random.default_rng(0)
    source, below = np.mgrid[0:256, 0:256].astype(np.uint8)
    top, bottom = (np.dstack([rng.integers(0, 256, (256, 256, 3), dtype=np.uint8), a]) for a in (source, below))
    np.testing.assert_array_equal(over(top, bottom), twin.over(top, bottom))


def test_over_leaves_its_inputs_alone_and_flattens_in_order() -> None:
    layers = twin.random_scene(3)
    copies = [layer.copy() for layer in layers]
    flat = layers[0]
    for layer in layers[1:]:
        flat = twin.over(layer, flat)
    np.testing.assert_array_equal(flatten(layers), flat)
    for layer, copy in zip(layers, copies, strict=True):
        np.testing.assert_array_equal(layer, copy)


@pytest.mark.parametrize("seed", range(40))
def test_equals_the_twin_on_random_scenes(seed: int) -> None:
    truth = twin.random_scene(seed)
    prediction = twin.disturbed(truth, seed) if seed % 4 else twin.random_scene(seed + 1000)
    expected = twin.score(prediction, truth)
    found = [vars(state) for state in score_stacks(prediction, truth).states]
    assert len(found) == len(expected)
    difference = max(abs(a[name] - b[name]) for a, b in zip(found, expected, strict=True) for name in b)
    assert difference < 1e-12, difference


def test_random_scenes_reach_merges_on_both_sides() -> None:
    edits = [len(score_stacks(twin.disturbed(s, i), s).states) - 1 for i in range(40) for s in [twin.random_scene(i)]]
    assert max(edits) >= 3
    assert min(edits) == 0


def test_equals_layerds_own_figures() -> None:
    if not GOLDEN.is_dir():
        pytest.skip("the golden stacks lie beside the project, not in it")
    expected = json.loads((GOLDEN / "expected.json").read_text())
    found = {}
    for name in expected["samples"]:
        sides = ([np.array(Image.open(p).convert("RGBA")) for p in sorted((GOLDEN / side / name).glob("*.png"))]
                 for side in ("pred", "gt"))  # fmt: skip
        found[name] = score_stacks(*sides).states
        assert [vars(state) for state in found[name]] == [pytest.approx(s, abs=1e-9) for s in expected["samples"][name]]
    assert aggregate(list(found.values())) == [pytest.approx(row, abs=1e-9) for row in expected["aggregate"]]


def test_a_perfect_prediction_scores_nothing_wrong() -> None:
    scene = [box(slice(None), slice(None)), box(slice(1, 4), slice(1, 4), (0, 0, 9)), box(slice(2, 6), slice(2, 6))]
    only = score_stacks(scene, scene).states
    assert [vars(state) for state in only] == [{"edits": 0, "cost": 0.0, "rgb_l1": 0.0, "alpha_iou": 1.0}]


def test_grouping_flattens_what_does_not_touch() -> None:
    background = box(slice(None), slice(None))
    a, b, c = box(slice(0, 2), slice(0, 2)), box(slice(4, 6), slice(4, 6)), box(slice(1, 5), slice(1, 5))
    groups = group([InkedLayer(layer) for layer in (background, a, b, c)])
    assert len(groups) == 3
    np.testing.assert_array_equal(groups[1].rgba_HW4, twin.over(b, a))
    np.testing.assert_array_equal(groups[0].rgba_HW4, background)


def test_colour_under_the_predictions_transparent_pixels_counts() -> None:
    truth, seen, unseen = InkedLayer(box(slice(0, 4), slice(0, 4))), blank(), blank()
    unseen[..., :3] = truth.rgba_HW4[0, 0, :3]
    assert Pairs().l1(InkedLayer(unseen), truth) == 0
    assert Pairs().l1(InkedLayer(seen), truth) == pytest.approx((200 + 30 + 60) / 765)


def test_empty_layers_have_iou_zero_and_no_colour_error() -> None:
    empty, full = InkedLayer(blank()), InkedLayer(box(slice(None), slice(None)))
    pairs = Pairs()
    assert (pairs.iou(empty, empty), pairs.l1(full, empty), pairs.cost(full, empty)) == (0.0, 0.0, 0.5)


def test_l1_is_not_symmetric_and_iou_is() -> None:
    corner = box(slice(0, 4), slice(0, 4), (0, 0, 0))
    corner[4:, :, :3] = 255
    large, small, pairs = InkedLayer(box(slice(None), slice(None), (0, 0, 0))), InkedLayer(corner), Pairs()
    assert pairs.l1(large, small) == 0
    assert pairs.l1(small, large) == pytest.approx(0.5)
    assert pairs.iou(small, large) == pairs.iou(large, small) == 0.25


def test_merges_stop_at_the_limit_given() -> None:
    truth = twin.random_scene(20)
    prediction = twin.disturbed(truth, 20)
    every = score_stacks(prediction, truth, max_edits=5).states
    assert len(every) > 2
    assert score_stacks(prediction, truth, max_edits=1).states == every[:2]
    assert score_stacks(prediction, truth, max_edits=0).states == every[:1]


def test_aggregate_carries_a_samples_last_state_on() -> None:
    short = [State(edits=0, cost=0.2, rgb_l1=0.2, alpha_iou=0.8)]
    long = [State(edits=k, cost=0.1 * k, rgb_l1=0.1, alpha_iou=0.5) for k in range(3)]
    rows = aggregate([short, long], max_edits=3)
    assert [row["count"] for row in rows] == [2, 1, 1, 0]
    assert [row["avg_edits"] for row in rows] == [0, 0.5, 1, 1]
    assert [row["avg_cost"] for row in rows] == pytest.approx([0.1, 0.15, 0.2, 0.2])


def test_faint_alpha_wrecks_the_score_and_the_floor_restores_it() -> None:
    scene = [box(slice(None), slice(None)), box(slice(0, 2), slice(0, 2), (0, 9, 0)), box(slice(5, 8), slice(5, 8))]
    faint = [layer.copy() for layer in scene]
    for layer in faint[1:]:
        layer[..., 3] = np.maximum(layer[..., 3], 1)
    assert score_stacks(faint, scene).states[0].alpha_iou < 0.9
    assert score_stacks(drop_faint(faint, 8), scene).states[0].alpha_iou == 1
    assert drop_faint(scene, 8)[1] is scene[1]
    assert faint[1][..., 3].min() == 1, "the input was changed"


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="8x8, 9x8"):
        check_sizes([blank()], [blank(8, 9)])
    with pytest.raises(InputError, match="0 predicted"):
        score_stacks([], [blank()])
