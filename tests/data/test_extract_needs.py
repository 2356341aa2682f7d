"""A missing extra stops an extraction before its first file."""

import importlib.util
from pathlib import Path

import pytest

from layerize.data.extract import ExtractOptions
from layerize.data.extract_run import extract_dataset
from layerize.errors import MissingExtraError


def test_a_missing_package_is_named_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "resvg_py" else found(name))
    with pytest.raises(MissingExtraError, match=r"resvg_py.*layerize\[data\]"):
        extract_dataset([tmp_path], tmp_path / "out", ExtractOptions())
    assert not (tmp_path / "out").exists()
