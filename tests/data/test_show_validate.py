"""``data show`` draws what is there, ``data validate`` finds what somebody broke."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from design_stacks import poster, stack_of
from typer.testing import CliRunner, Result

from layerize.cli.main import app
from layerize.data.dataset_folder import DatasetFolder, IndexEntry
from layerize.data.extract import ExtractOptions, extract_file, failed_entry
from layerize.data.show import write_page
from layerize.data.sources import SourceFile
from layerize.data.validate import validate_dataset
from layerize.errors import InputError
from layerize.formats import load, save


def source(path: Path, **facts: str) -> SourceFile:
    return SourceFile(path=path, source=path.name, repository="anna/art", sha256=path.name, **facts)


@pytest.fixture
def dataset(tmp_path: Path) -> DatasetFolder:
    """One accepted sample, one rejected file, one failed one."""
    folder = DatasetFolder(tmp_path / "set")
    folder.create(ExtractOptions().to_json(), "layerize test")
    stack = poster()
    stack.save(tmp_path / "poster.layers")
    stack_of(*stack.layers[:1]).save(tmp_path / "flat.layers")
    options = ExtractOptions()
    folder.append(extract_file(source(tmp_path / "poster.layers", licence="MIT"), options, folder.root, "poster"))
    folder.append(extract_file(source(tmp_path / "flat.layers"), options, folder.root, "flat"))
    folder.append(failed_entry(source(tmp_path / "<script>.psd"), "bad", "timeout", "took longer than 1 s"))
    return folder


def problems(dataset: DatasetFolder) -> list[str]:
    return [f"{problem.id}: {problem.text}" for problem in validate_dataset(dataset.root).problems]


def test_a_sound_dataset_has_no_problems(dataset: DatasetFolder) -> None:
    report = validate_dataset(dataset.root)
    assert (report.checked, report.problems) == (1, ())


def change_index(dataset: DatasetFolder, **values: object) -> None:
    entries = [entry.model_copy(update=values) if entry.id == "poster" else entry for entry in dataset.entries()]
    dataset.rewrite(entries)


def repaint(dataset: DatasetFolder, change: Callable[[dict[str, object]], None]) -> None:
    path = dataset.samples / "poster/manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def drop_picture(dataset: DatasetFolder) -> None:
    (dataset.samples / "poster/layers/02.png").unlink()


def swap_composite(dataset: DatasetFolder) -> None:
    composite = dataset.samples / "poster/composite.png"
    composite.write_bytes((dataset.samples / "poster/layers/00.png").read_bytes())


def double_layer(dataset: DatasetFolder) -> None:
    stack = load(dataset.samples / "poster")
    twice = stack.with_layers([*stack.layers, *(layer for layer in poster().layers[-1:])])
    save(twice, dataset.samples / "poster")


def stray(dataset: DatasetFolder) -> None:
    (dataset.samples / "left-over").mkdir()


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (drop_picture, "02.png"),
        (swap_composite, "composite.png differs from the layers"),
        (double_layer, "has 6 layers, the index says 5"),
        (double_layer, "'Line' changes nothing in the picture"),
        (stray, "left-over: lies between the samples"),
        (lambda d: change_index(d, canvas=(9, 9)), "the canvas is 64x48, the index says 9x9"),
        (lambda d: change_index(d, mad=3.5), "differs from its preview by 3.50"),
        (lambda d: change_index(d, licence="CC0-1.0"), "the manifest's licence is 'MIT', the index says 'CC0-1.0'"),
        (lambda d: change_index(d, split="test"), "one repository in several splits: test, train"),
        (lambda d: change_index(d, path="samples/../../outside"), "must be relative and stay"),
        (lambda d: repaint(d, lambda m: m.update(caption="Another.")), "the manifest's caption is 'Another.'"),
        (lambda d: repaint(d, lambda m: m["layers"][1].update(opacity=0.5)), "'Card' is not a plain layer"),  # type: ignore[index]
        (lambda d: repaint(d, lambda m: m["layers"][1].update(visible=False)), "'Card' is not a plain layer"),  # type: ignore[index]
        (lambda d: repaint(d, lambda m: m.update(colour="red")), "unknown key 'colour'"),
        (lambda d: (d.samples / "poster/manifest.json").unlink(), "holds no manifest.json"),
    ],
)
def test_what_is_broken_is_named(dataset: DatasetFolder, harm: Callable[[DatasetFolder], object], found: str) -> None:
    harm(dataset)
    try:
        listed = problems(dataset)
    except InputError as error:  # an index that cannot be read at all
        listed = [str(error)]
    assert any(found in line for line in listed), listed


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no dataset\.json"):
        validate_dataset(tmp_path)
    with pytest.raises(InputError, match=r"holds no dataset\.json"):
        write_page(tmp_path, tmp_path / "page.html")


def test_the_page_holds_everything_in_itself(dataset: DatasetFolder, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_page(dataset.root, page)
    html = page.read_text(encoding="utf-8")
    assert html.count("data:image/webp;base64,") == 1
    assert re.findall(r"(?:src|href)=\"(?!data:)", html) == []
    assert "<script>" not in html
    assert "&lt;script&gt;.psd" in html
    for words in (
        "anna/art",
        "MIT",
        "too-few-layers",
        "took longer than 1 s",
        "Layers per sample",
        "5 layers in 3 levels",
    ):
        assert words in html


def test_drawn_samples_are_spread_and_empty_datasets_have_a_page(dataset: DatasetFolder, tmp_path: Path) -> None:
    write_page(dataset.root, tmp_path / "none.html", sheets=0)
    assert "data:image" not in (tmp_path / "none.html").read_text()
    dataset.rewrite([])
    write_page(dataset.root, tmp_path / "empty.html")
    assert "<h1>" in (tmp_path / "empty.html").read_text()


def test_commands(dataset: DatasetFolder, tmp_path: Path) -> None:
    def layerize(*words: str) -> Result:
        return CliRunner().invoke(app, ["data", *words])

    good = layerize("validate", str(dataset.root))
    assert (good.exit_code, good.stdout) == (0, "1 samples checked, 0 problems.\n")
    drop_picture(dataset)
    bad = layerize("validate", str(dataset.root), "--json")
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)["problems"][0]["id"] == "poster"
    out = tmp_path / "again"
    made = layerize("extract", str(tmp_path / "poster.layers"), "-o", str(out), "--json", "--splits", "0,0,100")
    assert made.exit_code == 0, made.stderr
    (entry,) = (IndexEntry.model_validate(item) for item in json.loads(made.stdout)["files"])
    assert (entry.status, entry.split) == ("accepted", "test")
    for words in (["--merge", "all"], ["--splits", "50,50"], ["--filter", "layer"]):
        wrong = layerize("extract", str(tmp_path / "poster.layers"), "-o", str(out), *words)
        assert wrong.exit_code == 2, wrong.stderr
