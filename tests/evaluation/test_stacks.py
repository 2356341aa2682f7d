"""Two folders of stacks: PNGs and manifests, every oddity named, one process or several, text and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import layerd_twin as twin
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import layerize.evaluation.stacks as stacks_module
from layerize.cli.main import app
from layerize.errors import InputError, UsageError
from layerize.evaluation.layerd import aggregate, score_stacks
from layerize.evaluation.stack_files import canvas_layers, find_samples, read_layers
from layerize.evaluation.stacks import SampleResult, StackEvaluation, StackOptions
from layerize.formats import save
from layerize.stack import Group, Layer, LayerStack


def write(folder: Path, layers: list[np.ndarray]) -> None:
    folder.mkdir(parents=True)
    for index, layer in enumerate(layers):
        Image.fromarray(layer).save(folder / f"{index:04d}.png")


def pair(root: Path, name: str, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    truth = twin.random_scene(seed, layers=4)
    prediction = twin.disturbed(truth, seed)
    write(root / "pred" / name, prediction)
    write(root / "gt" / name, truth)
    return prediction, truth


def evaluate(root: Path, options: StackOptions | None = None, jobs: int = 1) -> tuple[list[SampleResult], Any]:
    evaluation = StackEvaluation(root / "pred", root / "gt", options, jobs=jobs)
    return list(evaluation), evaluation.report()


@pytest.fixture
def two(tmp_path: Path) -> Path:
    pair(tmp_path, "a", 1)
    pair(tmp_path, "b", 2)
    return tmp_path


def test_files_give_the_scores_of_the_layers(tmp_path: Path) -> None:
    expected = {name: score_stacks(*pair(tmp_path, name, seed)).states for seed, name in enumerate("xyz")}
    _, report = evaluate(tmp_path)
    assert report["samples"] == {name: [vars(state) for state in states] for name, states in expected.items()}
    assert report["aggregate"] == aggregate(list(expected.values()))
    assert set(report["aggregate"][0]) == {
        "max_edits", "avg_edits", "count", "avg_cost", "avg_rgb_l1", "avg_alpha_iou",
    }  # fmt: skip
    assert report["measures"]["mean"]["count_exact"] is not None
    assert set(report["measures"]["samples"]) == set(expected)


def test_several_processes_give_the_same_report(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks_module, "_WORTH_A_PROCESS", 1)
    evaluation = StackEvaluation(two / "pred", two / "gt", jobs=2)
    assert evaluation.jobs == 2
    assert [result.name for result in evaluation] == ["a", "b"]
    assert evaluation.report() == evaluate(two)[1]


def test_few_samples_are_not_worth_a_process(two: Path) -> None:
    assert StackEvaluation(two / "pred", two / "gt", jobs=8).jobs == 1


def spoil_missing_truth(root: Path) -> None:
    write(root / "pred/bad", twin.random_scene(5))


def spoil_missing_prediction(root: Path) -> None:
    write(root / "gt/bad", twin.random_scene(5))


def spoil_one_layer(root: Path) -> None:
    write(root / "pred/bad", twin.random_scene(5)[:1])
    write(root / "gt/bad", twin.random_scene(5))


def spoil_empty_folder(root: Path) -> None:
    (root / "pred/bad").mkdir()
    write(root / "gt/bad", twin.random_scene(5))


def spoil_sizes(root: Path) -> None:
    write(root / "pred/bad", twin.random_scene(5))
    write(root / "gt/bad", twin.random_scene(5, width=41))


def spoil_damaged_png(root: Path) -> None:
    write(root / "pred/bad", twin.random_scene(5))
    write(root / "gt/bad", twin.random_scene(5))
    first = root / "pred/bad/0000.png"
    first.write_bytes(first.read_bytes()[:200])


def spoil_text_as_png(root: Path) -> None:
    write(root / "pred/bad", twin.random_scene(5))
    write(root / "gt/bad", twin.random_scene(5))
    (root / "gt/bad/0001.png").write_text("no picture")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_missing_truth, "no ground truth"),
        (spoil_missing_prediction, "no prediction"),
        (spoil_one_layer, "1 predicted"),
        (spoil_empty_folder, "0 predicted"),
        (spoil_sizes, "41x32"),
        (spoil_damaged_png, "0000.png"),
        (spoil_text_as_png, "no PNG picture"),
    ],
)
def test_a_bad_sample_is_named_and_the_others_are_scored(two: Path, spoil: Callable[[Path], None], reason: str) -> None:
    before = evaluate(two)[1]
    spoil(two)
    _, report = evaluate(two)
    assert [item["sample"] for item in report["skipped"]] == ["bad"]
    assert reason in report["skipped"][0]["reason"]
    assert report["samples"] == before["samples"]
    assert report["aggregate"] == before["aggregate"]


def test_other_files_are_named_and_change_nothing(two: Path) -> None:
    before = evaluate(two)[1]
    (two / "pred/a/notes.txt").write_text("hello")
    (two / "pred/a/0009.jpg").write_bytes(b"")
    (two / "gt/readme.md").write_text("hello")
    _, report = evaluate(two)
    assert len(report["odd"]) == 3
    assert all(any(name in line for line in report["odd"]) for name in ("notes.txt", "0009.jpg", "readme.md"))
    assert report["aggregate"] == before["aggregate"]


def test_nothing_to_evaluate_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pred").mkdir()
    (tmp_path / "gt").mkdir()
    with pytest.raises(InputError, match="no sample folders"):
        evaluate(tmp_path)
    spoil_one_layer(tmp_path)
    with pytest.raises(InputError, match="none of 1 samples"):
        evaluate(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        find_samples(tmp_path / "elsewhere")


def test_a_single_sample_given_as_the_folder_is_explained(tmp_path: Path) -> None:
    save(LayerStack(size=(4, 4), layers=(Layer(pixels=np.zeros((4, 4, 4), np.uint8)),)), tmp_path / "one.layers")
    with pytest.raises(InputError, match="one sample itself"):
        find_samples(tmp_path / "one.layers")


def test_names_with_and_without_our_suffix_are_one_sample(tmp_path: Path) -> None:
    for name in ("poster", "poster.layers", "card.layers"):
        (tmp_path / name).mkdir()
    found = find_samples(tmp_path)
    assert list(found.samples) == ["card", "poster"]
    assert "second sample" in found.odd[0]


def test_pngs_are_sorted_as_strings_and_upper_case_is_not_png(tmp_path: Path) -> None:
    levels = {"10.png": 10, "9.png": 9, "1.png": 1}
    for name, value in levels.items():
        Image.fromarray(np.full((3, 3, 4), value, np.uint8)).save(tmp_path / name)
    Image.fromarray(np.full((3, 3, 4), 7, np.uint8)).save(tmp_path / "8.PNG")
    layers, notes = read_layers(tmp_path)
    assert [int(layer[0, 0, 0]) for layer in layers] == [1, 10, 9]
    assert len(notes) == 1


def test_pngs_without_alpha_are_opaque(tmp_path: Path) -> None:
    Image.fromarray(np.full((3, 3), 80, np.uint8)).save(tmp_path / "0.png")
    (layer,), _ = read_layers(tmp_path)
    assert layer[0, 0].tolist() == [80, 80, 80, 255]


def test_manifests_score_as_their_layers_on_the_canvas(tmp_path: Path) -> None:
    truth = [np.where(layer[..., 3:] > 0, layer, 0).astype(np.uint8) for layer in twin.random_scene(4, layers=4)]
    prediction = twin.disturbed(truth, 4)
    write(tmp_path / "pred/a", prediction)
    write(tmp_path / "gt/a", truth)
    named = tuple(Layer(pixels=layer, name=f"L{i}") for i, layer in enumerate(truth))
    save(LayerStack(size=(40, 32), layers=(named[0], Group(layers=named[1:]))), tmp_path / "manifests/a.layers")
    evaluation = StackEvaluation(tmp_path / "pred", tmp_path / "manifests")
    list(evaluation)
    assert evaluation.report() == evaluate(tmp_path)[1]


def test_groups_are_opened_and_what_a_list_cannot_hold_is_told() -> None:
    dot = np.full((2, 2, 4), 200, np.uint8)
    members = (Layer(pixels=dot, offset=(1, 1), opacity=0.5), Layer(pixels=dot, offset=(-1, 3), blend="multiply"))
    hidden = Layer(pixels=dot, name="draft", visible=False)
    far = Layer(pixels=dot, offset=(40, 0))
    layers, notes = canvas_layers(LayerStack(size=(4, 4), layers=(Group(layers=members, opacity=0.5), hidden, far)))
    assert len(layers) == 3
    expected = np.zeros((4, 4, 4), np.uint8)
    expected[1:3, 1:3] = (200, 200, 200, 50)
    np.testing.assert_array_equal(layers[0], expected)
    assert layers[1][3, 0].tolist() == [200, 200, 200, 100]
    assert not layers[2].any()
    assert len(notes) == 2
    assert "multiply" in notes[0]
    assert "draft" in notes[1]


def test_the_floor_is_a_second_scoring_of_both_sides(tmp_path: Path) -> None:
    truth = [layer for layer in twin.random_scene(3, layers=4) if layer[..., 3].any()]
    faint = [layer.copy() for layer in truth]
    for layer in faint[1:]:
        layer[..., 3] = np.maximum(layer[..., 3], 1)
    write(tmp_path / "pred/a", faint)
    write(tmp_path / "gt/a", truth)
    _, report = evaluate(tmp_path, StackOptions(floor=8))
    assert report["floor"]["alpha"] == 8
    assert report["floor"]["aggregate"][0]["avg_cost"] < report["aggregate"][0]["avg_cost"]
    _, without = evaluate(tmp_path, StackOptions(floor=0))
    assert without["floor"] is None


def test_options_out_of_range_are_usage_errors() -> None:
    for wrong in ({"max_edits": -1}, {"floor": 256}, {"floor": -1}):
        with pytest.raises(UsageError):
            StackOptions(**wrong)


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["eval", "stacks", *words])


def test_the_command_prints_the_schema_of_layerds_evaluator(two: Path) -> None:
    done = run("--pred", str(two / "pred"), "--gt", str(two / "gt"), "--json", "--max-edits", "2")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert [row["max_edits"] for row in report["aggregate"]] == [0, 1, 2]
    assert set(report["samples"]["a"][0]) == {"edits", "cost", "rgb_l1", "alpha_iou"}


def test_the_command_names_what_it_skipped_and_what_is_beyond_the_protocol(two: Path) -> None:
    spoil_sizes(two)
    done = run("--pred", str(two / "pred"), "--gt", str(two / "gt"), "-j", "1")
    assert done.exit_code == 0
    assert "bad: " in done.stdout
    assert "hidden_error" in done.stdout
    assert "1 of 3 samples were skipped" in done.stderr
    short = run("--pred", str(two / "pred"), "--gt", str(two / "gt"), "--protocol-only", "--floor", "0")
    assert "hidden_error" not in short.stdout
    assert "dropped" not in short.stdout


def test_the_command_fails_on_nothing_and_on_bad_options(tmp_path: Path, two: Path) -> None:
    (tmp_path / "empty").mkdir()
    nothing = run("--pred", str(tmp_path / "empty"), "--gt", str(tmp_path / "empty"))
    assert nothing.exit_code == 1
    assert "no sample folders" in nothing.stderr
    assert run("--pred", str(two / "pred"), "--gt", str(two / "gt"), "-j", "0").exit_code == 2
    assert run("--pred", str(two / "pred"), "--gt", str(two / "gt"), "--floor", "999").exit_code == 2
