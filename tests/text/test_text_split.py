"""A split with text: the model's layers below, the words on top, and the composite is the picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from text_scenes import Scene, line, opaque, scene, worst

import layerize
from layerize.cli.main import main
from layerize.errors import UsageError
from layerize.models import layer_model
from layerize.models.layer_model import LayerModel
from layerize.predictors import LayerPredictor
from layerize.splitter import Splitter, split_text
from layerize.stack import Layer, flatten
from layerize.text import extract
from layerize.text.block import TextLine


@pytest.fixture(scope="module")
def splitter() -> Splitter:
    torch.manual_seed(0)
    return Splitter(LayerPredictor(LayerModel(layer_model.tiny()).eval(), "tiny", torch.device("cpu")))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch):
    """Makes the reader say given lines, so that these tests hold without its models."""

    def say(*lines: TextLine) -> None:
        monkeypatch.setattr(extract, "scan", lambda rgb: list(lines))

    return say


def test_the_words_lie_on_top_and_are_not_counted(splitter: Splitter, reads) -> None:
    made = scene()
    reads(made.line)
    stack = splitter.split(made.picture, layers=2, text="auto")
    *below, top = stack.layers
    assert len(below) == 2
    assert isinstance(top, Layer)
    assert (top.name, top.text is not None and top.text["content"]) == ("Hamburg", "Hamburg")
    assert worst(opaque(made.picture), flatten(stack)) <= 1
    assert stack.metadata["recompose_error"] <= 1


def test_the_model_sees_the_picture_without_the_words(splitter: Splitter, reads) -> None:
    made = scene()
    reads(made.line)
    stack = splitter.split(made.picture, layers=1, text="auto")
    bottom = stack.layers[0]
    assert isinstance(bottom, Layer)
    assert np.abs(bottom.pixels[..., :3] - made.ground)[made.alpha > 0].mean() < 2


def test_off_is_the_default_of_a_splitter_and_leaves_the_words(splitter: Splitter, reads) -> None:
    made = scene()
    reads(made.line)
    plain = splitter.split(made.picture, layers=2)
    assert all(layer.text is None for layer in plain.walk())
    assert np.array_equal(flatten(plain), flatten(splitter.split(made.picture, layers=2, text="off")))


@pytest.mark.parametrize("alpha", [255, "noise"])
def test_absurd_readings_of_noise(splitter: Splitter, reads, alpha: object) -> None:
    rng = np.random.default_rng(11)
    picture = rng.integers(0, 256, (80, 120, 4), dtype=np.uint8)
    if alpha == 255:
        picture[..., 3] = 255
    reads(*(line("word", (float(x), float(y), x + 40.0, y + 22.0)) for x, y in rng.integers(0, 60, (8, 2))))
    stack = splitter.split(picture, layers=3, text="auto", parts=True, depth=2)
    assert worst(picture, flatten(stack)) <= 1


def test_only_makes_a_background_and_the_words(reads) -> None:
    made = scene()
    reads(made.line)
    shares: list[float] = []
    stack = split_text(made.picture, progress=lambda step, share: shares.append(share))
    assert [node.name for node in stack.layers] == ["Background", "Hamburg"]
    assert worst(opaque(made.picture), flatten(stack)) <= 1
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_the_front_page_lifts_text_without_being_asked(reads) -> None:
    made = scene()
    reads(made.line)
    stack = layerize.split(made.picture, model="baseline:one")
    assert [node.name for node in stack.layers] == ["Background", "Hamburg"]
    assert len(layerize.split(made.picture, model="baseline:one", text="off")) == 1


def test_an_unknown_mode_is_refused_before_the_work(splitter: Splitter) -> None:
    with pytest.raises(UsageError, match="auto, off, only"):
        splitter.split(scene().picture, text="yes")  # type: ignore[arg-type]


def test_the_command_lifts_words_without_a_model_and_keeps_them_in_the_manifest(
    tmp_path: Path, reads, monkeypatch
) -> None:
    made: Scene = scene()
    reads(made.line)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(made.picture).save("poster.png")
    for arguments, code in (
        (["split", "poster.png", "-o", "out", "--text", "only", "--model", "no-such-model"], 0),
        (["split", "poster.png", "--text", "maybe"], 2),
    ):
        monkeypatch.setattr("sys.argv", ["layerize", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        assert (left.value.code or 0) == code
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert [layer["name"] for layer in manifest["layers"]] == ["Background", "Hamburg"]
    text = manifest["layers"][1]["text"]
    assert text["content"] == "Hamburg"
    assert text["lines"][0]["box"] == pytest.approx(list(made.line.box), abs=0.1)
    assert layerize.open("out").layers[1].text == text  # type: ignore[union-attr]
