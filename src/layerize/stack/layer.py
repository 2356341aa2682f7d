"""The data model: Layer, Group and LayerStack, all immutable.

Knows nothing of files, of torch or of how stacks come to be. Pixels are NumPy ``u8``, straight alpha, sRGB.
"""

from __future__ import annotations

import operator
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from layerize.stack.methods import EditMethods

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from layerize.stack.composite import Background

U8: TypeAlias = npt.NDArray[np.uint8]

BlendMode: TypeAlias = Literal[
    "normal",
    "multiply",
    "screen",
    "overlay",
    "darken",
    "lighten",
    "color-dodge",
    "color-burn",
    "hard-light",
    "soft-light",
    "difference",
    "exclusion",
    "hue",
    "saturation",
    "color",
    "luminosity",
]
GroupBlendMode: TypeAlias = BlendMode | Literal["pass-through"]

BLEND_MODES: tuple[str, ...] = get_args(BlendMode)


def new_id() -> str:
    """A stable identifier for a layer: 12 hex digits."""
    return uuid.uuid4().hex[:12]


def _frozen(pixels: U8) -> U8:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 4:
        raise ValueError(f"layer pixels must be uint8 of shape (H, W, 4), got {pixels.dtype} {pixels.shape}")
    if pixels.flags.writeable:
        pixels = pixels.view()
        pixels.flags.writeable = False
    return pixels


def _whole_pair(offset: tuple[int, int]) -> tuple[int, int]:
    try:
        x, y = (operator.index(value) for value in offset)
    except (TypeError, ValueError) as error:
        raise ValueError(f"offset must be two whole numbers, got {offset!r}") from error
    return x, y


def _changes(node: Layer | Group, usual_blend: str) -> str:
    """What ``repr`` adds where a layer is not as it would be by default."""
    opacity = f", opacity {node.opacity:g}" if node.opacity != 1.0 else ""
    blend = f", {node.blend}" if node.blend != usual_blend else ""
    return f"{opacity}{blend}{'' if node.visible else ', hidden'}"


def _check(opacity: float, blend: str, allowed: tuple[str, ...]) -> None:
    if not 0.0 <= opacity <= 1.0:
        raise ValueError(f"opacity must be in 0..1, got {opacity}")
    if blend not in allowed:
        raise ValueError(f"blend mode {blend!r} is unknown; use one of {', '.join(allowed)}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One RGBA raster on the canvas.

    Attributes:
        pixels: ``u8`` of shape (H, W, 4), straight alpha, sRGB; read-only.
        name: Any text.
        offset: (x, y) of the raster's top-left corner on the canvas, in pixels; may lie outside the canvas.
        opacity: 0..1, multiplies alpha.
        blend: W3C / PSD blend mode.
        visible: Hidden layers do not take part in the composite.
        id: Stable across edits and files.
        text: Live-text description (content, font, ...) or None.
    """

    pixels: U8
    name: str = "Layer"
    offset: tuple[int, int] = (0, 0)
    opacity: float = 1.0
    blend: BlendMode = "normal"
    visible: bool = True
    id: str = field(default_factory=new_id)
    text: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", _frozen(self.pixels))
        object.__setattr__(self, "offset", _whole_pair(self.offset))
        _check(self.opacity, self.blend, BLEND_MODES)

    def __repr__(self) -> str:
        return f"Layer({self.name!r}, {self.size[0]}x{self.size[1]} at {self.offset}{_changes(self, 'normal')})"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the raster in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Layers that move together; ``pass-through`` groups do not isolate their members' blend modes."""

    layers: tuple[Layer | Group, ...]
    name: str = "Group"
    opacity: float = 1.0
    blend: GroupBlendMode = "pass-through"
    visible: bool = True
    id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        _check(self.opacity, self.blend, ("pass-through", *BLEND_MODES))

    def __repr__(self) -> str:
        return f"Group({self.name!r}, {list(self.layers)}{_changes(self, 'pass-through')})"


Node: TypeAlias = Layer | Group


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerStack(EditMethods):
    """A canvas and its layers, bottom to top; ``methods.py`` lists its edits.

    Attributes:
        size: (width, height) of the canvas in pixels.
        layers: Bottom to top; a member may be a Group.
        metadata: JSON-able facts that travel with the stack. Keys of the manifest: ``source``, ``licence``,
            ``caption``, ``model`` ({"name", "seed", "steps"}), ``recompose_error`` (0..255).
    """

    size: tuple[int, int]
    layers: tuple[Node, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if self.size[0] < 1 or self.size[1] < 1:
            raise ValueError(f"canvas must be at least 1x1, got {self.size[0]}x{self.size[1]}")

    def __len__(self) -> int:
        return len(self.layers)

    def __repr__(self) -> str:
        return f"LayerStack({self.size[0]}x{self.size[1]}, {list(self.layers)})"

    def walk(self) -> Iterator[Layer]:
        """All leaf layers, bottom to top, groups opened."""

        def leaves(nodes: tuple[Node, ...]) -> Iterator[Layer]:
            for node in nodes:
                if isinstance(node, Group):
                    yield from leaves(node.layers)
                else:
                    yield node

        yield from leaves(self.layers)

    def with_layers(self, layers: tuple[Node, ...] | list[Node]) -> LayerStack:
        """The same canvas and metadata with other layers."""
        return replace(self, layers=tuple(layers))

    def composite(self, *, background: Background | None = None) -> Image.Image:
        """The stack flattened to one RGBA picture; see ``layerize.stack.composite.flatten``."""
        from PIL import Image

        from layerize.stack.composite import flatten

        return Image.fromarray(flatten(self, background=background))

    def save(self, path: str | Path, *, overwrite: bool = True) -> None:
        """Write the stack; the extension decides the format (``layerize.formats.save``), none means a folder.

        Raises:
            OutputError: Unknown extension, or the target cannot be written.
        """
        from layerize.formats import save  # the one import downwards: saving is a verb of the stack

        save(self, path, overwrite=overwrite)
