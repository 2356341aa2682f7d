"""Real cut-outs: what counts as one, who may use it, and that designs stay what they promise, with and without them."""

from __future__ import annotations

import hashlib
import itertools
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from layerize.cli.synth import app
from layerize.errors import InputError, OutputError, UsageError
from layerize.formats import load, save
from layerize.stack.layer import Layer, LayerStack
from layerize.synth import element_store
from layerize.synth.design import Design, DesignConfig, draw_design
from layerize.synth.dice import Dice
from layerize.synth.element_scan import cutouts
from layerize.synth.elements import ElementBank
from layerize.synth.licences import DEFAULT_LICENCES, is_allowed
from layerize.synth.merge import composite_over
from layerize.synth.stream import design_batches

ALL_REAL = DesignConfig(element_share=1.0, similar_probability=1.0)


def disc(side: int, seed: int, rings: int = 5) -> np.ndarray:
    """A round emblem of many colours on transparency, straight RGBA (side, side, 4)."""
    y, x = (np.indices((side, side)) + 0.5 - side / 2) * 2 / side
    radius = np.hypot(x, y)
    colours = np.random.default_rng(seed).integers(0, 255, (rings, 3))
    pixels = np.zeros((side, side, 4), np.uint8)
    pixels[..., :3] = colours[np.minimum((radius * rings).astype(int), rings - 1)]
    pixels[..., 3] = np.where(radius <= 1, 255, 0)
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def noise(width: int, height: int, seed: int) -> np.ndarray:
    """A picture of many colours, opaque."""
    small = np.random.default_rng(seed).integers(0, 255, (8, 8, 3)).astype(np.uint8)
    big = np.kron(small, np.ones((-(-height // 8), -(-width // 8), 1), np.uint8))[:height, :width]
    return np.dstack([big, np.full((height, width), 255, np.uint8)])


def write_dataset(folder: Path, samples: dict[str, tuple[LayerStack, dict[str, object]]]) -> Path:
    """A dataset as 'data extract' writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, (stack, about) in samples.items():
        save(stack, folder / "samples" / name)
        entry = {"id": name, "path": f"samples/{name}", "status": "accepted", "split": "train", "source": f"{name}.psd"}
        lines.append(json.dumps(entry | {"repository": "a/one", "licence": "MIT"} | about))
    (folder / "index.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def stack_of(*layers: tuple[np.ndarray, tuple[int, int]], size: tuple[int, int] = (300, 300)) -> LayerStack:
    return LayerStack(
        size=size, layers=tuple(Layer(pixels=p, offset=o, name=f"Layer {i}") for i, (p, o) in enumerate(layers))
    )


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test leaves cut-outs in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "layerize" / "elements"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    design = stack_of((noise(300, 300, 0), (0, 0)), (disc(120, 1), (20, 20)), (noise(140, 100, 2), (150, 180)))
    return write_dataset(
        tmp_path_factory.mktemp("elements") / "dataset",
        {
            "poster": (design, {}),
            "sticker": (stack_of((disc(200, 3), (40, 40))), {"repository": "b/two", "licence": "CC-BY-4.0"}),
            "held-out": (stack_of((disc(220, 4), (40, 40))), {"split": "test"}),
            "copyleft": (stack_of((disc(210, 5), (40, 40))), {"licence": "GPL-2.0-only"}),
            "unknown": (stack_of((disc(190, 6), (40, 40))), {"licence": None}),
            "bad": (stack_of((disc(180, 7), (40, 40))), {"status": "rejected"}),
            "fixture": (stack_of((disc(170, 8), (40, 40))), {"kind": "fixture"}),
        },
    )


@pytest.fixture(scope="module")
def bank(dataset: Path) -> ElementBank:
    return ElementBank.load(dataset)


def digest(design: Design) -> str:
    return hashlib.sha256(
        design.layers_u8_KHW4.tobytes() + repr((design.caption, design.names, design.credits)).encode()
    ).hexdigest()


# --- without a bank nothing has changed -----------------------------------------------------------------------------


def test_designs_without_elements_are_the_ones_they_were() -> None:
    """Every choice of 200 designs (the attempts follow from the pixels too), stored before there were banks."""
    seen = hashlib.sha256()
    for seed in (*range(150), *range(1_000_000, 1_000_050)):
        design = draw_design(seed, (96, 96))
        seen.update(repr((design.names, design.attempts)).encode())
    assert seen.hexdigest() == "0f0ddb11b1420d6530e2bb81ec77a83e3a58d517c35ec1abc0afca3f75401a07"


def test_a_share_of_nothing_draws_no_cutout(bank: ElementBank) -> None:
    for seed in range(30):
        assert not draw_design(seed, (64, 64), DesignConfig(element_share=0.0), bank).credits


# --- what counts ----------------------------------------------------------------------------------------------------


def test_the_kinds_of_a_poster(bank: ElementBank) -> None:
    kinds = {(e.credit.sample, e.kind): e for e in bank.elements}
    assert set(kinds) == {("poster", "figure"), ("poster", "photo"), ("poster", "ground"), ("sticker", "figure")}
    assert kinds["poster", "figure"].size == (120, 120)
    assert kinds["poster", "photo"].size == (140, 100)
    assert kinds["poster", "ground"].size == (256, 256)


def test_rasters_are_premultiplied_halves(bank: ElementBank) -> None:
    for element in bank.elements:
        sides = [max(width, height) for _, width, height in element.rasters]
        assert all(abs(a - 2 * b) <= 1 for a, b in itertools.pairwise(sides))
        assert 32 <= sides[-1] < 64
        for side in sides:
            raster = bank.raster(element, side)
            assert max(raster.shape[:2]) == side
            assert (raster[..., :3] <= raster[..., 3:]).all()
    figure = next(e for e in bank.elements if e.credit.sample == "sticker")
    assert max(bank.raster(figure, 60).shape) == 100
    assert max(bank.raster(figure, 900).shape) == 200


def test_what_is_of_no_use_is_left_out() -> None:
    ring = disc(200, 1)
    ring[12:188, 12:188] = np.where(ring[12:188, 12:188, 3:] > 0, 0, ring[12:188, 12:188])  # a frame of corners
    plain = np.full((120, 120, 4), (200, 30, 30, 255), np.uint8)
    faint = disc(150, 2)
    faint[..., 3] //= 3
    line = noise(280, 30, 3)
    dots = np.zeros((300, 300, 4), np.uint8)
    for i in range(16):
        dots[(i // 4) * 70 : (i // 4) * 70 + 40, (i % 4) * 70 : (i % 4) * 70 + 40] = disc(40, i)
    text = Layer(pixels=disc(100, 8), text={"content": "Hello"})
    for layer in (ring, plain, faint, line, dots, disc(30, 4)):
        assert not list(cutouts(stack_of((layer, (5, 5))))), layer.shape
    assert not list(cutouts(LayerStack(size=(300, 300), layers=(text,))))
    cropped = stack_of((disc(400, 5), (-180, -180)))
    assert not list(cutouts(cropped)), "cut off by two edges of the canvas"
    assert len(list(cutouts(stack_of((disc(200, 5), (50, 160)))))) == 1, "one edge may be what it stands on"


def test_a_layer_comes_apart_and_a_free_design_is_one_itself() -> None:
    pair = np.zeros((300, 300, 4), np.uint8)
    pair[20:140, 20:140], pair[160:290, 150:280] = disc(120, 1), disc(130, 2)
    found = list(cutouts(stack_of((pair, (0, 0)))))
    assert sorted(f.pixels.shape[0] for f in found) == [120, 130]
    base, top = disc(200, 3, rings=2), disc(90, 4)
    found = list(cutouts(stack_of((base, (50, 50)), (top, (100, 100)))))
    assert found[0].layer == "composite"
    assert found[0].pixels.shape[:2] == (200, 200)
    assert np.array_equal(found[0].pixels[55:60, 90:110], top[5:10, 40:60])


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True), ("mit", True), ("CC-BY-4.0", True), ("BSD-3-Clause", True), ("Apache-2.0", True),
        ("CC0-1.0", True), ("CC-BY-SA-4.0", False), ("CC-BY-NC-4.0", False), ("GPL-2.0-only", False), (None, False),
        ("", False), ("MIT OR GPL-3.0-only", True), ("MIT AND GPL-3.0-only", False), ("(MIT AND CC0-1.0) OR Foo", True),
        ("MIT AND (Foo OR CC-BY-3.0)", True), ("Apache-2.0 WITH LLVM-exception", True), ("(MIT", False),
        ("MIT OR", False), ("MITX", False), ("MIT GPL-2.0", False),
    ],
)  # fmt: skip
def test_licences(licence: str | None, allowed: bool) -> None:
    assert is_allowed(licence, DEFAULT_LICENCES) is allowed
    assert is_allowed(licence, None)


def test_licence_and_split_choose(dataset: Path, bank: ElementBank) -> None:
    assert {e.credit.licence for e in bank.elements} == {"MIT", "CC-BY-4.0"}
    everything = ElementBank.load(dataset, licences=None, split=None)
    assert {e.credit.sample for e in everything.elements} == {"poster", "sticker", "held-out", "copyleft", "unknown"}
    assert {e.credit.sample for e in ElementBank.load(dataset, split="test").elements} == {"held-out"}
    assert bank.sources == [
        {"source": "a/one", "licence": "MIT", "elements": 3},
        {"source": "b/two", "licence": "CC-BY-4.0", "elements": 1},
    ]
    with pytest.raises(InputError, match="allowed are ISC in the split train"):
        ElementBank.load(dataset, licences=["ISC"])


def test_sources_are_picked_by_the_root_of_their_size(bank: ElementBank) -> None:
    dice = Dice("picks")
    picks = [bank.pick(dice, "figure").credit.sample for _ in range(400)]
    assert 0.4 < picks.count("sticker") / 400 < 0.6


# --- designs --------------------------------------------------------------------------------------------------------


def test_designs_with_elements_keep_their_promises(bank: ElementBank) -> None:
    credited = 0
    for seed in range(40):
        design = draw_design(seed, (96, 128), ALL_REAL, bank)
        assert np.array_equal(composite_over(design.layers_u8_KHW4), design.image_u8_HW3)
        assert (design.layers_u8_KHW4[..., :3][design.layers_u8_KHW4[..., 3] == 0] == 0).all()
        assert (design.layers_u8_KHW4[0, ..., 3] == 255).all()
        assert len(design.names) == len(draw_design(seed, (96, 128)).names), "the number of layers is the seed's"
        credited += bool(design.credits)
    assert credited > 30


def test_a_figure_shows_the_cutout_itself(dataset: Path) -> None:
    """One emblem fills the bank: its colours must be in the layer, at the place of the emblem."""
    only = ElementBank.load(dataset, licences=["CC-BY"])
    config = replace(
        ALL_REAL, max_levels=2, hero_weights=(("thing", 1.0),), shadow_probability=0.0, rim_probability=0.0,
        rotation_probability=0.0, text_probability=0.0, decor=0,
    )  # fmt: skip
    wanted = {tuple(c) for c in disc(200, 3)[..., :3].reshape(-1, 3) if c.any()}
    for seed in range(8):
        layer = draw_design(seed, (192, 192), config, only).layers_u8_KHW4[1]
        solid = layer[layer[..., 3] == 255][:, :3].astype(int)
        near = np.min([np.abs(solid - colour).max(1) for colour in wanted], axis=0)
        assert (near <= 3).mean() > 0.8, seed


def test_the_same_seed_gives_the_same_design_in_every_process(dataset: Path, bank: ElementBank) -> None:
    again = ElementBank.load(dataset)
    sent = pickle.loads(pickle.dumps(bank))
    assert len(pickle.dumps(bank)) < 1000, "pixels do not travel"
    for seed in range(12):
        one = digest(draw_design(seed, (64, 64), ALL_REAL, bank))
        assert (
            one
            == digest(draw_design(seed, (64, 64), ALL_REAL, again))
            == digest(draw_design(seed, (64, 64), ALL_REAL, sent))
        )
    there = next(design_batches(batch_size=6, sizes=((64, 64),), seed=3, config=ALL_REAL, elements=bank, workers=1))
    for i, seed in enumerate(there["seeds"]):
        assert np.array_equal(there["image"][i], draw_design(int(seed), (64, 64), ALL_REAL, bank).image_u8_HW3)


# --- on disk --------------------------------------------------------------------------------------------------------


def test_the_store_is_used_again_and_made_anew_when_the_dataset_changes(tmp_path: Path, cache: Path) -> None:
    before = set(cache.iterdir()) if cache.exists() else set()
    folder = write_dataset(tmp_path / "d", {"a": (stack_of((disc(200, 1), (40, 40))), {})})
    first = ElementBank.load(folder)
    (store,) = set(cache.iterdir()) - before
    made = (store / "pixels.bin").stat().st_mtime_ns
    assert ElementBank.load(folder).digest == first.digest
    assert (store / "pixels.bin").stat().st_mtime_ns == made
    (store / "elements.json").write_text('{"key": ')
    assert len(ElementBank.load(folder)) == 1
    both = {"a": (stack_of((disc(200, 1), (40, 40))), {}), "b": (stack_of((disc(180, 2), (40, 40))), {})}
    changed = ElementBank.load(write_dataset(folder, both))
    assert len(changed) == 2
    assert changed.digest != first.digest
    assert len(first) == 1
    assert first.raster(first.elements[0], 200).any(), "a bank in use keeps its pixels"
    assert ElementBank.load(folder, longest=128).elements[0].size == (128, 128)
    assert len(set(cache.iterdir()) - before) == 2, "one store for each dataset and size"


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = write_dataset(tmp_path / "d", {"a": (stack_of((disc(200, 1), (40, 40))), {})})
    with pytest.raises(OutputError, match="cannot be written"):
        ElementBank.load(folder)


def test_another_process_may_be_quicker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_dataset(tmp_path / "d", {"a": (stack_of((disc(200, 1), (40, 40))), {})})
    fill = element_store._fill

    def beaten(*arguments: Any) -> None:
        fill(*arguments)
        raise OutputError("the folder is there already")

    monkeypatch.setattr(element_store, "_fill", beaten)
    assert len(ElementBank.load(folder)) == 1


def test_broken_samples_and_doubles_are_passed_over(tmp_path: Path) -> None:
    same = stack_of((disc(200, 1), (40, 40)))
    folder = write_dataset(tmp_path / "d", {"a": (same, {}), "b": (same, {}), "c": (same, {})})
    (folder / "samples/a/manifest.json").write_text("{}")
    assert [e.credit.sample for e in ElementBank.load(folder).elements] == ["b"]


def test_wrong_datasets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no index"):
        ElementBank.load(tmp_path)
    (tmp_path / "index.jsonl").write_text("{nonsense\n")
    with pytest.raises(InputError, match="damaged"):
        ElementBank.load(tmp_path)
    with pytest.raises(UsageError, match="64 to 1024"):
        ElementBank.load(tmp_path, longest=8)


def test_the_commands_use_them(dataset: Path, tmp_path: Path) -> None:
    options = ["--size", "64", "--elements", str(dataset), "--element-share", "1"]
    done = CliRunner().invoke(app, ["make", "6", "-o", str(tmp_path / "out"), *options, "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert {source["source"] for source in result["sources"]} == {"a/one", "b/two"}
    credits = [load(folder).metadata.get("elements") for folder in result["folders"]]
    assert any(credits)
    assert all(one["licence"] in ("MIT", "CC-BY-4.0") for some in credits for one in some or [])
    sheet = ["show", "-o", str(tmp_path / "s.png"), "--count", "2", *options, "--licence", "CC-BY"]
    assert CliRunner().invoke(app, sheet).exit_code == 0
    alone = CliRunner().invoke(app, ["show", "-o", str(tmp_path / "t.png"), "--licence", "MIT"])
    assert isinstance(alone.exception, UsageError)
