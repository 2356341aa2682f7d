"""Batches: deterministic, different between processes and steps, of the layer counts that the recipe asks for."""

from __future__ import annotations

import torch

from layerize.stack.torch_over import visible_weights
from layerize.training.batches import draw_batch
from layerize.training.recipe import DataConfig

CONFIG = DataConfig(
    sizes=((64, 64), (80, 64)), size_weights=(0.5, 0.5), groups=2, group_size=2, caption_rate=1.0, easy_steps=3
)


def test_the_same_step_gives_the_same_batch() -> None:
    first, again = draw_batch(CONFIG, 5, 1, 2), draw_batch(CONFIG, 5, 1, 2)
    assert torch.equal(first.picture_B3HW, again.picture_B3HW)
    assert first.captions == again.captions
    other = draw_batch(CONFIG, 5, 0, 2)
    assert first.picture_B3HW.shape != other.picture_B3HW.shape or not torch.equal(
        first.picture_B3HW, other.picture_B3HW
    )


def test_counts_follow_the_curriculum() -> None:
    for step in range(6):
        batch = draw_batch(CONFIG, step, 0, 1)
        counts = batch.count_B.tolist()
        assert [layers.shape[1] for _, layers in batch.groups] == [counts[0], counts[2]]
        assert counts[0] != counts[2]
        assert step >= CONFIG.easy_steps or max(counts) <= 4


def test_layers_compose_to_the_picture_and_captions_come() -> None:
    batch = draw_batch(CONFIG, 9, 0, 1)
    for index, layers in batch.groups:
        weights = visible_weights(layers[:, :, 3])
        composite = (weights[:, :, None] * layers[:, :, :3]).sum(dim=1)
        assert (composite - batch.picture_B3HW[index]).abs().max() <= 1 / 255
    assert any(batch.captions)
