"""The stream is the same sequence whatever draws it and wherever it begins, and it ends cleanly."""

from __future__ import annotations

import itertools
import multiprocessing
import time

import numpy as np
import pytest

from layerize.errors import UsageError
from layerize.synth.design import TRAIN_SEED_START, DesignConfig, draw_design
from layerize.synth.merge import composite_over
from layerize.synth.stream import DesignBatch, design_batches

SIZES = ((64, 64), (64, 96))


def _same(first: DesignBatch, second: DesignBatch) -> bool:
    arrays = ("image", "layers", "count", "seeds")
    return first["captions"] == second["captions"] and all(np.array_equal(first[k], second[k]) for k in arrays)


def _live_workers() -> list[str]:
    return [p.name for p in multiprocessing.active_children() if p.name.startswith("designs-")]


def test_workers_draw_the_same_sequence_and_end() -> None:
    inline = list(itertools.islice(design_batches(batch_size=3, sizes=SIZES, seed=50), 7))
    stream = design_batches(batch_size=3, sizes=SIZES, seed=50, workers=2, start=2)
    drawn = list(itertools.islice(stream, 5))
    assert len(_live_workers()) == 2
    start = time.monotonic()
    stream.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < 4
    assert not _live_workers()
    assert all(_same(a, b) for a, b in zip(drawn, inline[2:], strict=True))


def test_a_batch_holds_designs_of_consecutive_seeds_padded_with_zeros() -> None:
    sizes = set()
    for index, batch in enumerate(itertools.islice(design_batches(batch_size=4, sizes=SIZES, seed=9), 8)):
        height, width = batch["image"].shape[1:3]
        sizes.add((width, height))
        assert batch["seeds"].tolist() == [9 + 4 * index + i for i in range(4)]
        assert batch["layers"].shape[1] == batch["count"].max()
        for i, seed in enumerate(batch["seeds"]):
            design, count = draw_design(int(seed), (width, height)), int(batch["count"][i])
            assert np.array_equal(batch["layers"][i, :count], design.layers_u8_KHW4)
            assert not batch["layers"][i, count:].any()
            assert np.array_equal(composite_over(batch["layers"][i]), batch["image"][i])
            assert batch["captions"][i] == design.caption
    assert sizes == set(SIZES)


def test_training_seeds_are_the_default() -> None:
    assert next(design_batches(batch_size=1, sizes=((64, 64),)))["seeds"][0] == TRAIN_SEED_START


def test_layer_counts_are_mixed_inside_a_batch() -> None:
    batch = next(design_batches(batch_size=24, sizes=((64, 64),)))
    assert len(set(batch["count"].tolist())) >= 3


def test_the_config_reaches_the_designs() -> None:
    config = DesignConfig(min_levels=4, max_levels=4)
    assert next(design_batches(batch_size=5, sizes=((64, 64),), config=config))["count"].tolist() == [4] * 5


def test_a_failure_in_a_worker_arrives_here() -> None:
    stream = design_batches(batch_size=2, sizes=((50, 64),), workers=1)
    with pytest.raises(UsageError, match="multiples of 16"):
        next(stream)
    assert not _live_workers()


@pytest.mark.parametrize("change", [{"batch_size": 0}, {"workers": -1}, {"start": -1}, {"sizes": ()}], ids=str)
def test_impossible_arguments_are_refused_at_once(change: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="allowed"):
        design_batches(**{"batch_size": 2, **change})  # type: ignore[arg-type]
