"""Scenes that the tests of edits share: textured layers, a group, ink off the canvas, blend modes, one-pixel layers."""

from __future__ import annotations

import numpy as np

from layerize.stack import Box, Group, Layer, LayerStack, Node, flatten, iter_nodes
from layerize.stack.tree import ink_of


def noise(size: tuple[int, int], seed: int, alpha: int | None = None) -> np.ndarray:
    """Random RGBA, (H, W, 4); alpha random from 1 up, or the given one."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (size[1], size[0], 4), np.uint8)
    pixels[..., 3] = rng.integers(1, 256, (size[1], size[0])) if alpha is None else alpha
    return pixels


def disc(radius: float, colour: tuple[int, int, int], margin: int = 2) -> np.ndarray:
    """An anti-aliased disc, (H, W, 4)."""
    side = 2 * (int(radius) + margin) + 1
    y, x = np.mgrid[:side, :side] - side // 2
    alpha = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return np.dstack([np.full((side, side, 3), colour), np.rint(255 * alpha)]).astype(np.uint8)


def scene() -> LayerStack:
    """60x50: an opaque ground, a disc that will be edited, blended layers over it, a group partly off the canvas."""
    return LayerStack(
        size=(60, 50),
        layers=(
            Layer(pixels=noise((60, 50), 0, alpha=255), name="Background"),
            Layer(pixels=disc(7, (200, 60, 40)), name="Disc", offset=(8, 9), opacity=0.9),
            Layer(pixels=noise((20, 12), 1), name="Veil", offset=(16, 14), blend="multiply", opacity=0.7),
            Group(
                name="Badge",
                opacity=0.8,
                layers=(
                    Layer(pixels=disc(6, (40, 90, 200)), name="Plate", offset=(46, 30)),
                    Layer(pixels=noise((6, 5), 2), name="Mark", offset=(52, 34), blend="screen"),
                    Layer(pixels=noise((1, 1), 3, alpha=200), name="Dot", offset=(40, 40)),
                ),
            ),
            Layer(pixels=noise((9, 9), 4), name="Corner", offset=(-5, -4)),
        ),
        metadata={"source": "drawn"},
    )


def region(nodes: list[Node], size: tuple[int, int]) -> np.ndarray:
    """Where some nodes have ink on the canvas: bool (H, W)."""
    seen = np.zeros((size[1], size[0]), bool)
    for layer in (n for n in iter_nodes(nodes) if isinstance(n, Layer)):
        box = ink_of([layer])
        common = box.meet(Box(0, 0, *size)) if box else None
        if common is not None:
            seen[common.slices(0, 0)] |= layer.pixels[common.slices(*layer.offset)][..., 3] > 0
    return seen


def differing(one: LayerStack, other: LayerStack) -> np.ndarray:
    """Where the composites differ: bool (H, W)."""
    return (flatten(one) != flatten(other)).any(2)
