"""Shards give back exactly the samples, to us and to the libraries that others read them with."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import datasets
import fsspec
import numpy as np
import pytest
import webdataset
from PIL import Image
from sample_designs import design, small_dataset, write_dataset

from layerize.data.dataset_folder import DatasetFolder
from layerize.data.sample import LayeredSample, from_stack
from layerize.data.sample_store import FolderStore, ShardStore, open_store
from layerize.data.shard_index import INDEX, SAMPLES, ShardIndex
from layerize.data.shard_tar import TarWriter, key_of
from layerize.data.shards import ShardOptions, write_shards
from layerize.errors import InputError, OutputError, UsageError
from layerize.stack.composite import flatten
from layerize.stack.layer import Group, Layer, LayerStack

FORMATS = ("webdataset", "parquet")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset(tmp_path_factory.mktemp("shards") / "dataset", count=20)


def options(format_name: str, **more: object) -> ShardOptions:
    return ShardOptions(format=format_name, shard_bytes=12_000, **more)  # type: ignore[arg-type]


def same(one: LayeredSample, other: LayeredSample) -> bool:
    visible = one.layers_u8_KHW4[..., 3:] > 0
    equal = np.array_equal(one.layers_u8_KHW4 * visible, other.layers_u8_KHW4 * visible)
    return equal and vars(one) | {"layers_u8_KHW4": 0} == vars(other) | {"layers_u8_KHW4": 0}


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("place", ["memory", "file"])
def test_every_sample_comes_back(dataset: Path, tmp_path: Path, format_name: str, place: str) -> None:
    url = f"memory://{tmp_path.name}/{format_name}" if place == "memory" else (tmp_path / "out").as_uri()
    index = write_shards(dataset, url, options(format_name))
    assert index.splits == {"test": 2, "train": 20, "val": 3}
    assert not index.left_out
    assert len([shard for shard in index.shards if shard.split == "train"]) > 2
    for split, count in index.splits.items():
        folder, shards = FolderStore(dataset, split), ShardStore(url, split)
        there = {entry.id: shards.read(entry) for entry in shards.entries}
        assert len(there) == count
        assert [vars(source) for source in folder.sources] == [vars(source) for source in shards.sources]
        assert [source.samples for source in shards.sources] == [count]
        assert (shards.sources[0].repository, shards.sources[0].licence) == ("tests/art", "MIT")
        for entry in folder.entries:
            assert same(folder.read(entry), there[entry.id])
    by_name = {entry.id: entry for entry in shards.entries}
    assert all(by_name[entry.id].opaque == entry.opaque for entry in folder.entries)


def test_the_index_tells_the_truth(dataset: Path, tmp_path: Path) -> None:
    index = write_shards(dataset, str(tmp_path), options("webdataset"))
    assert ShardIndex.model_validate_json((tmp_path / INDEX).read_bytes()) == index
    assert {path.name for path in tmp_path.iterdir()} == {INDEX, SAMPLES, *(shard.name for shard in index.shards)}
    for shard in index.shards:
        data = (tmp_path / shard.name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (shard.bytes, shard.sha256)
    lines = [json.loads(line) for line in (tmp_path / SAMPLES).read_text().splitlines()]
    for shard in index.shards:
        assert shard.samples == sum(line["shard"] == shard.name for line in lines)
    assert index.layer_counts == {n: sum(line["layers"] == n for line in lines) for n in (2, 3, 4)}
    assert index.licences == {"MIT": 25}
    assert [line["id"] for line in lines] != sorted(line["id"] for line in lines), "sources are mixed"


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_same_dataset_gives_the_same_bytes(dataset: Path, tmp_path: Path, format_name: str) -> None:
    first = write_shards(dataset, str(tmp_path / "a"), options(format_name))
    again = write_shards(dataset, str(tmp_path / "b"), options(format_name))
    assert [shard.sha256 for shard in first.shards] == [shard.sha256 for shard in again.shards]


def test_webdataset_reads_them(dataset: Path, tmp_path: Path) -> None:
    index = write_shards(dataset, str(tmp_path), options("webdataset"))
    ours = {entry.id: ShardStore(str(tmp_path), "train").read(entry) for entry in open_store(tmp_path, "train").entries}
    names = [str(tmp_path / shard.name) for shard in index.shards if shard.split == "train"]
    read = list(webdataset.WebDataset(names, shardshuffle=False).decode("pilrgba"))
    assert len(read) == 20
    for sample in read:
        own = ours[sample["json"]["id"]]
        assert sample["__key__"] == own.id
        layers = np.stack([np.asarray(sample[f"layer{i:02d}.png"]) for i in range(len(own))])
        assert np.array_equal(layers, own.layers_u8_KHW4)
        assert sample["picture.png"].mode == "RGBA"
        assert np.array_equal(np.asarray(sample["picture.png"]), own.picture())
        assert sample["json"]["caption"] == own.caption


def test_hugging_face_datasets_loads_them(dataset: Path, tmp_path: Path) -> None:
    write_shards(dataset, str(tmp_path / "shards"), options("parquet"))
    files = {split: str(tmp_path / "shards" / f"{split}-*.parquet") for split in ("train", "val", "test")}
    loaded = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 20, "val": 3, "test": 2}
    ours = ShardStore(str(tmp_path / "shards"), "train")
    by_name = {entry.id: entry for entry in ours.entries}
    for row in loaded["train"]:
        own = ours.read(by_name[row["id"]])
        assert all(isinstance(layer, Image.Image) and layer.mode == "RGBA" for layer in row["layers"])
        assert np.array_equal(np.stack([np.asarray(layer) for layer in row["layers"]]), own.layers_u8_KHW4)
        assert np.array_equal(np.asarray(row["picture"]), own.picture())
        assert (row["names"], row["licence"], row["width"]) == (list(own.names), "MIT", own.size[0])


def test_a_sample_is_the_stack_on_the_canvas() -> None:
    """Groups, opacity, hidden and empty layers: the composite of the rasters is the composite of the stack."""
    base = design(3, 3)
    inner = Layer(pixels=base.layers[2].pixels, offset=(70, 50), opacity=0.5, name="inner")
    hidden = Layer(pixels=base.layers[1].pixels, visible=False)
    empty = Layer(pixels=np.zeros((5, 5, 4), np.uint8), name="empty")
    away = Layer(pixels=base.layers[1].pixels, offset=(-500, 0), name="away")
    group = Group(layers=(base.layers[1], inner), name="group", opacity=0.8, blend="normal")
    stack = LayerStack(size=(96, 64), layers=(base.layers[0], group, hidden, empty, away))
    sample = from_stack(stack, "x", {"licence": "MIT", "sha256": "-"})
    assert sample.names == ("Background", "group")
    assert sample.about == {"licence": "MIT"}
    assert np.abs(sample.picture().astype(int) - flatten(stack)).max() <= 1
    small = from_stack(stack, "x", {}, longest=48)
    assert small.size == (48, 32)
    assert small.opaque
    assert not from_stack(design(1, 2, opaque=False), "y", {}).opaque


def test_specks_that_shrinking_leaves_join_the_layer_below() -> None:
    base = design(3, 3)
    dot = Layer(pixels=np.full((6, 6, 4), (255, 0, 0, 255), np.uint8), offset=(40, 30), name="dot")
    stack = base.with_layers([*base.layers[:2], dot, base.layers[2]])
    assert from_stack(stack, "x", {}).names == ("Background", "Shape 1", "dot", "Shape 2")
    small = from_stack(stack, "x", {}, longest=32)
    assert small.names == ("Background", "Shape 1", "Shape 2")
    assert small.layers_u8_KHW4.shape == (3, 21, 32, 4)
    apart = from_stack(stack, "x", {}).resized((32, 21))
    assert len(apart) == 4
    assert np.abs(small.picture().astype(int) - apart.picture()).max() <= 1


def test_what_cannot_be_written_is_left_out_and_said(tmp_path: Path) -> None:
    multiply = design(1, 2).with_layers([*design(1, 2).layers[:1], Layer(pixels=np.full((9, 9, 4), 99, np.uint8),
                                                                         blend="multiply")])  # fmt: skip
    root = write_dataset(
        tmp_path / "d", {"good": (design(2, 3), "train"), "odd": (multiply, "train"), "cut": (design(4, 2), "val")},
        opaque={},
    )  # fmt: skip
    picture = root / "samples" / "cut" / "layers" / "01.png"
    picture.write_bytes(picture.read_bytes()[:-30])
    index = write_shards(root, str(tmp_path / "out"))
    assert {one["id"]: one["reason"].split(": ")[-1][:18] for one in index.left_out}.keys() == {"odd", "cut"}
    assert "multiply" in next(one["reason"] for one in index.left_out if one["id"] == "odd")
    assert index.splits == {"train": 1}
    (root / "samples" / "good" / "manifest.json").unlink()
    with pytest.raises(InputError, match="no sample could be read"):
        write_shards(root, str(tmp_path / "again"))


def test_only_allowed_licences_go_out(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "d", {"a": (design(1, 2), "train"), "b": (design(2, 2), "train")}, opaque={})
    folder = DatasetFolder.open(root)
    first, second = folder.entries()
    folder.rewrite([first, second.model_copy(update={"licence": "CC-BY-SA-4.0"})])
    index = write_shards(root, str(tmp_path / "out"), ShardOptions(licences=("MIT", "CC-BY")))
    assert index.licences == {"MIT": 1}
    with pytest.raises(InputError, match="licences"):
        write_shards(root, str(tmp_path / "none"), ShardOptions(licences=("CC0-1.0",)))


def test_shards_are_replaced_only_when_asked(dataset: Path, tmp_path: Path) -> None:
    write_shards(dataset, str(tmp_path), options("webdataset"))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        write_shards(dataset, str(tmp_path), options("parquet"))
    index = write_shards(dataset, str(tmp_path), options("parquet"), overwrite=True)
    expected = {INDEX, SAMPLES, "notes.txt", *(shard.name for shard in index.shards)}
    assert {path.name for path in tmp_path.iterdir()} == expected


@pytest.mark.parametrize("format_name", FORMATS)
def test_damage_is_named(dataset: Path, tmp_path: Path, format_name: str) -> None:
    index = write_shards(dataset, str(tmp_path), options(format_name))
    store = ShardStore(str(tmp_path), "train")
    entry = store.entries[3]
    path = tmp_path / entry.shard
    data = bytearray(path.read_bytes())
    places = [i for i in range(len(data)) if data.startswith(b"IDAT", i)]
    for place in places:
        data[place + 6] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match=entry.id):
        store.read(entry)
    path.unlink()
    with pytest.raises(InputError, match=entry.id):
        ShardStore(str(tmp_path), "train").read(store.entries[3])
    assert len(index.shards) > 1


def test_an_index_that_lies_is_found_out(dataset: Path, tmp_path: Path) -> None:
    write_shards(dataset, str(tmp_path), options("webdataset"))
    lines = [json.loads(line) for line in (tmp_path / SAMPLES).read_text().splitlines()]
    lines[0]["layers"] += 1
    lines[1] |= {"start": lines[2]["start"], "length": lines[2]["length"], "shard": lines[2]["shard"]}
    (tmp_path / SAMPLES).write_text("\n".join(map(json.dumps, lines)))
    for number in (0, 1):
        store = ShardStore(str(tmp_path), lines[number]["split"])
        entry = next(entry for entry in store.entries if entry.id == lines[number]["id"])
        with pytest.raises(InputError, match=entry.id):
            store.read(entry)
    lines[0]["shard"] = "../../secret.tar"
    (tmp_path / SAMPLES).write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(InputError, match="line 1"):
        ShardStore(str(tmp_path), "train")


@pytest.mark.parametrize("change", [{"format": "zip"}, {"shard_bytes": 0}, {"longest": 3}], ids=str)
def test_impossible_options_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="allowed"):
        ShardOptions(**change)  # type: ignore[arg-type]


def test_places_that_are_none(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nonsense://"):
        write_shards(dataset, "nonsense://bucket")
    with pytest.raises(InputError, match="neither"):
        open_store(tmp_path, "train")
    with pytest.raises(InputError, match="'val'"):
        open_store(write_dataset(tmp_path / "d", {"a": (design(1, 2), "train")}, opaque={}), "val")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_shards(dataset, str(tmp_path / "file" / "x"))


def test_names_that_a_tar_reader_would_split() -> None:
    assert key_of("poster-3f_2") == "poster-3f_2"
    assert len({key_of(name) for name in ("a.b", "a/b", "ä", "a" * 99)}) == 4
    file = io.BytesIO()
    writer = TarWriter(file)
    writer.add(from_stack(design(1, 2), "some.poster/1", {}))
    writer.close()
    fs = fsspec.filesystem("memory")
    fs.pipe("/dots/x.tar", file.getvalue())
    members = [path for path in file.getvalue().split(b"\0") if path.endswith(b".json")]
    assert members == [key_of("some.poster/1").encode() + b".json"]
