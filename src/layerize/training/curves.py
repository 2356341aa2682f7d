"""Curves as SVG: one small chart per figure, readable without a script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

Point = tuple[float, float]

_WIDTH, _HEIGHT = 360, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 24, 24
_MOST_POINTS = 400


def chart(title: str, points: Sequence[Point], *, smooth: bool = True) -> str:
    """A line through (x, y), with its running mean on top where there are many points; values that are not finite
    break it.

    Args:
        title: Above the chart.
        points: In order of x.
        smooth: Draw the running mean.
    """
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    if not finite:
        return ""
    low_x, high_x = finite[0][0], finite[-1][0]
    values = sorted(y for _, y in finite)
    low_y, high_y = values[int(0.005 * len(values))], values[min(len(values) - 1, int(0.995 * len(values)))]
    if low_y == high_y:
        low_y, high_y = low_y - max(abs(low_y), 1.0) * 0.05, high_y + max(abs(high_y), 1.0) * 0.05

    def place(x: float, y: float) -> str:
        across = (x - low_x) / (high_x - low_x or 1)
        up = min(1.0, max(0.0, (y - low_y) / (high_y - low_y)))
        px, py = _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)
        return f"{px:.1f},{py:.1f}"

    def line(some: Sequence[Point], style: str) -> str:
        thin = some[:: max(1, len(some) // _MOST_POINTS)]
        return f'<polyline fill="none" {style} points="{" ".join(place(x, y) for x, y in thin)}"/>'

    many = smooth and len(finite) > 20
    parts = [_frame(title, (low_x, high_x), (low_y, high_y), finite[-1][1])]
    parts.append(line(finite, f'stroke="{"#9db8d6" if many else "#1763b6"}" stroke-width="{1 if many else 2}"'))
    if many:
        parts.append(line(_running_mean(finite), 'stroke="#1763b6" stroke-width="2"'))
    return f'<svg role="img" aria-label="{escape(title)}" width="{_WIDTH}" height="{_HEIGHT}">{"".join(parts)}</svg>'


def _frame(title: str, across: tuple[float, float], up: tuple[float, float], last: float) -> str:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    texts = [
        f'<text x="{_LEFT}" y="14" font-weight="600">{escape(title)} <tspan fill="#777">{_short(last)}</tspan></text>',
        f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">{_short(up[0])}</text>',
        f'<text x="{_LEFT - 6}" y="{_TOP + 8}" text-anchor="end">{_short(up[1])}</text>',
        f'<text x="{_LEFT}" y="{_HEIGHT - 8}">{_short(across[0])}</text>',
        f'<text x="{right}" y="{_HEIGHT - 8}" text-anchor="end">{_short(across[1])}</text>',
    ]
    axes = f'<path d="M{_LEFT},{_TOP}V{bottom}H{right}" fill="none" stroke="#bbb"/>'
    return axes + "".join(texts)


def _running_mean(points: Sequence[Point]) -> list[Point]:
    """Mean over a window of a twentieth of the points, centred."""
    reach = max(2, len(points) // 40)
    sums = [0.0]
    for _, y in points:
        sums.append(sums[-1] + y)
    result = []
    for i, (x, _) in enumerate(points):
        low, high = max(0, i - reach), min(len(points), i + reach + 1)
        result.append((x, (sums[high] - sums[low]) / (high - low)))
    return result


def _short(value: float) -> str:
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.1e}"
    return f"{value:.4g}"
