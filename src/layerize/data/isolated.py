"""A function on many inputs, each in a process of its own: a crash, a hang or a gigabyte costs that input only.

Children come from a clean server process that has the readers loaded (``forkserver``), so one costs some 20 ms. Answers
travel as JSON. Knows nothing of design files.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, TypeAlias

from layerize.errors import LayerizeError

Json: TypeAlias = dict[str, Any]
GRACE_SECONDS = 5
"""A child ends itself this long after its time, should the parent be gone."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one input: a value, or the error's kind and sentence.

    Attributes:
        value: The function's answer, None if it failed.
        failure: "error" (raised), "timeout", "memory", "crash"; "" if it did not fail.
        message: One sentence on the failure.
        seconds: From start to end.
    """

    value: Json | None
    failure: str = ""
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """For each child.

    Attributes:
        seconds: Wall-clock time.
        bytes: Memory that may be taken beyond what a fresh child has (address space; where the system can limit it).
    """

    seconds: float = 120.0
    bytes: int = 4 << 30


@dataclass
class _Child:
    index: int
    process: Any
    answer: connection.Connection
    start: float


def run_isolated(
    function: Callable[[Json], Json],
    inputs: Iterable[Json],
    *,
    workers: int = 1,
    limits: Limits | None = None,
    preload: Sequence[str] = (),
) -> Iterator[tuple[int, Outcome]]:
    """Call a function on every input, at most ``workers`` at a time.

    Args:
        function: A module's function; takes and returns what JSON can hold.
        inputs: Consumed as workers become free.
        workers: At least 1.
        limits: Time and memory of each child.
        preload: Modules that children would import one by one; those that are not installed are left out.

    Yields:
        (index of the input, outcome), in the order in which they end.
    """
    limits = limits or Limits()
    context = _context([function.__module__, *preload])
    waiting = enumerate(inputs)
    running: list[_Child] = []
    try:
        while True:
            while len(running) < workers and (job := next(waiting, None)) is not None:
                running.append(_start(context, function, *job, limits))
            if not running:
                return
            _wait(running, limits)
            for child in list(running):
                outcome = _outcome(child, limits)
                if outcome is not None:
                    running.remove(child)
                    yield child.index, outcome
    finally:
        for child in running:
            _end(child)


def _context(modules: list[str]) -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(modules)
    return context


def _start(context: Any, function: Callable[[Json], Json], index: int, job: Json, limits: Limits) -> _Child:
    answer, writer = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(function, job, writer, limits), daemon=True)
    process.start()
    writer.close()
    return _Child(index, process, answer, time.monotonic())


def _wait(running: list[_Child], limits: Limits) -> None:
    """Until a child answers or ends, or the oldest one's time is over."""
    deadline = min(child.start for child in running) + limits.seconds
    events = [child.answer for child in running] + [child.process.sentinel for child in running]
    connection.wait(events, timeout=max(0.0, deadline - time.monotonic()))


def _outcome(child: _Child, limits: Limits) -> Outcome | None:
    """What a child has answered, or why it will not; None while it works."""
    seconds = time.monotonic() - child.start
    if child.answer.poll():
        with contextlib.suppress(EOFError, OSError, ValueError):
            document = json.loads(child.answer.recv_bytes())
            child.process.join(GRACE_SECONDS)
            _end(child)
            return Outcome(**document, seconds=seconds)
    elif child.process.exitcode is None and seconds < limits.seconds:
        return None
    late = seconds >= limits.seconds
    child.process.join(0 if late else GRACE_SECONDS)
    code = child.process.exitcode
    _end(child)
    if late and code is None:
        return Outcome(value=None, failure="timeout", message=f"took longer than {limits.seconds:g} s", seconds=seconds)
    return Outcome(value=None, failure="crash", message=_death(code), seconds=seconds)


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"its process died of {signal.Signals(-code).name}"
    return f"its process died with exit code {code}"


def _end(child: _Child) -> None:
    if child.process.exitcode is None:
        child.process.kill()
        child.process.join()
    child.answer.close()
    child.process.close()


def _work(function: Callable[[Json], Json], job: Json, answer: connection.Connection, limits: Limits) -> None:
    """The child: limits first, then the work, then one answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    _limit(limits)
    _be_silent()
    try:
        document: Json = {"value": function(job)}
    except LayerizeError as error:
        document = {"value": None, "failure": "error", "message": str(error)}
    except MemoryError:
        message = f"needs more than {limits.bytes / 2**30:.1f} GiB of memory"
        document = {"value": None, "failure": "memory", "message": message}
    except BaseException as error:  # whatever a file can make a library raise is that file's fault
        text = " ".join(str(error).split())[:300]
        message = f"{type(error).__name__}: {text}" if text else type(error).__name__
        document = {"value": None, "failure": "error", "message": message}
    answer.send_bytes(json.dumps(document).encode())
    answer.close()


def _limit(limits: Limits) -> None:
    """Time and memory, enforced by the system where it can."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, limits.seconds + GRACE_SECONDS)
    try:
        import resource
    except ImportError:  # Windows
        return
    most = _address_space() + limits.bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS knows the limit and refuses it
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _address_space() -> int:
    """Bytes that this process has mapped already; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _be_silent() -> None:
    """Libraries print about damaged files; what matters comes back as the answer."""
    sys.stdout.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
