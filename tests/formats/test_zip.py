"""ZIP archives of manifest folders: round trips, bombs, paths, doubles."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from stack_strategies import same, stacks

from layerize.errors import InputError, LayerizeError, LimitError
from layerize.formats import load
from layerize.stack import Layer, LayerStack, flatten


def sample() -> LayerStack:
    pixels = np.random.default_rng(0).integers(1, 256, (8, 10, 4), np.uint8)
    return LayerStack(
        size=(10, 8), layers=(Layer(pixels=pixels, name="a"), Layer(pixels=pixels, name="b")), metadata={"source": "s"}
    )


def repacked(source: Path, target: Path, **changes: bytes | None) -> Path:
    """A copy with members added, replaced or (None) left out; '__' in a keyword stands for '/', '_dot_' for '.'."""
    members = {name: zipfile.ZipFile(source).read(name) for name in zipfile.ZipFile(source).namelist()}
    for key, value in changes.items():
        name = key.replace("__", "/").replace("_dot_", ".")
        members.pop(name, None) if value is None else members.__setitem__(name, value)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target


@settings(max_examples=25, deadline=None)
@given(stacks())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, stack: LayerStack) -> None:
    path = tmp_path_factory.mktemp("zip") / "out.zip"
    stack.save(path)
    back = load(path)
    assert all(same(a, b) for a, b in zip(back.layers, stack.layers, strict=True))
    assert np.array_equal(flatten(back), flatten(stack))


def test_the_same_stack_gives_the_same_bytes(tmp_path: Path) -> None:
    stack = sample()
    for name in ("a.zip", "b.zip"):
        stack.save(tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_folder_packed_whole(tmp_path: Path) -> None:
    sample().save(tmp_path / "poster")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.mkdir("poster")
        for file in (tmp_path / "poster").rglob("*.*"):
            archive.write(file, file.relative_to(tmp_path))
    assert np.array_equal(flatten(load(tmp_path / "x.zip")), flatten(sample()))


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "a/../../evil", "C:/evil", "a\\..\\evil"])
def test_paths_that_climb_out_are_refused(name: str, tmp_path: Path) -> None:
    sample().save(tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip", "a") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        archive.writestr(info, b"x")
    with pytest.raises(InputError, match="the ZIP is refused"):
        load(tmp_path / "x.zip")


def test_doubles_are_refused(tmp_path: Path) -> None:
    sample().save(tmp_path / "x.zip")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(tmp_path / "x.zip", "a") as archive:
        archive.writestr("layers/00.png", b"other")
    with pytest.raises(InputError, match=r"'layers/00\.png' is in the ZIP twice"):
        load(tmp_path / "x.zip")


def test_bombs_are_refused_before_unpacking(tmp_path: Path) -> None:
    sample().save(tmp_path / "x.zip")
    bomb = repacked(tmp_path / "x.zip", tmp_path / "bomb.zip", layers__00_dot_png=bytes(50_000_000))
    with pytest.raises(
        LimitError, match=r"'layers/00\.png' would unpack to 50000000 bytes from \d+; refused as a bomb"
    ):
        load(bomb)
    with pytest.raises(LimitError, match=r"'manifest\.json' would unpack to"):
        load(repacked(tmp_path / "x.zip", tmp_path / "bomb2.zip", manifest_dot_json=b" " * 70_000_000))


def test_missing_members(tmp_path: Path) -> None:
    sample().save(tmp_path / "x.zip")
    with pytest.raises(InputError, match=r"'layers/01\.png' is missing from the ZIP"):
        load(repacked(tmp_path / "x.zip", tmp_path / "y.zip", layers__01_dot_png=None))
    with pytest.raises(InputError, match=r"holds no manifest\.json"):
        load(repacked(tmp_path / "x.zip", tmp_path / "y.zip", manifest_dot_json=None))


def test_the_manifest_is_validated(tmp_path: Path) -> None:
    sample().save(tmp_path / "x.zip")
    data = json.loads(zipfile.ZipFile(tmp_path / "x.zip").read("manifest.json"))
    data["layers"][0]["image"] = "../../x.png"
    with pytest.raises(InputError, match="must be relative and stay in the folder"):
        load(repacked(tmp_path / "x.zip", tmp_path / "y.zip", manifest_dot_json=json.dumps(data).encode()))
    with pytest.raises(LimitError, match="the canvas: 10x8"):
        load(tmp_path / "x.zip", max_pixels=79)


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    sample().save(tmp_path / "x.zip")
    data = bytearray((tmp_path / "x.zip").read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(InputError, match="is encrypted"):
        load(tmp_path / "x.zip")


def test_damaged_archives_never_raise_anything_else(tmp_path: Path) -> None:
    sample().save(tmp_path / "x.zip")
    content = (tmp_path / "x.zip").read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), 3):
            damaged[position] = rng.integers(0, 256)
        (tmp_path / "y.zip").write_bytes(damaged[: rng.integers(0, len(content))] if rng.random() < 0.3 else damaged)
        try:
            load(tmp_path / "y.zip", max_pixels=10_000)
        except LayerizeError:
            refused += 1
    assert refused > 50


def test_no_zip(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"x\.zip: the ZIP is damaged"):
        load(tmp_path / "x.zip")
