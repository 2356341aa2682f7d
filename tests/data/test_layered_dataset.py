"""Loading: every sample once, the same batches with any workers, on from the middle, and damage that is named."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from sample_designs import design, small_dataset, write_dataset
from torch.utils.data import DataLoader

from layerize.data.augment import Augment
from layerize.data.buckets import PlanOptions, aspect_sizes, nearest_size, own_count, plan
from layerize.data.layered_dataset import LayerBatch, LayerBatches, LayeredDataset, LayerLoader, collate
from layerize.data.shard_index import SampleEntry
from layerize.data.shards import ShardOptions, write_shards
from layerize.errors import InputError, UsageError
from layerize.stack.torch_over import composite_over

SIZES = ((64, 64), (80, 48), (48, 80))
OPTIONS = PlanOptions(sizes=SIZES, groups=2, group_size=3, seed=7)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset(tmp_path_factory.mktemp("loading") / "dataset", count=40)


@pytest.fixture(scope="module", params=["folder", "webdataset", "parquet"])
def where(request: pytest.FixtureRequest, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "folder":
        return str(dataset)
    out = tmp_path_factory.mktemp(request.param)
    write_shards(dataset, str(out), ShardOptions(format=request.param, shard_bytes=20_000))
    return str(out)


def first(batches: Iterator[LayerBatch], count: int) -> list[LayerBatch]:
    return list(itertools.islice(batches, count))


def same(one: LayerBatch, other: LayerBatch) -> bool:
    tensors = ("picture_B3HW", "layers_BK4HW", "mask_BK", "count_B")
    texts = ("captions", "names", "ids")
    return all(torch.equal(getattr(one, t), getattr(other, t)) for t in tensors) and all(
        getattr(one, t) == getattr(other, t) for t in texts
    )


# --- batches --------------------------------------------------------------------------------------------------------


def test_a_batch_is_groups_of_one_count_and_one_size(where: str) -> None:
    for batch in first(iter(LayerBatches(where, OPTIONS, augment=Augment())), 8):
        assert tuple(batch.picture_B3HW.shape[:0:-1])[:2] in SIZES
        assert batch.picture_B3HW.shape[0] == 6
        counts = batch.count_B.tolist()
        assert counts[:3] == counts[:1] * 3
        assert counts[3:] == counts[3:4] * 3
        assert batch.layers_BK4HW.shape[1] == max(counts)
        assert torch.equal(batch.mask_BK.sum(1), batch.count_B)
        assert not batch.layers_BK4HW[~batch.mask_BK].any()
        assert (batch.layers_BK4HW[:, 0, 3] == 1).all()
        seen = torch.cat([index for index, _ in batch.groups])
        assert sorted(seen.tolist()) == list(range(6))
        for index, layers in batch.groups:
            assert layers.shape[1] == counts[int(index[0])]
            rgb, alpha = composite_over(layers)
            assert (alpha > 0.999).all()
            assert (rgb - batch.picture_B3HW[index]).abs().max() <= 0.51 / 255


def test_one_epoch_gives_every_sample_once(where: str) -> None:
    options = PlanOptions(sizes=SIZES, groups=2, group_size=3)
    batches = list(LayerBatches(where, options, endless=False))
    ids = [name for batch in batches for name in batch.ids]
    assert sorted(ids) == [f"s{i:03d}" for i in range(40)]
    assert len({name for batch in LayerBatches(where, options, split="val", endless=False) for name in batch.ids}) == 3


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_any_number_of_workers_gives_the_same_batches(where: str, workers: int) -> None:
    if workers and where.endswith("parquet0"):
        pytest.skip("one kind of shards is enough for processes")
    stream = LayerBatches(where, OPTIONS, augment=Augment())
    expected = first(iter(stream), 9)
    loader = LayerLoader(LayerBatches(where, OPTIONS, augment=Augment()), workers=workers)
    assert all(same(a, b) for a, b in zip(expected, first(iter(loader), 9), strict=True))


def test_processes_share_the_stream_without_overlap(where: str) -> None:
    alone = first(iter(LayerBatches(where, OPTIONS)), 8)
    shared = [first(iter(LayerBatches(where, OPTIONS, process=p, processes=2)), 4) for p in (0, 1)]
    assert all(same(alone[2 * i + p], shared[p][i]) for p in (0, 1) for i in range(4))
    once = [LayerBatches(where, OPTIONS, process=p, processes=3, endless=False) for p in range(3)]
    ids = [name for stream in once for batch in stream for name in batch.ids]
    assert len(ids) == len(set(ids)) == 40


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_goes_on_in_the_middle_of_an_epoch(where: str, workers: int) -> None:
    if workers and where.endswith("parquet0"):
        pytest.skip("one kind of shards is enough for processes")
    whole = first(iter(LayerBatches(where, OPTIONS, augment=Augment())), 12)
    loader = LayerLoader(LayerBatches(where, OPTIONS, augment=Augment()), workers=workers)
    before = first(iter(loader), 5)
    state = loader.state_dict()
    assert state == {"batch": 5}
    again = LayerLoader(LayerBatches(where, OPTIONS, augment=Augment()), workers=1 if workers else 0)
    again.load_state_dict(state)
    after = first(iter(again), 7)
    assert all(same(a, b) for a, b in zip(whole, before + after, strict=True))


def test_a_loader_of_one_epoch_begins_anew(dataset: Path) -> None:
    loader = LayerLoader(LayerBatches(dataset, OPTIONS, endless=False))
    one, two = list(loader), list(loader)
    assert [b.ids for b in one] == [b.ids for b in two]
    assert loader.state_dict() == {"batch": 0}
    with pytest.raises(UsageError, match="no state"):
        loader.load_state_dict({"batch": -1})


def test_a_plain_data_loader_reads_the_stream_too(dataset: Path) -> None:
    expected = first(iter(LayerBatches(dataset, OPTIONS)), 4)
    plain = DataLoader(LayerBatches(dataset, OPTIONS), batch_size=None, num_workers=0)
    assert all(same(a, b) for a, b in zip(expected, first(iter(plain), 4), strict=True))


# --- single samples -------------------------------------------------------------------------------------------------


def test_the_map_style_dataset(where: str) -> None:
    data = LayeredDataset(where, sizes=((64, 64),))
    assert len(data) == 40
    example = data[0]
    assert example.layers_u8_KHW4.shape[1:] == (64, 64, 4)
    batch = collate([data[i] for i in range(5)])
    assert batch.mask_BK.sum(1).tolist() == [len(data[i].layers_u8_KHW4) for i in range(5)]
    loader = DataLoader(data, batch_size=4, collate_fn=collate)
    assert sum(len(batch.ids) for batch in loader) == 40
    mixed = LayeredDataset(where, sizes=SIZES)
    with pytest.raises(UsageError, match="one size"):
        collate([mixed[i] for i in range(10)])
    with pytest.raises(UsageError, match="one size"):
        collate([])


def test_an_epoch_has_its_own_augmentation(dataset: Path) -> None:
    data = LayeredDataset(dataset, augment=Augment(recolour=1))
    first_look, second_look = data[1], data[1]
    assert np.array_equal(first_look.picture_u8_HW3, second_look.picture_u8_HW3)
    data.epoch = 1
    assert not np.array_equal(first_look.picture_u8_HW3, data[1].picture_u8_HW3)


# --- damage ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = small_dataset(tmp_path_factory.mktemp("damaged") / "d", count=24)
    for name in ("s003", "s010"):
        picture = root / "samples" / name / "layers" / "00.png"
        picture.write_bytes(picture.read_bytes()[:40])
    return root


def test_a_damaged_sample_is_named(damaged: Path) -> None:
    with pytest.raises(InputError, match=r"s003|s010"):
        list(LayerBatches(damaged, OPTIONS, endless=False))
    data = LayeredDataset(damaged)
    with pytest.raises(InputError, match="s003"):
        data[3]
    with pytest.raises(InputError, match=r"s003|s010"):
        list(LayerLoader(LayerBatches(damaged, OPTIONS, endless=False), workers=1))


@pytest.mark.parametrize("workers", [0, 2])
def test_damaged_samples_are_skipped_and_recorded(damaged: Path, workers: int) -> None:
    loader = LayerLoader(LayerBatches(damaged, OPTIONS, endless=False, on_error="skip"), workers=workers)
    batches = list(loader)
    assert set(loader.skipped) == {"s003", "s010"}
    assert "s003" in loader.skipped["s003"]
    ids = {name for batch in batches for name in batch.ids}
    assert len(ids) == 22
    assert not ids & {"s003", "s010"}
    planned = sum(len(p.draws) for p in LayerBatches(damaged, OPTIONS, endless=False).plans())
    assert sum(len(batch.ids) for batch in batches) >= planned - 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_of_nothing_but_damage_keeps_the_others_in_step(damaged: Path, workers: int) -> None:
    alone = PlanOptions(sizes=SIZES, groups=1, group_size=1, seed=3)
    loader = LayerLoader(LayerBatches(damaged, alone, endless=False, on_error="skip"), workers=workers)
    ids = [batch.ids[0] for batch in loader]
    wanted = [p.draws[0].entry.id for p in LayerBatches(damaged, alone, endless=False).plans()]
    assert ids == [name for name in wanted if name not in ("s003", "s010")]
    assert set(loader.skipped) == {"s003", "s010"}


# --- plans ----------------------------------------------------------------------------------------------------------


def entries(count: int) -> list[SampleEntry]:
    rng = np.random.default_rng(0)
    return [
        SampleEntry(
            id=f"e{i}", split="train", size=(int(rng.integers(50, 200)), int(rng.integers(50, 200))),
            layers=int(rng.choice([2, 3, 4, 9], p=[0.5, 0.3, 0.19, 0.01])), opaque=bool(rng.random() < 0.7), shard="x",
        )
        for i in range(count)
    ]  # fmt: skip


def test_rare_counts_are_seen_as_often_as_common_ones() -> None:
    many = entries(700)
    options = PlanOptions(sizes=aspect_sizes(128), groups=2, group_size=4)
    seen = Counter(d.entry.id for p in itertools.islice(plan(many, options), 2600) for d in p.draws)
    rare = [seen[e.id] for e in many if e.layers == 9]
    assert len(rare) > 2
    assert min(rare) >= 0.6 * np.mean(list(seen.values()))
    assert max(seen.values()) - min(seen.values()) <= 16
    assert len(seen) == 700


def test_epochs_differ_and_seeds_too() -> None:
    many = entries(64)
    options = PlanOptions(sizes=((64, 64),), groups=1, group_size=4, layer_counts=(1, 48))
    one = [d.entry.id for p in itertools.islice(plan(many, options), 24) for d in p.draws]
    other = [
        d.entry.id
        for p in itertools.islice(plan(many, PlanOptions(**{**vars(options), "seed": 1})), 24)
        for d in p.draws
    ]
    assert one[:32] != other[:32]
    assert one[:32] != one[64:96]


def test_counts_and_drops_are_planned() -> None:
    many = entries(300)
    options = PlanOptions(sizes=((64, 64),), groups=1, group_size=1, layer_counts=(2, 4), drop=0.5)
    draws = [d for p in plan(many, options, endless=False) for d in p.draws]
    assert {d.entry.id for d in draws} == {e.id for e in many if 2 <= own_count(e) <= 4}
    dropped = [d for d in draws if d.count < own_count(d.entry)]
    assert 0.3 < len(dropped) / sum(own_count(d.entry) > 2 for d in draws) < 0.7
    assert all(d.count >= 2 for d in draws)
    with pytest.raises(UsageError, match="none of 300"):
        next(plan(many, PlanOptions(sizes=((64, 64),), layer_counts=(20, 30))))


def test_sizes_by_aspect_ratio() -> None:
    sizes = aspect_sizes(128)
    assert (128, 128) in sizes
    assert all(w % 16 == 0 and h % 16 == 0 and 0.8 < w * h / 128**2 < 1.25 for w, h in sizes)
    assert {(h, w) for w, h in sizes} == set(sizes)
    assert nearest_size((1920, 1080), sizes) == max(sizes, key=lambda s: -abs(np.log(s[0] / s[1]) - np.log(16 / 9)))
    assert nearest_size((500, 510), sizes) == (128, 128)
    with pytest.raises(UsageError, match="at least 16"):
        aspect_sizes(8)


@pytest.mark.parametrize(
    "change", [{"sizes": ()}, {"groups": 0}, {"group_size": 0}, {"layer_counts": (5, 2)}, {"layer_counts": (0, 2)}]
)
def test_impossible_plans_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="needed"):
        PlanOptions(**{"sizes": SIZES, **change})  # type: ignore[arg-type]


def test_impossible_streams_are_refused(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "d", {"a": (design(1, 2), "train")}, opaque={})
    for change in ({"process": 2, "processes": 2}, {"on_error": "ignore"}):
        with pytest.raises(UsageError, match="allowed"):
            LayerBatches(root, OPTIONS, **change)  # type: ignore[arg-type]
    assert next(iter(LayerBatches(root, OPTIONS))).ids == ("a",) * 6
