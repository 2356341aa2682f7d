"""Write an animation that builds the picture up layer by layer: animated WebP, APNG or GIF. Write only.

The last frame is the composite. WebP and APNG are lossless; a GIF is laid on white and has 256 colours a frame.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from layerize.errors import LayerizeWarning
from layerize.formats.atomic import atomic_path
from layerize.stack.composite import flatten
from layerize.stack.layer import Group, Layer, LayerStack, Node

FRAME_MS, LAST_FRAME_MS = 700, 2500
# All frames lie in memory at once while Pillow encodes them: 200 million pixels are 0.8 GB.
FRAMES_BUDGET = 200_000_000
WHITE = (255, 255, 255)


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """One animated format: its name in Pillow, its longest side, and options of its encoder."""

    name: str
    max_side: int
    options: dict[str, Any]


_KINDS = {
    ".webp": _Kind(name="WEBP", max_side=16_383, options={"lossless": True, "method": 2, "minimize_size": False}),
    ".apng": _Kind(name="PNG", max_side=2**31 - 1, options={"compress_level": 3, "default_image": False}),
    ".gif": _Kind(name="GIF", max_side=65_535, options={"optimize": False, "disposal": 1}),
}


def save_build_up(stack: LayerStack, path: str | Path) -> None:
    """Write one frame per visible layer, each with one layer more than the one before, atomically; it loops.

    Warns:
        LayerizeWarning: Scaled down because all frames together, or a side, would be too large; or the picture has
            transparency or more colours than a GIF can hold.

    Raises:
        OutputError: The system refuses (disk full, no permission).
    """
    path = Path(path)
    kind = _KINDS[path.suffix.lower()]
    shown = sum(1 for _ in _visible(stack.layers))
    size = _frame_size(stack.size, max(1, shown), kind)
    frames = [_resized(Image.fromarray(flatten(step)), size) for step in _steps(stack, shown)]
    if kind.name == "GIF":
        frames = _for_gif(frames)
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    buffer = io.BytesIO()  # Pillow's own file writing loses the system's error number (disk full)
    frames[0].save(
        buffer, kind.name, save_all=True, append_images=frames[1:], duration=durations, loop=0, **kind.options
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _steps(stack: LayerStack, shown: int) -> Iterator[LayerStack]:
    """The stack with its lowest visible layer, with its two lowest ... with all; one empty step without any."""
    for count in range(1, shown + 1):
        yield stack.with_layers(_lowest(stack.layers, count)[0])
    if not shown:
        yield stack


def _lowest(nodes: tuple[Node, ...], count: int) -> tuple[tuple[Node, ...], int]:
    """The nodes with only the ``count`` lowest visible layers, and how many of these were not found here."""
    kept: list[Node] = []
    for node in nodes:
        if not node.visible or not count:
            continue
        if isinstance(node, Group):
            members, count = _lowest(node.layers, count)
            kept.append(replace(node, layers=members))
        else:
            kept.append(node)
            count -= 1
    return tuple(kept), count


def _visible(nodes: tuple[Node, ...]) -> Iterator[Layer]:
    for node in nodes:
        if node.visible:
            yield from _visible(node.layers) if isinstance(node, Group) else (node,)


def _frame_size(size: tuple[int, int], frames: int, kind: _Kind) -> tuple[int, int]:
    width, height = size
    scale = min(1.0, kind.max_side / max(size), (FRAMES_BUDGET / (width * height * frames)) ** 0.5)
    if scale == 1:
        return size
    smaller = (max(1, int(width * scale)), max(1, int(height * scale)))
    warnings.warn(
        f"{frames} frames of {width}x{height} pixels are too many for an animation; "
        f"it was scaled down to {smaller[0]}x{smaller[1]}.",
        LayerizeWarning,
        3,
    )
    return smaller


def _resized(frame: Image.Image, size: tuple[int, int]) -> Image.Image:
    return frame if frame.size == size else frame.resize(size, Image.Resampling.BOX)


def _for_gif(frames: list[Image.Image]) -> list[Image.Image]:
    """On white, with a palette each; what that loses of the last frame is told."""
    last = frames[-1]
    lost = []
    if np.asarray(last)[..., 3].min() < 255:
        lost.append("transparency (laid on white)")
    on_white = [Image.alpha_composite(Image.new("RGBA", frame.size, WHITE), frame).convert("RGB") for frame in frames]
    if on_white[-1].getcolors(256) is None:
        lost.append("more than 256 colours (reduced)")
    if lost:
        warnings.warn(f"GIF cannot hold {' and '.join(lost)}; .webp and .apng can.", LayerizeWarning, 3)
    return [frame.quantize(256) for frame in on_white]
