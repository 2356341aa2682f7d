"""Batches: a function of their number, different from one another, of the layer counts that the recipe asks for."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest
import torch

from layerize.errors import ConfigError
from layerize.stack.torch_over import visible_weights
from layerize.training.batches import Batch, DesignSource, batch_number, batches
from layerize.training.recipe import DataConfig

CONFIG = DataConfig(sizes=((64, 64), (80, 64)), size_weights=(0.5, 0.5), groups=2, group_size=2, caption_rate=1.0)
SOURCE = DesignSource(CONFIG)


def same(a: Batch, b: Batch) -> bool:
    return a.captions == b.captions and torch.equal(a.picture_B3HW, b.picture_B3HW)


def test_the_same_number_gives_the_same_batch() -> None:
    assert same(SOURCE.batch(5, False), SOURCE.batch(5, False))
    assert SOURCE.batch(5, False).captions != SOURCE.batch(6, False).captions


def test_two_processes_see_what_one_sees_that_accumulates() -> None:
    together = {batch_number(step, process, 2, 1, 0) for step in range(3) for process in range(2)}
    alone = {batch_number(step, 0, 1, 2, part) for step in range(3) for part in range(2)}
    assert together == alone == set(range(6))


def test_counts_follow_the_curriculum() -> None:
    for number in range(6):
        batch = SOURCE.batch(number, number < 3)
        counts = batch.count_B.tolist()
        assert [layers.shape[1] for _, layers in batch.groups] == [counts[0], counts[2]]
        assert counts[0] != counts[2]
        assert number >= 3 or max(counts) <= 4


def test_layers_compose_to_the_picture_and_captions_come() -> None:
    batch = SOURCE.batch(9, False)
    for index, layers in batch.groups:
        weights = visible_weights(layers[:, :, 3])
        composite = (weights[:, :, None] * layers[:, :, :3]).sum(dim=1)
        assert (composite - batch.picture_B3HW[index]).abs().max() <= 1 / 255
        assert [len(batch.names[place]) for place in index.tolist()] == [layers.shape[1]] * len(index)
    assert all(batch.captions)
    assert batch.captioned


def test_workers_draw_the_same_in_the_same_order() -> None:
    keys = [(3, False), (4, False), (5, True)]
    drawn = list(islice(batches(SOURCE, iter(keys), workers=1), 3))
    assert all(same(batch, SOURCE.batch(*key)) for batch, key in zip(drawn, keys, strict=True))


def test_a_recipe_may_change_what_designs_are_like() -> None:
    usual, white = (
        DesignSource(replace(CONFIG, design=design)).batch(1, False)
        for design in ({}, {"white_share": 1.0, "alone_share": 1.0})
    )
    corners = white.picture_B3HW[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners > 0.93).float().mean() > 0.8  # a figure may reach into a corner
    assert (usual.picture_B3HW[:, :, 0, 0] > 0.93).float().mean() < 0.8
    assert white.count_B.tolist() == usual.count_B.tolist()


def test_held_out_seeds_and_undrawable_counts_are_refused() -> None:
    with pytest.raises(ConfigError, match="held out"):
        DesignSource(replace(CONFIG, seed=17))
    with pytest.raises(ConfigError, match=r"2\.\.8"):
        DesignSource(replace(CONFIG, layer_counts=(9, 10), count_weights=(1.0, 1.0)))
