"""User filters: a small, safe expression language over the facts of a sample; Python's grammar, none of its powers.

``layers >= 3 and "text" in flags and licence in ("MIT", "CC0-1.0")``. Only what is listed here can be written; no
attribute, no call but the named functions, no power or shift that could grow without limit.
"""

from __future__ import annotations

import ast
import difflib
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from layerize.errors import UsageError

FIELDS: dict[str, str] = {
    "aspect": "width / height",
    "caption": "the caption",
    "elements": "layers before merging",
    "error": "levels by which normalising changed the picture, 0..255",
    "flags": "the kinds of the flags, a set",
    "format": "psd, psb, ora, kra, xcf, svg, manifest",
    "height": "of the canvas, in pixels",
    "kind": "as the source's index says, else an empty text",
    "layers": "layers of the sample",
    "levels": "levels of the sample",
    "licence": "SPDX, or an empty text",
    "mad": "difference from the preview, 0..255; none without a preview",
    "name": "the source file's name",
    "names": "the names of the layers, a list",
    "opaque": "share of the canvas that is opaque, 0..1",
    "repository": "where the file comes from",
    "text": "what the text layers say, one text",
    "verified": "whether the preview agrees",
    "width": "of the canvas, in pixels",
}
"""What an expression may name."""

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: lambda a, b: a is b,
    ast.IsNot: lambda a, b: a is not b,
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "any_of": lambda words, text: any(word in text for word in words),
    "len": len,
    "lower": lambda text: str(text).lower(),
    "max": max,
    "min": min,
}
MOST_CHARACTERS = 2_000


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A checked expression; call it with the facts of a sample."""

    text: str
    tree: ast.expr

    def __call__(self, facts: Mapping[str, Any]) -> bool:
        """Whether the sample passes.

        Raises:
            UsageError: The values do not fit the operators, for example ``mad < 1`` without a preview.
        """
        try:
            return bool(_value(self.tree, facts))
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise UsageError(f"the filter {self.text!r} cannot be answered: {error}.") from error


def parse_expression(text: str) -> Expression:
    """Check an expression.

    Raises:
        UsageError: It is no expression, or uses something that is not allowed; the message says what.
    """
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"the filter has {len(text)} characters; {MOST_CHARACTERS} are allowed.")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        _check(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UsageError(f"the filter {text!r} cannot be read: {message}.") from error
    return Expression(text=text, tree=tree)


def _check(node: ast.expr) -> None:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return
        case ast.Name(id=name) if name in FIELDS:
            return
        case ast.Name(id=name):
            near = difflib.get_close_matches(name, FIELDS, n=1)
            raise ValueError(f"unknown field {name!r}; " + (f"is {near[0]!r} meant" if near else _known()))
        case ast.BoolOp(values=children) | ast.Tuple(elts=children) | ast.List(elts=children) | ast.Set(elts=children):
            pass
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            children = [operand]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            children = [left, right]
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARE for op in ops):
            children = [left, *others]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            children = args
        case _:
            raise ValueError(
                f"{ast.unparse(node)!r} is not allowed; use fields, numbers, texts, lists, comparisons, "
                f"and, or, not, + - * / and {', '.join(_FUNCTIONS)}"
            )
    for child in children:
        _check(child)


def _known() -> str:
    return f"use {', '.join(FIELDS)}"


def _value(node: ast.expr, facts: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return facts[name]
        case ast.BoolOp(op=op, values=values):
            wanted = isinstance(op, ast.Or)
            return next((wanted for value in values if bool(_value(value, facts)) is wanted), not wanted)
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return [_value(item, facts) for item in items]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, facts)
        case ast.UnaryOp(operand=operand):
            return -_value(operand, facts)
        case ast.BinOp(left=left, op=operation, right=right):
            return _arithmetic(operation, _value(left, facts), _value(right, facts))
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _compare(_value(left, facts), ops, [_value(other, facts) for other in others])
        case ast.Call(func=ast.Name(id=name), args=args):
            return _FUNCTIONS[name](*(_value(arg, facts) for arg in args))
    raise AssertionError(ast.dump(node))  # _check lets nothing else through


def _arithmetic(operation: ast.operator, left: Any, right: Any) -> Any:
    """Numbers only: a text times a number could fill the memory."""
    if not all(isinstance(value, int | float) for value in (left, right)):
        raise TypeError(f"{left!r} and {right!r} are not both numbers")
    return _BINARY[type(operation)](left, right)


def _compare(left: Any, ops: list[ast.cmpop], others: list[Any]) -> bool:
    for op, right in zip(ops, others, strict=True):
        if not _COMPARE[type(op)](left, right):
            return False
        left = right
    return True
