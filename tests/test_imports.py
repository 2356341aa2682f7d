"""The house rules of docs/architecture.md: imports go one way, extras load late, ``--help`` stays light."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import layerize
from layerize.cli.main import COMMANDS

PACKAGE = Path(layerize.__file__).parent

# A room may import only itself and the rooms before it.
ROOMS = (
    "errors",
    "stack",
    "naming",
    "sheet",
    "formats",
    "models",
    "flow",
    "refine",
    "text",
    "coarse",
    "recursion",
    "predictors",
    "splitter",
    "generator",
    "latent",
    "edits",
    "variants",
    "synth",
    "data",
    "training",
    "evaluation",
    "app",
    "cli",
)
# The front page offers names of every room; nothing may import it except for the version.
FACADE = {"__init__.py", "__main__.py"}
# LayerStack.save() is what a user expects to find; it calls the room below lazily.
EXCEPTIONS = {("stack/layer.py", "formats")}
# Networks and their mathematics know nothing of files; these modules are the models' only door to them.
BLIND = ("models", "flow")
CHECKPOINT_FILES = {
    "models/checkpoint.py",
    "models/tensor_files.py",
    "models/diffusers_folder.py",
    "models/config_json.py",
    "models/qwen_text.py",  # foreign tokenizer and text encoder
}
FILE_MODULES = {"pathlib", "os", "io", "json", "safetensors", "PIL"}
NEVER_AT_IMPORT = {
    "diffusers",
    "transformers",
    "skia",
    "uharfbuzz",
    "accelerate",
    "huggingface_hub",
    "psutil",
    "OpenEXR",
    "pptx",
    "tifffile",
    "rapidocr",
    "onnxruntime",
}
# Rooms that need an extra as a whole: there the one module that imports it says which.
EXTRA_ROOMS = ("synth", "data", "training", "evaluation", "app")
EXTRA_DOORS = {"synth/skia_module.py"}
NO_TORCH = ("errors", "naming", "sheet", "formats", "edits", "variants", "synth", "cli")
# What a command may import at once: itself, and the words of the edits, which import nothing further.
LIGHT = ("layerize.cli", "layerize.edits", "layerize.errors", "layerize.__version__")


class Import(NamedTuple):
    file: str
    line: int
    module: str
    lazy: bool  # inside a function


def room_of(file: str) -> str:
    return file.split("/")[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[Import]:
    """Every import of a file; those under ``if TYPE_CHECKING`` too, as late ones: types have a direction as well."""
    file = path.relative_to(PACKAGE).as_posix()

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(file, child.lineno, alias.name, lazy)
            elif isinstance(child, ast.ImportFrom):
                yield from _from(child, lazy)
            typing_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from visit(child, lazy or inside or typing_only)

    def _from(node: ast.ImportFrom, lazy: bool) -> Iterator[Import]:
        base = node.module or ""
        if node.level:
            parents = ["layerize", *path.relative_to(PACKAGE).parent.parts]
            base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [node.module])])
        if base == "layerize":
            for alias in node.names:
                yield Import(file, node.lineno, f"layerize.{alias.name}", lazy)
        else:
            yield Import(file, node.lineno, base, lazy)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), False)


def all_imports() -> list[Import]:
    return [found for path in sorted(PACKAGE.rglob("*.py")) for found in imports_of(path)]


IMPORTS = all_imports()


def at(found: Import) -> str:
    return f"{found.file}:{found.line} imports {found.module}"


def test_every_file_belongs_to_a_room() -> None:
    files = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")} - FACADE
    strangers = sorted(file for file in files if room_of(file) not in ROOMS)
    assert not strangers, f"add their room to docs/architecture.md and to ROOMS: {strangers}"


def test_a_room_imports_only_rooms_above_it() -> None:
    wrong = []
    for found in IMPORTS:
        parts = found.module.split(".")
        if parts[0] != "layerize" or len(parts) < 2 or found.file in FACADE or parts[1] == "__version__":
            continue
        own, other = room_of(found.file), parts[1]
        if other not in ROOMS:
            wrong.append(f"{at(found)}: the front page is for users")
        elif ROOMS.index(other) > ROOMS.index(own) and not (found.lazy and (found.file, other) in EXCEPTIONS):
            wrong.append(at(found))
    assert not wrong, "\n".join(wrong)


def test_networks_know_nothing_of_files() -> None:
    wrong = [
        at(found)
        for found in IMPORTS
        if room_of(found.file) in BLIND
        and found.file not in CHECKPOINT_FILES
        and (found.module.split(".")[0] in FILE_MODULES or found.module.startswith("layerize.formats"))
    ]
    assert not wrong, "\n".join(wrong)


def test_extras_are_imported_inside_functions() -> None:
    wrong = [
        at(found)
        for found in IMPORTS
        if not found.lazy and found.module.split(".")[0] in NEVER_AT_IMPORT and found.file not in EXTRA_DOORS
    ]
    assert not wrong, "\n".join(wrong)


def test_light_rooms_do_not_import_torch_at_module_level() -> None:
    wrong = [
        at(found)
        for found in IMPORTS
        if not found.lazy and found.module.split(".")[0] == "torch" and room_of(found.file) in NO_TORCH
    ]
    assert not wrong, "\n".join(wrong)


def test_command_modules_load_only_the_command_line() -> None:
    """``layerize split --help`` imports the module of the command: nothing heavy may hang on it."""
    allowed = {"typer", "rich", "layerize", *sys.stdlib_module_names}
    wrong = [
        at(found)
        for found in IMPORTS
        if room_of(found.file) in ("cli", "edits")
        and not found.lazy
        and (
            found.module.split(".")[0] not in allowed
            or (found.module.startswith("layerize") and not found.module.startswith(LIGHT))
        )
    ]
    assert not wrong, "\n".join(wrong)


def run(code: str, *arguments: str) -> list[str]:
    """Run code in a fresh interpreter; its last line of output is a JSON list."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


HELP = """
import json, sys
from layerize.cli.main import main
sys.argv = ["layerize", *sys.argv[1:], "--help"]
try:
    main()
except SystemExit as left:
    assert left.code == 0, left.code
heavy = ("torch", "numpy", "PIL", "cv2", "safetensors", "skia", "diffusers", "transformers", "accelerate")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_loads_nothing_heavy(command: str) -> None:
    assert run(HELP, *command.split()) == []


def test_the_front_page_is_light() -> None:
    code = "import json, sys, layerize; print(json.dumps([n for n in ('torch', 'numpy', 'PIL') if n in sys.modules]))"
    assert run(code) == []


def test_the_core_imports_without_the_extras_and_the_rest_says_what_is_missing() -> None:
    code = f"""
import importlib, json, pkgutil, sys
for name in {sorted(NEVER_AT_IMPORT)!r}:
    sys.modules[name] = None
import layerize
from layerize.errors import MissingExtraError
loaded = []
for path in pkgutil.walk_packages(layerize.__path__, "layerize.", onerror=lambda name: None):
    try:
        importlib.import_module(path.name)
        loaded.append(path.name)
    except MissingExtraError:
        assert path.name.split(".")[1] in {EXTRA_ROOMS!r}, path.name
print(json.dumps(loaded))
"""
    loaded = {name.split(".")[1] for name in run(code)}
    core = {room_of(found.file) for found in IMPORTS if found.file not in FACADE} - set(EXTRA_ROOMS)
    assert core <= loaded
