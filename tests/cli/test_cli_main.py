"""The frame of the command line: help, errors in one line, exit codes."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer

from layerize import __version__
from layerize.cli import main as cli_main
from layerize.cli.report import describe, layer_lines
from layerize.errors import InputError, UsageError
from layerize.stack import Group, LayerStack


def test_help_names_every_command(cli) -> None:
    shown = cli("--help").stdout
    for name, entry in cli_main.COMMANDS.items():
        assert f"{name} " in shown
        assert entry.summary in " ".join(shown.split())


def test_version(cli) -> None:
    assert cli("--version").stdout.strip() == f"layerize {__version__}"


def test_unknown_command_and_option_are_usage_errors(cli) -> None:
    assert "No such command 'spilt'" in cli("spilt", code=2).stderr
    assert "--colour" in cli("join", "x", "-o", "y.png", "--colour", code=2).stderr


def test_missing_argument_is_a_usage_error(cli) -> None:
    assert "STACK" in cli("join", code=2).stderr


def test_an_error_is_one_line_without_traceback(cli) -> None:
    result = cli("join", "nothing.psd", "-o", "flat.png", code=1)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("layerize: nothing.psd: no such file")


def test_debug_shows_the_traceback(cli) -> None:
    stderr = cli("--debug", "join", "nothing.psd", "-o", "flat.png", code=1).stderr
    assert "Traceback" in stderr
    assert stderr.splitlines()[-1].startswith("layerize: nothing.psd: no such file")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UsageError("No."), 2, "layerize: No."),
        (InputError("a.png: two\nlines."), 1, "layerize: a.png: two lines."),
        (KeyboardInterrupt(), 130, "layerize: interrupted"),
        (MemoryError(), 1, "layerize: out of memory"),
        (OSError(errno.ENOSPC, "No space left on device", "out.psd"), 1, "layerize: the disk is full (out.psd)"),
        (PermissionError(errno.EACCES, "Permission denied", "out.psd"), 1, "layerize: out.psd: Permission denied."),
        (ZeroDivisionError("oops"), 1, "layerize: internal error, ZeroDivisionError: oops"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_failure_has_its_line_and_code(
    cli, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, text: str
) -> None:
    def broken() -> None:
        raise error

    module = ModuleType("broken_command")
    module.broken = broken
    monkeypatch.setitem(sys.modules, "broken_command", module)
    monkeypatch.setitem(cli_main.COMMANDS, "broken", cli_main.Entry("broken_command", "Fails."))
    stderr = cli("broken", code=code).stderr
    assert stderr.startswith(text)
    assert len(stderr.splitlines()) == 1


def test_a_command_may_choose_its_exit_code(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaving() -> None:
        raise typer.Exit(3)

    module = ModuleType("leaving_command")
    module.leaving = leaving
    monkeypatch.setitem(sys.modules, "leaving_command", module)
    monkeypatch.setitem(cli_main.COMMANDS, "leaving", cli_main.Entry("leaving_command", "Leaves."))
    assert cli("leaving", code=3).stderr == ""


def test_describe_does_not_hide_the_type_of_an_unforeseen_error() -> None:
    assert "KeyError: 'x'" in describe(KeyError("x"))


def test_termination_unwinds() -> None:
    code = (
        "import signal, sys, time\n"
        "from layerize.cli.main import _terminate\n"
        "signal.signal(signal.SIGTERM, _terminate)\n"
        "try:\n"
        "    print('ready', flush=True); time.sleep(60)\n"
        "finally:\n"
        "    print('unwound', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
        rest, messages = process.communicate(timeout=30)
    assert (process.returncode, rest.strip(), messages.strip()) == (143, b"unwound", b"layerize: terminated.")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_names_that_the_terminal_cannot_show_are_no_error(encoding: str, tmp_path: Path) -> None:
    """The last character is a byte of a file name that is not UTF-8."""
    name = "日本 ü \N{GRINNING FACE} \udcff"
    code = f"""
from layerize.cli import main, report
main.app = lambda prog_name: (report.say({name!r}), report.say_json({name!r}), report.complain({name!r}))
main.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}
    )
    assert done.returncode == 0, done.stderr
    shown, document = done.stdout.decode(encoding).splitlines()
    assert shown == name.encode(encoding, "backslashreplace").decode(encoding)
    assert json.loads(document) == name


def test_a_foreign_name_cannot_steer_the_terminal() -> None:
    stack = LayerStack(size=(1, 1), layers=(Group(layers=(), name="a\nb\x1b[31m 日本 👩‍🚀"),))
    assert layer_lines(stack) == ["  0  a\ufffdb\ufffd[31m 日本 👩‍🚀"]


def test_python_dash_m(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "layerize", "--version"], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == f"layerize {__version__}"
