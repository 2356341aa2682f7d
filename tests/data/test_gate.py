"""Stack against preview: three verdicts, two backgrounds, and what happens without a preview."""

from __future__ import annotations

import numpy as np
import pytest
from design_stacks import SIZE, block, poster

from layerize.data.design_file import DesignFile, Flag
from layerize.data.gate import Gate, difference, judge
from layerize.stack import U8, flatten


def judged(preview: U8 | None, *flags: Flag, alpha: bool = True) -> Gate:
    design = DesignFile(stack=poster(), preview=preview, preview_has_alpha=alpha, flags=flags, format="psd")
    return judge(design, flatten(design.stack))


def shifted(levels: int) -> U8:
    pixels = flatten(poster()).astype(int)
    pixels[..., :3] += np.where(pixels[..., :3] > 127, -levels, levels)
    return pixels.astype(np.uint8)


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [(0, "verified"), (1, "verified"), (2, "near"), (3, "near"), (4, "rejected"), (60, "rejected")],
)
def test_the_mean_difference_decides(levels: int, verdict: str) -> None:
    gate = judged(shifted(levels))
    assert gate.verdict == verdict
    assert gate.mad == pytest.approx(levels)
    assert bool(gate.reason) == (verdict == "rejected")


def test_the_reason_names_what_the_stack_lost() -> None:
    gate = judged(shifted(9), Flag(kind="effect", layer="Logo"), Flag(kind="hidden", layer="Draft"))
    assert gate.reason == (
        "the layers differ from the file's own preview by 9.0 levels on average, 3 allowed; probably effect (Logo)"
    )


def test_white_on_transparent_is_seen_over_black() -> None:
    empty, white = block(*SIZE, (255, 255, 255, 0)), block(*SIZE, (255, 255, 255, 255))
    assert difference(empty, white, preview_has_alpha=False)[0] == 0
    assert difference(empty, white, preview_has_alpha=True)[0] == 255


def test_a_small_lost_part_shows_in_its_tile() -> None:
    preview = flatten(poster())
    preview[:3, :4, :3] = 0
    gate = judged(preview)
    assert gate.verdict in ("verified", "near")
    assert gate.worst_tile is not None
    assert gate.worst_tile > 150
    assert gate.local


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (17, 200), (640, 33)])
def test_any_size_has_tiles(size: tuple[int, int]) -> None:
    one, other = block(*size, (10, 20, 30, 255)), block(*size, (13, 23, 33, 255))
    assert difference(one, other, preview_has_alpha=True) == pytest.approx((3, 3))


def test_without_a_preview_the_flags_decide() -> None:
    blank = Flag(kind="blank-preview")
    assert judged(None).verdict == "unverified"
    assert judged(shifted(99), blank).verdict == "unverified"
    gate = judged(None, Flag(kind="effect", layer="Glow"))
    assert gate.verdict == "rejected"
    assert "no preview" in gate.reason
    assert "effect (Glow)" in gate.reason
