"""From a tree with groups and blend modes to plain RGBA layers under "over", with the same composite.

Any blend can be put into an RGBA-over stack exactly: where a source of alpha ``a`` blends to the colour ``R`` over its
backdrop, the layer (R, a) does the same under "over" (W3C Compositing Level 1, section 5.8). Such a layer shows its
backdrop, though, so three cleaner ways are tried first: no difference at all; a grey multiply or screen is black or
white with another alpha; light and texture go into the layers below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from layerize.data.placed import Placed, Step, backdrop, bands, cut, flat_u8, plain, planes, step, to_stack
from layerize.stack.blend import BLEND
from layerize.stack.composite import Box, box_of, flatten
from layerize.stack.convert import F32, to_u8
from layerize.stack.layer import Group, Layer, LayerStack, Node
from layerize.stack.levels import levels

LEVEL = np.float32(1 / 255)
SUBTLE = 24 / 255
"""Mean change of colour below which a blended layer is taken for light or texture, not for a thing of its own."""
WIDE = 0.8
"""Share of the canvas from which a blended layer is taken for light or texture."""
PLAIN_BACKDROP = 3 / 255
"""Standard deviation of brightness below which a backdrop leaves no picture in what blends with it."""


def bake(stack: LayerStack) -> tuple[list[Placed], list[Step]]:
    """The visible leaves bottom to top, all normal, opacities in their alpha, cut to the canvas.

    Returns:
        The layers with the ids of their groups, and what was dropped, cropped or baked.
    """
    history: list[Step] = []
    placed = _resolve(_open(stack.layers, (), stack.size, history), stack.size, history)
    return [item.with_layer(plain(item.layer)) for item in placed], history


def _open(nodes: Sequence[Node], path: tuple[str, ...], size: tuple[int, int], history: list[Step]) -> list[Placed]:
    """Leaves bottom to top, blend modes kept, groups opened wherever that changes nothing."""
    found: list[Placed] = []
    for node in nodes:
        if not node.visible or node.opacity == 0:
            history.append(step("dropped", node.name, "hidden" if not node.visible else "its opacity is 0"))
        elif isinstance(node, Layer):
            found += _open_leaf(node, path, size, history)
        else:
            found += _open_group(node, path, size, history)
    return found


def _open_leaf(layer: Layer, path: tuple[str, ...], size: tuple[int, int], history: list[Step]) -> list[Placed]:
    inside = cut(layer, size)
    if inside is None:
        empty = not layer.pixels[..., 3].any()
        history.append(step("dropped", layer.name, "has no pixels" if empty else "lies outside the canvas"))
        return []
    if box_of(layer).meet(Box(0, 0, *size)) != box_of(layer) and _ink_outside(layer, size):
        history.append(step("cropped", layer.name, "stuck out of the canvas"))
    return [Placed(layer=inside, groups=path)]


def _ink_outside(layer: Layer, size: tuple[int, int]) -> bool:
    common = box_of(layer).meet(Box(0, 0, *size))
    assert common is not None
    inside = int(np.count_nonzero(layer.pixels[common.slices(*layer.offset)][..., 3]))
    return int(np.count_nonzero(layer.pixels[..., 3])) > inside


def _open_group(group: Group, path: tuple[str, ...], size: tuple[int, int], history: list[Step]) -> list[Placed]:
    """A group's members as part of the list around it; as one layer where only that keeps the composite."""
    members = _open(group.layers, (*path, group.id), size, history)
    if not members:
        return []
    if group.blend == "pass-through" and group.opacity == 1:
        return members
    through = group.blend == "pass-through" and any(item.layer.blend != "normal" for item in members)
    members = _resolve(members, size, history)  # what is isolated blends with its own members only
    if through:
        history.append(step("baked", group.name, "a fading group: its blend modes act inside it only"))
    if group.blend in ("normal", "pass-through"):
        if group.opacity == 1:
            return members
        if _apart(members, size):
            return [
                item.with_layer(replace(item.layer, opacity=item.layer.opacity * group.opacity)) for item in members
            ]
    history.append(step("baked", group.name, f"{len(members)} layers became one: the group fades or blends as a whole"))
    blend = "normal" if group.blend == "pass-through" else group.blend
    flat = Layer(
        pixels=flatten(to_stack(members, size)), name=group.name, id=group.id, opacity=group.opacity, blend=blend
    )
    inside = cut(flat, size)
    return [] if inside is None else [Placed(layer=inside, groups=path)]


def _apart(members: Sequence[Placed], size: tuple[int, int]) -> bool:
    """Whether no member overlaps another, so that a common opacity is each one's own."""
    return len(members) == 1 or max(levels(to_stack(members, size)), default=0) == 0


def _resolve(placed: Sequence[Placed], size: tuple[int, int], history: list[Step]) -> list[Placed]:
    """Every blend mode other than normal turned into plain layers."""
    done: list[Placed] = []
    for item in placed:
        if item.layer.blend == "normal":
            done.append(item)
        else:
            done = _blend_onto(done, item, size, history)
    return done


def _blend_onto(below: list[Placed], item: Placed, size: tuple[int, int], history: list[Step]) -> list[Placed]:
    """Put one blended layer onto plain ones; the result is plain."""
    layer = item.layer
    patch, facts = _patch([one.layer for one in below], layer)
    if facts.difference <= 1:
        history.append(step("baked", layer.name, f"{layer.blend} is the same as normal here"))
        return [*below, item.with_layer(replace(layer, blend="normal"))]
    if facts.opaque and (shade := _shade(layer)) is not None:
        history.append(
            step("baked", layer.name, f"a grey {layer.blend} as {'black' if layer.blend == 'multiply' else 'white'}")
        )
        return [*below, item.with_layer(shade)]
    wide = facts.share >= WIDE * size[0] * size[1]
    if facts.opaque and facts.structure > PLAIN_BACKDROP and (wide or facts.change < SUBTLE):
        shaded = [one.with_layer(_shaded(one.layer, layer)) for one in below]
        if _worst([one.layer for one in shaded], [*(one.layer for one in below), patch], box_of(layer)) <= 1:
            history.append(step("baked", layer.name, f"{layer.blend}: light and texture, drawn into the layers below"))
            return shaded
    history.append(step("baked", layer.name, f"{layer.blend}: takes the colours that it shows over what lies below"))
    return [*below, item.with_layer(patch)]


class _Facts:
    """What a blend does, measured over the pixels that it covers.

    Attributes:
        difference: The largest difference between the blend and normal, in levels of 255.
        opaque: Whether the backdrop is opaque wherever the layer has ink.
        share: Covered pixels, weighted by alpha.
        change: Mean change of colour, 0..1, weighted by alpha.
        structure: Standard deviation of the backdrop's brightness, 0..1.
    """

    def __init__(self) -> None:
        self.difference = 0.0
        self.opaque = True
        self.share = self._changed = self._sum = self._squares = 0.0

    def add(self, source: F32, alpha: F32, below: F32, below_alpha: F32, blended: F32) -> None:
        weight = alpha.sum(dtype=np.float64)
        grey = below.mean(0)
        self.difference = max(self.difference, 255 * float((alpha * np.abs(blended - source)).max(initial=0)))
        self.opaque &= bool((below_alpha[alpha > 0] > 1 - LEVEL / 2).all())
        self.share += float(weight)
        self._changed += float((alpha * np.abs(blended - below).mean(0)).sum(dtype=np.float64))
        self._sum += float((alpha * grey).sum(dtype=np.float64))
        self._squares += float((alpha * grey**2).sum(dtype=np.float64))

    @property
    def change(self) -> float:
        return self._changed / max(self.share, 1e-9)

    @property
    def structure(self) -> float:
        mean = self._sum / max(self.share, 1e-9)
        return float(np.sqrt(max(self._squares / max(self.share, 1e-9) - mean**2, 0)))


def _patch(below: Sequence[Layer], layer: Layer) -> tuple[Layer, _Facts]:
    """The layer with the colours that its blend gives, normal; and what the blend does."""
    pixels = layer.pixels.copy()
    facts = _Facts()
    for box in bands(box_of(layer)):
        rgb, below_alpha = backdrop(below, box)
        straight: F32 = np.minimum(rgb / np.maximum(below_alpha, np.float32(1e-6)), np.float32(1))
        source, alpha = planes(layer, box)
        blended = source + below_alpha * (BLEND[layer.blend](straight, source) - source)
        facts.add(source, alpha, straight, below_alpha, blended)
        pixels[box.slices(*layer.offset)][..., :3] = to_u8(blended).transpose(1, 2, 0)
    return replace(layer, pixels=pixels, blend="normal"), facts


def _shade(layer: Layer) -> Layer | None:
    """A grey multiply is black with alpha ``a (1 - s)``, a grey screen white with ``a s``, whatever lies below."""
    if layer.blend not in ("multiply", "screen"):
        return None
    inked = layer.pixels[..., 3] > 0
    rgb = layer.pixels[..., :3].astype(np.int16)
    if int((rgb.max(2) - rgb.min(2))[inked].max(initial=0)) > 2:
        return None
    grey = rgb[..., 1].astype(np.float32) / 255
    multiply = layer.blend == "multiply"
    alpha = layer.pixels[..., 3] * np.float32(layer.opacity) * ((1 - grey) if multiply else grey)
    pixels = np.full_like(layer.pixels, 0 if multiply else 255)
    pixels[..., 3] = np.rint(alpha).astype(np.uint8)
    return replace(layer, pixels=pixels, opacity=1.0, blend="normal")


def _shaded(under: Layer, layer: Layer) -> Layer:
    """A layer below with the blend applied to its own colours; its alpha stays."""
    common = box_of(under).meet(box_of(layer))
    if common is None:
        return under
    pixels = under.pixels.copy()
    for box in bands(common):
        own, _ = planes(under, box)
        source, alpha = planes(layer, box)
        mixed = own + alpha * (BLEND[layer.blend](own, source) - own)
        pixels[box.slices(*under.offset)][..., :3] = to_u8(mixed).transpose(1, 2, 0)
    return replace(under, pixels=pixels)


def _worst(one: Sequence[Layer], other: Sequence[Layer], area: Box) -> int:
    """The largest difference of two stacks of plain layers inside a box, in levels."""
    worst = 0
    for box in bands(area):
        first, second = (flat_u8(*backdrop(layers, box)).astype(np.int16) for layers in (one, other))
        worst = max(worst, int(np.abs(first - second).max(initial=0)))
    return worst
