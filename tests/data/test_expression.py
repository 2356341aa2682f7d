"""User filters: what can be written, what cannot, and that nothing else is ever run."""

from __future__ import annotations

from typing import Any

import pytest

from layerize.data.expression import parse_expression
from layerize.errors import UsageError

FACTS: dict[str, Any] = {
    "layers": 5,
    "levels": 3,
    "width": 640,
    "height": 480,
    "mad": 0.4,
    "format": "psd",
    "licence": "MIT",
    "flags": ("text", "hidden"),
    "names": ("Ground", "Logo"),
    "text": "Big Sale",
    "verified": True,
}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("layers >= 3 and width < 1000", True),
        ("2 < layers <= 4", False),
        ("'text' in flags and 'cmyk' not in flags", True),
        ("licence in ('MIT', 'CC0-1.0') or mad > 3", True),
        ("not verified", False),
        ("width * height / 1000 > 300", True),
        ("len(names) == 2 and lower(text) == 'big sale'", True),
        ("any_of(['sale', 'Sale'], text)", True),
        ("max(width, height) - min(width, height) == 160", True),
        ("mad is not None", True),
        ("-layers < 0", True),
    ],
)
def test_expressions_are_answered(text: str, answer: bool) -> None:
    assert parse_expression(text)(FACTS) is answer


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "names.append",
        "[x for x in names]",
        "lambda: 1",
        "9 ** 9 ** 9",
        "1 << 99",
        "f'{names}'",
        "flags[0]",
        "(layers := 3)",
        "open('x')",
        "len(*names)",
        "layers if width else 0",
        "layers >",
        "",
        "x = 3",
        "b'bytes' == text",
        "(" * 300 + "1" + ")" * 300,
        "1 and " * 400 + "layers > 1",
    ],
)
def test_nothing_else_can_be_written(text: str) -> None:
    with pytest.raises(UsageError, match="the filter"):
        parse_expression(text)


def test_an_unknown_field_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown field 'layer'; is 'layers' meant"):
        parse_expression("layer > 3")


@pytest.mark.parametrize("text", ["mad < 1", "text * 99999999 == text", "width / (layers - 5) > 1", "layers in 3"])
def test_values_that_do_not_fit_are_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be answered"):
        parse_expression(text)(FACTS | {"mad": None})
