"""Recolouring and tones: known values, limits, what stays, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from edit_scenes import noise, scene

from layerize.errors import EditError, UsageError
from layerize.stack import Layer, LayerStack
from layerize.stack.adjust import monotone_curve
from layerize.stack.colour import fit_gamut, from_oklab, to_oklab
from layerize.stack.ink import NO_INK, TABLE_FROM, as_codes, as_colours, distinct


def swatches(*colours: tuple[int, int, int], alpha: int = 255) -> LayerStack:
    """One layer, one pixel per colour."""
    row = np.array([[(*colour, alpha) for colour in colours]], np.uint8)
    return LayerStack(size=(len(colours), 1), layers=(Layer(pixels=row, name="A"),))


def colours_of(stack: LayerStack) -> list[tuple[int, ...]]:
    return [tuple(int(v) for v in pixel[:3]) for pixel in stack.layers[0].pixels[0]]  # type: ignore[union-attr]


def oklab(stack: LayerStack) -> np.ndarray:
    return to_oklab(np.array(colours_of(stack), np.float32) / 255)


EVERY = {
    "recolor": lambda s: s.recolor("A", "teal"),
    "hue": lambda s: s.hue("A", 90),
    "tint": lambda s: s.tint("A", "teal"),
    "duotone": lambda s: s.duotone("A", "navy", "gold"),
    "palette": lambda s: s.palette("A", {"red": "blue"}),
    "brightness": lambda s: s.brightness("A", 0.4),
    "contrast": lambda s: s.contrast("A", 0.4),
    "saturation": lambda s: s.saturation("A", 0.4),
    "curves": lambda s: s.curves("A", [(0, 20), (255, 200)]),
}


@pytest.mark.parametrize("name", EVERY)
def test_alpha_and_what_has_none_stay(name: str) -> None:
    pixels = noise((20, 10), 0)
    pixels[3:5, :, 3] = 0
    stack = LayerStack(size=(20, 10), layers=(Layer(pixels=pixels, name="A"),))
    new = EVERY[name](stack).layers[0].pixels
    assert np.array_equal(new[..., 3], pixels[..., 3])
    assert np.array_equal(new[3:5], pixels[3:5])
    assert (new != pixels).any()


def test_hue_turns_and_keeps_greys_and_lightness() -> None:
    stack = swatches((200, 80, 80), (90, 90, 90), (0, 0, 0), (255, 255, 255))
    turned = stack.hue("A", 120)
    before, after = oklab(stack), oklab(turned)
    assert colours_of(turned)[1:] == colours_of(stack)[1:]
    assert np.allclose(before[:, 0], after[:, 0], atol=0.01)
    angle = np.degrees(np.arctan2(after[0, 2], after[0, 1]) - np.arctan2(before[0, 2], before[0, 1])) % 360
    assert angle == pytest.approx(120, abs=2)
    assert np.abs(np.array(colours_of(turned.hue("A", -120))) - colours_of(stack)).max() <= 3
    assert colours_of(stack.hue("A", 360)) == colours_of(stack)


def test_tint_pulls_the_hue_and_keeps_lightness() -> None:
    stack = swatches((200, 80, 80), (120, 160, 90))
    assert colours_of(stack.tint("A", "blue", amount=0)) == colours_of(stack)
    full = oklab(stack.tint("A", "#3366cc", amount=1))
    assert np.allclose(full[:, 0], oklab(stack)[:, 0], atol=0.01)
    angles = np.degrees(np.arctan2(full[:, 2], full[:, 1]))
    assert angles[0] == pytest.approx(angles[1], abs=2)
    assert colours_of(swatches((0, 0, 0), (255, 255, 255)).tint("A", "blue", amount=1)) == [(0, 0, 0), (255, 255, 255)]
    with pytest.raises(EditError, match=r"tint of 1\.5 is out of range"):
        stack.tint("A", "blue", amount=1.5)


def test_duotone_ends_are_the_two_colours() -> None:
    toned = colours_of(swatches((0, 0, 0), (255, 255, 255), (255, 0, 0)).duotone("A", "#102040", "#ffe0b0"))
    assert np.abs(np.subtract(toned[:2], [(16, 32, 64), (255, 224, 176)])).max() <= 1
    assert toned[0][0] < toned[2][0] < toned[1][0]


def test_palette_pairs_swap_colours_and_their_shades_only() -> None:
    stack = swatches((220, 40, 40), (170, 25, 25), (40, 60, 200), (250, 250, 250))
    swapped = stack.palette("A", {"#dc2828": "#28a050"})
    after = colours_of(swapped)
    assert np.abs(np.subtract(after[0], (40, 160, 80))).max() <= 2
    assert after[1][1] > after[1][0], "a darker red follows"
    assert np.abs(np.subtract(after[2:], colours_of(stack)[2:])).max() <= 3, "blue and white are far from red"


def test_a_new_palette_goes_from_dark_to_dark() -> None:
    stack = swatches(*[(20, 20, 30)] * 3, *[(200, 40, 40)] * 3, *[(240, 240, 230)] * 3)
    after = colours_of(stack.palette("A", ["#fffbe6", "#003049", "#f77f00"]))
    assert np.abs(np.subtract(after[::3], [(0, 48, 73), (247, 127, 0), (255, 251, 230)])).max() <= 3


@pytest.mark.parametrize("colours", [[], {}, ["red"] * 33])
def test_palettes_have_1_to_32_colours(colours: object) -> None:
    with pytest.raises(EditError, match="1 to 32 are allowed"):
        scene().palette("Disc", colours)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
@pytest.mark.parametrize("amount", [-1.01, 1.01, float("nan")])
def test_amounts_are_checked(name: str, amount: float) -> None:
    with pytest.raises(EditError, match=f"{name} {amount:g} is out of range"):
        getattr(scene(), name)("Disc", amount)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_nothing_is_nothing(name: str) -> None:
    stack = swatches(*[(v, 255 - v, (3 * v) % 256) for v in range(0, 256, 5)])
    before, after = colours_of(stack), colours_of(getattr(stack, name)("A", 0))
    assert np.abs(np.subtract(before, after)).max() <= 1


def test_brightness_keeps_black_and_white_and_moves_the_middle() -> None:
    stack = swatches((0, 0, 0), (128, 128, 128), (255, 255, 255))
    assert [c[0] for c in colours_of(stack.brightness("A", 0.5))] == pytest.approx([0, 191, 255], abs=1)
    assert [c[0] for c in colours_of(stack.brightness("A", -0.5))] == pytest.approx([0, 64, 255], abs=1)
    assert [c[0] for c in colours_of(stack.brightness("A", -1))] == [0, 0, 255]
    assert [c[0] for c in colours_of(stack.brightness("A", 1))] == [0, 255, 255]


def test_contrast_and_saturation_at_their_ends() -> None:
    stack = swatches((10, 100, 240), (140, 120, 20))
    assert set(colours_of(stack.contrast("A", -1))) == {(128, 128, 128)}
    assert colours_of(stack.contrast("A", 1)) == [(0, 0, 255), (255, 0, 0)]
    grey = colours_of(stack.saturation("A", -1))
    assert all(max(c) - min(c) <= 1 for c in grey)
    assert np.allclose(oklab(stack.saturation("A", -1))[:, 0], oklab(stack)[:, 0], atol=0.01)


def test_curves_go_through_their_points_without_overshoot() -> None:
    points = [(0, 10), (64, 10), (128, 200), (130, 201), (255, 255)]
    table = monotone_curve(points) * 255
    assert [table[int(x)] for x, _ in points] == pytest.approx([y for _, y in points], abs=1e-3)
    assert (np.diff(table) >= -1e-4).all()
    assert np.allclose(monotone_curve([(0, 0), (255, 255)]) * 255, np.arange(256), atol=1e-4)
    assert colours_of(swatches((64, 64, 64)).curves("A", points, channel="blue")) == [(64, 64, 10)]


@pytest.mark.parametrize(
    ("points", "channel", "message"),
    [
        ([(0, 0)], "rgb", "at least two points"),
        ([(5, 0), (5, 9)], "rgb", "different old values"),
        ([(0, 0), (256, 9)], "rgb", "lie in 0..255"),
        ([(0, 0), (9, float("nan"))], "rgb", "lie in 0..255"),
        ([(0, 0), (9, 9)], "alpha", "no channel 'alpha'; use one of rgb, red"),
    ],
)
def test_curves_are_checked(points: list[tuple[float, float]], channel: str, message: str) -> None:
    with pytest.raises(EditError, match=message):
        scene().curves("Disc", points, channel=channel)  # type: ignore[arg-type]


def test_wrong_colours_are_refused_everywhere() -> None:
    stack = scene()
    for edit in (
        lambda: stack.tint("Disc", "bluish"),
        lambda: stack.duotone("Disc", "navy", "bluish"),
        lambda: stack.palette("Disc", ["bluish"]),
        lambda: stack.shadow("Disc", colour="bluish"),
        lambda: stack.outline("Disc", colour="bluish"),
        lambda: stack.background("bluish"),
    ):
        with pytest.raises(UsageError, match="'bluish' is not a colour"):
            edit()


def test_fit_gamut_keeps_lightness_and_hue_and_what_is_inside() -> None:
    rng = np.random.default_rng(0)
    inside = to_oklab(rng.random((200, 3), np.float32))
    assert np.allclose(fit_gamut(inside), inside, atol=1e-6)
    wild = np.stack([rng.uniform(0.2, 0.95, 200), rng.uniform(-0.5, 0.5, 200), rng.uniform(-0.5, 0.5, 200)], 1).astype(
        np.float32
    )
    fitted = fit_gamut(wild)
    assert np.array_equal(fitted[:, 0], wild[:, 0])
    assert np.allclose(fitted[:, 1] * wild[:, 2], fitted[:, 2] * wild[:, 1], atol=1e-6)
    assert np.abs(to_oklab(from_oklab(fitted)) - fitted).max() < 0.03, "hardly anything is left to clip"


def test_distinct_colours_are_the_same_both_ways() -> None:
    rgb = np.random.default_rng(0).integers(0, 40, (TABLE_FROM + 1, 3), np.uint8)
    codes = np.append(as_codes(rgb), NO_INK)
    assert np.array_equal(as_colours(codes[:-1]), rgb)
    few, few_places = distinct(codes[-100:])
    many, many_places = distinct(codes)
    assert np.array_equal(few[few_places], codes[-100:])
    assert np.array_equal(many[many_places], codes)
    assert (np.diff(many.astype(int)) > 0).all()
