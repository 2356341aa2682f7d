"""Layers, stacks, compositing and edits: NumPy pictures, no files, no models, no torch (but ``torch_over``)."""

from layerize.stack.colour import Colour, parse_colour
from layerize.stack.composite import Background, Box, box_of, flatten, ink_box, iter_nodes, over_u8
from layerize.stack.convert import F32, premultiply, to_float, to_u8, unpremultiply
from layerize.stack.layer import U8, BlendMode, Group, GroupBlendMode, Layer, LayerStack, Node, new_id
from layerize.stack.levels import elements, levels, merge_levels
from layerize.stack.parts import parts
from layerize.stack.resample import Fit, fit_pixels, resize_pixels

__all__ = [
    "F32",
    "U8",
    "Background",
    "BlendMode",
    "Box",
    "Colour",
    "Fit",
    "Group",
    "GroupBlendMode",
    "Layer",
    "LayerStack",
    "Node",
    "box_of",
    "elements",
    "fit_pixels",
    "flatten",
    "ink_box",
    "iter_nodes",
    "levels",
    "merge_levels",
    "new_id",
    "over_u8",
    "parse_colour",
    "parts",
    "premultiply",
    "resize_pixels",
    "to_float",
    "to_u8",
    "unpremultiply",
]
