"""Every filter with a sample that passes and one that does not; heuristics on drawn cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from design_stacks import SIZE, block, ground, noise, patch, poster, stack_of

from layerize.data.anomalies import blurred_patch, watermark
from layerize.data.expression import FIELDS, parse_expression
from layerize.data.filters import FILTERS, Facts, check_names, reasons_against, sample_flags
from layerize.data.gate import Gate
from layerize.errors import UsageError
from layerize.stack import Layer, LayerStack, flatten


def facts_of(stack: LayerStack, **changes: Any) -> Facts:
    layers = tuple(stack.walk())
    facts = Facts(
        size=stack.size,
        layers=layers,
        composite=flatten(stack),
        elements=len(layers),
        levels=2,
        error=0,
        gate=Gate(verdict="verified", mad=0.2, worst_tile=1.0),
        flags=(),
        min_layers=2,
        max_layers=20,
    )
    return replace(facts, **changes)


def rejecting(facts: Facts) -> list[str]:
    return [reason.filter for reason in reasons_against(facts)]


def test_a_good_sample_passes_every_filter() -> None:
    assert rejecting(facts_of(poster())) == []


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("preview", facts_of(poster(), gate=Gate(verdict="rejected", mad=9.0, reason="differs"))),
        ("artboards", facts_of(poster(), flags=("artboards",))),
        (
            "too-small",
            facts_of(
                stack_of(patch("A", (9, 9, 9, 255), (0, 0), 12), patch("B", (99, 9, 9, 255), (4, 4), 8), size=(20, 20))
            ),
        ),
        ("blank", facts_of(stack_of(ground(), patch("Same", (200, 180, 160, 255))))),
        ("blank", facts_of(stack_of(patch("A", (9, 9, 9, 3)), patch("B", (250, 9, 9, 2), (9, 9))))),
        ("normalise", facts_of(poster(), error=2)),
        ("too-few-layers", facts_of(stack_of(ground(noise(*SIZE))))),
        ("too-many-layers", facts_of(poster(), max_layers=4)),
        ("watermark", facts_of(stack_of(ground(), patch("Watermark", (0, 0, 0, 40))))),
    ],
)
def test_every_filter_has_its_case(name: str, facts: Facts) -> None:
    assert rejecting(facts) == [name]
    assert reasons_against(facts, skip=[name]) == []


def test_the_cases_above_are_all_filters() -> None:
    marks = test_every_filter_has_its_case.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marks[0].args[1]} == set(FILTERS)


def test_one_artboard_is_one_picture() -> None:
    assert rejecting(facts_of(poster(), flags=("artboard",))) == []


def test_no_layers_are_blank_not_few() -> None:
    assert rejecting(facts_of(stack_of())) == ["blank"]


def test_expressions_see_every_documented_field() -> None:
    assert set(facts_of(poster()).mapping()) == set(FIELDS)
    facts = facts_of(poster(), licence="GPL-3.0-only")
    keep, drop = parse_expression("layers == 5 and aspect > 1"), parse_expression("licence in ('MIT',)")
    assert reasons_against(facts, expressions=[keep]) == []
    (reason,) = reasons_against(facts, expressions=[keep, drop])
    assert (reason.filter, reason.detail) == ("expression", "\"licence in ('MIT',)\" is not true")


def test_an_expression_that_cannot_be_answered_rejects_and_says_why() -> None:
    facts = facts_of(poster(), gate=Gate(verdict="unverified"))
    (reason,) = reasons_against(facts, expressions=[parse_expression("mad < 1")])
    assert "cannot be answered" in reason.detail


def test_only_known_filters_can_be_skipped() -> None:
    check_names(["preview", "near-duplicate"])
    with pytest.raises(UsageError, match="no such filter"):
        check_names(["previews"])


def test_flags_of_a_sample() -> None:
    sticker = facts_of(stack_of(patch("A", (9, 9, 9, 255))))
    kinds = [flag.kind for flag in sample_flags(sticker.composite, 0.1, Gate(verdict="unverified"))]
    assert kinds == ["transparent", "unverified"]
    near = Gate(verdict="near", mad=2.0, worst_tile=90.0)
    assert [flag.kind for flag in sample_flags(sticker.composite, 1.0, near)] == ["near-preview", "local-difference"]


def lettering(alpha: int, *, times: int) -> Layer:
    pixels = block(400, 300, (128, 128, 128, 0))
    mask = np.zeros((300, 400), np.uint8)
    for y in range(30, 300, 300 // times):
        for x in range(0, 400, 400 // times):
            cv2.putText(mask, "PHOTO", (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 2)
    pixels[..., 3] = np.where(mask > 0, alpha, 0)
    return Layer(pixels=pixels, name="Layer 7")


def test_a_faint_repeated_lettering_on_top_is_a_watermark() -> None:
    picture = Layer(pixels=noise(400, 300), name="Photo")
    assert "repeats" in watermark([picture, lettering(60, times=5)], (400, 300))
    assert watermark([picture, lettering(255, times=5)], (400, 300)) == ""
    assert watermark([lettering(60, times=5), picture], (400, 300)) == ""
    assert watermark([picture, patch("Tag", (0, 0, 0, 60))], (400, 300)) == ""


def test_words_of_agencies_are_watermarks() -> None:
    sold = Layer(pixels=block(4, 4, (0, 0, 0, 255)), name="Text", text={"content": "www.Shutterstock.com"})
    assert "Shutterstock" in watermark([ground(), sold], SIZE)


def test_a_blurred_patch_is_found_and_a_soft_background_is_not() -> None:
    rng = np.random.default_rng(3)
    photo = cv2.GaussianBlur(rng.integers(0, 256, (480, 640, 4)).astype(np.uint8), (0, 0), 1.2)
    photo[..., 3] = 255
    wide = np.linspace(0, 120, 640, dtype=np.uint8)[None, :, None]
    photo[..., :3] = np.minimum(photo[..., :3] // 2 + wide, 255)
    assert blurred_patch(photo) is None
    censored = photo.copy()
    censored[180:300, 240:380] = cv2.GaussianBlur(photo, (0, 0), 25)[180:300, 240:380]
    box = blurred_patch(censored)
    assert box is not None
    assert 220 <= box.x0 <= 280
    assert 160 <= box.y0 <= 220
    out_of_focus = photo.copy()
    out_of_focus[:, :200] = cv2.GaussianBlur(photo, (0, 0), 25)[:, :200]
    assert blurred_patch(out_of_focus) is None
