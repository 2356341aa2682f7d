"""``layerize eval split`` and ``compare`` on small real datasets: runs, resuming, workers, reports, bad input."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from layerize.cli.main import app
from layerize.data.dataset_folder import DatasetFolder, IndexEntry
from layerize.errors import CheckpointError, InputError, OutputError, UsageError
from layerize.evaluation.layerd import aggregate, score_stacks
from layerize.evaluation.report import figures, make_report, paired, verdicts
from layerize.evaluation.run import RunConfig, run, with_baselines
from layerize.evaluation.samples import TRAINED_FROM, find_samples, on_white, rasters
from layerize.formats import load, save
from layerize.stack import Group, Layer, LayerStack
from layerize.synth.design import TRAIN_SEED_START, draw_design


def scene(seed: int, size: tuple[int, int] = (48, 40)) -> LayerStack:
    """A plain ground, a panel, a disc on it."""
    rng = np.random.default_rng(seed)
    ground, panel, disc = (np.zeros((size[1], size[0], 4), np.uint8) for _ in range(3))
    ground[:] = (*rng.integers(180, 256, 3), 255)
    cv2.rectangle(panel, (6, 6), (36, 32), (*(int(c) for c in rng.integers(0, 90, 3)), 255), -1)
    cv2.circle(disc, (20, 18), 6, (250, int(rng.integers(0, 60)), 90, 255), -1)
    return LayerStack(
        size=size, layers=tuple(Layer(pixels=p) for p in (ground, panel, disc)), metadata={"source": f"drawn, {seed}"}
    )


def test_one_split_of_an_extracted_dataset(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path / "real")
    folder.create({}, "test")
    for name, split in (("b", "test"), ("a", "test"), ("c", "train")):
        save(scene(1), folder.samples / name)
        folder.append(IndexEntry(id=name, source=f"{name}.psd", status="accepted", split=split, path=f"samples/{name}"))
    folder.append(IndexEntry(id="d", source="d.psd", status="rejected", split="test"))
    assert [sample.name for sample in find_samples(str(folder.root), split="test").samples] == ["a", "b"]
    assert len(find_samples(str(folder.root)).samples) == 3
    finished = run(
        RunConfig(data=str(folder.root), methods=("baseline:one",), out=tmp_path / "run", split="train"),
    )
    assert list(finished.results["baseline:one"]) == ["c"]
    with pytest.raises(InputError, match="the split 'val' holds no sample"):
        find_samples(str(folder.root), split="val")
    with pytest.raises(UsageError, match="must be one of train, val, test"):
        find_samples(str(folder.root), split="tset")
    with pytest.raises(UsageError, match="is no dataset of 'layerize data extract'"):
        find_samples("synth:1-2", split="test")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three good samples (one zipped, one in a sub-folder) and five things that are none."""
    root = tmp_path / "set"
    save(scene(0), root / "a")
    save(scene(1), root / "b.zip")
    save(scene(2), root / "posters" / "c")
    save(scene(3).with_layers(scene(3).layers[:1]), root / "single")
    (root / "empty").mkdir()
    (root / "pictures").mkdir()
    (root / "pictures" / "x.jpg").write_bytes(b"x")
    (root / "notes.txt").write_text("x")
    save(scene(4), root / "broken")
    (root / "broken/layers/01.png").write_bytes(b"no picture")
    return root


def config(dataset: object, out: Path, **more: object) -> RunConfig:
    return RunConfig(**{"data": str(dataset), "methods": ("baseline:regions", "baseline:one"), "out": out, **more})


def test_every_sample_is_scored_or_named(dataset: Path, tmp_path: Path) -> None:
    finished = run(config(dataset, tmp_path / "out"))
    assert {method: list(found) for method, found in finished.results.items()} == {
        "baseline:regions": ["a", "b", "posters/c"],
        "baseline:one": ["a", "b", "posters/c"],
    }
    named = {problem.sample: problem.reason for problem in finished.problems}
    assert set(named) == {"single", "empty", "pictures", "notes.txt", "broken"}
    assert len(finished.problems) == 5  # once each, not once per method
    assert "1 visible layer" in named["single"]
    assert "no manifest.json" in named["pictures"]
    assert "01.png" in named["broken"]
    good = finished.results["baseline:regions"]["a"]
    assert good["states"][0]["alpha_iou"] > 0.9
    assert good["measures"]["count_error"] == 0
    assert not good["one_layer"]
    assert finished.results["baseline:one"]["a"]["one_layer"]
    assert good["source"] == "drawn"
    assert finished.results["baseline:one"]["posters/c"]["source"] == "posters"


def test_stored_predictions_give_the_same_figures_again(dataset: Path, tmp_path: Path) -> None:
    first = run(config(dataset, tmp_path / "out"))
    stored = rasters(load(tmp_path / "out/predictions/baseline-regions/a"))
    states = score_stacks(stored, rasters(load(dataset / "a"))).states
    assert [vars(state) for state in states] == first.results["baseline:regions"]["a"]["states"]
    # without its result a sample is scored again from the stored prediction: an emptied one changes the figure
    save(scene(0), tmp_path / "out/predictions/baseline-regions/a")
    (tmp_path / "out/results/baseline-regions/a.json").unlink()
    again = run(config(dataset, tmp_path / "out", resume=True))
    assert again.results["baseline:regions"]["a"]["states"][0]["alpha_iou"] == 1
    assert again.results["baseline:regions"]["b"] == first.results["baseline:regions"]["b"]


def test_resuming_does_only_what_is_missing(dataset: Path, tmp_path: Path) -> None:
    run(config(dataset, tmp_path / "out", limit=2))
    stored = (tmp_path / "out/results").rglob("*.json")
    times = {path: path.stat().st_mtime_ns for path in stored if '"error"' not in path.read_text()}
    done: list[tuple[int, int, str]] = []
    run(config(dataset, tmp_path / "out", resume=True), lambda *at: done.append(at))
    assert times
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in times.items())
    assert done[0][0] == len(times)
    assert done[-1][0] == done[-1][1] == 10
    with pytest.raises(UsageError, match="seed was 0"):
        run(config(dataset, tmp_path / "out", resume=True, seed=1))
    with pytest.raises(OutputError, match="--resume"):
        run(config(dataset, tmp_path / "out"))
    with pytest.raises(OutputError, match="holds no run"):
        run(config(dataset, dataset))


def test_workers_give_the_same_figures(dataset: Path, tmp_path: Path) -> None:
    def plain(out: str, jobs: int) -> dict[str, object]:
        finished = run(config(dataset, tmp_path / out, jobs=jobs, methods=("baseline:regions",)))
        results = finished.results["baseline:regions"]
        return {name: {**result, "seconds": 0} for name, result in results.items()} | {"problems": finished.problems}

    assert plain("one", 1) == plain("two", 2)


def test_zero_samples_are_an_error(tmp_path: Path) -> None:
    save(scene(0).with_layers(()), tmp_path / "set" / "blank")
    with pytest.raises(InputError, match="none of 1 samples could be evaluated; the first, blank: the truth has 0"):
        run(config(tmp_path / "set", tmp_path / "out"))
    (tmp_path / "bare").mkdir()
    for missing in (tmp_path / "bare", tmp_path / "nowhere"):
        with pytest.raises(InputError):
            run(config(missing, tmp_path / "other"))
    with pytest.raises(CheckpointError, match="no such model"):
        run(config("synth:0", tmp_path / "unfit", methods=("nothing",)))


def test_seeds_are_inclusive_and_never_training_data() -> None:
    assert TRAINED_FROM == TRAIN_SEED_START
    assert [sample.seed for sample in find_samples("synth:7-9").samples] == [7, 8, 9]
    assert len(find_samples("synth:0-499", 20).samples) == 20
    sample = find_samples("synth:3").samples[0]
    assert np.array_equal(sample.picture(sample.load())[..., :3], draw_design(3).image_u8_HW3)
    for wrong in ("synth:9-7", "synth:", "synth:1-1000000", "synth:a-b"):
        with pytest.raises(UsageError):
            find_samples(wrong)


def test_rasters_open_groups_only_where_nothing_changes() -> None:
    ground, panel, disc = scene(0).layers
    nested = LayerStack(size=(48, 40), layers=(ground, Group(layers=(panel, disc))))
    assert len(rasters(nested)) == 3
    faint = LayerStack(size=(48, 40), layers=(ground, Group(layers=(panel, disc), opacity=0.5)))
    assert [int(raster[..., 3].max()) for raster in rasters(faint)] == [255, 128]
    hidden = LayerStack(size=(48, 40), layers=(ground, Group(layers=(panel, disc), visible=False)))
    assert len(rasters(hidden)) == 1
    multiplied = Layer(pixels=panel.pixels, blend="multiply")  # type: ignore[union-attr]
    with pytest.raises(InputError, match="multiply"):
        rasters(LayerStack(size=(48, 40), layers=(ground, multiplied)))


def test_the_report_counts_and_compares(dataset: Path, tmp_path: Path) -> None:
    setup = config(dataset, tmp_path / "out")
    finished = run(setup)
    report = make_report(setup, finished)
    method = report["methods"]["baseline:regions"]
    assert method["samples"] == sum(method["histogram"]) == 3
    assert method["confusion"] == {"3": {"3": 3}}
    assert {name: row["samples"] for name, row in method["by_source"].items()} == {"drawn": 2, "posters": 1}
    ious = [method["results"][name]["states"][0]["alpha_iou"] for name in method["cases"]]
    assert ious == sorted(ious)
    assert report["methods"]["baseline:one"]["one_layer"] == 3
    assert report["published"]["rows"][2]["alpha_iou"][0] == 0.7520
    found = finished.results["baseline:regions"].values()
    states = [score_stacks(rasters(load(tmp_path / "out/predictions/baseline-regions" / r["sample"])),
                           rasters(find(dataset, r["sample"]))).states for r in found]  # fmt: skip
    assert method["aggregate"] == aggregate(states)
    assert "alpha_iou_0" not in report["comparisons"][0]["better_other"]
    assert verdicts(report)[0].startswith("baseline:one beats baseline:regions on ")


def find(dataset: Path, name: str) -> LayerStack:
    return next(sample for sample in find_samples(str(dataset)).samples if sample.name == name).load()


def test_paired_differences_are_taken_on_common_samples(dataset: Path, tmp_path: Path) -> None:
    finished = run(config(dataset, tmp_path / "out"))
    first, other = finished.results["baseline:one"], dict(finished.results["baseline:regions"])
    del other["b"]
    table = paired(first, other)
    assert table["samples"] == 2
    row = table["figures"]["alpha_iou_0"]
    expected = np.mean(
        [figures(other[n])["alpha_iou_0"] - figures(first[n])["alpha_iou_0"] for n in ("a", "posters/c")]
    )
    assert row["difference"] == pytest.approx(expected)
    assert (row["other_better"], row["other_worse"], row["other_wins"]) == (2, 0, True)
    assert "alpha_iou_0" in table["better_other"]


def cli(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def test_the_commands_write_reports_that_need_no_network(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = cli("eval", "split", "--data", dataset, "--model", "baseline:regions", "--baselines", "-o", out)
    assert "baseline:one beats baseline:regions on" in result.stdout
    assert "empty: the folder is empty" in result.stderr
    page = (out / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert page.count("data:image/webp") == 9
    assert page.count('class="published"') == 8
    for words in ("published: LayerD", "Worst first", "the folder is empty", "By source", "no manifest.json"):
        assert words in page
    cli("eval", "split", "--data", "synth:10000-10001", "--model", "baseline:one", "-o", tmp_path / "other", "--json")
    cli("eval", "compare", out, tmp_path / "other", code=1)  # nothing in common
    said = cli("eval", "compare", out, out, "--method-b", "baseline:one", "-o", tmp_path / "c.html").stdout
    assert "B (baseline:one)" in said
    assert "posters/c" in (tmp_path / "c.html").read_text(encoding="utf-8")
    document = json.loads(cli("eval", "compare", out / "report.json", out, "--json").stdout)
    assert document["samples"] == 3
    assert all(not any(row["difference"].values()) for row in document["per_sample"])
    cli("eval", "compare", out, out, "--method-a", "nothing", code=2)
    cli("eval", "compare", out, dataset, code=1)


def test_names_from_files_cannot_write_html(dataset: Path, tmp_path: Path) -> None:
    (dataset / "a").rename(dataset / "<script>alert(1)<")
    (dataset / "notes.txt").rename(dataset / "<b>notes")
    cli("eval", "split", "--data", dataset, "--model", "baseline:one", "-o", tmp_path / "run")
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>notes" not in page
    assert "&lt;b&gt;notes" in page


def test_all_baselines_follow_the_model() -> None:
    assert with_baselines("default", False) == ("default",)
    assert with_baselines("baseline:one", True) == ("baseline:one", "baseline:difference", "baseline:regions")


def test_a_sticker_is_scored_as_it_was_shown_on_white() -> None:
    sticker = np.zeros((32, 40, 4), np.uint8)
    sticker[8:24, 8:24] = (200, 30, 30, 255)
    opaque = np.full_like(sticker, 255)
    truth = on_white([sticker])
    assert len(truth) == 2
    assert truth[0].min() == 255
    assert score_stacks([opaque, sticker], truth).states[0].alpha_iou == 1
    assert len(on_white([opaque, sticker])) == 2  # nothing shows through: nothing is added
    assert on_white([]) == []
