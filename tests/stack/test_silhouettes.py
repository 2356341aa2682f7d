"""Edges, shadows and outlines: against an exact disc, against known backgrounds, on groups, at the limits."""

from __future__ import annotations

import numpy as np
import pytest
from edit_scenes import disc, noise, scene

from layerize.errors import EditError
from layerize.stack import Group, Layer, LayerStack, flatten, ink_box
from layerize.stack.silhouette import grow_alpha, spread_colours


def area(alpha: np.ndarray) -> float:
    return float(alpha.astype(float).sum() / 255)


@pytest.mark.parametrize("pixels", [0.5, 1, 2.5, 6, 15, 30])
def test_growing_a_disc_gives_the_larger_disc(pixels: float) -> None:
    alpha = np.pad(disc(20, (0, 0, 0))[..., 3], 34)
    grown = grow_alpha(alpha, pixels)
    assert area(grown) == pytest.approx(np.pi * (20 + pixels) ** 2, rel=0.03)
    assert area(grow_alpha(grown, -pixels)) == pytest.approx(area(alpha), rel=0.04)


def test_growing_by_whole_pixels_is_exact_on_straight_edges_and_keeps_softness() -> None:
    square = np.zeros((20, 20), np.uint8)
    square[8:12, 8:12] = 255
    grown = grow_alpha(square, 3)
    assert (grown[10] == [0] * 5 + [255] * 10 + [0] * 5).all()
    ramp = np.tile(np.array([0, 0, 0, 50, 100, 150, 200, 250, 250, 250], np.uint8), (9, 1))
    assert (grow_alpha(ramp, 2)[4][:6] == [0, 50, 100, 150, 200, 250]).all()


def test_nearest_colours_fill_what_is_not_solid() -> None:
    rgb = np.zeros((5, 9, 3), np.uint8)
    rgb[:, 0], rgb[:, 8] = (200, 0, 0), (0, 0, 200)
    solid = np.zeros((5, 9), bool)
    solid[:, [0, 8]] = True
    filled = spread_colours(rgb, solid)
    assert (filled[:, 0] == (200, 0, 0)).all()
    assert filled[2, 1, 0] > 190
    assert filled[2, 7, 2] > 190


def test_grow_continues_the_colours_and_keeps_the_inside() -> None:
    stack = LayerStack(size=(40, 40), layers=(Layer(pixels=disc(8, (10, 200, 60)), name="A", offset=(9, 9)),))
    grown = stack.grow("A", 4).layers[0]
    assert isinstance(grown, Layer)
    inked = grown.pixels[grown.pixels[..., 3] > 0]
    assert np.abs(inked[:, :3].astype(int) - (10, 200, 60)).max() <= 1
    assert area(grown.pixels[..., 3]) == pytest.approx(np.pi * 12**2, rel=0.04)


def test_feather_is_soft_on_both_sides_and_keeps_the_area() -> None:
    stack = LayerStack(size=(60, 60), layers=(Layer(pixels=disc(14, (200, 0, 0)), name="A", offset=(13, 13)),))
    soft = flatten(stack.feather("A", 6))[..., 3]
    assert area(soft) == pytest.approx(area(flatten(stack)[..., 3]), rel=0.02)
    assert 100 < soft[29, 43] < 155, "half at the old edge"
    assert 0 < soft[29, 48] < soft[29, 40] < 255
    assert (flatten(stack.feather("A", 6))[soft > 0][:, :3] == (200, 0, 0)).all()


def test_an_edge_of_a_group_changes_as_one() -> None:
    left = np.full((20, 10, 4), (200, 0, 0, 255), np.uint8)
    right = np.full((20, 10, 4), (0, 0, 200, 255), np.uint8)
    group = Group(layers=(Layer(pixels=left, offset=(10, 10)), Layer(pixels=right, offset=(20, 10))), name="G")
    stack = LayerStack(size=(40, 40), layers=(group,))
    for edit in (lambda s: s.feather("G", 4), lambda s: s.grow("G", -3), lambda s: s.grow("G", 3)):
        whole = Layer(pixels=flatten(stack), name="G")
        one = edit(stack.with_layers((whole,)))
        assert np.abs(flatten(edit(stack)).astype(int) - flatten(one).astype(int))[..., 3].max() <= 1
        inner = flatten(edit(stack))[16:24, 16:24]
        assert (inner[..., 3] == 255).all(), "no seam where the members meet"
    assert stack.grow("G", 3).find("G").layers[1:] == group.layers, "members stay the same objects"  # type: ignore[union-attr]


def contaminated() -> tuple[LayerStack, np.ndarray]:
    """A red disc cut out of green one pixel too wide, and the alpha it was cut with."""
    clean = np.pad(disc(12, (220, 40, 30)), ((3, 3), (3, 3), (0, 0)))
    alpha = clean[..., 3:].astype(float) / 255
    rgb = clean[..., :3] * alpha + np.array([0, 230, 0]) * (1 - alpha)
    wide = grow_alpha(np.ascontiguousarray(clean[..., 3]), 1)
    pixels = np.dstack([rgb, wide]).astype(np.uint8)
    return LayerStack(size=(40, 40), layers=(Layer(pixels=pixels, name="A", offset=(3, 3)),)), wide


def test_clean_edge_takes_the_old_background_out() -> None:
    stack, wide = contaminated()
    dirty = flatten(stack, background=(255, 255, 255)).astype(int)
    assert (dirty[..., 1] - dirty[..., 0]).max() > 60, "there is a green fringe"
    clean = flatten(stack.clean_edge("A"), background=(255, 255, 255)).astype(int)
    assert (clean[..., 1] - clean[..., 0]).max() <= 0
    assert np.array_equal(stack.clean_edge("A").layers[0].pixels[..., 3], wide[wide.any(1)][:, wide.any(0)])  # type: ignore[union-attr]
    half = flatten(stack.clean_edge("A", strength=0.5), background=(255, 255, 255)).astype(int)
    assert 0 < (half[..., 1] - half[..., 0]).max() < (dirty[..., 1] - dirty[..., 0]).max()
    assert area(flatten(stack.clean_edge("A", shrink=1))[..., 3]) < area(wide) - 60


def test_clean_edge_leaves_glass_and_inner_colours_alone() -> None:
    glass = noise((20, 20), 0, alpha=120)
    stack = LayerStack(size=(20, 20), layers=(Layer(pixels=glass, name="A"),))
    assert np.array_equal(stack.clean_edge("A").layers[0].pixels, glass)  # type: ignore[union-attr]
    solid = noise((30, 30), 1, alpha=255)
    inner = LayerStack(size=(30, 30), layers=(Layer(pixels=solid, name="A"),)).clean_edge("A", width=2).layers[0]
    assert np.array_equal(inner.pixels[3:-3, 3:-3], solid[3:-3, 3:-3])  # type: ignore[union-attr]


def test_a_shadow_is_a_layer_below_with_the_shape_of_its_owner() -> None:
    stack = scene().hide("Disc")
    shaded = stack.shadow("Disc", dx=5, dy=-3, blur=0, opacity=0.5)
    below = shaded.layers[1]
    assert isinstance(below, Layer)
    assert (below.name, below.blend, below.visible) == ("Disc shadow", "multiply", False)
    assert below.opacity == pytest.approx(0.45), "half of the disc's own"
    box, own = ink_box(below), ink_box(stack.find("Disc"))  # type: ignore[arg-type]
    assert box is not None
    assert own is not None
    assert box == (own.x0 + 5, own.y0 - 3, own.x1 + 5, own.y1 - 3)
    blurred = stack.shadow("Disc", dx=0, dy=0, blur=6).layers[1]
    assert area(blurred.pixels[..., 3]) == pytest.approx(area(below.pixels[..., 3]), rel=0.02)  # type: ignore[union-attr]
    assert stack.shadow("Disc", colour="white").layers[1].blend == "normal"


def test_effects_of_a_group_lie_below_it_or_inside() -> None:
    stack = scene()
    outlined = stack.outline("Badge", width=2)
    assert [n.name for n in outlined.layers] == ["Background", "Disc", "Veil", "Badge outline", "Badge", "Corner"]
    baked = stack.outline("Badge", width=2, bake=True)
    assert [n.name for n in baked.find("Badge").layers] == ["Badge outline", "Plate", "Mark", "Dot"]  # type: ignore[union-attr]
    inside = stack.outline("Plate", width=2).find("Badge")
    assert [n.name for n in inside.layers] == ["Plate outline", "Plate", "Mark", "Dot"]  # type: ignore[union-attr]


def test_an_outline_closes_around_its_owner_and_bakes_to_the_same() -> None:
    stack = LayerStack(size=(50, 50), layers=(Layer(pixels=disc(10, (200, 0, 0)), name="A", offset=(12, 12)),))
    outlined = flatten(stack.outline("A", width=4, colour="blue"))
    grown = grow_alpha(flatten(stack)[..., 3], 4)
    assert np.abs(outlined[..., 3].astype(int) - grown).max() <= 2
    baked = flatten(stack.outline("A", width=4, colour="blue", bake=True))
    assert np.abs(baked.astype(int) - outlined).max() <= 2
    assert len(stack.outline("A", bake=True)) == 1


def test_a_soft_shadow_in_a_layer_is_not_outlined() -> None:
    pixels = disc(10, (200, 0, 0), margin=12)
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]] - pixels.shape[0] // 2
    soft = np.clip(90 - 6 * np.maximum(0, np.hypot(x, y) - 10), 0, 90)
    pixels[..., 3] = np.maximum(pixels[..., 3], soft)
    stack = LayerStack(size=(60, 60), layers=(Layer(pixels=pixels, name="A", offset=(5, 5)),))
    box = ink_box(stack.outline("A", width=3).layers[0])  # type: ignore[arg-type]
    assert box is not None
    assert box.x1 - box.x0 <= 21 + 2 * 4


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda s: s.feather("Disc", 0), "feather 0 is out of range; give more than 0 and at most 250"),
        (lambda s: s.feather("Disc", 1e9), "feather 1e.09 is out of range"),
        (lambda s: s.grow("Disc", 0), "grow 0 is out of range"),
        (lambda s: s.grow("Disc", -251), "shrink 251 is out of range"),
        (lambda s: s.grow("Disc", float("nan")), "is out of range"),
        (lambda s: s.clean_edge("Disc", width=0), "clean-edge width 0 is out of range"),
        (lambda s: s.clean_edge("Disc", strength=2), "must lie in 0..1"),
        (lambda s: s.clean_edge("Disc", shrink=-1), "shrink -1 is out of range"),
        (lambda s: s.shadow("Disc", blur=-1), "blur -1 is out of range"),
        (lambda s: s.shadow("Disc", opacity=2), "opacity 2 is out of range"),
        (lambda s: s.outline("Disc", width=0), "outline of 0 pixels is out of range"),
        (lambda s: s.outline("Disc", opacity=-1), "opacity -1 is out of range"),
    ],
)
def test_values_out_of_range_are_refused(edit: object, message: str) -> None:
    with pytest.raises(EditError, match=message):
        edit(scene())  # type: ignore[operator]
