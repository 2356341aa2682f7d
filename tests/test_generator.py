"""Text to layers with both kinds of models; the published kind with a real (tiny, random) Qwen2.5-VL text encoder."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from layerize.errors import CheckpointError, UsageError
from layerize.generator import generate, load_text_model
from layerize.models import checkpoint, presets
from layerize.models.layer_model import LayerModel
from layerize.models.published import PublishedModel
from layerize.models.rgba_vae import RGBAVAE
from layerize.training.loop import train
from layerize.training.recipe import DataConfig, Recipe

sys.path.insert(0, str(Path(__file__).parent / "models"))
import tiny_published


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the published architecture that names a text encoder on disk."""
    pytest.importorskip("transformers")
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("published")
    torch.manual_seed(0)
    tokens = tiny_published.tokenizer()
    tiny_published.text_encoder(tokens).save_pretrained(folder / "parts" / "text_encoder")
    tokens.save_pretrained(folder / "parts" / "tokenizer")
    config = replace(presets.tiny_full(), text_encoder=str(folder / "parts"))
    checkpoint.save_model(PublishedModel(config), folder / "model")
    return folder / "model"


def test_imported_weights_draw_what_the_text_and_the_seed_say(published: Path) -> None:
    model = load_text_model(str(published), "cpu")
    options = {"size": (64, 96), "layers": 2, "steps": 2}
    first = generate("a red cat", model, **options, seed=1)  # type: ignore[arg-type]
    again = generate("a red cat", model, **options, seed=1)  # type: ignore[arg-type]
    other = generate("two blue dogs", model, **options, seed=1)  # type: ignore[arg-type]
    assert first.size == (64, 96)
    assert len(first) == 2
    assert first.metadata["caption"] == "a red cat"
    pixels = [[layer.pixels for layer in stack.walk()] for stack in (first, again, other)]
    assert all(np.array_equal(a, b) for a, b in zip(pixels[0], pixels[1], strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(pixels[0], pixels[2], strict=True))
    assert (pixels[0][0][..., 3] == 255).all()


def test_the_text_stages_train_imported_weights_through_their_text_encoder(published: Path, tmp_path: Path) -> None:
    data = DataConfig(
        sizes=((64, 64),), layer_counts=(2, 3), count_weights=(1.0, 1.0), groups=1, group_size=1, caption_rate=1.0
    )
    recipe = Recipe(
        stage="image-to-layers",
        model="checkpoint",
        start_from=str(published),
        mix={"text-to-image": 0.3, "text-to-layers": 0.4},
        data=data,
        processes=1,
        precision="fp32",
    )
    train(recipe, tmp_path, minutes=60, max_steps=6)
    info = checkpoint.read_info(tmp_path / "model")
    assert info.metadata["tasks"] == ["image-to-layers", "text-to-image", "text-to-layers"]
    stack = generate("a red cat", load_text_model(str(tmp_path / "model"), "cpu"), size=(64, 64), steps=1)
    assert 1 <= len(stack) <= 4


def test_guidance_of_one_leaves_the_text_alone_and_others_do_not() -> None:
    torch.manual_seed(0)
    config = presets.preset("tiny")
    assert isinstance(config, presets.LayerModelConfig)
    from layerize.generator import SmallTextModel

    model = SmallTextModel(LayerModel(config).eval(), "tiny", torch.device("cpu"))
    plain, strong = (generate("a cat", model, layers=2, steps=2, guidance=g) for g in (1.0, 5.0))
    assert any(not np.array_equal(a.pixels, b.pixels) for a, b in zip(plain.walk(), strong.walk(), strict=True))
    with pytest.raises(UsageError, match="multiples of 32"):
        generate("a cat", model, size=(48, 64))


def test_an_auto_encoder_alone_cannot_draw(tmp_path: Path) -> None:
    checkpoint.save_model(RGBAVAE(presets.preset("tiny").vae), tmp_path / "vae")
    with pytest.raises(CheckpointError, match="holds a RGBAVAE"):
        load_text_model(str(tmp_path / "vae"))
