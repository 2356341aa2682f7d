"""Layers, stacks, compositing and edits: NumPy only, no files, no models."""

from layerize.stack.layer import BlendMode, Group, GroupBlendMode, Layer, LayerStack, Node, new_id

__all__ = ["BlendMode", "Group", "GroupBlendMode", "Layer", "LayerStack", "Node", "new_id"]
