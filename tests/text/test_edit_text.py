"""Other words: same typeface, size, colour, anchor and angle; nothing else is touched."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from type_scenes import BLACK, FACES, SCRIPT, described, face, poster

from layerize.edits.operation import Edit
from layerize.edits.table import apply_edits
from layerize.edits.text import with_font
from layerize.errors import EditError, InputError, LayerizeWarning, MissingExtraError, UsageError
from layerize.formats.live_text import placed_text
from layerize.stack import Group, Layer, LayerStack, ink_box
from layerize.text import edit_text as module
from layerize.text.edit_text import edit_text


@pytest.fixture(autouse=True)
def only_our_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other fonts a machine has must not matter."""
    monkeypatch.setattr(module, "installed_faces", lambda: FACES)


def layer_of(stack: LayerStack, name: str) -> Layer:
    found = stack.find(name)
    assert isinstance(found, Layer)
    return found


def box(stack: LayerStack, name: str) -> tuple[int, int, int, int]:
    found = ink_box(layer_of(stack, name))
    assert found is not None
    return tuple(found)


def test_the_same_words_draw_the_same_picture() -> None:
    stack = poster()
    for name in ("Summer Festival", "Every Friday night in the old harbour", "See you there"):
        words = str((layer_of(stack, name).text or {})["content"])
        old, new = layer_of(stack, name), layer_of(edit_text(stack, name, words), name)
        alphas = []
        for layer in (old, new):
            canvas = np.zeros((460, 760), np.float32)
            x, y = layer.offset
            canvas[y + 20 : y + 20 + layer.size[1], x + 20 : x + 20 + layer.size[0]] = layer.pixels[..., 3] / 255
            alphas.append(canvas)
        assert np.minimum(*alphas).sum() / np.maximum(*alphas).sum() > 0.85
        assert new.id == old.id


def test_untouched_layers_stay_the_same_objects() -> None:
    stack = poster()
    new = edit_text(stack, 1, "Winter Fair")
    assert [a is b for a, b in zip(stack.layers, new.layers, strict=True)] == [True, False, True, True]
    assert layer_of(new, "Winter Fair").id == stack.layers[1].id


def test_left_centre_and_baseline_stay() -> None:
    stack = poster()
    headline = box(edit_text(stack, "Summer Festival", "Hi"), "Hi")
    old = box(stack, "Summer Festival")
    assert headline[0] == pytest.approx(old[0], abs=4)
    assert headline[3] == pytest.approx(old[3], abs=2)
    centred = box(edit_text(stack, 2, "ok\nfine"), "ok fine")
    assert (centred[0] + centred[2]) / 2 == pytest.approx(350, abs=2)


def test_colour_angle_and_description_follow() -> None:
    new = layer_of(edit_text(poster(), "See you there", "Come again"), "Come again")
    assert np.unique(new.pixels[new.pixels[..., 3] > 0][:, :3], axis=0).tolist() == [[30, 60, 140]]
    text = placed_text(new)
    assert text is not None
    assert text.angle == pytest.approx(-10, abs=0.3)
    assert text.content == "Come again"
    assert text.font is not None
    assert text.font.name == SCRIPT
    again = edit_text(LayerStack(size=(700, 400), layers=(new,)), 0, "See you there")
    assert layer_of(again, "See you there").offset == pytest.approx(layer_of(poster(), "See you there").offset, abs=2)


def test_long_words_shrink_only_when_asked() -> None:
    stack, words = poster(), "A very much longer headline"
    wide, narrow = (box(edit_text(stack, 1, words, shrink=shrink), words) for shrink in (False, True))
    old = box(stack, "Summer Festival")
    assert wide[2] - wide[0] > 1.3 * (old[2] - old[0])
    assert narrow[2] - narrow[0] == pytest.approx(old[2] - old[0], abs=4)
    short = edit_text(stack, 1, "Hi", shrink=True)
    assert box(short, "Hi") == box(edit_text(stack, 1, "Hi"), "Hi")


def test_several_lines_wrap_at_the_old_width() -> None:
    new = layer_of(edit_text(poster(), 2, "every single Saturday night down by the river"), 2)  # type: ignore[arg-type]
    rows = (new.text or {})["content"].split("\n")
    assert len(rows) >= 3
    assert " ".join(rows) == "every single Saturday night down by the river"


def test_another_font_file() -> None:
    new = edit_text(poster(), 1, "Winter Fair", font=face(SCRIPT).file)
    text = layer_of(new, "Winter Fair").text or {}
    assert text["font"]["family"] == "Kaushan Script" or text["font"]["file"] == "script.otf"
    assert 30 < text["size"] < 90


def test_text_of_other_programs_is_set_in_the_nearest_face_with_a_warning() -> None:
    layer = replace(described(BLACK, "Summer Sale", size=50), text={"content": "Summer Sale"})
    stack = LayerStack(size=(400, 200), layers=(layer,))
    with pytest.warns(LayerizeWarning, match=r"unknown.*Roboto Black.*font=FILE"):
        new = edit_text(stack, 0, "Winter Sale")
    assert box(new, "Winter Sale")[3] == pytest.approx(box(stack, "Summer Sale")[3], abs=2)


def test_moved_layers_are_written_where_they_are() -> None:
    stack = poster().move(1, dx=100, dy=50)
    old, new = box(stack, "Summer Festival"), box(edit_text(stack, 1, "Summer"), "Summer")
    assert new[:2] == pytest.approx(old[:2], abs=1)


def test_what_cannot_be_done_is_said() -> None:
    stack = poster()
    with pytest.raises(EditError, match=r"'Background' has no text.*'Summer Festival'"):
        edit_text(stack, "Background", "x")
    grouped = LayerStack(size=(9, 9), layers=(Group(layers=(), name="G"),))
    with pytest.raises(EditError, match="no layer of the stack has"):
        edit_text(grouped, "G", "x")
    with pytest.raises(EditError, match=r"日 \(U\+65E5\), 本 \(U\+672C\)"):
        edit_text(stack, 1, "Café 日本")
    for words in ("", " \n ", "x" * 6000):
        with pytest.raises(EditError, match="characters"):
            edit_text(stack, 1, words)
    upright = replace(layer_of(stack, "Summer Festival"), text={"content": "ab", "vertical": True})
    with pytest.raises(EditError, match="letter below letter"):
        edit_text(LayerStack(size=(9, 9), layers=(upright,)), 0, "x")


def test_a_font_that_is_not_here_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = poster()
    monkeypatch.setattr(module, "installed_faces", lambda: tuple(f for f in FACES if f.family != "Roboto"))
    with pytest.raises(EditError, match=r"Roboto Black, is not on this machine.*Roboto Slab.*font=FILE"):
        edit_text(stack, 1, "Winter")
    copy = Path(shutil.copy(face(BLACK).file, tmp_path / "mine.ttf"))
    assert layer_of(edit_text(stack, 1, "Winter", font=copy), "Winter")
    (tmp_path / "bad.ttf").write_text("no font")
    with pytest.raises(InputError, match=r"bad\.ttf"):
        edit_text(stack, 1, "Winter", font=tmp_path / "bad.ttf")


def test_the_edit_in_words() -> None:
    new = apply_edits(poster(), [Edit("--text", ("Summer Festival", r"Winter\nFair"), (("shrink", "yes"),))])
    assert (new.layers[1].text or {})["content"] == "Winter\nFair"  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="yes or no"):
        apply_edits(poster(), [Edit("--text", ("1", "x"), (("shrink", "maybe"),))])


def test_the_option_font_is_for_all_texts_that_name_none() -> None:
    edits = [Edit("--text", ("a", "b")), Edit("--text", ("c", "d"), (("font", "own.ttf"),)), Edit("--hide", ("e",))]
    fonts = [dict(edit.settings).get("font") for edit in with_font(edits, Path("x.ttf"))]
    assert fonts == ["x.ttf", "own.ttf", None]
    assert with_font(edits, None) == edits
    with pytest.raises(UsageError, match="--text"):
        with_font(edits[2:], Path("x.ttf"))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = poster()
    monkeypatch.setitem(sys.modules, "skia", None)
    with pytest.raises(MissingExtraError, match=r"layerize\[text\]"):
        edit_text(stack, 1, "Winter")
