"""One layer of a stack changed through latents; all other layers stay the same objects.

Latents of 16 numbers for 8x8 pixels cannot hold every detail. So a layer is not replaced by what they decode to: it
gets the *difference* between the decoded edit and the decoded original, and keeps its own detail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
import torch
from torch import Tensor

from layerize.errors import EditError
from layerize.latent.coder import LatentCoder
from layerize.latent.directions import ATTRIBUTES, Directions
from layerize.latent.style import adain
from layerize.recursion import layer_to_split, put_in_place
from layerize.stack import Layer, LayerStack
from layerize.stack.composite import ink_box
from layerize.stack.convert import F32, to_float, to_u8
from layerize.stack.edit import Ref
from layerize.stack.layer import U8

STYLE_SIDE = 512
"""A style picture is shrunk to this: statistics need no more, and a texture's scale should not depend on its size."""


def latent_edit(
    stack: LayerStack, ref: Ref, amounts: Mapping[str, float], *, coder: LatentCoder, directions: Directions
) -> LayerStack:
    """Move a layer along learned directions.

    Args:
        stack: The stack.
        ref: Index, id or name of a layer.
        amounts: ``brightness`` -1 (black) to 1 (white), ``hue`` in degrees, ``saturation`` and ``opacity`` -1 (none) to
            1 (double); applied in this order.
        coder: The RGBA-VAE.
        directions: What the attributes are in its latents.

    Returns:
        The stack with the one layer changed: its alpha only by ``opacity``, its colours only by the others.

    Raises:
        EditError: No such layer or attribute, or an amount out of range.
    """
    unknown = [name for name in amounts if name not in ATTRIBUTES]
    if unknown:
        raise EditError(f"there is no latent direction {unknown[0]!r}; there are {', '.join(ATTRIBUTES)}.")
    for name, value in amounts.items():
        low, high = ATTRIBUTES[name].lowest, ATTRIBUTES[name].highest
        if not low <= value <= high:
            raise EditError(f"{name} {value:g} is out of range; give a number from {low:g} to {high:g}.")
    layer = layer_to_split(stack, ref)
    pixels = _ink(layer)
    if pixels is None or not any(amounts.values()):
        return stack
    changed = to_float(pixels)
    for name, value in amounts.items():
        changed = _shifted(changed, name, value, coder, directions)
    return _with_ink(stack, layer, to_u8(changed))


def style_transfer(stack: LayerStack, ref: Ref, style: U8, *, strength: float = 1.0, coder: LatentCoder) -> LayerStack:
    """Give a layer the palette and contrast of an example: its latents get the example's mean and deviation.

    Args:
        stack: The stack.
        ref: Index, id or name of a layer.
        style: ``u8`` (H, W, 4); only what is opaque in it counts.
        strength: 0 (nothing changes) to 1.
        coder: The RGBA-VAE.

    Raises:
        EditError: No such layer, a strength out of range, or a style picture without opaque pixels.
    """
    if not 0 <= strength <= 1:
        raise EditError(f"strength {strength:g} is out of range; give a number from 0 to 1.")
    layer = layer_to_split(stack, ref)
    pixels = _ink(layer)
    if not (style[..., 3] > 127).any():
        raise EditError("the style picture has no opaque pixels; give a picture that shows something.")
    if pixels is None or strength == 0:
        return stack
    style = _shrunk(style)
    content, example = to_float(pixels), to_float(style)
    z, z_style = coder.encode(_opaque(content)), coder.encode(_opaque(example))
    target = adain(z, _cells(content, z), z_style, _cells(example, z_style), strength)
    size = (content.shape[1], content.shape[0])
    change = coder.decode(target, size) - coder.decode(z, size)
    content[..., :3] += change[..., :3]
    return _with_ink(stack, layer, to_u8(content))


def _shifted(rgba: F32, name: str, value: float, coder: LatentCoder, directions: Directions) -> F32:
    """Straight RGBA after one attribute; values may leave 0..1."""
    attribute = ATTRIBUTES[name]
    z = coder.encode(_opaque(rgba) if attribute.opaque else np.clip(rgba, 0, 1))
    size = (rgba.shape[1], rgba.shape[0])
    moved = coder.decode(directions.shift(z, name, attribute.amount(value)), size) - coder.decode(z, size)
    result = rgba.copy()
    if attribute.opaque:
        result[..., :3] = np.clip(result[..., :3] + moved[..., :3], 0, 1)
    else:
        inside = rgba[..., 3] > 0
        result[..., 3] = np.where(inside, np.clip(rgba[..., 3] + moved[..., 3], 0, 1), 0)
    return result


def _ink(layer: Layer) -> U8 | None:
    box = ink_box(layer)
    return None if box is None else layer.pixels[box.slices(*layer.offset)]


def _with_ink(stack: LayerStack, layer: Layer, changed: U8) -> LayerStack:
    """The stack with new pixels in the layer's ink box, at the same place; transparent pixels stay as they were."""
    box = ink_box(layer)
    assert box is not None
    pixels = layer.pixels.copy()
    there = pixels[box.slices(*layer.offset)]
    there[:] = np.where(there[..., 3:] > 0, changed, there)
    return put_in_place(stack, layer, replace(layer, pixels=pixels))


def _opaque(rgba: F32) -> F32:
    """The picture without transparency: colours spread from where there are some, so that alpha's edge is no edge."""
    rgb, alpha = np.clip(rgba[..., :3], 0, 1), np.clip(rgba[..., 3:], 0, 1)
    result = rgb
    if alpha.min() < 1:
        weighted, weight = rgb * alpha, alpha
        filled, cover = weighted, weight
        for scale in (2, 4, 8, 16, 32, 64, 128, 256, 512):  # coarser and coarser means fill what finer ones leave
            size = (max(1, rgb.shape[1] // scale), max(1, rgb.shape[0] // scale))
            both = cv2.resize(np.concatenate([weighted, weight], axis=2), size, interpolation=cv2.INTER_AREA)
            both = cv2.resize(both, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
            left = 1 - cover
            share = np.minimum(1, 4 * both[..., 3:]) * left
            filled = filled + share * both[..., :3] / np.maximum(both[..., 3:], 1e-6)
            cover = cover + share
            if size == (1, 1):
                break
        result = np.clip(filled / np.maximum(cover, 1e-6), 0, 1)
    return np.concatenate([result, np.ones_like(alpha)], axis=2).astype(np.float32)


def _cells(rgba: F32, latents_Chw: Tensor) -> Tensor:
    """How much of every cell the layer covers, 0..1; at least a little of the best one."""
    h, w = latents_Chw.shape[1:]
    weights = np.asarray(cv2.resize(rgba[..., 3], (w, h), interpolation=cv2.INTER_AREA), np.float32)
    return torch.from_numpy(weights.reshape(h, w) + np.float32(1e-6))


def _shrunk(style: U8) -> U8:
    scale = STYLE_SIDE / max(style.shape[:2])
    if scale >= 1:
        return style
    size = (max(1, round(style.shape[1] * scale)), max(1, round(style.shape[0] * scale)))
    return np.asarray(cv2.resize(style, size, interpolation=cv2.INTER_AREA), np.uint8)
