"""Batches from a dataset folder: deterministic, true to the picture, and undisturbed by a broken sample."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from layerize.errors import InputError
from layerize.stack.torch_over import visible_weights
from layerize.training.recipe import DataConfig
from layerize.training.sources import open_source

sys.path.insert(0, str(Path(__file__).parent))
from dataset_maker import make_dataset

CONFIG = DataConfig(sizes=((64, 64),), layer_counts=(2, 3, 4), count_weights=(1.0, 1.0, 1.0), groups=2, group_size=2)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("data") / "dataset")


def test_a_batch_follows_from_its_number_and_composes(dataset: Path) -> None:
    config = replace(CONFIG, dataset=str(dataset))
    first, again = open_source(config).batch(3, False), open_source(config).batch(3, False)
    assert torch.equal(first.picture_B3HW, again.picture_B3HW)
    assert not torch.equal(first.picture_B3HW, open_source(config).batch(4, False).picture_B3HW)
    for index, layers in first.groups:
        assert layers.shape[1] in (2, 3)  # there are no samples of four
        weights = visible_weights(layers[:, :, 3])
        composite = (weights[:, :, None] * layers[:, :, :3]).sum(dim=1)
        assert (composite - first.picture_B3HW[index]).abs().max() < 1.5 / 255
        assert [len(first.names[place]) for place in index.tolist()] == [layers.shape[1]] * len(index)


def test_a_mixture_holds_both(dataset: Path) -> None:
    config = replace(CONFIG, dataset=str(dataset), dataset_share=0.5, layer_counts=(3, 2, 4))
    mixed, folder = open_source(config), open_source(replace(config, dataset_share=1.0))
    same = [torch.equal(mixed.batch(i, False).picture_B3HW, folder.batch(i, False).picture_B3HW) for i in range(12)]
    assert 2 <= sum(same) <= 10


def test_a_broken_sample_is_named_and_replaced(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "dataset")
    for picture in (root / "samples" / "00").rglob("*.png"):
        picture.write_bytes(b"broken")
    source = open_source(replace(CONFIG, dataset=str(root)))
    batches = [source.batch(number, False) for number in range(8)]
    bad = {name for batch in batches for name, _ in batch.bad}
    assert bad == {"00"}
    assert all(len(batch.picture_B3HW) == 4 for batch in batches)


def test_only_allowed_licences_are_used_and_origins_named(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "dataset")
    index = root / "index.jsonl"
    lines = index.read_text().splitlines()
    lines[0] = lines[0].replace("CC0-1.0", "GPL-2.0-only")
    index.write_text("\n".join(lines) + "\n")
    everything = open_source(replace(CONFIG, dataset=str(root)))
    assert [origin.licence for origin in everything.origins].count("GPL-2.0-only") == 1
    open_ones = open_source(replace(CONFIG, dataset=str(root), licences=("CC0-1.0",)))
    assert {(origin.licence, origin.count) for origin in open_ones.origins} == {("CC0-1.0", 1)}
    assert len(open_ones.origins) == 5
    assert open_source(replace(CONFIG, dataset=str(root), dataset_share=0.5)).origins == everything.origins
    assert open_source(CONFIG).origins == ()
    with pytest.raises(InputError, match="holds no sample of the licences MIT"):
        open_source(replace(CONFIG, dataset=str(root), licences=("MIT",)))


def test_a_dataset_with_nothing_usable_is_refused(tmp_path: Path, dataset: Path) -> None:
    with pytest.raises(InputError, match=r"none of 6 samples has a layer count of the recipe \(7"):
        open_source(replace(CONFIG, dataset=str(dataset), layer_counts=(7,), count_weights=(1.0,), groups=1))
    with pytest.raises(InputError):
        open_source(replace(CONFIG, dataset=str(tmp_path)))
    root = make_dataset(tmp_path / "all-broken", samples=2)
    for picture in root.rglob("*.png"):
        picture.write_bytes(b"")
    with pytest.raises(InputError, match="in a row cannot be read"):
        open_source(replace(CONFIG, dataset=str(root))).batch(0, False)
