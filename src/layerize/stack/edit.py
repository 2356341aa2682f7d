"""All edits of stacks, gathered from the files that hold them. Each takes a stack and returns a new one.

Layers that an edit does not touch stay the same objects. A layer is named by its index (0 = bottom, top level only),
its id or its name; ids and names are also found in groups. ``LayerStack`` has every edit as a method too.
"""

from layerize.stack.adjust import brightness, contrast, curves, saturation
from layerize.stack.alpha_edge import clean_edge, feather, grow
from layerize.stack.background import background
from layerize.stack.canvas import crop, extend
from layerize.stack.effects import outline, shadow
from layerize.stack.merge import merge
from layerize.stack.palette import palette
from layerize.stack.properties import blend, hide, opacity, rename, show
from layerize.stack.recolor import duotone, hue, recolor, tint
from layerize.stack.relayout import relayout
from layerize.stack.replace import replace
from layerize.stack.structure import delete, duplicate, group, reorder, ungroup
from layerize.stack.transform import flip, move, resize, rotate
from layerize.stack.tree import Ref, find

__all__ = [
    "Ref",
    "background",
    "blend",
    "brightness",
    "clean_edge",
    "contrast",
    "crop",
    "curves",
    "delete",
    "duotone",
    "duplicate",
    "extend",
    "feather",
    "find",
    "flip",
    "group",
    "grow",
    "hide",
    "hue",
    "merge",
    "move",
    "opacity",
    "outline",
    "palette",
    "recolor",
    "relayout",
    "rename",
    "reorder",
    "replace",
    "resize",
    "rotate",
    "saturation",
    "shadow",
    "show",
    "tint",
    "ungroup",
]
