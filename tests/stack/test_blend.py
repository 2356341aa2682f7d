"""Blend modes: psd-tools as the second implementation, and values worked out by hand from the W3C formulas."""

from __future__ import annotations

import numpy as np
import pytest
from psd_tools.composite.blend import BLEND_FUNC

from layerize.formats.psd_records import BLENDS
from layerize.stack.blend import BLEND


@pytest.fixture(scope="module")
def grid() -> tuple[np.ndarray, np.ndarray]:
    """8-bit colours as (3, H, W): random ones, and all pairs of extreme values."""
    rng = np.random.default_rng(0)
    random = rng.integers(0, 256, (2, 3, 100, 100))
    extremes = rng.choice([0, 1, 127, 128, 254, 255], (2, 3, 100, 100))
    backdrop, source = np.concatenate([random, extremes], axis=3).astype(np.float32) / 255
    return backdrop, source


@pytest.mark.parametrize("mode", sorted(BLEND))
def test_agrees_with_psd_tools(mode: str, grid: tuple[np.ndarray, np.ndarray]) -> None:
    backdrop, source = grid
    ours = BLEND[mode](backdrop, source)  # type: ignore[index]
    hwc = [np.ascontiguousarray(plane.transpose(1, 2, 0)) for plane in (backdrop, source)]
    theirs = BLEND_FUNC[BLENDS[mode]](*hwc).transpose(2, 0, 1)  # type: ignore[index]
    difference = np.abs(ours - theirs)
    assert difference.max() < 1e-3, f"{mode}: max {difference.max():.2e}, mean {difference.mean():.2e}"


@pytest.mark.parametrize("mode", sorted(BLEND))
def test_stays_in_range(mode: str, grid: tuple[np.ndarray, np.ndarray]) -> None:
    result = BLEND[mode](*grid)  # type: ignore[index]
    assert result.shape == grid[0].shape
    assert np.isfinite(result).all()
    assert result.min() >= -1e-6
    assert result.max() <= 1 + 1e-6


@pytest.mark.parametrize(
    ("mode", "b", "s", "expected"),
    [
        ("multiply", 0.5, 0.4, 0.2),
        ("screen", 0.5, 0.4, 0.7),
        ("overlay", 0.25, 0.4, 0.2),
        ("overlay", 0.75, 0.4, 0.7),
        ("hard-light", 0.4, 0.75, 0.7),
        ("color-dodge", 0.0, 1.0, 0.0),
        ("color-dodge", 0.2, 0.5, 0.4),
        ("color-burn", 1.0, 0.0, 1.0),
        ("color-burn", 0.8, 0.5, 0.6),
        ("soft-light", 0.25, 1.0, 0.5),
        ("soft-light", 0.5, 0.0, 0.25),
        ("difference", 0.2, 0.9, 0.7),
        ("exclusion", 0.5, 0.9, 0.5),
    ],
)
def test_values_of_the_specification(mode: str, b: float, s: float, expected: float) -> None:
    result = BLEND[mode](np.full((3, 1, 1), b, np.float32), np.full((3, 1, 1), s, np.float32))  # type: ignore[index]
    assert np.allclose(result, expected, atol=1e-6)


def test_float_noise_on_a_grey_does_not_become_a_colour() -> None:
    grey = np.full((3, 1, 1), 0.5, np.float32)
    grey[0] += 1e-7
    red = np.array([1, 0, 0], np.float32).reshape(3, 1, 1)
    assert np.ptp(BLEND["saturation"](grey, red)) < 1e-4
