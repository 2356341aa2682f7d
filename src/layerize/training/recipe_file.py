"""Recipes as TOML files: strict reading, with the nearest valid name for a key that does not exist."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from layerize.errors import ConfigError
from layerize.training.recipe import Recipe

T = TypeVar("T")


def read_recipe(path: str | Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a TOML recipe and apply ``key=value`` overrides (dotted keys, TOML values).

    Raises:
        ConfigError: Unreadable file, unknown key (with the nearest valid one) or a value of the wrong type.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot read the recipe ({error.strerror}). Give the path of a TOML file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}.") from error
    for override in overrides:
        key, separator, value = override.partition("=")
        if not separator:
            raise ConfigError(f"--set {override}: expected key=value, for example optimiser.learning_rate=5e-4.")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        _assign(table, key.strip(), parsed)
    return build(Recipe, table, str(path))


def _assign(table: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        inner = table.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {dotted}={value}: {parent} is {inner!r}, not a table.")
        table = inner
    table[last] = value


def build(cls: type[T], table: dict[str, Any], where: str) -> T:
    """A (nested) dataclass from a table; unknown keys and wrong types raise ConfigError."""
    hints = get_type_hints(cls)
    names = [item.name for item in fields(cls)]  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" Known keys: {', '.join(names)}."
            raise ConfigError(f"{where}: unknown key {key!r}.{hint}")
        values[key] = _convert(hints[key], value, f"{where}: {key}")
    try:
        return cls(**values)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}.") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise ConfigError(f"{where} must be a table, got {value!r}.")
        return build(hint, value, where)
    origin = get_origin(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where} must be a list, got {value!r}.")
        inner = get_args(hint)
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
        if len(kinds) != len(value):
            raise ConfigError(f"{where} needs {len(kinds)} values, got {len(value)}.")
        return tuple(_convert(kind, item, where) for kind, item in zip(kinds, value, strict=True))
    if origin is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"{where} must be a table, got {value!r}.")
        return {str(key): _convert(float, item, f"{where}.{key}") for key, item in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
        raise ConfigError(f"{where} must be {hint.__name__}, got {value!r}.")
    return value
