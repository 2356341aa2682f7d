"""Low-rank adapters (LoRA, arXiv 2106.09685) through peft: put in, saved on their own, and folded into the weights.

The adapter folder has peft's layout; its names are ours (``transformer.blocks.0.image.q``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from layerize.errors import ConfigError, MissingExtraError
from layerize.models.tensor_files import new_folder, write_tensors
from layerize.training.recipe import LoraConfig

NAME = "default"


def add_adapters(model: nn.Module, config: LoraConfig) -> None:
    """Freeze ``model`` and put trainable adapters into its transformer's blocks; at first they change nothing.

    Raises:
        ConfigError: A target names no linear layer of the blocks.
        MissingExtraError: peft is not installed.
    """
    linear = {name for name, part in model.named_modules() if isinstance(part, nn.Linear) and ".blocks." in f".{name}"}
    for target in config.target:
        if not any(name.split(".")[-1] == target for name in linear):
            known = sorted({name.split(".")[-1] for name in linear})
            raise ConfigError(
                f"recipe: lora.target {target!r} is no linear layer of the blocks; they are {', '.join(known)}."
            )
    model.requires_grad_(False)
    settings = _peft_config(config)
    import peft

    peft.inject_adapter_in_model(settings, model, adapter_name=NAME)


@torch.no_grad()
def merged_state(
    model: nn.Module, values: Mapping[str, Tensor], stored: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """The plain model's state dict with the adapters folded in.

    Args:
        model: With adapters.
        values: Adapter weights to fold, by name within ``model`` (for example averaged ones).
        stored: The model's state dict, gathered where it is sharded; None takes it from the model.
    """
    state = {
        name.replace(".base_layer.", "."): value
        for name, value in (stored or model.state_dict()).items()
        if ".lora_" not in name
    }
    for name, part in model.named_modules():
        if hasattr(part, "lora_A") and NAME in part.lora_A:
            down, up = (values[f"{name}.{side}.{NAME}.weight"].float() for side in ("lora_A", "lora_B"))
            weight = state[f"{name}.weight"]
            state[f"{name}.weight"] = (weight.float() + part.scaling[NAME] * (up @ down)).to(weight.dtype)
    return state


def save_adapter(folder: Path, values: Mapping[str, Tensor], config: LoraConfig, base: str) -> None:
    """Write the adapters alone, in peft's layout; ``base`` is where the weights below them came from."""
    tensors = {f"base_model.model.{name.replace(f'.{NAME}.', '.')}": value for name, value in values.items()}
    with new_folder(folder, "adapter_config.json") as staging:
        write_tensors(staging, "adapter_model", tensors)
        _peft_config(config, base).save_pretrained(staging)


def _peft_config(config: LoraConfig, base: str = "") -> Any:
    try:
        import peft
    except ImportError as error:
        raise MissingExtraError("Training with LoRA", "peft", "train") from error
    return peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=rf".*\.blocks\..*\.({'|'.join(map(re.escape, config.target))})",
        base_model_name_or_path=base,
    )
