"""Layerize: a flat picture into editable RGBA layers.

The front page of the package. ``import layerize`` is cheap: NumPy, torch and the model load with the first name that
needs them.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layerize.splitter import Splitter
    from layerize.stack import Group, Layer, LayerStack

__version__ = "0.1.0"
__all__ = ["Group", "Layer", "LayerStack", "Splitter", "open", "split"]

_LAZY = {
    "Group": "layerize.stack",
    "Layer": "layerize.stack",
    "LayerStack": "layerize.stack",
    "Splitter": "layerize.splitter",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


@lru_cache(maxsize=1)
def _splitter(model: str, device: str) -> Splitter:
    from layerize.evaluation.baselines import load_splitter

    return load_splitter(model, device)


def split(image: Any, *, model: str = "default", device: str = "auto", **options: Any) -> LayerStack:
    """Split a flat picture into layers.

    Args:
        image: A path, a Pillow image or a ``u8`` array of shape (H, W, 3 or 4).
        model: A shipped model's name, a checkpoint folder, or a method without weights (``baseline:regions``). The
            last one used stays in memory.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        **options: As of :meth:`layerize.splitter.Splitter.split`: ``layers``, ``steps``, ``seed``, ``prompt``,
            ``parts``, ``depth``, ``text``, ``max_pixels``. Here ``text`` is ``auto``: words become layers of their own
            where the extra ``text`` is installed.

    Returns:
        Layers whose composite equals the picture within 1/255 at every pixel.

    Raises:
        InputError: The picture cannot be read or is too large.
        CheckpointError: The model does not exist or does not fit.
    """
    return _splitter(model, device).split(image, **{"text": "auto", **options})


def open(path: str | Path) -> LayerStack:
    """Read a layer stack: a manifest folder, or a file of any layered format that Layerize reads.

    Raises:
        InputError: The file is missing, broken or of an unknown format.
    """
    from layerize.formats import load

    return load(path)
