"""Layers, stacks, compositing and edits: NumPy pictures, no files, no models, no torch (but ``torch_over``)."""

from layerize.stack.composite import Background, Box, box_of, flatten, ink_box, iter_nodes, over_u8
from layerize.stack.convert import F32, premultiply, to_float, to_u8, unpremultiply
from layerize.stack.layer import U8, BlendMode, Group, GroupBlendMode, Layer, LayerStack, Node, new_id

__all__ = [
    "F32",
    "U8",
    "Background",
    "BlendMode",
    "Box",
    "Group",
    "GroupBlendMode",
    "Layer",
    "LayerStack",
    "Node",
    "box_of",
    "flatten",
    "ink_box",
    "iter_nodes",
    "new_id",
    "over_u8",
    "premultiply",
    "to_float",
    "to_u8",
    "unpremultiply",
]
