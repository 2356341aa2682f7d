"""Small stacks for the tests of the data room."""

from __future__ import annotations

import numpy as np

from layerize.stack import U8, Group, Layer, LayerStack

SIZE = (64, 48)


def block(width: int, height: int, colour: tuple[int, int, int, int]) -> U8:
    """One colour."""
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[:] = colour
    return pixels


def noise(width: int, height: int, seed: int = 0, *, alpha: bool = False) -> U8:
    """Random colours, opaque or with random alpha."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4)).astype(np.uint8)
    if not alpha:
        pixels[..., 3] = 255
    return pixels


def ground(pixels: U8 | None = None) -> Layer:
    """An opaque layer of the canvas."""
    return Layer(pixels=block(*SIZE, (200, 180, 160, 255)) if pixels is None else pixels, name="Ground")


def patch(name: str, colour: tuple[int, int, int, int], at: tuple[int, int] = (8, 8), side: int = 16) -> Layer:
    """A square of one colour."""
    return Layer(pixels=block(side, side, colour), name=name, offset=at)


def stack_of(*nodes: Layer | Group, size: tuple[int, int] = SIZE) -> LayerStack:
    """A stack of the usual canvas."""
    return LayerStack(size=size, layers=nodes)


def poster() -> LayerStack:
    """Ground, a card, two dots on it, a line beside it: five elements on three levels."""
    return stack_of(
        ground(),
        patch("Card", (240, 240, 250, 255), (4, 4), 40),
        patch("Red dot", (220, 30, 30, 255), (8, 8), 10),
        patch("Blue dot", (30, 60, 220, 200), (24, 8), 10),
        Layer(pixels=block(14, 4, (20, 20, 20, 255)), name="Line", offset=(48, 30), text={"content": "Hello"}),
    )
