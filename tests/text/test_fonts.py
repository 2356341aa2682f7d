"""Finding typefaces: the machine's, the package's, a file's; what a manifest names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from type_scenes import FACES, face

from layerize.errors import InputError
from layerize.text import fonts
from layerize.text.fonts import face_named, face_of_file, faces_in, installed_faces, near_families, unique


def test_the_package_brings_faces_under_the_names_of_their_originals() -> None:
    names = {found.name: (found.family, found.style, found.weight) for found in FACES}
    assert names["Roboto-Black"] == ("Roboto", "Black", 900)
    assert names["BebasNeueBold"][0] == "Bebas Neue"
    assert not any("Layerize" in found.family for found in FACES)
    assert face("Roboto-Black").office == ("Roboto Black", False, False)
    assert face("KaushanScript-Regular").script
    assert not face("RobotoSlab-Bold").script


def test_installed_faces_hold_the_package_s_and_no_name_twice() -> None:
    names = [found.name for found in installed_faces()]
    assert len(names) == len(set(names))
    assert {found.name for found in FACES} <= set(names)


def test_what_is_listed_first_wins() -> None:
    one, other = FACES[0], FACES[1]
    assert unique([one, other, one]) == (one, other)


def test_missing_letters_are_named_once_and_spaces_never() -> None:
    assert face("Roboto-Black").missing("Aд日 日\n\u00a0") == "д日"


def test_a_folder_with_broken_fonts(tmp_path: Path) -> None:
    shutil.copy(FACES[0].file, tmp_path / "good.ttf")
    (tmp_path / "broken.ttf").write_bytes(b"\0\1\0\0 not a font")
    (tmp_path / "empty.otf").write_bytes(b"")
    assert [found.name for found in faces_in(tmp_path)]
    assert {found.file.name for found in faces_in(tmp_path)} == {"good.ttf"}


def test_without_fontconfig_the_usual_folders_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(FACES[0].file, tmp_path / "some.ttf")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(fonts, "_usual_folders", lambda: [tmp_path])
    assert fonts._installed_files() == [tmp_path / "some.ttf"]


@pytest.mark.parametrize("content", [None, b"", b"%PDF-1.7 this is no font at all", b"\0\1\0\0" + b"\xff" * 400])
def test_a_file_that_is_no_font(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "x.ttf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.ttf"):
        face_of_file(file)


def test_a_manifest_s_font_is_found_by_name_then_by_family() -> None:
    assert face_named({"name": "Roboto-Medium", "family": "Other"}, FACES) == face("Roboto-Medium")
    assert face_named({"family": "Roboto", "weight": 800}, FACES) == face("Roboto-Black")
    assert face_named({"family": "Nowhere Sans"}, FACES) is None
    assert near_families("Robotto Slab", FACES)[0] == "Roboto Slab"
