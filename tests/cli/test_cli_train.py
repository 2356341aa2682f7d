"""``layerize train`` and ``layerize generate`` from end to end, on tiny models."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import Result

from layerize.cli.train import parse_minutes
from layerize.errors import UsageError
from layerize.formats import load
from layerize.models import checkpoint, presets
from layerize.models.layer_model import LayerModel

Run = Callable[..., Result]
RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = ("--set", "processes=1", "--set", "mix={}")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_a_run_from_recipe_to_report(cli: Run, tmp_path: Path) -> None:
    arguments = (*SMALL, "--set", "validation_minutes=0.0001", "-o", "run", "--max-time", "5m")
    done = cli("train", RECIPES / "tiny.toml", *arguments, "--max-steps", 3)
    assert done.stdout.strip() == "run/model"
    assert "step 3" in done.stderr
    cli("train", "run", RECIPES / "tiny.toml", *arguments, "--max-steps", 4, "--resume")
    sheets = sorted((tmp_path / "run" / "sheets").iterdir())
    assert sheets[-1].name == "00000004.webp"
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    figures = [line for line in log if "val/layer_iou_soft_dtw" in line]
    assert figures[-1]["step"] == 4
    assert 0 <= figures[-1]["val/layer_iou_soft_dtw"] <= 1
    assert list((tmp_path / "run" / "tensorboard").iterdir())

    assert cli("train", "report", "run").stdout.strip() == "run/report.html"
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.count("data:image/webp;base64,") >= 2
    assert "polyline" in page
    assert "layer iou soft dtw" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)  # nothing from elsewhere
    assert "holds no log.jsonl" in cli("train", "report", tmp_path / "absent", code=1).stderr


def test_text_stages_validate_with_sheets_and_their_models_generate(cli: Run, tmp_path: Path) -> None:
    arguments = (*SMALL, "--set", "stage=text-to-layers", "--set", "validation_minutes=1", "-o", "run")
    cli("train", RECIPES / "tiny.toml", *arguments, "--max-steps", 2)
    assert [path.name for path in (tmp_path / "run" / "sheets").iterdir()] == ["00000002.webp"]
    told = cli(
        "generate", "a red cat on a blue ground", "-o", "cat.psd", "--model", "run/model", "--steps", 2, "--json"
    )
    said = json.loads(told.stdout)
    stack = load(tmp_path / "cat.psd")
    assert said["count"] == len(stack) >= 1
    assert stack.size == (64, 64)
    cli(
        "generate",
        "a cat",
        "-o",
        "a",
        "--model",
        "run/model",
        "--steps",
        2,
        "--layers",
        3,
        "--size",
        "96x64",
        "--seed",
        1,
    )
    cli(
        "generate",
        "a cat",
        "-o",
        "b",
        "--model",
        "run/model",
        "--steps",
        2,
        "--layers",
        3,
        "--size",
        "96x64",
        "--seed",
        1,
    )
    assert len(load(tmp_path / "a")) == 3
    assert load(tmp_path / "a").size == (96, 64)
    manifests = [json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("a", "b")]
    assert manifests[0]["caption"] == "a cat"
    bottom = [(tmp_path / name / "layers").iterdir() for name in ("a", "b")]
    assert [p.read_bytes() for p in sorted(bottom[0])] == [p.read_bytes() for p in sorted(bottom[1])]


def test_a_dataset_brings_its_own_held_out_cases(tmp_path: Path) -> None:
    from layerize.cli.train_validation import CASES, held_out

    sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
    from dataset_maker import make_dataset

    assert len(held_out("")) == CASES
    assert [stack.size for stack in held_out(str(make_dataset(tmp_path / "a", 2, split="val")))] == [(96, 64)] * 2
    assert len(held_out(str(make_dataset(tmp_path / "b", 2)))) == CASES  # no val split: designs


def test_vae_runs_validate_too(cli: Run, tmp_path: Path) -> None:
    arguments = (*SMALL, "--set", "stage=vae", "--set", "validation_minutes=1", "-o", "run")
    cli("train", RECIPES / "tiny.toml", *arguments, "--max-steps", 1)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert any("val/psnr" in line for line in log)


def test_what_cannot_draw_from_text_says_what_can(cli: Run, tmp_path: Path) -> None:
    refused = cli("generate", "a cat", "-o", "cat", "--model", "default", code=1).stderr
    assert "learned to split pictures, not to draw from text" in refused
    assert "recipes/text_to_layers.toml" in refused
    assert not (tmp_path / "cat").exists()
    config = presets.preset("tiny")
    assert isinstance(config, presets.LayerModelConfig)
    checkpoint.save_model(LayerModel(config), tmp_path / "able", metadata={"tasks": ["text-to-layers"]})
    assert "multiples of 32" in cli("generate", "x", "-o", "o", "--model", "able", "--size", "70x64", code=2).stderr
    assert "expected a width" in cli("generate", "x", "-o", "o", "--model", "able", "--size", "big", code=2).stderr
    assert "makes 1 to 8 layers" in cli("generate", "x", "-o", "o", "--model", "able", "--layers", 9, code=2).stderr
    assert "text is empty" in cli("generate", " ", "-o", "o", "--model", "able", code=2).stderr


def test_a_plan_says_whether_it_fits(cli: Run) -> None:
    recipe = RECIPES / "tiny.toml"
    told = cli("train", "plan", recipe, "--set", "mix={}", "--gpus", 2, "--gpu", "h200", "--samples", 1000, "--json")
    facts = json.loads(told.stdout)
    assert facts["fits"]
    assert facts["devices"] == 2
    assert facts["days"] == pytest.approx(1000 / facts["samples_per_second"] / 86400)
    rate = 2 * 989e12 * 0.35 / facts["flops_per_sample"]
    assert facts["samples_per_second"] == pytest.approx(rate)
    large = ("--set", "model=default", "--set", "data.group_size=64", "--set", "data.sizes=[[1024,1024]]")
    shown = cli("train", "plan", recipe, "--set", "mix={}", *large, "--gpu", "rtx4090").stdout
    assert "DOES NOT FIT" in shown
    assert "the recipe names no number of samples" in shown
    assert "--gpu tpu is unknown" in cli("train", "plan", recipe, "--gpu", "tpu", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "optimiser.learnig_rate=1"), "Did you mean learning_rate"),
        (("--set", "stage=vea"), "must be one of vae"),
        (("--resume",), "nothing to resume"),
        (("--release", "2m"), "nothing to resume"),
        (("--set", "data.dataset=absent"), "absent"),
        (("--max-time", "soon"), "expected a number and a unit"),
        (("--release", "2m", "--stable"), "a budget of its own"),
    ],
)
def test_bad_input_is_one_sentence(cli: Run, arguments: tuple[str, ...], message: str) -> None:
    code = 2 if arguments[0] in ("--max-time",) or "--stable" in arguments else 1
    error = cli("train", RECIPES / "tiny.toml", *SMALL, *arguments, code=code).stderr
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_times() -> None:
    assert parse_minutes("90s") == pytest.approx(1.5)
    assert parse_minutes("2d") == 2880
    with pytest.raises(UsageError, match="--release 5x"):
        parse_minutes("5x", "--release")
