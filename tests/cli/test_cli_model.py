"""``layerize model``: what a checkpoint says about itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from layerize.models.checkpoint import load_model, save_model
from layerize.models.layer_model import LayerModel, tiny
from layerize.models.rgba_vae import RGBAVAE, RGBAVAEConfig


def test_info_counts_the_parameters_of_each_part(cli, checkpoint: Path) -> None:
    facts = json.loads(cli("model", "info", checkpoint, "--json").stdout)
    state = LayerModel(tiny()).state_dict()
    assert facts["parameters"] == sum(tensor.numel() for tensor in state.values())
    assert sum(facts["parts"].values()) == facts["parameters"]
    assert {"vae", "transformer"} <= set(facts["parts"])
    assert facts["class"] == "LayerModel"
    assert facts["metadata"]["figures"] == {"fg_iou": 0.25}
    assert facts["config"]["area_side"] == tiny().area_side


def test_info_as_text_shows_figures_and_card(cli, checkpoint: Path) -> None:
    shown = cli("model", "info", checkpoint).stdout
    assert "LayerModel" in shown
    assert "fg_iou" in shown
    assert "Random weights." in shown


def test_info_says_how_the_weights_are_stored(cli, checkpoint: Path) -> None:
    assert json.loads(cli("model", "info", checkpoint, "--json").stdout)["dtype"] == "float32"


def test_a_cut_off_file_of_weights_is_named(cli, checkpoint: Path) -> None:
    shutil.copytree(checkpoint, "cut")
    weights = Path("cut/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "cut/model.safetensors: is no readable safetensors file" in cli("model", "info", "cut", code=1).stderr


def test_unknown_model_is_named_with_those_that_exist(cli) -> None:
    stderr = cli("model", "info", "nonesuch", code=1).stderr
    assert "nonesuch: no such model" in stderr
    assert len(stderr.splitlines()) == 1


def test_folder_that_is_no_checkpoint_is_refused(cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in cli("model", "info", "empty", code=1).stderr


def test_list_is_a_json_list(cli) -> None:
    for entry in json.loads(cli("model", "list", "--json").stdout):
        assert entry["parameters"] > 0
        assert Path(entry["folder"]).name == entry["name"]


def test_import_of_an_exported_model_gives_the_same_tensors(cli, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = RGBAVAE(RGBAVAEConfig(base_dim=8, dim_mult=(1, 2), num_res_blocks=1))
    save_model(model, tmp_path / "vae")
    cli("model", "export", "vae", "foreign")
    assert json.loads((tmp_path / "foreign/config.json").read_text())["_class_name"] == "AutoencoderKLQwenImage"
    cli("model", "import", "foreign", "back")
    back = load_model(tmp_path / "back").state_dict()
    assert all(torch.equal(tensor, back[name]) for name, tensor in model.state_dict().items())


def test_import_stores_the_type_asked_for(cli, tmp_path: Path) -> None:
    save_model(RGBAVAE(RGBAVAEConfig(base_dim=8, dim_mult=(1, 2), num_res_blocks=1)), tmp_path / "vae")
    cli("model", "export", "vae", "foreign")
    cli("model", "import", "foreign", "half", "--dtype", "bfloat16")
    assert json.loads(cli("model", "info", "half", "--json").stdout)["dtype"] == "bfloat16"
    assert "float8" in cli("model", "import", "foreign", "x", "--dtype", "float8", code=2).stderr


def test_our_own_model_cannot_be_exported(cli, checkpoint: Path, tmp_path: Path) -> None:
    assert "no counterpart in diffusers" in cli("model", "export", checkpoint, "foreign", code=1).stderr
    assert not (tmp_path / "foreign").exists()


def test_import_of_what_is_no_diffusers_folder_is_refused(cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in cli("model", "import", "empty", "out", code=1).stderr
