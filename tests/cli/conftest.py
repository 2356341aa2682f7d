"""What the tests of the command line share: a runner and a small stack on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from layerize.cli.main import app
from layerize.formats import save
from layerize.stack import Layer, LayerStack

Run = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``layerize ARGS`` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="layerize")
        assert result.exit_code == code, f"exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    return run


def rectangle(size: tuple[int, int], colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((size[1], size[0], 4), (*colour, 255), np.uint8)


@pytest.fixture
def stack() -> LayerStack:
    """A blue canvas of 60x40 with a red square of 10x10 at (5, 5) and a green one at (30, 20)."""
    return LayerStack(
        size=(60, 40),
        layers=(
            Layer(pixels=rectangle((60, 40), (0, 0, 255)), name="Background"),
            Layer(pixels=rectangle((10, 10), (255, 0, 0)), name="Shape 1, red", offset=(5, 5)),
            Layer(pixels=rectangle((10, 10), (0, 128, 0)), name="Shape 2, green", offset=(30, 20)),
        ),
        metadata={"source": "drawn.png", "recompose_error": 0},
    )


@pytest.fixture
def folder(tmp_path: Path, stack: LayerStack) -> Path:
    """The stack as a manifest folder."""
    save(stack, tmp_path / "drawn.layers")
    return tmp_path / "drawn.layers"


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete model of random weights."""
    import torch

    from layerize.models.checkpoint import save_model
    from layerize.models.layer_model import LayerModel, tiny

    torch.manual_seed(0)
    metadata = {"steps": 12, "figures": {"fg_iou": 0.25}}
    card = "# Tiny\n\nRandom weights."
    return save_model(LayerModel(tiny()), tmp_path_factory.mktemp("models") / "tiny", card=card, metadata=metadata)
