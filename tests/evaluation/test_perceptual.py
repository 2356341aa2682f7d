"""LPIPS against a plain reference with weights under both official namings; Fréchet distance against closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from layerize.errors import CheckpointError
from layerize.evaluation.fid import FeatureStatistics, frechet_distance, load_features
from layerize.evaluation.lpips import SMALLEST, load_lpips
from layerize.evaluation.weights import cache_folder, find_weights

SHAPES = {"0": (64, 3, 11, 11), "3": (192, 64, 5, 5), "6": (384, 192, 3, 3), "8": (256, 384, 3, 3), "10": (256, 256, 3, 3)}  # fmt: skip # noqa: E501


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Random weights under torchvision's and the lpips package's names."""
    generator = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}
    for index, (place, shape) in enumerate(SHAPES.items()):
        fan = shape[1] * shape[2] * shape[3]
        state[f"features.{place}.weight"] = torch.randn(shape, generator=generator) * (2 / fan) ** 0.5
        state[f"features.{place}.bias"] = torch.randn(shape[0], generator=generator) * 0.1
        state[f"lin{index}.model.1.weight"] = torch.rand((1, shape[0], 1, 1), generator=generator)
    return state


@pytest.fixture(scope="module")
def files(weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("weights")
    trunk = {name: tensor for name, tensor in weights.items() if name.startswith("features")}
    trunk["classifier.1.weight"] = torch.zeros(2, 2)  # torchvision's file has it; nobody needs it
    torch.save(trunk, folder / "alexnet.pth")
    torch.save({name: tensor for name, tensor in weights.items() if name.startswith("lin")}, folder / "alex.pth")
    return folder / "alexnet.pth", folder / "alex.pth"


def reference(state: dict[str, Tensor], a: np.ndarray, b: np.ndarray) -> float:
    """Zhang et al., equation 1, layer by layer and pixel by pixel."""

    def maps(picture: np.ndarray) -> list[np.ndarray]:
        x = torch.from_numpy(picture.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
        mean, std = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        x = (x - mean[None, :, None, None]) / std[None, :, None, None]
        found = []
        for place, stride, padding in (("0", 4, 2), ("3", 1, 2), ("6", 1, 1), ("8", 1, 1), ("10", 1, 1)):
            if place in ("3", "6"):
                x = F.max_pool2d(x, kernel_size=3, stride=2)
            name = f"features.{place}"
            x = F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, padding).clamp_min(0)
            found.append(x[0].double().numpy())
        return found

    total = 0.0
    for index, (p, q) in enumerate(zip(maps(a), maps(b), strict=True)):
        head = state[f"lin{index}.model.1.weight"].double().numpy().ravel()
        p, q = (m / (np.sqrt((m**2).sum(axis=0)) + 1e-10) for m in (p, q))
        total += np.einsum("c,chw->hw", head, (p - q) ** 2).mean()
    return float(total)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (48, 40, 3), dtype=np.uint8)
    return a, np.clip(a + rng.normal(0, 30, a.shape), 0, 255).astype(np.uint8)


def test_lpips_equals_the_reference(files: tuple[Path, Path], weights: dict[str, Tensor]) -> None:
    a, b = pictures()
    network = load_lpips(files)
    assert network.distance_u8(a, b) == pytest.approx(reference(weights, a, b), rel=1e-4)
    assert network.distance_u8(a, a) == 0
    assert network.distance_u8(a, b) == pytest.approx(network.distance_u8(b, a), rel=1e-6)


def test_a_saved_lpips_module_is_the_same_network(
    files: tuple[Path, Path], weights: dict[str, Tensor], tmp_path: Path
) -> None:
    module = {}
    for index, place in enumerate(SHAPES):
        for end in ("weight", "bias"):
            module[f"net.slice{index + 1}.{place}.{end}"] = weights[f"features.{place}.{end}"]
        module[f"lins.{index}.model.1.weight"] = weights[f"lin{index}.model.1.weight"]
    save_file(module, tmp_path / "lpips.safetensors")
    a, b = pictures()
    assert load_lpips([tmp_path / "lpips.safetensors"]).distance_u8(a, b) == load_lpips(files).distance_u8(a, b)


def test_small_pictures_have_no_lpips(files: tuple[Path, Path]) -> None:
    network = load_lpips(files)
    picture = np.zeros((SMALLEST, 50, 3), np.uint8)
    assert network.distance_u8(picture, picture) == 0
    assert network.distance_u8(picture[1:], picture[1:]) is None


def test_weights_come_from_the_cache_when_none_are_named(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_weights("lpips") == ()
    with pytest.raises(CheckpointError, match=r"--lpips-weights.*layerize/lpips"):
        load_lpips()
    cache_folder("lpips").mkdir(parents=True)
    for file in files:
        (cache_folder("lpips") / file.name).symlink_to(file)
    a, b = pictures()
    assert load_lpips().distance_u8(a, b) == load_lpips(files).distance_u8(a, b)


def test_weights_that_do_not_fit_are_explained(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"lack lin0\.model\.1\.weight"):
        load_lpips(files[:1])
    with pytest.raises(CheckpointError, match=r"lack features\.0\.weight \(or net\.slice1\.0\.weight"):
        load_lpips(files[1:])
    with pytest.raises(CheckpointError, match="no such file"):
        load_lpips([tmp_path / "absent.pth"])
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_lpips([tmp_path / "text.pth"])
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="no plain table"):
        load_lpips([tmp_path / "list.pth"])
    torch.save({"features.0.weight": torch.zeros(2, 2)}, tmp_path / "vgg.pth")
    with pytest.raises(CheckpointError, match=r"features\.0\.weight is \(2, 2\)"):
        load_lpips([tmp_path / "vgg.pth", *files[1:]])


def statistics(vectors: np.ndarray) -> FeatureStatistics:
    gathered = FeatureStatistics()
    for vector in vectors:
        gathered.add(vector)
    return gathered


def test_frechet_distance_in_one_dimension_is_the_closed_form() -> None:
    a, b = np.array([[0.0], [2.0]]), np.array([[5.0], [11.0]])
    expected = (8 - 1) ** 2 + (np.sqrt(18) - np.sqrt(2)) ** 2
    assert frechet_distance(statistics(a), statistics(b)) == pytest.approx(expected)


def test_frechet_distance_equals_the_definition_with_a_matrix_root() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (60, 5)), rng.normal(0.5, 2, (60, 5)) @ rng.normal(0, 1, (5, 5))
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values = np.linalg.eigvals(ca @ cb)  # those of a product of covariances: real, not negative
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(ca + cb) - 2 * np.sqrt(values.real).sum()
    assert frechet_distance(statistics(a), statistics(b)) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(statistics(a), statistics(a)) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_of_fewer_pictures_than_features_stays_finite() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, (3, 16)), rng.normal(0, 1, (3, 16))
    assert 0 < frechet_distance(statistics(a), statistics(b)) < 1e3
    with pytest.raises(ValueError, match="at least 2"):
        statistics(a[:1]).moments()


class Means(torch.nn.Module):
    def forward(self, picture: Tensor) -> Tensor:
        return picture.float().mean(dim=(2, 3))


class MeansOnRequest(torch.nn.Module):
    def forward(self, picture: Tensor, return_features: bool = False) -> Tensor:
        return picture.float().mean(dim=(2, 3)) if return_features else torch.zeros(1, 9)


@pytest.mark.parametrize("network", [Means(), MeansOnRequest()])
def test_a_torchscript_file_is_a_feature_network(network: torch.nn.Module, tmp_path: Path) -> None:
    torch.jit.script(network).save(str(tmp_path / "features.pt"))
    features = load_features([tmp_path / "features.pt"])
    np.testing.assert_allclose(features(np.full((4, 5, 3), (1, 2, 3), np.uint8)), [1, 2, 3])


def test_feature_networks_that_are_none_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(CheckpointError, match="--fid-network"):
        load_features()
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(CheckpointError, match="no TorchScript"):
        load_features([tmp_path / "text.pt"])
