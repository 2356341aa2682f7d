"""Recipes: one TOML file for each training run, read into frozen dataclasses; unknown keys are refused."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from layerize.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What a stage sees.

    Attributes:
        sizes: Canvas sizes (width, height); every step draws one for each process.
        size_weights: Relative frequency of each size.
        layer_counts: Layer counts (background included) that occur.
        count_weights: Relative frequency of each count.
        easy_steps: Curriculum: so many first steps take their layer counts from ``easy_counts``, all equally often.
        easy_counts: Layer counts of the first steps.
        groups: Different layer counts in one process's batch.
        group_size: Designs of one layer count in one process's batch.
        caption_rate: Share of batches that come with captions.
        seed: First design seed of the run.
    """

    sizes: tuple[tuple[int, int], ...] = ((128, 128),)
    size_weights: tuple[float, ...] = (1.0,)
    layer_counts: tuple[int, ...] = (2, 3, 4, 5, 6)
    count_weights: tuple[float, ...] = (0.26, 0.26, 0.22, 0.15, 0.11)
    easy_steps: int = 0
    easy_counts: tuple[int, ...] = (2, 3, 4)
    groups: int = 3
    group_size: int = 4
    caption_rate: float = 0.3
    seed: int = 1_000_000


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """AdamW with warm-up, a stable phase and a linear decay that ends with the time budget.

    Attributes:
        learning_rate: Peak.
        warmup_steps: Linear from 0.
        decay_share: Share of the time budget in the final linear decay to ``final_factor``.
        final_factor: Last learning rate over the peak.
        betas: AdamW moments.
        weight_decay: On matrices only.
        clip: Largest gradient norm.
        ema: Decay of the exponential moving average of the weights, per step.
    """

    learning_rate: float = 1e-3
    warmup_steps: int = 100
    decay_share: float = 0.3
    final_factor: float = 0.02
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.998


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run.

    Attributes:
        stage: ``vae`` or ``image-to-layers``.
        model: ``default`` or ``tiny`` preset.
        start_from: Folder of a checkpoint to take weights from; "" for none.
        only: Beginnings of the names of the parameters to train, everything else is frozen; empty for all.
        data: What it sees.
        optimiser: How it learns.
        processes: Processes of one thread each (gloo all-reduce between them).
        precision: ``bf16`` autocast or ``fp32``.
        checkpoint_minutes: Minutes between checkpoints.
        loss_weights: Overrides of the stage's loss weights by name.
    """

    stage: str
    model: str = "default"
    start_from: str = ""
    only: tuple[str, ...] = ()
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    processes: int = 2
    precision: str = "bf16"
    checkpoint_minutes: float = 5.0
    loss_weights: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        choices = {"stage": ("vae", "image-to-layers"), "model": ("default", "tiny"), "precision": ("bf16", "fp32")}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"recipe: {name} is {getattr(self, name)!r}; it must be one of {', '.join(allowed)}.")
        for low, name in ((1, "processes"),):
            if getattr(self, name) < low:
                raise ConfigError(f"recipe: {name} is {getattr(self, name)}; it must be at least {low}.")
        data = self.data
        if len(data.sizes) != len(data.size_weights) or len(data.layer_counts) != len(data.count_weights):
            raise ConfigError(
                "recipe: data.sizes/size_weights and data.layer_counts/count_weights must have equal lengths."
            )
        fewest = min(len(data.layer_counts), len(data.easy_counts) if data.easy_steps else len(data.layer_counts))
        if data.groups > fewest:
            raise ConfigError(f"recipe: data.groups is {data.groups}, but only {fewest} layer counts occur.")
        if any(side % 16 for size in data.sizes for side in size):
            raise ConfigError(f"recipe: data.sizes {data.sizes} must be multiples of 16.")


def read_recipe(path: str | Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a TOML recipe and apply ``key=value`` overrides (dotted keys, TOML values).

    Raises:
        ConfigError: Unreadable file, unknown key (with the nearest valid one) or a value of the wrong type.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text())
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
        table = table.setdefault(parent, {})
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
        return {str(key): float(item) for key, item in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
        raise ConfigError(f"{where} must be {hint.__name__}, got {value!r}.")
    return value
