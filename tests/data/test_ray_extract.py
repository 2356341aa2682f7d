"""Extraction on a local Ray cluster gives what the process pool gives; a lost worker costs one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from design_stacks import ground, noise, patch, poster, stack_of

from layerize.data.dataset_folder import IndexEntry
from layerize.data.extract import ExtractOptions
from layerize.data.extract_run import RunOptions, extract_dataset
from layerize.data.isolated import Limits, Outcome
from layerize.data.ray_extract import _in_flight, ray_runner, start_ray

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    start_ray("local", 2)
    yield
    ray.shutdown()


def told(entries: list[IndexEntry]) -> list[IndexEntry]:
    return [entry.model_copy(update={"seconds": 0.0}) for entry in entries]


def test_the_cluster_gives_what_the_pool_gives(tmp_path: Path) -> None:
    art = tmp_path / "art"
    poster().save(art / "poster.layers")
    stack_of(ground(noise(64, 48)), patch("Sun", (250, 200, 0, 255))).save(art / "sun.ora")
    stack_of(ground(noise(64, 48))).save(art / "flat.ora")
    (art / "broken.ora").write_bytes(b"PK nothing")
    run = RunOptions(limits=Limits(seconds=60))
    pool = extract_dataset([art], tmp_path / "pool", ExtractOptions(), run)
    cluster = extract_dataset([art], tmp_path / "ray", ExtractOptions(), run, runner=ray_runner())
    assert told(cluster) == told(pool)
    assert sorted(entry.status for entry in cluster) == ["accepted", "accepted", "failed", "rejected"]
    files = [path.relative_to(tmp_path / "pool") for path in (tmp_path / "pool/samples").rglob("*.png")]
    assert len(files) == 9
    for file in files:
        assert (tmp_path / "ray" / file).read_bytes() == (tmp_path / "pool" / file).read_bytes()


def test_a_lost_worker_costs_its_file_only() -> None:
    @ray.remote(max_retries=0)  # type: ignore[untyped-decorator]
    def work(value: int) -> Outcome:
        if value == 1:
            import os

            os._exit(1)
        return Outcome(value={"value": value})

    found = dict(_in_flight(ray, ((value, work.remote(value)) for value in range(3)), 1))
    assert found[0].value == {"value": 0}
    assert found[2].value == {"value": 2}
    assert found[1].failure == "crash"
    assert "Ray worker was lost" in found[1].message
