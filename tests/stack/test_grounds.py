"""Backgrounds, gradients, carried shadows, the canvas, other layouts, replaced pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from edit_scenes import disc, noise, scene

from layerize.errors import EditError, LayerizeWarning, UsageError
from layerize.stack import Box, Group, Layer, LayerStack, flatten
from layerize.stack.gradient import Gradient, draw_gradient, parse_gradient
from layerize.stack.tree import ink_of


def test_gradients_are_read_as_css_writes_them() -> None:
    gradient = parse_gradient("linear-gradient(to right, red, rgb(0, 255, 0) 25%, blue, #fff)")
    assert gradient.angle == 90
    assert gradient.stops == (
        (0, (255, 0, 0)),
        (0.25, (0, 255, 0)),
        (0.625, (0, 0, 255)),
        (1, (255, 255, 255)),
    )
    assert parse_gradient("radial(white, navy 80%)").stops[1] == (0.8, (0, 0, 128))
    assert parse_gradient("linear-gradient(-45deg,red,blue)").angle == -45


@pytest.mark.parametrize(
    "text",
    [
        "linear-gradient()",
        "linear-gradient(red)",
        "radial-gradient(45deg, red)",
        "linear-gradient(red, blu)",
        "red",
        "linear-gradient(red, blue 130%)",
    ],
)
def test_gradients_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write linear-gradient"):
        parse_gradient(text)


def test_gradients_run_where_they_should() -> None:
    down = draw_gradient(parse_gradient("linear-gradient(black, white)"), (3, 256))
    assert (down[:, 0, 0] == np.arange(256)).all()
    right = draw_gradient(parse_gradient("linear-gradient(90deg, red, blue)"), (100, 4))
    assert right[0, 0, 0] > 250 > 5 > right[0, -1, 0]
    corner = draw_gradient(parse_gradient("linear-gradient(to bottom right, black, white)"), (80, 40))
    assert corner[0, 0, 0] <= 2
    assert corner[-1, -1, 0] >= 253
    round_ = draw_gradient(parse_gradient("radial-gradient(white, black)"), (81, 41))
    assert round_[20, 40, 0] == 255
    assert (round_[[0, 0, -1, -1], [0, -1, 0, -1], 0] <= 5).all()
    with pytest.raises(EditError, match="ascending places"):
        Gradient(kind="linear", stops=((1.0, (0, 0, 0)), (0.5, (9, 9, 9))))


def test_a_picture_as_background_fits_in_every_way() -> None:
    stack, picture = scene(), np.full((10, 40, 4), (10, 20, 30, 255), np.uint8)
    picture[:, 19:21] = (200, 200, 200, 255)
    for fit in ("cover", "contain", "stretch", "none"):
        ground = stack.background(picture, fit=fit).layers[0].pixels  # type: ignore[union-attr,arg-type]
        assert ground.shape == (50, 60, 4)
        assert (ground[..., 3] == 255).all()
    contained = stack.background(picture, fit="contain").layers[0].pixels  # type: ignore[union-attr]
    assert (contained[0] == (10, 20, 30, 255)).all(), "the room has the colour of the picture's border"
    with pytest.raises(EditError, match="cannot fit as 'tile'"):
        stack.background(picture, fit="tile")  # type: ignore[arg-type]


def shaded(texture: float = 1.0) -> tuple[LayerStack, np.ndarray, np.ndarray]:
    """An object on a gradient with a soft shadow painted into it; the shadow's alpha, and where it can be seen."""
    w, h = 240, 180
    y, x = np.mgrid[:h, :w] / max(w, h)
    ground = np.dstack([180 + 60 * x, 170 + 50 * y, 200 - 40 * x * y])
    ground += np.random.default_rng(0).normal(0, texture, ground.shape)
    shape = np.zeros((h, w), np.float32)
    cv2.circle(shape, (100, 80), 40, 1, -1)
    shadow = cv2.GaussianBlur(np.roll(shape, (10, 8), (0, 1)), (0, 0), 6) * 0.5
    pixels = np.dstack([ground * (1 - shadow[..., None]), np.full((h, w), 255)]).clip(0, 255).astype(np.uint8)
    thing = np.dstack([np.full((h, w, 3), (200, 60, 60)), shape * 255]).astype(np.uint8)
    layers = (Layer(pixels=pixels, name="Background"), Layer(pixels=thing, name="Thing"))
    return LayerStack(size=(w, h), layers=layers), shadow, shape == 0


def test_shadows_are_carried_over_to_the_new_background() -> None:
    stack, shadow, seen = shaded()
    new = stack.background("#3090c0", shadows=True)
    carried = new.layers[1]
    assert isinstance(carried, Layer)
    assert (carried.name, carried.blend) == ("Shadows", "multiply")
    wanted = np.array((48, 144, 192)) * (1 - shadow[..., None])
    apart = np.abs(flatten(new)[..., :3] - wanted)[seen]
    assert apart.mean() < 1
    assert apart.max() < 8
    plain = np.abs(flatten(stack.background("#3090c0"))[..., :3] - wanted)[seen]
    assert plain.max() > 50, "without it, the shadow is gone"
    assert new.layers[2] is stack.layers[1]


@pytest.mark.parametrize(
    ("stack", "reason"),
    [
        (shaded(texture=30)[0], "the background is textured"),
        (scene(), "the background is textured"),
        (LayerStack(size=(9, 9), layers=(Layer(pixels=noise((9, 9), 0, alpha=255)),)), "no background with objects"),
        (LayerStack(size=(9, 9), layers=(Layer(pixels=disc(2, (9, 9, 9))),)), "no old background"),
    ],
)
def test_where_shadows_cannot_be_carried_over_a_warning_says_why(stack: LayerStack, reason: str) -> None:
    with pytest.warns(LayerizeWarning, match=reason):
        new = stack.background("teal", shadows=True)
    assert [n.name for n in new.layers if n.name == "Shadows"] == []


def test_a_group_can_be_the_old_background() -> None:
    stack, shadow, seen = shaded()
    grouped = stack.group(["Background"], name="Ground")
    new = grouped.background("#3090c0", shadows=True)
    assert [n.name for n in new.layers] == ["Ground", "Shadows", "Thing"]
    assert new.layers[0].id == grouped.layers[0].id
    wanted = np.array((48, 144, 192)) * (1 - shadow[..., None])
    assert np.abs(flatten(new)[..., :3] - wanted)[seen].mean() < 1
    beside = grouped.crop(0, 0, 200, 150).extend(right=5).background("teal")
    assert [n.name for n in beside.layers] == ["Ground", "Thing"], "what lies off the canvas comes back and covers it"


def test_a_plain_background_carries_no_shadow() -> None:
    ground = Layer(pixels=np.full((50, 50, 4), (220, 210, 200, 255), np.uint8), name="Background")
    stack = LayerStack(size=(50, 50), layers=(ground, Layer(pixels=disc(9, (9, 9, 9)), offset=(10, 10))))
    with pytest.warns(LayerizeWarning, match="carries no shadow"):
        assert len(stack.background("teal", shadows=True)) == 2


def test_crop_shows_the_same_pixels_and_keeps_the_others_unless_trimmed() -> None:
    stack = scene()
    cropped = stack.crop(5, 6, 40, 30)
    assert cropped.size == (40, 30)
    assert np.array_equal(flatten(cropped), flatten(stack)[6:36, 5:45])
    assert all(a.pixels is b.pixels for a, b in zip(cropped.walk(), stack.walk(), strict=True))
    trimmed = stack.crop(5, 6, 40, 30, trim=True)
    assert np.array_equal(flatten(trimmed), flatten(cropped))
    box = ink_of(trimmed.layers)
    assert box is not None
    assert box.meet(Box(0, 0, 40, 30)) == box
    back = cropped.extend(left=5, top=6, right=15, bottom=14)
    assert np.array_equal(flatten(back), flatten(stack))


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (-1, 0, 5, 5), (0, 0, 61, 5), (50, 40, 20, 20)])
def test_crop_stays_on_the_canvas(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(EditError, match="the box must lie on the canvas of 60x50"):
        scene().crop(*box)


def test_extend_fills_the_new_room_if_wanted() -> None:
    stack = scene()
    for fill, corner in ((None, (0, 0, 0, 0)), ("teal", (0, 128, 128, 255)), ("edge", flatten(stack)[-1, 0])):
        wide = stack.extend(left=7, bottom=3, fill=fill)
        assert wide.size == (67, 53)
        assert flatten(wide)[-1, 0].tolist() == list(corner)
        assert np.array_equal(flatten(wide)[:50, 7:], flatten(stack))
        assert all(a.pixels is b.pixels for a, b in zip(list(wide.walk())[1:], list(stack.walk())[1:], strict=True))


@pytest.mark.parametrize(
    ("sides", "message"), [({}, "cannot extend"), ({"left": -1}, "cannot extend"), ({"top": 10**9}, "megapixels")]
)
def test_extend_refuses(sides: dict[str, int], message: str) -> None:
    with pytest.raises(EditError, match=message):
        scene().extend(**sides)


@pytest.fixture
def advert() -> LayerStack:
    """100x100: ground, logo at the top left, price at the bottom right, title over its plate in the middle."""

    def box(size: tuple[int, int], offset: tuple[int, int], name: str) -> Layer:
        return Layer(pixels=noise(size, len(name), alpha=255), offset=offset, name=name)

    ground, logo, price = (
        box((100, 100), (0, 0), "Ground"),
        box((10, 10), (5, 5), "Logo"),
        box((20, 10), (75, 85), "Price"),
    )
    plate, title = box((60, 20), (20, 40), "Plate"), box((40, 8), (30, 46), "Title")
    return LayerStack(size=(100, 100), layers=(ground, logo, price, plate, title))


def test_a_tall_layout_keeps_corners_and_covers_with_the_ground(advert: LayerStack) -> None:
    tall = advert.relayout((50, 100))
    boxes = {node.name: ink_of([node]) for node in tall.layers}
    assert boxes["Ground"] == (-25, 0, 75, 100)
    assert boxes["Logo"] == (3, 3, 8, 8)
    assert boxes["Price"] == (38, 93, 48, 98)
    assert boxes["Plate"] == (10, 45, 40, 55), "in the middle"
    assert boxes["Title"] == (15, 48, 35, 52), "together with its plate"
    assert (flatten(tall)[..., 3] == 255).all()
    assert advert.relayout((100, 100)) is advert


def test_layout_rules(advert: LayerStack) -> None:
    wide = advert.relayout(
        (200, 100), anchors={"Logo": "right", "Title": "top-left"}, fits={"Price": "keep", "Plate": "width"}
    )
    boxes = {node.name: ink_of([node]) for node in wide.layers}
    assert boxes["Logo"] == (105, 5, 115, 15)
    assert boxes["Title"] == (30, 46, 70, 54)
    assert boxes["Price"] == (175, 85, 195, 95)
    assert boxes["Plate"] == (40, 30, 160, 70)
    for fit, box in {"contain": (0, 0, 50, 25), "stretch": (38, 85, 48, 95), "height": (28, 88, 48, 98)}.items():
        tall = advert.relayout(
            (50, 100), fits={"Price": fit}, anchors={"Price": "top-left"} if fit == "contain" else {}
        )  # type: ignore[dict-item]
        assert ink_of([tall.find("Price")]) == box, fit


def test_what_lies_on_an_anchored_thing_goes_with_it(advert: LayerStack) -> None:
    tall = advert.relayout((50, 100), anchors={"Plate": "bottom"})
    plate, title = ink_of([tall.find("Plate")]), ink_of([tall.find("Title")])
    assert plate == (10, 70, 40, 80)
    assert title == (15, 73, 35, 77), "the title keeps its place on the plate"
    alone = advert.relayout((50, 100), anchors={"Title": "bottom"})
    assert ink_of([alone.find("Plate")]) == (10, 45, 40, 55), "the plate does not follow what lies on it"
    both = advert.relayout((50, 100), anchors={"Plate": "bottom", "Title": "top"})
    assert ink_of([both.find("Title")]) == (15, 23, 35, 27)


def test_layout_leaves_groups_together_and_refuses_rules_for_members(advert: LayerStack) -> None:
    stack = advert.group(["Logo", "Price"], name="Corners")
    small = stack.relayout((50, 50))
    assert ink_of([small.find("Corners")]) == (3, 3, 48, 48)
    with pytest.raises(EditError, match="'Logo' lies in a group"):
        stack.relayout((50, 50), anchors={"Logo": "top"})
    with pytest.raises(EditError, match="'middle' is no anchor"):
        stack.relayout((50, 50), anchors={"Corners": "middle"})
    with pytest.raises(EditError, match="cannot lay out as 'fill'"):
        stack.relayout((50, 50), fits={"Corners": "fill"})  # type: ignore[dict-item]
    with pytest.raises(EditError, match="there is no layer 'Logos'"):
        stack.relayout((50, 50), fits={"Logos": "keep"})


def test_replace_shows_the_new_picture_through_the_old_shape() -> None:
    stack = scene()
    picture = np.full((40, 40, 4), (1, 2, 3, 255), np.uint8)
    old, new = stack.find("Disc"), stack.replace("Disc", picture, fit="cover", alpha="old").find("Disc")
    assert isinstance(old, Layer)
    assert isinstance(new, Layer)
    assert np.array_equal(new.pixels[..., 3], old.pixels[2:-2, 2:-2, 3])
    assert (new.pixels[new.pixels[..., 3] > 0][:, :3] == (1, 2, 3)).all()
    group = stack.replace("Badge", picture, fit="stretch", alpha="old").find("Badge")
    assert isinstance(group, Layer)
    assert 0 < (group.pixels[..., 3] > 0).mean() < 1
    with pytest.raises(EditError, match="cannot keep the alpha 'both'"):
        stack.replace("Disc", picture, alpha="both")  # type: ignore[arg-type]


def test_replace_in_a_group_keeps_the_others(advert: LayerStack) -> None:
    inner = Group(layers=(advert.layers[1], advert.layers[2]), name="G")
    stack = advert.with_layers((advert.layers[0], inner))
    replaced = stack.replace("Logo", noise((4, 4), 0))
    assert replaced.find("Price") is stack.find("Price")
    assert replaced.layers[0] is stack.layers[0]
