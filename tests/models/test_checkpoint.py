"""Checkpoints: round trips, storage types, shards, strictness, atomic replacement, broken folders."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from layerize.errors import CheckpointError, ConfigError, OutputError
from layerize.models import layer_model, rgba_vae, tensor_files
from layerize.models.checkpoint import load_model, read_info, save_model
from layerize.models.layer_model import LayerModel
from layerize.models.rgba_vae import RGBAVAE


@pytest.fixture
def model() -> RGBAVAE:
    torch.manual_seed(0)
    return RGBAVAE(rgba_vae.tiny())


@pytest.fixture
def saved(model: RGBAVAE, tmp_path: Path) -> Path:
    return save_model(model, tmp_path / "vae", card="# A test VAE", metadata={"psnr": 31.0})


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_vae_comes_back_bit_identical_with_its_statistics(model: RGBAVAE, tmp_path: Path) -> None:
    model.set_latent_statistics([0.25] * 8, [1.5] * 8)
    loaded = load_model(save_model(model, tmp_path / "vae"))
    assert isinstance(loaded, RGBAVAE)
    assert not loaded.training
    assert loaded.config == model.config
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in loaded.state_dict().items())
    picture = torch.rand(1, 4, 16, 16)
    with torch.no_grad():
        assert torch.equal(loaded.encode_latent(picture), model.eval().encode_latent(picture))


def test_the_whole_layer_model_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = LayerModel(layer_model.tiny()).eval()
    loaded = load_model(save_model(model, tmp_path / "model"))
    assert isinstance(loaded, LayerModel)
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before, after = (m.read(picture, ["a cat"]).stop_logits_BK for m in (model, loaded))
    assert torch.equal(before, after)
    assert all(tensor.data_ptr() % 64 == 0 for tensor in loaded.state_dict().values())  # whatever the file's layout


def test_info_and_card_tell_what_the_model_is(saved: Path) -> None:
    info = read_info(saved)
    assert (info.class_name, info.config, info.metadata) == ("RGBAVAE", rgba_vae.tiny(), {"psnr": 31.0})
    assert info.size > 4 * sum(p.numel() for p in RGBAVAE(info.config).parameters())
    assert info.card.startswith("# A test VAE")
    assert '"base_dim": 8' in info.card


@pytest.mark.parametrize("stored", ["bfloat16", "float16"])
def test_half_precision_storage_loads_as_float32(model: RGBAVAE, tmp_path: Path, stored: str) -> None:
    folder = save_model(model, tmp_path / "vae", dtype=stored)
    loaded = load_model(folder)
    exact = {name: tensor.to(getattr(torch, stored)).float() for name, tensor in model.state_dict().items()}
    assert all(torch.equal(tensor, exact[name]) for name, tensor in loaded.state_dict().items())
    kept = load_model(folder, dtype=None).state_dict()
    assert {tensor.dtype for tensor in kept.values()} == {getattr(torch, stored)}
    assert read_info(folder).dtype == stored


def test_shards_stay_below_the_limit_and_load(model: RGBAVAE, tmp_path: Path) -> None:
    folder = save_model(model, tmp_path / "vae", shard_bytes=60_000)
    files = sorted(folder.glob("*.safetensors"))
    assert len(files) > 2
    for file in files:
        assert sum(tensor.nbytes for tensor in safetensors.torch.load_file(file).values()) <= 60_000
    loaded = load_model(folder).state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in model.state_dict().items())
    files[0].unlink()
    with pytest.raises(CheckpointError, match=f"names '{files[0].name}', which is missing"):
        load_model(folder)


def test_averaged_weights_can_be_saved_in_place_of_the_models_own(model: RGBAVAE, tmp_path: Path) -> None:
    averaged = {name: tensor * 0.5 for name, tensor in model.state_dict().items()}
    loaded = load_model(save_model(model, tmp_path / "vae", tensors=averaged)).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in averaged.items())
    with pytest.raises(CheckpointError, match="1 missing"):
        save_model(model, tmp_path / "other", tensors=dict(list(averaged.items())[1:]))
    assert not (tmp_path / "other").exists()


def test_missing_unexpected_and_misshapen_tensors_are_all_listed(model: RGBAVAE, saved: Path) -> None:
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    del tensors["quant_conv.bias"]
    tensors |= {f"surprise.{i}": torch.zeros(1) for i in range(10)}
    tensors["post_quant_conv.bias"] = torch.zeros(3)
    safetensors.torch.save_file(tensors, saved / "model.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load_model(saved)
    message = str(caught.value)
    assert "1 missing (quant_conv.bias)" in message
    assert "10 unexpected (surprise.0, " in message
    assert "surprise.7, ...)" in message
    assert "1 misshapen (post_quant_conv.bias is (3,), must be (8,))" in message


def test_another_architecture_is_refused_with_the_fields_that_differ(saved: Path) -> None:
    assert load_model(saved, expected=rgba_vae.tiny()) is not None
    with pytest.raises(CheckpointError, match=r"base_dim: 8 against 12; pixel_space: straight against premultiplied"):
        load_model(saved, expected=replace(rgba_vae.tiny(), base_dim=12, pixel_space="premultiplied"))
    with pytest.raises(CheckpointError, match="RGBAVAEConfig against LayerModelConfig"):
        load_model(saved, expected=layer_model.tiny())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base_dims": 8}, "no field 'base_dims'; did you mean 'base_dim'"),
        ({"base_dim": "wide"}, "base_dim is 'wide'; it must be of type int"),
        ({"base_dim": True}, "base_dim is True"),
        ({"norm": "batch"}, "norm is 'batch'; allowed: 'rms', 'none'"),
        ({"dim_mult": 3}, "dim_mult is 3; it must be a list"),
        ({"latents_std": [1.0]}, "latents_std has 1 values, z_dim is 8"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_impossible_configs_are_refused(saved: Path, change: dict[str, Any], message: str) -> None:
    config = json.loads((saved / "config.json").read_text())["config"]
    edit_config(saved, config={**config, **change})
    with pytest.raises(ConfigError, match=message):
        load_model(saved)


def test_nested_configs_name_the_field_that_is_wrong(tmp_path: Path) -> None:
    folder = save_model(LayerModel(layer_model.tiny()), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())["config"]
    config["transformer"]["dept"] = 2
    edit_config(folder, config=config)
    with pytest.raises(ConfigError, match="transformer: VLDMMDiTConfig has no field 'dept'; did you mean 'depth'"):
        read_info(folder)


def test_folders_that_are_no_checkpoints_say_why(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no config\.json"):
        load_model(tmp_path)
    edit_config(saved, format_version=99)
    with pytest.raises(CheckpointError, match="format version is 99, this release reads 1"):
        load_model(saved)
    edit_config(saved, format_version=1, **{"class": "RGBVAE"})
    with pytest.raises(CheckpointError, match="unknown class 'RGBVAE'; did you mean 'RGBAVAE'"):
        load_model(saved)
    (saved / "config.json").write_text("{broken")
    with pytest.raises(CheckpointError, match="not readable JSON"):
        load_model(saved)


def test_truncated_weights_and_climbing_indexes_are_refused(saved: Path) -> None:
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="no readable safetensors file"):
        load_model(saved)
    weights.unlink()
    index = {"weight_map": {"a": "../../secret.safetensors"}}
    (saved / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="not a plain file name"):
        load_model(saved)


def test_saving_replaces_a_checkpoint_but_never_another_folder(model: RGBAVAE, saved: Path, tmp_path: Path) -> None:
    save_model(model, saved, shard_bytes=60_000)
    assert not (saved / "model.safetensors").exists()
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes(b"x")
    with pytest.raises(OutputError, match="Choose another name"):
        save_model(model, photos)
    assert [path.name for path in photos.iterdir()] == ["cat.jpg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "vae"]


def test_a_full_disk_leaves_the_old_checkpoint(
    model: RGBAVAE, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (saved / "model.safetensors").read_bytes()

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tensor_files.safetensors.torch, "save_file", full)
    with pytest.raises(OutputError, match="the disk is full"):
        save_model(model, saved)
    assert (saved / "model.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["vae"]
