"""Flattening against Pillow, psd-tools and a slow reference; laws of groups, offsets and backgrounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from psd_tools import PSDImage
from stack_strategies import layers, pixel_arrays, stacks

from layerize.formats.psd import save_psd
from layerize.stack import Box, Group, Layer, LayerStack, composite, flatten, ink_box, over_u8, to_u8
from layerize.stack.blend import BLEND

PLAIN = ("normal",)


def solid(rgba: tuple[int, ...], size: tuple[int, int] = (4, 4), **fields: object) -> Layer:
    return Layer(pixels=np.full((size[1], size[0], 4), rgba, np.uint8), **fields)  # type: ignore[arg-type]


def reference(stack: LayerStack) -> np.ndarray:
    """W3C compositing in float64, layer by layer on the whole canvas, straight from the formulas."""

    def paint(below: np.ndarray, nodes: tuple) -> np.ndarray:
        for node in nodes:
            if not node.visible:
                continue
            if isinstance(node, Group) and node.blend == "pass-through":
                below = below + node.opacity * (paint(below, node.layers) - below)
                continue
            top = paint(np.zeros_like(below), node.layers) if isinstance(node, Group) else placed(node, below)
            below = blended(below, top * node.opacity, node.blend)
        return below

    def placed(layer: Layer, below: np.ndarray) -> np.ndarray:
        result = np.zeros_like(below)
        for y, x in np.ndindex(*layer.pixels.shape[:2]):
            row, column = y + layer.offset[1], x + layer.offset[0]
            if 0 <= row < below.shape[0] and 0 <= column < below.shape[1]:
                rgba = layer.pixels[y, x] / 255
                result[row, column] = [*(rgba[:3] * rgba[3]), rgba[3]]
        return result

    def blended(below: np.ndarray, top: np.ndarray, mode: str) -> np.ndarray:
        a_b, a_s = below[..., 3:], top[..., 3:]
        c_b, c_s = (
            np.divide(x[..., :3], x[..., 3:], out=np.zeros_like(x[..., :3]), where=x[..., 3:] > 0) for x in (below, top)
        )
        planes = [np.clip(c, 0, 1).transpose(2, 0, 1).astype(np.float32) for c in (c_b, c_s)]
        mixed = BLEND[mode](*planes).transpose(1, 2, 0)  # type: ignore[index]
        rgb = a_s * (1 - a_b) * c_s + a_s * a_b * mixed + (1 - a_s) * a_b * c_b
        return np.concatenate([rgb, a_s + a_b - a_s * a_b], axis=2)

    width, height = stack.size
    result = paint(np.zeros((height, width, 4)), stack.layers)
    alpha = result[..., 3:]
    return np.concatenate(
        [np.divide(result[..., :3], alpha, out=np.zeros_like(result[..., :3]), where=alpha > 1e-9), alpha], 2
    )


def premultiplied(rgba: np.ndarray) -> np.ndarray:
    rgba = rgba.astype(float)
    return np.concatenate([rgba[..., :3] * rgba[..., 3:] / 255, rgba[..., 3:]], axis=2)


@settings(max_examples=60, deadline=None)
@given(stacks(PLAIN, ("pass-through", "normal")))
def test_normal_stacks_agree_with_the_reference(stack: LayerStack) -> None:
    difference = np.abs(premultiplied(flatten(stack)) - premultiplied(reference(stack) * 255))
    assert difference.max() <= 1.01, f"max {difference.max():.3f}, mean {difference.mean():.4f} levels"


@settings(max_examples=60, deadline=None)
@given(stacks())
def test_all_modes_and_groups_agree_with_the_reference(stack: LayerStack) -> None:
    # Discontinuous modes (hue, saturation, dodge, burn) may tip over on float noise in single pixels of deep trees.
    difference = np.abs(premultiplied(flatten(stack)) - premultiplied(reference(stack) * 255)).max(axis=2)
    assert (difference > 1.01).mean() <= 0.02, f"max {difference.max():.3f}, mean {difference.mean():.4f} levels"


@settings(max_examples=40, deadline=None)
@given(st.lists(pixel_arrays(), min_size=1, max_size=4))
def test_agrees_with_pillow_alpha_composite(pictures: list[np.ndarray]) -> None:
    size = (8, 8)
    squares = [np.asarray(Image.fromarray(p).resize(size, Image.Resampling.NEAREST)) for p in pictures]
    expected = Image.new("RGBA", size)
    for square in squares:
        expected = Image.alpha_composite(expected, Image.fromarray(square))
    ours = flatten(LayerStack(size=size, layers=tuple(Layer(pixels=s) for s in squares)))
    # Pillow rounds after every layer: half a level of colour and of alpha each.
    difference = np.abs(premultiplied(ours) - premultiplied(np.asarray(expected)))
    assert difference.max() <= 0.5 + len(squares), f"max {difference.max():.2f}, mean {difference.mean():.3f}"


@pytest.mark.parametrize("mode", sorted(BLEND))
def test_two_layers_agree_with_psd_tools(mode: str, tmp_path: object) -> None:
    rng = np.random.default_rng(3)
    below = Layer(pixels=rng.integers(0, 256, (40, 40, 4), np.uint8))
    above = Layer(pixels=rng.integers(0, 256, (40, 40, 4), np.uint8), blend=mode, opacity=200 / 255, offset=(5, -3))  # type: ignore[arg-type]
    compare_with_psd_tools(LayerStack(size=(40, 40), layers=(below, above)), tmp_path)


@settings(max_examples=25, deadline=None)
@given(
    stacks(("normal", "multiply", "screen", "darken", "difference", "overlay"), ("pass-through", "normal", "multiply"))
)
def test_trees_agree_with_psd_tools(tmp_path_factory: pytest.TempPathFactory, stack: LayerStack) -> None:
    compare_with_psd_tools(stack, tmp_path_factory.mktemp("psd"))


def compare_with_psd_tools(stack: LayerStack, folder: object) -> None:
    path = folder / "stack.psd"  # type: ignore[operator]
    save_psd(stack, path)
    document = PSDImage.open(path)
    theirs = np.asarray(document.composite(force=True).convert("RGBA"))
    if len(document) == 0:
        return
    difference = np.abs(premultiplied(flatten(stack)) - premultiplied(theirs))
    # psd-tools cuts to 8 bit where we round: up to one level of colour and one of alpha.
    assert difference.max() <= 2.01, f"max {difference.max():.2f}, mean {difference.mean():.3f} levels"


@settings(max_examples=40, deadline=None)
@given(stacks(PLAIN, ("pass-through", "normal")))
def test_the_short_way_equals_the_general_one(stack: LayerStack) -> None:
    box = Box(0, 0, *stack.size)
    plain = composite._plain(stack.layers)
    if plain is not None:
        short, general = composite._over_band(plain, box), composite._paint_band(stack.layers, box)
        assert np.abs(short[3] - general[3]).max() < 1e-5
        assert np.abs((short[:3] - general[:3]) * general[3]).max() < 1e-5


@given(layers(PLAIN))
@settings(max_examples=30, deadline=None)
def test_one_layer_comes_back_exactly(layer: Layer) -> None:
    box = ink_box(layer)
    if box is None:
        return
    stack = LayerStack(size=(box.x1 - box.x0, box.y1 - box.y0), layers=(replace(layer, opacity=1.0, visible=True),))
    moved = stack.move(0, dx=-box.x0, dy=-box.y0)
    expected = layer.pixels[box.slices(*layer.offset)].copy()
    expected[expected[..., 3] == 0] = 0
    assert np.array_equal(flatten(moved), expected)


def test_bands_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    members = [
        Layer(pixels=rng.integers(0, 256, (31, 23, 4), np.uint8), offset=(i * 3 - 5, i * 4 - 6), blend=mode)
        for i, mode in enumerate(("normal", "multiply", "hue"))
    ]
    stack = LayerStack(size=(29, 37), layers=(*members[:1], Group(layers=tuple(members[1:]), opacity=0.5)))
    whole = flatten(stack)
    monkeypatch.setattr(composite, "BAND_PIXELS", 29 * 2)
    assert np.array_equal(flatten(stack), whole)


def test_empty_hidden_and_outside_layers_paint_nothing() -> None:
    stack = LayerStack(
        size=(3, 2),
        layers=(
            solid((1, 2, 3, 255), visible=False),
            solid((1, 2, 3, 255), offset=(3, 0)),
            solid((1, 2, 3, 255), offset=(-4, -4)),
            solid((1, 2, 3, 0)),
            solid((1, 2, 3, 255), opacity=0.0),
            Group(layers=(solid((9, 9, 9, 255)),), visible=False),
            Group(layers=()),
        ),
    )
    assert not flatten(stack).any()
    assert flatten(LayerStack(size=(3, 2))).shape == (2, 3, 4)


def test_group_opacity_fades_the_group_as_a_whole() -> None:
    pair = (solid((255, 0, 0, 255)), solid((0, 0, 255, 255)))
    for blend in ("normal", "pass-through"):
        stack = LayerStack(
            size=(4, 4), layers=(solid((255, 255, 255, 255)), Group(layers=pair, opacity=0.5, blend=blend))
        )
        assert flatten(stack)[0, 0].tolist() == [128, 128, 255, 255]


def test_isolation_keeps_blend_modes_inside_the_group() -> None:
    ink = Group(layers=(solid((128, 128, 128, 255), blend="multiply"),))
    through = LayerStack(size=(4, 4), layers=(solid((128, 128, 128, 255)), ink))
    isolated = LayerStack(size=(4, 4), layers=(solid((128, 128, 128, 255)), replace(ink, blend="normal")))
    assert flatten(through)[0, 0, 0] == 64
    assert flatten(isolated)[0, 0, 0] == 128


def test_backgrounds() -> None:
    stack = LayerStack(size=(4, 4), layers=(solid((200, 0, 0, 255), opacity=0.5, blend="multiply"),))
    assert flatten(stack, background=(100, 100, 100))[0, 0].tolist() == [89, 50, 50, 255]
    picture = np.full((4, 4, 3), 100, np.uint8)
    assert np.array_equal(flatten(stack, background=picture), flatten(stack, background=(100, 100, 100)))
    assert flatten(stack, background=(0, 0, 0, 0))[0, 0].tolist() == [200, 0, 0, 128]
    with pytest.raises(ValueError, match="background is 2x4, the canvas is 4x4"):
        flatten(stack, background=np.zeros((4, 2, 3), np.uint8))


def test_over_u8_and_composite_are_flatten() -> None:
    rng = np.random.default_rng(5)
    top, bottom = rng.integers(0, 256, (2, 6, 5, 4), np.uint8)
    stack = LayerStack(size=(5, 6), layers=(Layer(pixels=bottom), Layer(pixels=top)))
    assert np.array_equal(over_u8(top, bottom), flatten(stack))
    assert np.array_equal(np.asarray(stack.composite()), flatten(stack))
    with pytest.raises(ValueError, match="same shape"):
        over_u8(top, bottom[:3])


def test_stack_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = "import sys, layerize.stack, layerize.formats; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_opaque_rounding_is_exact() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    pixels = np.concatenate([levels, 255 - levels, levels, np.full_like(levels, 255)], axis=2)
    assert np.array_equal(
        flatten(LayerStack(size=(16, 16), layers=(solid((9, 9, 9, 255), (16, 16)), Layer(pixels=pixels)))), pixels
    )
    assert to_u8(np.float64(1)) == 255
