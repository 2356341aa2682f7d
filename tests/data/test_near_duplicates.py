"""The same picture again: rescaled or recompressed it is one, in another colour or shape it is not. Splits."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
from design_stacks import block

from layerize.data.dataset_folder import IndexEntry
from layerize.data.near_duplicates import perceptual_hash, reject_duplicates
from layerize.data.splits import split_of
from layerize.stack import U8


def drawing(seed: int, size: tuple[int, int] = (320, 240)) -> U8:
    rng = np.random.default_rng(seed)
    pixels = block(*size, (*rng.integers(0, 256, 3).tolist(), 255))  # type: ignore[arg-type]
    for _ in range(8):
        centre = (int(rng.integers(size[0])), int(rng.integers(size[1])))
        cv2.circle(pixels, centre, int(rng.integers(10, 60)), (*rng.integers(0, 256, 3).tolist(), 255), -1)
    return pixels


def entry(name: str, pixels: U8, sha256: str = "") -> IndexEntry:
    return IndexEntry(
        id=name,
        source=f"{name}.psd",
        status="accepted",
        sha256=sha256 or name,
        canvas=(pixels.shape[1], pixels.shape[0]),
        phash=perceptual_hash(pixels),
        path=f"samples/{name}",
    )


def test_only_the_first_of_a_set_is_kept_and_the_others_say_of_what() -> None:
    one = drawing(1)
    small = cv2.resize(one, (200, 150), interpolation=cv2.INTER_AREA)
    noisy = np.clip(one.astype(int) + np.random.default_rng(0).integers(-6, 7, one.shape), 0, 255).astype(np.uint8)
    noisy[..., 3] = 255
    entries = [entry("one", one), entry("small", small), entry("two", drawing(2)), entry("noisy", noisy)]
    entries.append(entry("copy", one, sha256="one"))
    result = reject_duplicates(entries)
    assert [item.status for item in result] == ["accepted", "rejected", "accepted", "rejected", "rejected"]
    assert [item.reasons[0].filter for item in result if item.reasons] == [
        "near-duplicate",
        "near-duplicate",
        "duplicate",
    ]
    assert all("one.psd" in item.reasons[0].detail and item.path is None for item in result if item.reasons)


def test_another_colour_or_shape_is_another_picture() -> None:
    one = drawing(1)
    red = one[..., [1, 0, 2, 3]].copy()
    wide = cv2.resize(one, (480, 240), interpolation=cv2.INTER_AREA)
    result = reject_duplicates([entry("one", one), entry("red", red), entry("wide", wide)])
    assert [item.status for item in result] == ["accepted"] * 3


def test_hundreds_of_drawings_are_all_different() -> None:
    result = reject_duplicates([entry(str(seed), drawing(seed, (96, 96))) for seed in range(150)])
    assert Counter(item.status for item in result) == {"accepted": 150}


def test_duplicates_can_be_allowed() -> None:
    pair = [entry("one", drawing(1)), entry("again", drawing(1), sha256="one")]
    assert reject_duplicates(pair, skip=["duplicate"])[1].reasons[0].filter == "near-duplicate"
    assert reject_duplicates(pair, skip=["duplicate", "near-duplicate"])[1].status == "accepted"


def test_a_hidden_colour_does_not_change_the_hash() -> None:
    clear, painted = block(40, 30, (0, 0, 0, 0)), block(40, 30, (255, 0, 0, 0))
    assert perceptual_hash(clear) == perceptual_hash(painted)


def test_splits_follow_from_the_repository_and_have_their_shares() -> None:
    count = Counter(split_of(f"artist/{number}") for number in range(3000))
    assert 2300 < count["train"] < 2500
    assert 240 < count["val"] < 360
    assert split_of("Some/Art") == split_of("some/art")
    assert {split_of(f"r{number}", (0, 0, 100)) for number in range(50)} == {"test"}
    assert [split_of("godotengine/godot-design"), split_of("egonelbre/gophers")] == ["train", "train"]
