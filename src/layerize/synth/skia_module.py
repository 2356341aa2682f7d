"""The one place that imports skia-python, so that its absence is explained in one sentence."""

from __future__ import annotations

from typing import Any

from layerize.errors import MissingExtraError

try:
    import skia as _skia
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("Drawing synthetic designs", "skia-python", "synth") from error

skia: Any = _skia
