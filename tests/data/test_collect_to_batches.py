"""The whole way with the commands: a folder of design files, a collection, a dataset, shards, batches, cut-outs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sample_designs import design
from typer.testing import CliRunner

from layerize.cli.data import app
from layerize.data.buckets import PlanOptions
from layerize.data.layered_dataset import LayerBatches
from layerize.formats import save
from layerize.synth.elements import ElementBank

MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy... this permission notice shall be "
    "included in all copies"
)


def run(*arguments: str) -> dict[str, object]:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_from_files_to_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    art = tmp_path / "art"
    (art / "one").mkdir(parents=True)
    (art / "LICENSE").write_text(MIT)
    for seed, name in enumerate(("one/poster.psd", "one/card.ora")):
        save(design(seed, 3 + seed, (160, 120)), art / name)
    collection, dataset, shards = (str(tmp_path / name) for name in ("collection", "dataset", "shards"))
    assert run("collect", str(art), "-o", collection, "--licence", "MIT")["kept"] == 2
    run("extract", collection, "-o", dataset, "--splits", "100,0,0")
    index = run("shard", dataset, "-o", shards, "--format", "parquet")
    assert index["splits"] == {"train": 2}
    assert index["licences"] == {"MIT": 2}
    options = PlanOptions(sizes=((64, 48),), groups=2, group_size=1)
    (batch,) = LayerBatches(shards, options, endless=False)
    assert sorted(batch.count_B.tolist()) == [3, 4]
    original = np.asarray(design(0, 3, (160, 120)).composite().convert("RGB").resize((64, 48), 4), np.float32) / 255
    place = batch.count_B.tolist().index(3)
    assert np.abs(batch.picture_B3HW[place].permute(1, 2, 0).numpy() - original).mean() < 0.02
    assert {element.credit.licence for element in ElementBank.load(dataset).elements} == {"MIT"}
