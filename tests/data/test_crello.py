"""The Crello import on parquet files of the dataset's schema, drawn here; the filter's quirks on plain lists."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from layerize.cli.main import app
from layerize.data.crello import bottom_up_groups, class_labels, import_crello, kept_elements
from layerize.data.crello_text import Fonts, text_lines
from layerize.errors import InputError, UsageError
from layerize.evaluation.samples import find_samples, rasters
from layerize.formats import load

pa = pytest.importorskip("pyarrow", reason="pyarrow (extra: data) is not installed")
pq = pytest.importorskip("pyarrow.parquet")

TYPES = ["SvgElement", "TextElement", "ImageElement"]
FONTS = Path(__file__).parents[2] / "src/layerize/synth/fonts"


def png(colour: tuple[int, int, int, int], size: tuple[int, int] = (4, 4)) -> dict[str, object]:
    buffer = io.BytesIO()
    Image.new("RGBA", size, colour).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def element(
    colour: tuple[int, int, int, int], box: tuple[float, float, float, float], *, kind: int = 2, **more: object
) -> dict[str, object]:
    left, top, width, height = box
    plain = {
        "type": kind, "left": left, "top": top, "width": width, "height": height, "angle": 0.0, "opacity": 1.0,
        "image": png(colour), "text": "", "font": "", "font_size": 0.0, "line_height": 1.0, "text_align": 0,
        "capitalize": False, "letter_spacing": 0.0, "font_bold": [], "font_italic": [], "text_color": [],
        "text_line": [],
    }  # fmt: skip
    return plain | more


def design(name: str, elements: list[dict[str, object]], size: tuple[int, int] = (100, 60)) -> dict[str, object]:
    columns = {key: [e[key] for e in elements] for key in elements[0]}
    return {
        "id": name, "length": len(elements), "canvas_width": size[0], "canvas_height": size[1], "format": 1,
        "title": f"Design {name}", **columns,
    }  # fmt: skip


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    """A parquet file with the schema of the dataset, the class names in its metadata."""
    numbers = ("left", "top", "width", "height", "angle", "opacity", "font_size", "line_height", "letter_spacing")
    schema = {
        "id": pa.string(), "length": pa.int64(), "format": pa.int64(), "canvas_width": pa.int64(),
        "canvas_height": pa.int64(), "title": pa.string(), "type": pa.list_(pa.int64()),
        **{name: pa.list_(pa.float32()) for name in numbers},
        "image": pa.list_(pa.struct({"bytes": pa.binary(), "path": pa.string()})),
        "text": pa.list_(pa.string()), "font": pa.list_(pa.string()), "text_align": pa.list_(pa.int64()),
        "capitalize": pa.list_(pa.bool_()), "font_bold": pa.list_(pa.list_(pa.bool_())),
        "font_italic": pa.list_(pa.list_(pa.bool_())), "text_color": pa.list_(pa.list_(pa.string())),
        "text_line": pa.list_(pa.list_(pa.int64())),
    }  # fmt: skip
    features = {
        "type": {"feature": {"names": TYPES, "_type": "ClassLabel"}, "_type": "Sequence"},
        "format": {"names": ["Poster", "Instagram"], "_type": "ClassLabel"},
        "text_align": {"feature": {"names": ["left", "center", "right"], "_type": "ClassLabel"}, "_type": "Sequence"},
        "image": {"feature": {"_type": "Image"}, "_type": "Sequence"},
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(schema.items()), metadata=metadata))
    pq.write_table(table, path)
    return path


BLUE, RED, FAINT = (0, 0, 255, 255), (255, 0, 0, 255), (0, 255, 0, 120)


def test_a_design_becomes_a_stack(tmp_path: Path) -> None:
    rows = [design("abc", [element(BLUE, (0, 0, 100, 60)), element(RED, (25, 15, 50, 30), opacity=0.5)])]
    result = import_crello([write(tmp_path / "t.parquet", rows)], tmp_path / "out", short_side=120)
    assert result.written == ["test_000000_abc"]
    stack = load(tmp_path / "out/stacks/test_000000_abc")
    assert stack.size == (200, 120)
    assert [layer.name for layer in stack.layers] == ["Image 0", "Image 1"]
    assert stack.metadata["source"].startswith("Crello 5.1.0: Instagram")
    bottom, top = rasters(stack)
    assert (bottom == BLUE).all()
    assert top[60, 100].tolist() == [255, 0, 0, 128]
    assert [int(side.sum()) for side in (top[..., 3].any(0), top[..., 3].any(1))] == [100, 60]
    composite = np.asarray(Image.open(tmp_path / "out/composite/test_000000_abc.png").convert("RGB"))
    assert composite[0, 0].tolist() == [0, 0, 255]
    assert np.abs(composite[60, 100].astype(int) - [128, 0, 127]).max() <= 1


def test_the_canvas_is_cut_to_whole_pixels(tmp_path: Path) -> None:
    both = [element(BLUE, (0, 0, 101, 67)), element(RED, (5, 5, 10, 10))]
    import_crello([write(tmp_path / "t.parquet", [design("a", both, (101, 67))])], tmp_path / "out", short_side=64)
    assert load(tmp_path / "out/stacks/test_000000_a").size == (int(101 * 64 / 67), 64)  # 96.48 -> 96


def test_elements_that_are_opaque_nowhere_go_and_white_fills_an_open_ground(tmp_path: Path) -> None:
    rows = [
        design("open", [element(BLUE, (0, 0, 50, 60)), element(FAINT, (0, 0, 90, 60)), element(RED, (10, 10, 20, 20))]),
        design("few", [element(BLUE, (0, 0, 100, 60)), element(FAINT, (0, 0, 90, 60))]),
    ]
    result = import_crello([write(tmp_path / "t.parquet", rows)], tmp_path / "out", short_side=60)
    assert [name for name, _ in result.dropped] == ["test_000001_few"]
    assert "1 of 2 elements" in result.dropped[0][1]
    stack = load(tmp_path / "out/stacks/test_000000_open")
    assert [layer.name for layer in stack.layers] == ["White", "Image 0", "Image 2"]
    assert (rasters(stack)[0] == 255).all()


def test_a_covering_element_cuts_by_its_absolute_index_as_layerd_does() -> None:
    assert kept_elements([False] * 4, [255, 0, 255, 0]) == [2, 3]
    # element 0 went first: remaining [1, 2, 3] is cut at 2, so the covering element 2 goes too
    assert kept_elements([True, False, False, False], [0, 0, 255, 0]) == [3]
    # a translucent covering element cannot be opaque, but opacity does not count: only the source picture does
    assert kept_elements([False, True, False], [255, 0, 0]) == [0, 2]
    assert kept_elements([False, False], [255, 0]) == [0, 1]  # the first element may cover


def test_groups_are_taken_from_the_top() -> None:
    a, b, c = np.zeros((3, 1, 6), bool)
    a[:, :2], b[:, 1:4], c[:, 5:] = True, True, True
    assert bottom_up_groups([a, b, c]) == [[0], [1, 2]]
    assert bottom_up_groups([a, c]) == [[0, 1]]


def test_rotation_is_clockwise_about_the_middle(tmp_path: Path) -> None:
    both = [element(BLUE, (0, 0, 100, 100)), element(RED, (20, 45, 60, 10), angle=90.0)]
    import_crello([write(tmp_path / "t.parquet", [design("a", both, (100, 100))])], tmp_path / "o", short_side=100)
    alpha = rasters(load(tmp_path / "o/stacks/test_000000_a"))[1][..., 3] > 127
    assert (np.flatnonzero(alpha.any(0)).min(), np.flatnonzero(alpha.any(0)).max()) == (45, 54)
    assert (np.flatnonzero(alpha.any(1)).min(), np.flatnonzero(alpha.any(1)).max()) == (20, 79)


def words(text: str, **more: object) -> dict[str, object]:
    count = len(text)
    styled = {
        "text": text, "font": "Layerize Sans", "font_size": 20.0, "text_align": 0, "font_bold": [False] * count,
        "font_italic": [False] * count, "text_color": ["rgba(255,0,0,1)"] * count,
        "text_line": [text[:i].count("\n") for i in range(count)],
    }  # fmt: skip
    return element(RED, (0, 0, 99, 60), kind=1, **styled | more)


def test_texts_come_from_their_picture_or_from_fonts(tmp_path: Path) -> None:
    rows = [design("a", [element(BLUE, (0, 0, 100, 60)), words("Hi\nyou")])]
    file = write(tmp_path / "t.parquet", rows)
    import_crello([file], tmp_path / "pictures", short_side=60)
    assert (rasters(load(tmp_path / "pictures/stacks/test_000000_a"))[1][:, :99] == RED).all()
    result = import_crello([file], tmp_path / "fonts", short_side=60, fonts=FONTS)
    stack = load(tmp_path / "fonts/stacks/test_000000_a")
    assert stack.layers[1].name == "Hi you"
    ink = rasters(stack)[1]
    assert 0.02 < (ink[..., 3] > 127).mean() < 0.4
    assert (ink[ink[..., 3] == 255][:, :3] == (255, 0, 0)).all()
    assert ink[20:, :, 3].any()  # the second line
    assert result.fallbacks == ["Layerize Sans"]


def test_text_is_aligned_and_capitalised(tmp_path: Path) -> None:
    def ink(**more: object) -> np.ndarray:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        rows = [design("a", [element(BLUE, (0, 0, 100, 60)), words("nn", **more)])]
        import_crello([write(folder / "t.parquet", rows)], folder / "o", short_side=60, fonts=FONTS)
        return rasters(load(folder / "o/stacks/test_000000_a"))[1][..., 3] > 127

    left, right, capital = ink(), ink(text_align=2), ink(capitalize=True)
    assert np.flatnonzero(left.any(0)).min() < 5
    assert np.flatnonzero(right.any(0)).max() > 94
    assert capital.any(1).sum() > left.any(1).sum()


def test_spans_follow_the_style_of_each_character() -> None:
    text = {
        "text": "ab\nc", "text_line": [0, 0, 0, 1], "text_color": ["red", "blue", "blue", "blue"],
        "font_bold": [False] * 4, "font_italic": [False] * 4,
    }  # fmt: skip
    assert [[(s.text, s.colour) for s in line] for line in text_lines(text)] == [
        [("a", "red"), ("b\n", "blue")],
        [("c", "blue")],
    ]


def test_damaged_rows_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = [element(BLUE, (0, 0, 100, 60)), element(RED, (5, 5, 10, 10))]
    broken = [good[0], {**good[1], "image": {"bytes": b"no picture", "path": None}}]
    short = design("short", good) | {"left": [0.0]}
    rows = [design("broken", broken), short, design("flat", good, (0, 60)), design("good", good)]
    result = import_crello([write(tmp_path / "t.parquet", rows)], tmp_path / "out", short_side=60)
    assert result.written == ["test_000003_good"]
    reasons = dict(result.failed)
    assert "picture cannot be decoded" in reasons["test_000000_broken"]
    assert "fewer values of left" in reasons["test_000001_short"]
    assert "canvas is 0x60" in reasons["test_000002_flat"]


def test_what_is_no_crello_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "b.parquet")
    none = write(tmp_path / "c.parquet", [design("few", [element(BLUE, (0, 0, 100, 60))])])
    for name, message in (("a", "no parquet file"), ("b", "not Crello 5.1.0; it has no id"), ("missing", "no parquet")):
        with pytest.raises(InputError, match=message):
            import_crello([tmp_path / f"{name}.parquet"], tmp_path / "out")
    with pytest.raises(InputError, match="none of 1 designs could be imported"):
        import_crello([none], tmp_path / "out")
    with pytest.raises(UsageError):
        import_crello([none], tmp_path / "out", limit=0)
    with pytest.raises(InputError, match="no font files"):
        Fonts(tmp_path)


def test_class_names_are_found_in_old_and_new_schemas() -> None:
    label = {"names": ["a", "b"], "_type": "ClassLabel"}
    features = {"x": [label], "y": {"feature": label, "_type": "List"}, "z": {"dtype": "string", "_type": "Value"}}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    assert class_labels(metadata) == {"x": ["a", "b"], "y": ["a", "b"]}
    assert class_labels({}) == {}


def test_the_command_goes_on_where_it_stopped_and_eval_reads_the_result(tmp_path: Path) -> None:
    good = [element(BLUE, (0, 0, 100, 60)), element(RED, (5, 5, 10, 10))]
    file = write(tmp_path / "t.parquet", [design("a", good), design("b", good)])
    arguments = ["data", "import", "crello", "--parquet", str(file), "-o", str(tmp_path / "out"), "--short-side", "60"]
    assert CliRunner().invoke(app, [*arguments, "--limit", "1"]).exit_code == 0
    stamp = (tmp_path / "out/stacks/test_000000_a/manifest.json").stat().st_mtime_ns
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert json.loads(result.stdout)["written"] == ["test_000000_a", "test_000001_b"]
    assert (tmp_path / "out/stacks/test_000000_a/manifest.json").stat().st_mtime_ns == stamp
    dataset = find_samples(str(tmp_path / "out"))
    assert [sample.name for sample in dataset.samples] == ["stacks/test_000000_a", "stacks/test_000001_b"]
    assert not dataset.problems
    assert dataset.samples[0].picture(dataset.samples[0].load()).shape == (60, 100, 4)
    assert CliRunner().invoke(app, ["data", "import", "crello", "-o", "x"]).exit_code == 2
