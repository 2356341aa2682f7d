"""Predicted layers and the full-size picture in; full-size layers whose composite is the picture out.

Knows nothing of models or files. The steps, one file each: ``resample``, ``zones`` and ``ownership`` (who owns which
pixel), ``floor`` and ``edge`` (alpha), ``fill`` (hidden colours), ``plan`` (all of that at work size), ``native``
(tiles at full size) and ``exact`` (the colours that make the composite exact).
"""

from layerize.refine.config import RefineConfig
from layerize.refine.exact import exact
from layerize.refine.run import refine

__all__ = ["RefineConfig", "exact", "refine"]
