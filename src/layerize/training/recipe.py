"""Recipes: what one training run is, as frozen dataclasses. ``recipe_file.py`` reads them from TOML."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from layerize.errors import ConfigError
from layerize.models.presets import PRESETS
from layerize.synth.config import DesignConfig
from layerize.synth.licences import DEFAULT_LICENCES

STAGES = ("vae", "text-to-image", "text-to-layers", "image-to-layers")
"""In the order in which they are trained; each may mix in the ones before it."""

OWN_SIZE = "checkpoint"
"""``model`` of a recipe that takes its architecture from ``start_from``."""

MOST_LAYERS = 48

DESIGN_SHARES = tuple(item.name for item in fields(DesignConfig) if item.type == "float")
"""Settings of procedural designs that a recipe may override."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What a stage sees.

    Attributes:
        sizes: Canvas sizes (width, height); every batch has one of them.
        size_weights: Relative frequency of each size.
        layer_counts: Layer counts (background included) that occur.
        count_weights: Relative frequency of each count.
        easy_steps: Curriculum: so many first steps take their layer counts from ``easy_counts``, all equally often.
        easy_counts: Layer counts of the first steps.
        groups: Different layer counts in one batch of one process.
        group_size: Designs of one layer count in one batch of one process.
        caption_rate: Share of image-to-layers batches that come with captions.
        text_dropout: Share of samples whose text is left out (classifier-free guidance learns from them).
        rgba_share: Share of text-to-image samples that are single layers on transparency, the rest are whole pictures.
        dataset: Folder of an extracted dataset; "" for procedural designs alone.
        dataset_share: Share of batches from ``dataset``, the rest are procedural designs.
        elements: Folder of an extracted dataset whose layers appear in procedural designs; "" for none.
        licences: SPDX identifiers that may be used of ``dataset`` and ``elements``, or ``any``. Empty: everything of
            ``dataset``, which is one's own, and the open ones (CC0, MIT, CC-BY, Apache-2.0, BSD) of ``elements``.
        design: Overrides of the procedural designs' ``DesignConfig`` by name: its shares and probabilities.
        heroes: Main objects and their weights, in place of ``DesignConfig.hero_weights``; empty leaves those.
        grounds: Kinds of background and their weights, in place of ``DesignConfig.background_weights``.
        workers: Processes per training process that draw batches ahead; 0 draws in the training process.
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
    text_dropout: float = 0.1
    rgba_share: float = 0.5
    dataset: str = ""
    dataset_share: float = 1.0
    elements: str = ""
    licences: tuple[str, ...] = ()
    design: dict[str, float] = field(default_factory=dict)
    heroes: dict[str, float] = field(default_factory=dict)
    grounds: dict[str, float] = field(default_factory=dict)
    workers: int = 0
    seed: int = 1_000_000

    @property
    def element_licences(self) -> tuple[str, ...] | None:
        """Licences that elements may have; None for all."""
        return None if self.licences == ("any",) else self.licences or DEFAULT_LICENCES

    @property
    def dataset_licences(self) -> tuple[str, ...] | None:
        """Licences that samples of the dataset may have; None for all."""
        return None if self.licences in ((), ("any",)) else self.licences

    def design_config(self, layers: int) -> DesignConfig:
        """Of the procedural designs of so many layers."""
        config = replace(DesignConfig(), min_levels=layers, max_levels=layers)
        weights = {"hero_weights": self.heroes, "background_weights": self.grounds}
        config = replace(config, **{name: tuple(given.items()) for name, given in weights.items() if given})  # type: ignore[arg-type]
        return replace(config, **self.design)  # type: ignore[arg-type]  # shares and probabilities: all float

    @property
    def batch_size(self) -> int:
        """Designs in one batch of one process."""
        return self.groups * self.group_size

    def __post_init__(self) -> None:
        if len(self.sizes) != len(self.size_weights) or len(self.layer_counts) != len(self.count_weights):
            raise ConfigError(
                "recipe: data.sizes/size_weights and data.layer_counts/count_weights must have equal lengths."
            )
        for name in ("groups", "group_size"):
            _at_least(1, f"data.{name}", getattr(self, name))
        for name in ("easy_steps", "workers", "seed"):
            _at_least(0, f"data.{name}", getattr(self, name))
        for name in ("caption_rate", "text_dropout", "rgba_share", "dataset_share"):
            _share(f"data.{name}", getattr(self, name))
        for name in self.design:
            if name not in DESIGN_SHARES:
                near = difflib.get_close_matches(name, DESIGN_SHARES, n=1)
                raise ConfigError(
                    f"recipe: unknown key data.design.{name}; "
                    + (f"did you mean {near[0]}?" if near else f"it may be {', '.join(DESIGN_SHARES)}.")
                )
        self.design_config(2)
        fewest = min(len(self.layer_counts), len(self.easy_counts) if self.easy_steps else len(self.layer_counts))
        if self.groups > fewest:
            raise ConfigError(f"recipe: data.groups is {self.groups}, but only {fewest} layer counts occur.")
        if any(not 1 <= count <= MOST_LAYERS for count in (*self.layer_counts, *self.easy_counts)):
            raise ConfigError(f"recipe: data.layer_counts {self.layer_counts} must lie in 1..{MOST_LAYERS}.")
        if any(side % 16 or side < 64 for size in self.sizes for side in size):
            raise ConfigError(f"recipe: data.sizes {self.sizes} must be multiples of 16 and at least 64.")


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """AdamW with warm-up, a stable phase and a linear decay that ends with the budget.

    Attributes:
        learning_rate: Peak.
        warmup_steps: Linear from 0.
        decay_share: Share of the budget in the final linear decay to ``final_factor``.
        final_factor: Last learning rate over the peak.
        betas: AdamW moments.
        weight_decay: On matrices only.
        clip: Largest gradient norm.
        ema: Decay of the exponential moving average of the weights, per step.
        accumulate: Batches per process and step, whose gradients are averaged.
        spike: A step whose gradient norm is this many times the running mean is skipped; 0 skips only what is not
            finite.
        skip_limit: The run stops when more than this many of the last 200 steps were skipped.
    """

    learning_rate: float = 1e-3
    warmup_steps: int = 100
    decay_share: float = 0.3
    final_factor: float = 0.02
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.998
    accumulate: int = 1
    spike: float = 20.0
    skip_limit: int = 40

    def __post_init__(self) -> None:
        _at_least(1, "optimiser.accumulate", self.accumulate)
        _at_least(0, "optimiser.spike", self.spike)
        _at_least(0, "optimiser.skip_limit", self.skip_limit)
        for name in ("decay_share", "final_factor", "ema"):
            _share(f"optimiser.{name}", getattr(self, name))
        if self.learning_rate <= 0 or self.clip <= 0:
            raise ConfigError("recipe: optimiser.learning_rate and optimiser.clip must be above 0.")


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Low-rank adapters in the transformer's blocks (peft); everything else is frozen.

    Attributes:
        rank: Of the adapters; 0 for full fine-tuning.
        alpha: The adapter's output is scaled by ``alpha / rank``.
        dropout: On the adapter's input, 0..1.
        target: Last parts of the names of the linear layers that get an adapter.
    """

    rank: int = 0
    alpha: float = 16.0
    dropout: float = 0.0
    target: tuple[str, ...] = ("q", "k", "v", "out")

    def __post_init__(self) -> None:
        _at_least(0, "lora.rank", self.rank)
        _share("lora.dropout", self.dropout)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run.

    Attributes:
        stage: ``vae``, ``text-to-image``, ``text-to-layers`` or ``image-to-layers``.
        model: A size: ``tiny``, ``default``, ``base``, ``tiny-full``, ``full``; or ``checkpoint``: as ``start_from``.
        start_from: A shipped model's name or a checkpoint folder to take weights from; "" for none.
        stop_layers: Give a model that cannot count a stop head for 1 to so many layers; 0 for none.
        only: Beginnings of the names of the parameters to train, everything else is frozen; empty for all.
        mix: Share of the steps that train an earlier stage's task, by its name.
        data: What it sees.
        optimiser: How it learns.
        lora: Adapters in place of the weights themselves.
        samples: Budget in samples (with the time budget: whichever ends first); 0 for none.
        processes: Processes of one thread each on a CPU, one for each GPU; ``accelerate launch`` overrides it.
        sharding: ``none``, or ``full``: weights, gradients and optimiser are spread over the processes (FSDP2).
        precision: ``bf16`` autocast or ``fp32``.
        gradient_checkpointing: Compute the blocks' insides again in the backward pass: less memory, a third more work.
        pure_noise_share: Share of a layer model's image-to-layers groups at t = 1, where the picture alone tells the
            layers: what few-step sampling needs. Of the other stages none is.
        perceptual: Features of the perceptual loss: ``none``, ``filters`` (oriented filters, no weights needed),
            ``lpips`` (needs its weights).
        checkpoint_minutes: Minutes between checkpoints.
        validation_minutes: Minutes between held-out sheets and figures; 0 for none.
        save_as: Type in which the finished model is stored: ``float32``, ``bfloat16`` or ``float16``.
        loss_weights: Overrides of the tasks' loss weights by name.
    """

    stage: str
    model: str = "default"
    start_from: str = ""
    stop_layers: int = 0
    only: tuple[str, ...] = ()
    mix: dict[str, float] = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    samples: int = 0
    processes: int = 2
    sharding: str = "none"
    precision: str = "bf16"
    gradient_checkpointing: bool = False
    pure_noise_share: float = 0.5
    perceptual: str = "none"
    checkpoint_minutes: float = 5.0
    validation_minutes: float = 0.0
    save_as: str = "float32"
    loss_weights: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        choices: dict[str, Sequence[str]] = {
            "stage": STAGES,
            "model": (*PRESETS, OWN_SIZE),
            "precision": ("bf16", "fp32"),
            "sharding": ("none", "full"),
            "perceptual": ("none", "filters", "lpips"),
            "save_as": ("float32", "bfloat16", "float16"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"recipe: {name} is {getattr(self, name)!r}; it must be one of {', '.join(allowed)}.")
        _at_least(1, "processes", self.processes)
        _share("pure_noise_share", self.pure_noise_share)
        for name in ("samples", "stop_layers", "validation_minutes"):
            _at_least(0, name, getattr(self, name))
        if self.checkpoint_minutes <= 0:
            raise ConfigError("recipe: checkpoint_minutes must be above 0.")
        if self.model == OWN_SIZE and not self.start_from:
            raise ConfigError("recipe: model is 'checkpoint', so start_from must name one.")
        if self.lora.rank and (self.only or self.stage == "vae"):
            raise ConfigError("recipe: lora trains adapters in the transformer's blocks; leave out only and stage vae.")
        if self.sharding == "full" and (self.stage == "vae" or self.mix.get("vae")):
            raise ConfigError("recipe: the RGBA-VAE is small; sharding must be none for the vae task.")
        self._check_mix()

    def _check_mix(self) -> None:
        earlier = STAGES[: STAGES.index(self.stage)]
        for name, share in self.mix.items():
            if name not in earlier:
                raise ConfigError(
                    f"recipe: mix.{name} is no earlier task of {self.stage}; it may be {', '.join(earlier) or 'none'}."
                )
            _share(f"mix.{name}", share)
        if sum(self.mix.values()) >= 1:
            raise ConfigError(f"recipe: the shares in mix sum to {sum(self.mix.values()):g}; it must be below 1.")

    def shares(self) -> dict[str, float]:
        """Every task of the run and its share of the steps; the stage's own is first."""
        return {self.stage: 1 - sum(self.mix.values()), **{name: share for name, share in self.mix.items() if share}}


def _at_least(low: float, name: str, value: float) -> None:
    if value < low:
        raise ConfigError(f"recipe: {name} is {value}; it must be at least {low:g}.")


def _share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ConfigError(f"recipe: {name} is {value}; it must lie in 0..1.")
