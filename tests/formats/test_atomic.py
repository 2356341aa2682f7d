"""Outputs are whole or absent: errors, full disks and kill -9 leave nothing half-written under the final name."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from layerize.errors import OutputError
from layerize.formats import atomic, load, write_image
from layerize.formats.atomic import atomic_folder, atomic_path
from layerize.stack import Layer, LayerStack

TARGETS = ("out", "out.psd", "out.zip")


def small() -> LayerStack:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    return LayerStack(size=(30, 20), layers=(Layer(pixels=pixels, name="one"),))


def test_file_appears_at_the_end_and_parents_are_made(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "file.bin"
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"new")
        assert temporary.parent == target.parent
        assert temporary.name.startswith(f".file.bin.{os.getpid()}")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


def test_a_failing_body_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file.bin"
    target.write_bytes(b"old")

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_folder_swap_replaces_only_what_it_may(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    for text in ("first", "second"):
        with atomic_folder(target, may_replace=lambda path: (path / "mine").exists()) as temporary:
            (temporary / "mine").write_text(text)
    assert (target / "mine").read_text() == "second"
    (target / "mine").unlink()
    (target / "yours").touch()
    with pytest.raises(OutputError, match="holds files that are not layerize's"):
        atomic_folder(target, may_replace=lambda path: (path / "mine").exists()).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert [path.name for path in target.iterdir()] == ["yours"]


def test_a_failing_second_rename_brings_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    real = Path.rename

    def rename(self: Path, to: Path) -> Path:
        if self.name.endswith(".tmp"):
            raise OSError(errno.EIO, "Input/output error")
        return real(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(atomic, "_exchanged", lambda one, other: False)  # as on systems without it
    with pytest.raises(OutputError, match="Input/output error"), atomic_folder(target, may_replace=lambda _: True):
        pass
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges two names in one step")
def test_a_folder_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    monkeypatch.delattr(Path, "rename")
    with atomic_folder(target, may_replace=lambda _: True) as temporary:
        (temporary / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("name", [*TARGETS, "flat.png"])
@pytest.mark.parametrize(
    ("number", "message"), [(errno.ENOSPC, "the disk is full; free some space"), (errno.EDQUOT, "quota is used up")]
)
def test_a_full_disk_is_reported_as_such(
    name: str, number: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = small()
    stack.save(tmp_path / name) if name != "flat.png" else write_image(stack.layers[0].pixels, tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=message) as error:
        stack.save(tmp_path / name) if name != "flat.png" else write_image(stack.layers[0].pixels, tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", TARGETS)
def test_a_real_write_error_in_the_middle(name: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (400, 400, 4), np.uint8)
    stack = LayerStack(size=(400, 400), layers=(Layer(pixels=pixels),))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="the file-size limit of this system"):
            stack.save(tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", TARGETS)
def test_a_parent_that_is_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        small().save(tmp_path / "file" / name)


def test_kinds_of_target_are_not_mixed_up(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with pytest.raises(OutputError, match="is a file; choose another name for the folder"):
        small().save(tmp_path / "plain")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match="is a folder; give the name of a file"):
        write_image(small().layers[0].pixels, tmp_path / "folder.png")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    with pytest.raises(OutputError, match="a link that leads nowhere"):
        small().save(tmp_path / "nowhere")


def test_links_stay_links(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    for name in TARGETS:
        small().save(tmp_path / "far" / name)
        (tmp_path / name).symlink_to(tmp_path / "far" / name)
        small().rename("one", "two").save(tmp_path / name)
        assert (tmp_path / name).is_symlink()
        assert load(tmp_path / "far" / name).layers[0].name == "two"


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """A byte that is not UTF-8 is a lone surrogate in Python."""
    for name in ("poster\udcff", "poster\udcff.psd", "poster\udcff.zip"):
        small().save(tmp_path / name)
        assert len(load(tmp_path / name)) == 1


def test_very_long_names(tmp_path: Path) -> None:
    small().save(tmp_path / ("é" * 125))
    small().save(tmp_path / ("x" * 251 + ".psd"))
    with pytest.raises(OutputError, match="cannot be written"):
        small().save(tmp_path / ("x" * 300))


KILLED = """
import sys, numpy as np
from layerize.stack import Layer, LayerStack
pixels = np.random.default_rng(1).integers(0, 256, (700, 700, 4), np.uint8)
stack = LayerStack(size=(700, 700), layers=tuple(Layer(pixels=pixels) for _ in range(3)))
print("ready", flush=True)
while True:
    stack.save(sys.argv[1])
    print("saved", flush=True)
"""


@pytest.mark.parametrize("name", TARGETS)
def test_kill_minus_9_leaves_a_whole_result_or_none(name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    for delay in (0.02, 0.11, 0.3):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
        process.wait()
        process.stdout.close()
        if target.exists():
            stack = load(target)
            assert [layer.size for layer in stack.walk()] == [(700, 700)] * 3
    leftovers = [path.name for path in tmp_path.iterdir() if path != target]
    assert all(left.startswith(f".{name}.") and left.endswith((".tmp", ".old")) for left in leftovers)
