"""Model configs (frozen dataclasses, possibly nested) to plain JSON values and back, strictly."""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from layerize.errors import ConfigError

ConfigT = TypeVar("ConfigT")

_SCALARS: dict[type, tuple[type, ...]] = {int: (int,), float: (int, float), str: (str,), bool: (bool,)}


def config_to_dict(config: Any) -> dict[str, Any]:
    """The resolved config with every default spelled out; tuples become lists."""
    plain: dict[str, Any] = _plain(dataclasses.asdict(config))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def config_from_dict(cls: type[ConfigT], data: Mapping[str, Any], where: str = "config") -> ConfigT:
    """Build a config; fields that are left out keep their default.

    Args:
        cls: The dataclass.
        data: Values by field name, as ``config_to_dict`` gives them.
        where: Named in messages, for example the file.

    Raises:
        ConfigError: An unknown key (the nearest valid name is proposed), a missing one, or an impossible value.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where}: expected an object with the fields of {cls.__name__}, got {data!r}.")
    assert dataclasses.is_dataclass(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in data:
        if key not in fields:
            raise ConfigError(f"{where}: {cls.__name__} has no field {key!r}{suggestion(key, fields)}.")
    hints = get_type_hints(cls)
    values = {key: _typed(hints[key], value, f"{where}: {key}") for key, value in data.items()}
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}.") from error


def suggestion(name: str, valid: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` or the list of valid names, for error messages."""
    names = sorted(valid)
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; allowed: {', '.join(names)}"


def config_differences(left: Any, right: Any, prefix: str = "") -> list[str]:
    """One line per field that differs: ``transformer.depth: 6 against 8``."""
    if type(left) is not type(right):
        return [f"{prefix.rstrip('.') or 'class'}: {type(left).__name__} against {type(right).__name__}"]
    lines: list[str] = []
    for field in dataclasses.fields(left):
        a, b = getattr(left, field.name), getattr(right, field.name)
        if dataclasses.is_dataclass(a):
            lines += config_differences(a, b, f"{prefix}{field.name}.")
        elif a != b:
            lines.append(f"{prefix}{field.name}: {a} against {b}")
    return lines


def _typed(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return config_from_dict(hint, value, where)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _typed(next(arg for arg in get_args(hint) if arg is not type(None)), value, where)
    if origin is tuple:
        return _typed_tuple(get_args(hint), value, where)
    if origin is Literal:
        if value not in get_args(hint):
            raise ConfigError(f"{where} is {value!r}; allowed: {', '.join(map(repr, get_args(hint)))}.")
        return value
    allowed = _SCALARS.get(hint)
    assert allowed is not None, f"config fields of type {hint} are not supported"
    if not isinstance(value, allowed) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{where} is {value!r}; it must be of type {hint.__name__}.")
    return hint(value)


def _typed_tuple(items: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where} is {value!r}; it must be a list.")
    if items[-1] is Ellipsis:
        items = (items[0],) * len(value)
    if len(items) != len(value):
        raise ConfigError(f"{where} has {len(value)} values; it must have {len(items)}.")
    return tuple(_typed(hint, item, where) for hint, item in zip(items, value, strict=True))
