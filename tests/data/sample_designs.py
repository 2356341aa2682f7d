"""Small layered designs and datasets for the tests of shards and loading."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from layerize.data.dataset_folder import DatasetFolder, IndexEntry
from layerize.formats import save
from layerize.stack.layer import Layer, LayerStack


def shape(width: int, height: int, seed: int, *, round_: bool) -> np.ndarray:
    """A rectangle or ellipse with a soft edge and a gradient of two colours, straight RGBA."""
    rng = np.random.default_rng(seed)
    one, two = rng.integers(0, 256, (2, 3))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    share = (x[..., None] + 1) / 2
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., :3] = np.rint(one * share + two * (1 - share))
    pixels[..., 3] = np.rint(np.clip((1 - np.hypot(x, y)) * 8, 0, 1) * 255) if round_ else 255
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def design(
    seed: int, layers: int, size: tuple[int, int] = (96, 64), *, opaque: bool = True, text: bool = False
) -> LayerStack:
    """A background (if opaque) and shapes, ``layers`` in all, each overlapping the one before."""
    width, height = size
    rng = np.random.default_rng([seed, layers])
    made = []
    if opaque:
        made.append(Layer(pixels=shape(width, height, seed, round_=False), name="Background"))
    while len(made) < layers:
        w, h = int(width * rng.uniform(0.3, 0.5)), int(height * rng.uniform(0.3, 0.5))
        offset = (int(width * 0.1 + 6 * len(made)), int(height * 0.1 + 5 * len(made)))
        words = {"content": "Hi"} if text and len(made) == layers - 1 else None
        pixels = shape(w, h, seed * 100 + len(made), round_=True)
        made.append(Layer(pixels=pixels, name=f"Shape {len(made)}", offset=offset, text=words))
    return LayerStack(size=size, layers=tuple(made), metadata={"caption": f"Design {seed}"})


def write_dataset(root: Path, designs: dict[str, tuple[LayerStack, str]], *, opaque: dict[str, bool]) -> Path:
    """A dataset folder of (stack, split) by id, as ``layerize data extract`` writes it."""
    folder = DatasetFolder(root)
    folder.create({}, "tests")
    for name, (stack, split) in designs.items():
        save(stack, root / "samples" / name)
        folder.append(
            IndexEntry(
                id=name, source=f"{name}.psd", repository="tests/art", licence="MIT", status="accepted",
                canvas=stack.size, layers=len(stack), opaque=1.0 if opaque.get(name, True) else 0.4,
                split=split, path=f"samples/{name}", caption=f"Design {name}",
            )  # type: ignore[arg-type]
        )  # fmt: skip
    return root


SIZES = ((96, 64), (64, 96), (80, 80))


def small_dataset(root: Path, count: int = 30) -> Path:
    """``count`` training samples of 2 to 4 layers in three shapes, every fifth without background; 3 val, 2 test."""
    designs, opaque = {}, {}
    for i in range(count + 5):
        split = "train" if i < count else "val" if i < count + 3 else "test"
        name = f"s{i:03d}"
        opaque[name] = i % 5 != 4
        stack = design(i, 2 + i % 3, SIZES[i % 3], opaque=opaque[name], text=i % 7 == 0)
        designs[name] = (stack, split)
    return write_dataset(root, designs, opaque=opaque)
