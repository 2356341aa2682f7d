"""The same extraction and captioning on a Ray cluster: ``extract_job`` as tasks, captioners as actors.

Each task still gives its file a process of its own (``isolated``), so a poisoned file costs itself only; a worker that
the cluster loses costs the file that it was working on. The folders of sources and dataset must be the same on all
machines. Needs the extra ``ray``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from layerize.data.captioner import BATCH, CaptionRunner, QwenCaptioner, caption_paths
from layerize.data.extract import PRELOAD, extract_job
from layerize.data.extract_run import Runner
from layerize.data.isolated import Json, Limits, Outcome, run_isolated
from layerize.errors import MissingExtraError, UsageError

LOCAL = "local"
AHEAD = 4
"""Tasks handed to the cluster per processor, so that none waits and the queue stays short."""


def start_ray(address: str, jobs: int) -> None:
    """Connect to a cluster, or start one here.

    Args:
        address: "local" starts one on this machine with ``jobs`` processors; "auto" reads ``RAY_ADDRESS``; else an
            address such as ``ray://host:10001``.
        jobs: Processors of a local cluster.

    Raises:
        MissingExtraError: ray is not installed.
        UsageError: There is no such cluster.
    """
    ray = _ray()
    if ray.is_initialized():
        return
    try:
        if address == LOCAL:
            ray.init(address=LOCAL, num_cpus=jobs, include_dashboard=False, log_to_driver=False, logging_level="error")
        else:
            ray.init(address=address, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"--ray {address}: no Ray cluster answers there ({error}); use 'local' to start one."
        ) from error


def ray_runner() -> Runner:
    """A ``Runner`` on the cluster that ``start_ray`` has connected to."""

    def runner(jobs: Iterable[Json], limits: Limits) -> Iterator[tuple[int, Outcome]]:
        ray = _ray()
        task = ray.remote(num_cpus=1, max_retries=0)(_extract_alone)
        most = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        yield from _in_flight(ray, ((index, task.remote(job, limits)) for index, job in enumerate(jobs)), most)

    return runner


def ray_captioner(source: str) -> CaptionRunner:
    """Captioning by as many actors as the cluster has GPUs (without any: by one on a processor)."""
    ray = _ray()
    gpus = int(ray.cluster_resources().get("GPU", 0))

    def captions(paths: Sequence[str]) -> Iterator[tuple[int, str]]:
        if not paths:
            return
        actor = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0, max_restarts=2, max_task_retries=1)(_CaptionActor)
        pool = ray.util.ActorPool([actor.remote(source) for _ in range(max(1, gpus))])
        starts = range(0, len(paths), BATCH)
        for start in starts:
            pool.submit(lambda one, begin: one.run.remote(begin, list(paths[begin : begin + BATCH])), start)
        for _ in starts:
            yield from pool.get_next_unordered()

    return CaptionRunner(source, captions)


class _CaptionActor:
    """Holds the model; answers (index, caption) for a run of paths."""

    def __init__(self, source: str) -> None:
        self.captioner = QwenCaptioner.open(source)

    def run(self, start: int, paths: list[str]) -> list[tuple[int, str]]:
        return list(enumerate(caption_paths(self.captioner, paths), start))


def _extract_alone(job: Json, limits: Limits) -> Outcome:
    """One file in a process of its own, from inside a worker."""
    return next(outcome for _, outcome in run_isolated(extract_job, [job], limits=limits, preload=PRELOAD))


def _in_flight(ray: Any, tasks: Iterator[tuple[int, Any]], most: int) -> Iterator[tuple[int, Outcome]]:
    """Answers as they come, at most ``most`` tasks handed out at a time."""
    running: dict[Any, int] = {}
    while True:
        while len(running) < most and (job := next(tasks, None)) is not None:
            running[job[1]] = job[0]
        if not running:
            return
        for done in ray.wait(list(running), num_returns=1)[0]:
            yield running.pop(done), _answer(ray, done)


def _answer(ray: Any, reference: Any) -> Outcome:
    try:
        outcome: Outcome = ray.get(reference)
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return Outcome(value=None, failure="crash", message=f"its Ray worker was lost: {first[:200]}")
    return outcome


def _ray() -> Any:
    try:
        import ray
        import ray.util
    except ImportError as error:
        raise MissingExtraError("--ray", "ray", "ray") from error
    return ray
